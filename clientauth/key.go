package clientauth

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/postern-auth/postern/internal/claims"
	"github.com/postern-auth/postern/internal/jws"
)

// The values of a KeyFile's type.
const (
	ServiceAccount = "serviceaccount" // a service user's key
	Application    = "application"    // the key of an API or another client
)

// KeyFile is a private key and whose it is, in the JSON format that ZITADEL made common. It is a secret.
type KeyFile struct {
	Type  string `json:"type"`
	KeyID string `json:"keyId"`
	// Key is the private key in PEM: PKCS #1, PKCS #8 or SEC 1. Its line ends may be written as \n.
	Key string `json:"key"`
	// Expiration is when the server stops accepting the key; zero: not said.
	Expiration time.Time `json:"expirationDate,omitzero"`
	UserID     string    `json:"userId,omitempty"`   // of a service account
	ClientID   string    `json:"clientId,omitempty"` // of an application
	AppID      string    `json:"appId,omitempty"`    // of an application
	// Algorithm is the alg to sign with; empty: RS256, the ECDSA of the key's curve, or EdDSA.
	Algorithm string `json:"algorithm,omitempty"`
}

// LogValue keeps the key out of logs.
func (f KeyFile) LogValue() slog.Value { return slog.StringValue(f.String()) }

func (f KeyFile) String() string { return fmt.Sprintf("key file %q of type %s", f.KeyID, f.Type) }

// Format keeps the key out of every verb.
func (f KeyFile) Format(s fmt.State, _ rune) { fmt.Fprint(s, f.String()) }

// Key is a private key together with the client or service user that it speaks for. It is safe for
// concurrent use.
type Key struct {
	subject string
	signer  *jws.Signer
}

// Subject returns whose key it is: the iss and sub of its assertions.
func (k *Key) Subject() string { return k.subject }

// ID returns the key's id, the kid of its assertions.
func (k *Key) ID() string { return k.signer.Key().ID }

// Format keeps the key out of every verb.
func (k *Key) Format(s fmt.State, _ rune) { fmt.Fprintf(s, "key %q of %q", k.ID(), k.subject) }

// LogValue keeps the key out of logs.
func (k *Key) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(k)) }

// NewKey returns a Key from the private key in PEM. An empty algorithm means the usual one for its type.
func NewKey(subject, keyID string, pem []byte, algorithm string) (*Key, error) {
	if subject == "" {
		return nil, errors.New("clientauth: key of nobody: the client or user id is empty")
	}
	key, err := newKey(subject, keyID, pem, algorithm)
	if err != nil {
		return nil, fmt.Errorf("clientauth: %w", err)
	}
	return key, nil
}

func newKey(subject, keyID string, pem []byte, algorithm string) (*Key, error) {
	pem = literalLines.ReplaceAll(pem, []byte("\n"))
	signer, err := signerFor(algorithm, keyID, pem)
	if err != nil {
		return nil, err
	}
	return &Key{subject, signer}, nil
}

// literalLines are line ends that were escaped once too often, as on the way through an environment variable
// or a template. No PEM has a backslash of its own.
var literalLines = regexp.MustCompile(`(\\r)?\\n`)

// maxKeyFile bounds a key file; an RSA key of 8192 bits takes 6.5 KB.
const maxKeyFile = 32 << 10

// ReadKeyFile reads a key file of either type. Errors name the file and what is wrong with it, never what
// is in it.
func ReadKeyFile(path string) (*Key, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("clientauth: key file: %w", err)
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, maxKeyFile+1))
	if err != nil {
		return nil, fmt.Errorf("clientauth: key file: %w", err)
	}
	key, err := ParseKeyFile(text)
	if err != nil {
		return nil, fmt.Errorf("clientauth: key file %s: %w", path, err)
	}
	return key, nil
}

// ParseKeyFile reads the JSON of a key file.
func ParseKeyFile(text []byte) (*Key, error) {
	if len(text) > maxKeyFile {
		return nil, fmt.Errorf("longer than %d bytes", maxKeyFile)
	}
	// Some editors begin a text with a byte order mark (RFC 8259 §8.1 lets it be ignored).
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	if err := looksLike(text); err != nil {
		return nil, err
	}
	// The strict reader comes first: a file with the same name twice would mean two things to two programs.
	var set claims.Object
	if err := set.Parse(string(text)); err != nil {
		return nil, fmt.Errorf("not a JSON object: %w", err)
	}
	// The decoder takes KEYID for keyId, which would be a name twice again.
	for name := range set.All() {
		if i := slices.IndexFunc(members[:], func(m string) bool { return strings.EqualFold(m, name) }); i >= 0 && members[i] != name {
			return nil, fmt.Errorf("member %.64q must be written %s", name, members[i])
		}
	}
	var f KeyFile
	if err := json.Unmarshal(text, &f); err != nil {
		var field *json.UnmarshalTypeError
		if errors.As(err, &field) {
			return nil, fmt.Errorf("member %s has type %s, want %s", field.Field, field.Value, field.Type)
		}
		return nil, errors.New("member expirationDate is not a time as in RFC 3339")
	}
	return f.Parse()
}

// looksLike recognises other files that are given in place of a key file.
func looksLike(text []byte) error {
	const wanted = "want the JSON file that the server made with the key, with the members type, keyId, key, and userId or clientId"
	switch trimmed := bytes.TrimSpace(text); {
	case len(trimmed) == 0:
		return errors.New("empty; " + wanted)
	case bytes.HasPrefix(trimmed, []byte("-----BEGIN ")):
		return errors.New("this is a bare PEM, which does not say whose key it is; " + wanted)
	case bytes.HasPrefix(text, []byte("\xff\xfe")), bytes.HasPrefix(text, []byte("\xfe\xff")):
		return errors.New("text is in UTF-16; save it as UTF-8")
	}
	return nil
}

// members are the names in a key file.
var members = [...]string{"type", "keyId", "key", "expirationDate", "userId", "clientId", "appId", "algorithm"}

// Parse returns the Key in the file.
func (f KeyFile) Parse() (*Key, error) {
	subject, member := f.UserID, "userId"
	switch f.Type {
	case ServiceAccount:
	case Application:
		subject, member = f.ClientID, "clientId"
	default:
		return nil, fmt.Errorf("member type is %.64q, want %s or %s", f.Type, ServiceAccount, Application)
	}
	switch {
	case subject == "":
		return nil, fmt.Errorf("member %s is missing", member)
	case f.KeyID == "":
		return nil, errors.New("member keyId is missing")
	case f.Key == "":
		return nil, errors.New("member key is missing")
	case !f.Expiration.IsZero() && time.Now().After(f.Expiration):
		return nil, fmt.Errorf("key expired at %s; make a new one", f.Expiration.Format(time.RFC3339))
	}
	return newKey(subject, f.KeyID, []byte(f.Key), f.Algorithm)
}

// JSON returns the content of the file, which ParseKeyFile reads. It is a secret.
func (f KeyFile) JSON() ([]byte, error) {
	text, err := json.MarshalIndent(f, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("clientauth: key file: %w", err)
	}
	return append(text, '\n'), nil
}

// WriteKeyFile writes the file for its owner alone (0600). It never replaces a file: the error then wraps
// fs.ErrExist.
func WriteKeyFile(path string, f KeyFile) error {
	text, err := f.JSON()
	if err != nil {
		return err
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("clientauth: key file: %w", err)
	}
	if _, err = file.Write(text); err == nil {
		err = file.Sync()
	}
	if closing := file.Close(); err == nil {
		err = closing
	}
	if err != nil {
		os.Remove(path)
		return fmt.Errorf("clientauth: key file %s: %w", path, err)
	}
	return nil
}

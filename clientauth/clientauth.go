// Package clientauth is how a client proves itself to an authorization server: when it asks for a token
// and when an API introspects one.
//
//	introspection.Config{Auth: clientauth.SecretBasic(id, secret)}
//
//	key, err := clientauth.ReadKeyFile("application.json")
//	if err != nil {
//		return err
//	}
//	introspection.Config{Auth: clientauth.PrivateKeyJWT(key)}
//
// A Method that signs needs no secret at the server, and is the one to choose where the server
// supports it. Methods keep their secrets to themselves: they print, log and format as their kind and
// client id.
package clientauth

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/postern-auth/postern/internal/jws"
)

// Method authenticates a client (OAuth 2.1 §2.4, OpenID Connect Core §9). It is safe for concurrent use.
type Method interface {
	// Authenticate adds the client's proof to a request, in its header or its form. The audience is the
	// issuer that the request goes to.
	Authenticate(header http.Header, form url.Values, audience string) error
	// ClientID returns the client's id, which is not a secret.
	ClientID() string
}

// secretMethod is client_secret_basic or client_secret_post.
type secretMethod struct {
	id, secret string
	post       bool
}

// SecretBasic sends the secret in the Authorization header (client_secret_basic, RFC 6749 §2.3.1).
func SecretBasic(clientID, secret string) Method { return &secretMethod{clientID, secret, false} }

// SecretPost sends the secret in the form (client_secret_post, RFC 6749 §2.3.1), for servers that do not
// take it in the header.
func SecretPost(clientID, secret string) Method { return &secretMethod{clientID, secret, true} }

func (m *secretMethod) ClientID() string { return m.id }

func (m *secretMethod) Authenticate(header http.Header, form url.Values, _ string) error {
	if m.id == "" || m.secret == "" {
		return errors.New("clientauth: client id or secret is empty")
	}
	if m.post {
		form.Set("client_id", m.id)
		form.Set("client_secret", m.secret)
		return nil
	}
	r := http.Request{Header: header}
	r.SetBasicAuth(url.QueryEscape(m.id), url.QueryEscape(m.secret))
	return nil
}

func (m *secretMethod) String() string {
	if m.post {
		return fmt.Sprintf("client_secret_post(%s)", m.id)
	}
	return fmt.Sprintf("client_secret_basic(%s)", m.id)
}

// Format keeps the secret out of every verb.
func (m *secretMethod) Format(f fmt.State, _ rune) { fmt.Fprint(f, m.String()) }

// LogValue keeps the secret out of logs.
func (m *secretMethod) LogValue() slog.Value { return slog.StringValue(m.String()) }

// none is a public client.
type none string

// None sends the client id alone, for public clients (RFC 6749 §2.1).
func None(clientID string) Method { return none(clientID) }

func (m none) ClientID() string { return string(m) }

func (m none) Authenticate(_ http.Header, form url.Values, _ string) error {
	if m == "" {
		return errors.New("clientauth: client id is empty")
	}
	form.Set("client_id", string(m))
	return nil
}

const (
	// assertionLife is how long an assertion is good for: long enough to be used again for a while, short
	// enough to be of no use to anyone who finds it.
	assertionLife = 5 * time.Minute
	// assertionReuse is how long one is sent again, to servers that allow it.
	assertionReuse = 4 * time.Minute
	assertionType  = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
)

// KeyMethod is private_key_jwt: the client signs an assertion with its key (RFC 7523 §2.2).
type KeyMethod struct {
	key *Key
	// Reuse sends an assertion again until shortly before it expires, instead of signing one for each
	// request. Only servers that do not insist on single use accept that. It must be set before the first
	// use.
	Reuse bool

	mu       sync.Mutex
	kept     string
	audience string
	until    time.Time
}

// PrivateKeyJWT returns the Method of a client that has a key. Assertions live five minutes and carry a
// jti; each is sent once unless Reuse is set.
func PrivateKeyJWT(key *Key) *KeyMethod { return &KeyMethod{key: key} }

// ClientID returns whose key it is.
func (m *KeyMethod) ClientID() string { return m.key.Subject() }

// Authenticate adds the assertion.
func (m *KeyMethod) Authenticate(_ http.Header, form url.Values, audience string) error {
	assertion, err := m.assertion(audience)
	if err != nil {
		return err
	}
	form.Set("client_assertion_type", assertionType)
	form.Set("client_assertion", assertion)
	return nil
}

func (m *KeyMethod) assertion(audience string) (string, error) {
	if !m.Reuse {
		return m.key.Assertion(audience, time.Now())
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	if m.kept != "" && m.audience == audience && now.Before(m.until) {
		return m.kept, nil
	}
	assertion, err := m.key.Assertion(audience, now)
	if err == nil {
		m.kept, m.audience, m.until = assertion, audience, now.Add(assertionReuse)
	}
	return assertion, err
}

func (m *KeyMethod) String() string { return fmt.Sprintf("private_key_jwt(%s)", m.key.Subject()) }

// Format keeps the key out of every verb.
func (m *KeyMethod) Format(f fmt.State, _ rune) { fmt.Fprint(f, m.String()) }

// LogValue keeps the key out of logs.
func (m *KeyMethod) LogValue() slog.Value { return slog.StringValue(m.String()) }

// Assertion returns a new signed statement by the key's owner for the audience: iss and sub name the
// owner, it ends five minutes from now, and its jti is used once (RFC 7523 §3).
func (k *Key) Assertion(audience string, now time.Time) (string, error) {
	if audience == "" {
		return "", errors.New("clientauth: assertion without an audience")
	}
	claims, err := json.Marshal(struct {
		Issuer   string `json:"iss"`
		Subject  string `json:"sub"`
		Audience string `json:"aud"`
		IssuedAt int64  `json:"iat"`
		Expiry   int64  `json:"exp"`
		ID       string `json:"jti"`
	}{k.subject, k.subject, audience, now.Unix(), now.Add(assertionLife).Unix(), rand.Text()})
	if err != nil {
		return "", fmt.Errorf("clientauth: assertion: %w", err)
	}
	return k.signer.Sign("JWT", claims)
}

// signerFor checks that a private key can sign with the algorithm, or picks one that fits.
func signerFor(alg, id string, text []byte) (*jws.Signer, error) {
	private, err := jws.ParsePrivateKey(text)
	if err != nil {
		return nil, err
	}
	a := jws.Algorithm(alg)
	if a == "" {
		if a, err = jws.DefaultAlgorithm(private); err != nil {
			return nil, err
		}
	}
	return jws.NewSigner(a, id, private)
}

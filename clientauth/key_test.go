package clientauth_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/postern-auth/postern/clientauth"
	"github.com/postern-auth/postern/internal/jws"
)

// newKey returns the key k1 of robot, and its public half.
func newKey(t *testing.T) (*clientauth.Key, *jws.Key) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	key, err := clientauth.NewKey("robot", "k1", pkcs8(t, private), "")
	if err != nil {
		t.Fatal(err)
	}
	public, err := jws.NewKey("k1", jws.ES256, private.Public())
	if err != nil {
		t.Fatal(err)
	}
	return key, public
}

func pkcs8(t *testing.T, private any) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

// keyFile returns a good key file, as text and as what it says.
func keyFile(t *testing.T) (text []byte, file clientauth.KeyFile) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	file = clientauth.KeyFile{Type: clientauth.ServiceAccount, KeyID: "k1", Key: string(pkcs8(t, private)), UserID: "robot"}
	text, err = json.Marshal(file)
	if err != nil {
		t.Fatal(err)
	}
	return text, file
}

// fragments returns pieces of a PEM body, of which not one must get out.
func fragments(text string) []string {
	body := strings.Join(strings.Split(strings.TrimSpace(text), "\n")[1:], "")
	body, _, _ = strings.Cut(body, "-----")
	var list []string
	for len(body) >= 12 {
		list, body = append(list, body[:12]), body[12:]
	}
	return list
}

func TestKeyFilesThatAreRefused(t *testing.T) {
	good, file := keyFile(t)
	with := func(change func(f *clientauth.KeyFile)) string {
		f := file
		change(&f)
		text, err := json.Marshal(f)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	replace := func(old, new string) string {
		text := strings.Replace(string(good), old, new, 1)
		if text == string(good) {
			t.Fatalf("%s is not in the file", old)
		}
		return text
	}
	publicDER, err := x509.MarshalPKIXPublicKey(newPublic(t))
	if err != nil {
		t.Fatal(err)
	}
	broken := strings.Replace(file.Key, "\nM", "\nN", 1)
	tests := []struct {
		name, text, want string
	}{
		{"nothing", "", "empty; want the JSON file that the server made with the key, with the members type, keyId, key, and userId or clientId"},
		{"a list", "[" + string(good) + "]", "not a JSON object: claims: byte 0: want an object"},
		{"the key alone", file.Key, "this is a bare PEM, which does not say whose key it is; want the JSON file that the server made with the key, with the members type, keyId, key, and userId or clientId"},
		{"text behind the object", string(good) + "x", fmt.Sprintf("not a JSON object: claims: byte %d: text behind the value", len(good))},
		{"a file that was cut", string(good[:20]), "not a JSON object: claims: byte 20: string without end"},
		{"a member twice", replace(`"keyId":"k1"`, `"keyId":"k1","keyId":"k2"`), `not a JSON object: claims: byte 46: a second member named "keyId"`},
		{"a member twice in two spellings", replace(`"keyId":"k1"`, `"keyId":"k1","KEYID":"k2"`), `member "KEYID" must be written keyId`},
		{"a letter that folds to k", replace(`"key":`, `"`+"\u212a"+`ey":`), `member "` + "\u212a" + `ey" must be written key`},
		{"a key that is a number", replace(`"keyId":"k1"`, `"keyId":1`), "member keyId has type number, want string"},
		{"a key that is an object", replace(`"userId":"robot"`, `"userId":{}`), "member userId has type object, want string"},
		{"no type", replace(`"type":"serviceaccount",`, ""), `member type is "", want serviceaccount or application`},
		{"a type in capitals", replace("serviceaccount", "ServiceAccount"), `member type is "ServiceAccount", want serviceaccount or application`},
		{"a type without end", replace("serviceaccount", strings.Repeat("x", 1000)), `member type is "` + strings.Repeat("x", 64) + `", want serviceaccount or application`},
		{"a service account without user", replace(`"userId":"robot"`, `"clientId":"robot"`), "member userId is missing"},
		{"an application without client", replace("serviceaccount", "application"), "member clientId is missing"},
		{"a user that is null", replace(`"userId":"robot"`, `"userId":null`), "member userId is missing"},
		{"no key id", replace(`"keyId":"k1",`, ""), "member keyId is missing"},
		{"no key", with(func(f *clientauth.KeyFile) { f.Key = "" }), "member key is missing"},
		{"a key that has ended", with(func(f *clientauth.KeyFile) { f.Expiration = time.Unix(0, 0).UTC() }), "key expired at 1970-01-01T00:00:00Z; make a new one"},
		{"an end in other words", replace(`"userId"`, `"expirationDate":"`+canary+`","userId"`), "member expirationDate is not a time as in RFC 3339"},
		{"a key without armour", with(func(f *clientauth.KeyFile) { f.Key = strings.Join(fragments(f.Key), "") }), "jws: private key is not PEM"},
		{"a key that was changed", with(func(f *clientauth.KeyFile) { f.Key = broken }), `jws: PEM block "PRIVATE KEY" does not hold a private key`},
		{"a public key", with(func(f *clientauth.KeyFile) {
			f.Key = string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: publicDER}))
		}), `jws: PEM block "PUBLIC KEY" is not a private key`},
		{"two keys", with(func(f *clientauth.KeyFile) { f.Key += f.Key }), "jws: PEM holds more than one block"},
		{"an HMAC", with(func(f *clientauth.KeyFile) { f.Algorithm = "HS256" }), `jws: algorithm "HS256" does not fit a key of type EC P-256`},
		{"an algorithm for other keys", with(func(f *clientauth.KeyFile) { f.Algorithm = "RS256" }), `jws: algorithm "RS256" does not fit a key of type EC P-256`},
		{"a weak key", with(func(f *clientauth.KeyFile) { f.Key = weakRSA(t) }), "jws: RSA key has 1024 bits, want 2048 to 8192"},
		{"a file without bounds", strings.Repeat(" ", 40000), "longer than 32768 bytes"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			key, err := clientauth.ParseKeyFile([]byte(test.text))
			if key != nil || err == nil {
				t.Fatalf("got %v, %v; want an error", key, err)
			}
			if err.Error() != test.want {
				t.Errorf("got  %s\nwant %s", err, test.want)
			}
			path := filepath.Join(t.TempDir(), "key.json")
			if err := os.WriteFile(path, []byte(test.text), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err = clientauth.ReadKeyFile(path)
			if err == nil || err.Error() != "clientauth: key file "+path+": "+test.want {
				t.Errorf("from a file: got %v", err)
			}
			for _, secret := range append(fragments(file.Key), canary) {
				if strings.Contains(fmt.Sprintf("%v %+v %#v", err, err, err), secret) {
					t.Errorf("the error shows %q: %v", secret, err)
				}
			}
		})
	}
}

func newPublic(t *testing.T) any {
	t.Helper()
	_, public := newKey(t)
	return public.Public()
}

func weakRSA(t *testing.T) string {
	t.Helper()
	t.Setenv("GODEBUG", "rsa1024min=0")
	private, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(private)}))
}

func TestKeyFileThatIsNotThere(t *testing.T) {
	path := filepath.Join(t.TempDir(), "none.json")
	_, err := clientauth.ReadKeyFile(path)
	if !errors.Is(err, fs.ErrNotExist) || !strings.HasPrefix(err.Error(), "clientauth: key file: open "+path) {
		t.Errorf("got %v", err)
	}
}

func TestKeyOfNobody(t *testing.T) {
	_, file := keyFile(t)
	_, err := clientauth.NewKey("", "k1", []byte(file.Key), "")
	want := "clientauth: key of nobody: the client or user id is empty"
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

func TestKeyFilesOfEveryKindSign(t *testing.T) {
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	ecKey, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	sec1, err := x509.MarshalECPrivateKey(ecKey)
	if err != nil {
		t.Fatal(err)
	}
	edPublic, edKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	pkcs1 := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(rsaKey)})
	tests := []struct {
		name   string
		file   clientauth.KeyFile
		alg    jws.Algorithm
		public any
	}{
		{"a service account's RSA key in PKCS #1, as ZITADEL makes it",
			clientauth.KeyFile{Type: clientauth.ServiceAccount, KeyID: "k1", Key: string(pkcs1), UserID: "robot"}, jws.RS256, rsaKey.Public()},
		{"an application's RSA key in PKCS #8 with an algorithm of its choice",
			clientauth.KeyFile{Type: clientauth.Application, KeyID: "k1", Key: string(pkcs8(t, rsaKey)), ClientID: "robot", AppID: "7", Algorithm: "PS256"}, jws.PS256, rsaKey.Public()},
		{"an EC key in SEC 1",
			clientauth.KeyFile{Type: clientauth.ServiceAccount, KeyID: "k1", Key: string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: sec1})), UserID: "robot"}, jws.ES384, ecKey.Public()},
		{"an Ed25519 key that ends some day",
			clientauth.KeyFile{Type: clientauth.ServiceAccount, KeyID: "k1", Key: string(pkcs8(t, edKey)), UserID: "robot", Expiration: time.Now().Add(time.Hour)}, jws.EdDSA, edPublic},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "key.json")
			if err := clientauth.WriteKeyFile(path, test.file); err != nil {
				t.Fatal(err)
			}
			if err := clientauth.WriteKeyFile(path, test.file); !errors.Is(err, fs.ErrExist) {
				t.Errorf("a second write: got %v, want fs.ErrExist", err)
			}
			if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("mode is %v (%v), want 0600", info.Mode(), err)
			}
			key, err := clientauth.ReadKeyFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]string{"robot", "k1"}, []string{key.Subject(), key.ID()}); diff != "" {
				t.Error(diff)
			}
			assertion, err := key.Assertion(issuer, time.Now())
			if err != nil {
				t.Fatal(err)
			}
			message, err := jws.Parse(assertion)
			if err != nil {
				t.Fatal(err)
			}
			public, err := jws.NewKey("k1", test.alg, test.public)
			if err != nil {
				t.Fatal(err)
			}
			if err := message.Verify(public); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestUnknownMembersOfAKeyFileAreLeftAlone(t *testing.T) {
	good, _ := keyFile(t)
	text := strings.Replace(string(good), "{", `{"project":{"id":1},`, 1)
	if _, err := clientauth.ParseKeyFile([]byte(text)); err != nil {
		t.Error(err)
	}
}

func TestFindingT6_AByteOrderMarkBeforeAKeyFileIsPassedOver(t *testing.T) {
	text, _ := keyFile(t)
	path := filepath.Join(t.TempDir(), "key.json")
	if err := os.WriteFile(path, append([]byte("\ufeff"), text...), 0o600); err != nil {
		t.Fatal(err)
	}
	if key, err := clientauth.ReadKeyFile(path); err != nil || key.Subject() != "robot" {
		t.Errorf("%v, %v", key, err)
	}
	for name, other := range map[string]string{"two marks": "\ufeff\ufeff" + string(text), "a mark within": strings.Replace(string(text), "{", "{\ufeff", 1)} {
		if _, err := clientauth.ParseKeyFile([]byte(other)); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if _, err := clientauth.ParseKeyFile([]byte("\xff\xfe{\x00")); err == nil || !strings.Contains(err.Error(), "UTF-16") {
		t.Errorf("UTF-16: %v", err)
	}
}

func TestFindingD10_LineEndsOfAKeyMayBeEscapedTwice(t *testing.T) {
	_, file := keyFile(t)
	good := file.Key
	for name, end := range map[string]string{"\\n": `\n`, "\\r\\n": `\r\n`, "\\n and a line end": `\n` + "\n", "CRLF": "\r\n"} {
		file.Key = strings.ReplaceAll(good, "\n", end)
		if _, err := file.Parse(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := clientauth.NewKey("robot", "k1", []byte(file.Key), ""); err != nil {
			t.Errorf("NewKey, %s: %v", name, err)
		}
	}
}

func TestFindingD10_APEMInPlaceOfAKeyFileIsNamed(t *testing.T) {
	_, file := keyFile(t)
	for name, text := range map[string]string{"PEM": file.Key, "PEM behind a mark and a space": "\ufeff \n" + file.Key} {
		_, err := clientauth.ParseKeyFile([]byte(text))
		if err == nil || !strings.Contains(err.Error(), "bare PEM") || !strings.Contains(err.Error(), "keyId") {
			t.Errorf("%s: %v, want what it is and what is wanted", name, err)
		}
		for _, part := range fragments(file.Key) {
			if err != nil && strings.Contains(err.Error(), part) {
				t.Errorf("%s: error quotes the key", name)
			}
		}
	}
}

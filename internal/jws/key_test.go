package jws_test

import (
	"bytes"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"strings"
	"testing"

	"github.com/postern-auth/postern/internal/jws"
)

func jsonOf(part string) ([]byte, error) { return base64.RawURLEncoding.DecodeString(part) }

func TestParsePrivateKeyReadsEveryForm(t *testing.T) {
	for name, text := range privatePEMs(t) {
		private, err := jws.ParsePrivateKey(text)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		want := privateKeys()[jws.Algorithm(strings.Fields(name)[0])]
		if same, ok := want.(interface{ Equal(any) bool }); ok && !same.Equal(private) {
			t.Errorf("%s: another key was read", name)
		}
		if _, err := jws.ParsePrivateKey(append([]byte("a comment\n"), text...)); err != nil {
			t.Errorf("%s behind a comment: %v", name, err)
		}
	}
}

func TestParsePrivateKeyRefusesEverythingElse(t *testing.T) {
	texts := privatePEMs(t)
	rs := texts["RS256 in PKCS #1"]
	block, _ := pem.Decode(rs)
	x25519, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	small, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8 := func(key any) []byte {
		der, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			t.Fatal(err)
		}
		return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	}
	public, err := x509.MarshalPKIXPublicKey(privateKeys()[jws.RS256].Public())
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string][]byte{
		"nothing":                nil,
		"garbage":                []byte("garbage"),
		"the DER alone":          block.Bytes,
		"the base64 alone":       []byte(base64.StdEncoding.EncodeToString(block.Bytes)),
		"a PEM cut short":        rs[:len(rs)/2],
		"two keys":               append(append([]byte{}, rs...), rs...),
		"a public key":           pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public}),
		"a certificate":          pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: block.Bytes}),
		"an encrypted key":       pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: block.Bytes}),
		"a key with PEM headers": pem.EncodeToMemory(&pem.Block{Type: block.Type, Bytes: block.Bytes, Headers: map[string]string{"DEK-Info": "AES"}}),
		"the wrong label":        pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: block.Bytes}),
		"DER cut short":          pem.EncodeToMemory(&pem.Block{Type: block.Type, Bytes: block.Bytes[:len(block.Bytes)-1]}),
		"a key that cannot sign": pkcs8(x25519),
		"a curve of 224 bits":    pkcs8(small),
		"an RSA key of 1024":     smallRSA(t),
	} {
		private, err := jws.ParsePrivateKey(text)
		if err == nil || private != nil {
			t.Errorf("%s: a %T was read", name, private)
		} else if bytes.Contains([]byte(err.Error()), block.Bytes[30:40]) || len(err.Error()) > 200 {
			t.Errorf("%s: error %q says too much", name, err)
		}
	}
}

// smallRSA returns an RSA key of 1024 bits, which crypto/rsa itself makes only when told so.
func smallRSA(t *testing.T) []byte {
	t.Helper()
	t.Setenv("GODEBUG", "rsa1024min=0")
	key, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
}

func TestAKeyComesBackFromItsJSON(t *testing.T) {
	for _, alg := range jws.Algorithms() {
		key := signer(t, alg).Key()
		text, err := json.Marshal(key)
		if err != nil {
			t.Fatal(err)
		}
		back, err := jws.ParseKey(string(text))
		if err != nil || !back.Equal(key) || back.Thumbprint() != key.Thumbprint() {
			t.Errorf("%s: %s is read as another key, %v", alg, text, err)
		}
		for _, secret := range []string{"d", "p", "q", "dp", "dq", "qi", "oth", "k"} {
			if strings.Contains(string(text), `"`+secret+`":`) {
				t.Errorf("%s: the JSON holds the secret member %s", alg, secret)
			}
		}
	}
}

func TestKeysDifferInIDAlgorithmAndMaterial(t *testing.T) {
	make := func(id string, alg, of jws.Algorithm) *jws.Key {
		key, err := jws.NewKey(id, alg, privateKeys()[of].Public())
		if err != nil {
			t.Fatal(err)
		}
		return key
	}
	key := make("a", jws.RS256, jws.RS256)
	if !key.Equal(make("a", jws.RS256, jws.RS256)) {
		t.Error("a key differs from itself")
	}
	for _, other := range []*jws.Key{
		make("b", jws.RS256, jws.RS256), make("a", jws.RS384, jws.RS256), make("a", "", jws.RS256), make("a", "", jws.ES256), make("a", jws.EdDSA, jws.EdDSA),
	} {
		if key.Equal(other) || other.Equal(key) {
			t.Errorf("%+v equals %+v", other, key)
		}
	}
}

func TestParseKeySetPassesOverWhatIsNotOurs(t *testing.T) {
	set, err := jws.ParseKeySet(`{"other":1,"keys":[` + strings.Join([]string{
		rfc7515RSA, rfc7515EC, rfc8037OKP,
		`null`, `1`, `"x"`, `[]`, `{}`, `{"kty":"oct","k":"AA"}`, `{"kty":"AKP","alg":"ML-DSA-65","pub":"AA"}`,
		`{"kty":"OKP","crv":"X25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}`, `{"kty":"OKP","crv":"Ed25519","x":"AA"}`, `{"kty":"OKP","crv":"Ed25519"}`,
	}, ",") + `]}`)
	if err != nil {
		t.Fatal(err)
	}
	if len(set.Keys) != 3 || len(set.LeftOut) != 10 {
		t.Errorf("%d keys and %d left out, want 3 and 10: %v", len(set.Keys), len(set.LeftOut), set.LeftOut)
	}
}

func TestParseKeySetRefusesWhatIsNoSet(t *testing.T) {
	many := strings.Repeat(`{},`, 300)
	for _, text := range []string{
		"", "null", "[]", "{}", rfc7515RSA, `{"keys":null}`, `{"keys":{}}`, `{"keys":"x"}`, `{"Keys":[]}`, `{"keys":[],"keys":[]}`, `{"keys":[]}x`,
		`{"keys":[` + rfc7515RSA + `]`, `{"keys":[{}{}]}`, `{"keys":[{},]}`, `{"keys":[],}`, "<html></html>",
	} {
		if set, err := jws.ParseKeySet(text); err == nil || set.Keys != nil {
			t.Errorf("ParseKeySet(%.60q) reads %d keys", text, len(set.Keys))
		}
	}
	if set, err := jws.ParseKeySet(`{"keys":[` + many + `{}]}`); err != nil || len(set.LeftOut) != 256 {
		t.Errorf("a set of 301 objects that are not keys: %d left out, %v; want that the first 256 are remembered", len(set.LeftOut), err)
	}
}

func TestAnEmptyKeySetIsWrittenAsAnEmptyList(t *testing.T) {
	text, err := json.Marshal(jws.KeySet{})
	if err != nil || string(text) != `{"keys":[]}` {
		t.Errorf("%s, %v", text, err)
	}
}

func TestErrorsAreShortAndQuoted(t *testing.T) {
	long := strings.Repeat("x", 5000) + "\r\n"
	for _, text := range []string{
		`{"kty":%s}`, `{"kty":"RSA","kid":%s}`, `{"kty":"EC","crv":%s}`, `{"kty":"OKP","crv":%s}`, `{"kty":"RSA","n":%s}`, `{"use":%s}`,
		strings.Replace(rfc7515EC, "{", `{"alg":%s,`, 1), strings.Replace(rfc7515EC, "{", `{"kid":%s,`, 1),
	} {
		quoted, err := json.Marshal(long)
		if err != nil {
			t.Fatal(err)
		}
		_, err = jws.ParseKey(fmt.Sprintf(text, quoted))
		if err == nil || len(err.Error()) > 250 || strings.ContainsAny(err.Error(), "\r\n") {
			t.Errorf("%s: error %q, want a short one without line ends", text, err)
		}
	}
}

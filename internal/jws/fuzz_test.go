package jws_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/postern-auth/postern/internal/jws"
)

// FuzzParse: an accepted message has one spelling, a header that encoding/json reads the same, and no
// signature that a key of ours made, unless it is the seed itself.
func FuzzParse(f *testing.F) {
	good, key := sign(f, jws.EdDSA, "at+jwt", accessToken)
	proof, err := signer(f, jws.ES256).SignProof("dpop+jwt", []byte("{}"))
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{
		good, proof, good + ".", good + "\n", "..", "a.b.c.d.e", encode(`{"alg":"none"}`) + ".e30.", encode(`{"alg":"RS256","kid":"\u0000"}`) + ".e30.AA",
		encode(`{"alg":"ES256","crit":[]}`) + ".e30.AA", encode(`{"alg":"ES256","alg":"ES256"}`) + ".e30.AA", encode(`{"alg":"ES256","typ":"application/at+JWT"}`) + "..AA",
		encode(`{"alg":"ES256","kid":null,"typ":null,"jku":"https://a.example","x5c":[1],"jwk":{}}`) + ".e30.AA",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		jws.ParseProof(raw)
		message, err := jws.Parse(raw)
		if err != nil {
			if !errors.Is(err, jws.ErrMalformed) || message != (jws.Message{}) {
				t.Fatalf("error %v, message %+v", err, message)
			}
			return
		}
		parts := strings.Split(raw, ".")
		if len(parts) != 3 || encode(message.Payload) != parts[1] {
			t.Fatalf("payload %q is not what %q spells", message.Payload, raw)
		}
		checkHeader(t, parts[0], message.Header)
		if message.Verify(key) == nil && raw != good {
			t.Fatalf("%q verifies", raw)
		}
	})
}

func checkHeader(t *testing.T, part string, got jws.Header) {
	t.Helper()
	text, err := jsonOf(part)
	if err != nil {
		t.Fatal(err)
	}
	var header map[string]any
	if err := json.Unmarshal(text, &header); err != nil && !strings.Contains(err.Error(), "cannot unmarshal number") {
		t.Fatalf("encoding/json refuses the header %q: %v", text, err)
	}
	if alg, _ := header["alg"].(string); alg != string(got.Algorithm) {
		t.Fatalf("alg %q, encoding/json has %q", got.Algorithm, alg)
	}
	if kid, _ := header["kid"].(string); kid != got.KeyID {
		t.Fatalf("kid %q, encoding/json has %q", got.KeyID, kid)
	}
	if got.JWK != "" {
		t.Fatal("a key that the header brings was read")
	}
	for _, name := range []string{"crit", "b64", "enc", "zip"} {
		if _, ok := header[name]; ok {
			t.Fatalf("a header with %s was read", name)
		}
	}
}

// FuzzParseKeySet: every key of an accepted set is sound, is told from the others, and comes back the same
// from its own JSON.
func FuzzParseKeySet(f *testing.F) {
	for _, alg := range []jws.Algorithm{jws.RS256, jws.ES256, jws.ES512, jws.Ed25519} {
		text, err := json.Marshal(jws.KeySet{Keys: []*jws.Key{signer(f, alg).Key()}})
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text))
	}
	for _, seed := range []string{
		`{"keys":[]}`, `{}`, `{"keys":null}`, `{"keys":[null,1,"x",[],{}]}`, `{"keys":[` + rfc7515RSA + `,` + rfc7515EC + `,` + rfc8037OKP + `]}`,
		`{"keys":[{"kty":"oct","k":"AA"}]}`, `{"keys":[{"kty":"RSA","n":"AQ","e":"AQAB"}],"keys":[]}`, `{"keys":[{"kty":"OKP","crv":"Ed25519","x":""}]}`,
		`{"a":1,"a":2,"keys":[{"kid":"k","kid":"k"},{"kid":{"kid":[[[[]]]]}},` + rfc7515EC + `,` + rfc7515EC + `]}`, `{"\u006beys":null,"keys":[}`,
		`{"keys":[` + strings.Replace(rfc7515RSA, "{", `{"kid":"k","alg":"RS256",`, 1) + `,` + strings.Replace(rfc7515RSA, "{", `{"kid":"k","alg":"PS256",`, 1) + `]}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		set, err := jws.ParseKeySet(text)
		if err != nil {
			if set.Keys != nil {
				t.Fatal("a refused set has keys")
			}
			return
		}
		for i, key := range set.Keys {
			checkSound(t, key.Public())
			for _, other := range set.Keys[:i] {
				checkToldApart(t, key, other)
			}
		}
		again, err := json.Marshal(set)
		if err != nil {
			t.Fatal(err)
		}
		back, err := jws.ParseKeySet(string(again))
		if err != nil || len(back.LeftOut) != 0 {
			t.Fatalf("the set does not read its own JSON %s: %v, %v", again, err, back.LeftOut)
		}
		if diff := cmp.Diff(set.Keys, back.Keys, cmp.Comparer(func(a, b *jws.Key) bool { return a.Equal(b) })); diff != "" {
			t.Fatalf("keys differ (-first +again):\n%s", diff)
		}
	})
}

// checkToldApart: two keys of one id are never meant both, unless they are one key.
func checkToldApart(t *testing.T, a, b *jws.Key) {
	t.Helper()
	if a.ID == "" || a.ID != b.ID {
		return
	}
	for _, alg := range jws.Algorithms() {
		if a.Accepts(alg) == nil && b.Accepts(alg) == nil && a.Thumbprint() != b.Thumbprint() {
			t.Fatalf("two keys with id %q for %s", a.ID, alg)
		}
	}
}

func checkSound(t *testing.T, public crypto.PublicKey) {
	t.Helper()
	switch key := public.(type) {
	case *rsa.PublicKey:
		if bits := key.N.BitLen(); bits < 2048 || bits > 8192 || key.N.Bit(0) == 0 || key.E < 3 || key.E%2 == 0 {
			t.Fatalf("RSA key of %d bits, exponent %d", bits, key.E)
		}
	case *ecdsa.PublicKey:
		if _, err := key.ECDH(); err != nil {
			t.Fatalf("EC key: %v", err)
		}
	}
}

// FuzzParsePrivateKey: an accepted key signs what its public half verifies, and no error repeats the text.
func FuzzParsePrivateKey(f *testing.F) {
	for _, seed := range privatePEMs(f) {
		f.Add(seed)
	}
	f.Add([]byte("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"))
	f.Add([]byte("-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nAAAA\n-----END RSA PRIVATE KEY-----\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		private, err := jws.ParsePrivateKey(text)
		if err != nil {
			if private != nil {
				t.Fatal("a refused key was handed out")
			}
			if block, _ := pem.Decode(text); block != nil && len(block.Bytes) > 16 && bytes.Contains([]byte(err.Error()), block.Bytes[:16]) {
				t.Fatal("the error repeats key material")
			}
			return
		}
		alg, err := jws.DefaultAlgorithm(private)
		if err != nil {
			t.Fatal(err)
		}
		s, err := jws.NewSigner(alg, "", private)
		if err != nil {
			t.Fatal(err)
		}
		raw, err := s.Sign("", []byte("{}"))
		if err != nil {
			return // an RSA key whose parts do not belong together may be found out only now
		}
		if err := verified(raw, s.Key()); err != nil {
			t.Fatalf("%s: what the key signs does not verify: %v", alg, err)
		}
	})
}

// privatePEMs returns the keys of the tests in every form that key files have.
func privatePEMs(tb testing.TB) map[string][]byte {
	tb.Helper()
	texts := map[string][]byte{}
	add := func(name, label string, der []byte, err error) {
		if err != nil {
			tb.Fatal(err)
		}
		texts[name] = pem.EncodeToMemory(&pem.Block{Type: label, Bytes: der})
	}
	for _, alg := range []jws.Algorithm{jws.RS256, jws.ES256, jws.ES384, jws.ES512, jws.EdDSA} {
		der, err := x509.MarshalPKCS8PrivateKey(privateKeys()[alg])
		add(string(alg)+" in PKCS #8", "PRIVATE KEY", der, err)
		switch key := privateKeys()[alg].(type) {
		case *rsa.PrivateKey:
			add(string(alg)+" in PKCS #1", "RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(key), nil)
		case *ecdsa.PrivateKey:
			der, err := x509.MarshalECPrivateKey(key)
			add(string(alg)+" in SEC 1", "EC PRIVATE KEY", der, err)
		}
	}
	return texts
}

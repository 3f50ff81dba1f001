package jws_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/asn1"
	"encoding/base64"
	"errors"
	"io"
	"math/big"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/postern-auth/postern/internal/jws"
)

// privateKeys are made once: an RSA key takes a while.
var privateKeys = sync.OnceValue(func() map[jws.Algorithm]crypto.Signer {
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	_, edKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		panic(err)
	}
	keys := map[jws.Algorithm]crypto.Signer{jws.EdDSA: edKey, jws.Ed25519: edKey}
	for _, alg := range []jws.Algorithm{jws.RS256, jws.RS384, jws.RS512, jws.PS256, jws.PS384, jws.PS512} {
		keys[alg] = rsaKey
	}
	curves := map[jws.Algorithm]elliptic.Curve{jws.ES256: elliptic.P256(), jws.ES384: elliptic.P384(), jws.ES512: elliptic.P521()}
	for alg, curve := range curves {
		key, err := ecdsa.GenerateKey(curve, rand.Reader)
		if err != nil {
			panic(err)
		}
		keys[alg] = key
	}
	return keys
})

func signer(tb testing.TB, alg jws.Algorithm) *jws.Signer {
	tb.Helper()
	s, err := jws.NewSigner(alg, "k1", privateKeys()[alg])
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// sign returns a message with key id k1 and the key that verifies it.
func sign(tb testing.TB, alg jws.Algorithm, typ, payload string) (string, *jws.Key) {
	tb.Helper()
	s := signer(tb, alg)
	raw, err := s.Sign(typ, []byte(payload))
	if err != nil {
		tb.Fatal(err)
	}
	return raw, s.Key()
}

// signHeader signs a message with any header at all, as the holder of the private key could.
func signHeader(tb testing.TB, alg jws.Algorithm, header, payload string) string {
	tb.Helper()
	raw, err := jws.SignText(signer(tb, alg), encode(header)+"."+encode(payload))
	if err != nil {
		tb.Fatal(err)
	}
	return raw
}

func encode(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

// verified parses and verifies, and returns the first error.
func verified(raw string, key *jws.Key) error {
	message, err := jws.Parse(raw)
	if err != nil {
		return err
	}
	return message.Verify(key)
}

// wantRefused checks that a message is refused with one of the two reasons this package has.
func wantRefused(t *testing.T, raw string, key *jws.Key) {
	t.Helper()
	err := verified(raw, key)
	switch {
	case err == nil:
		t.Errorf("%.100q verifies", raw)
	case !errors.Is(err, jws.ErrMalformed) && !errors.Is(err, jws.ErrSignature):
		t.Errorf("%.100q: error %v is neither ErrMalformed nor ErrSignature", raw, err)
	case len(err.Error()) > 700 || strings.ContainsAny(err.Error(), "\r\n\x00\x1b"):
		t.Errorf("%.100q: error %q is long or holds control characters", raw, err)
	}
}

// wantMalformed checks that Parse refuses and hands out nothing.
func wantMalformed(t *testing.T, raw string) {
	t.Helper()
	message, err := jws.Parse(raw)
	if !errors.Is(err, jws.ErrMalformed) {
		t.Errorf("Parse(%.100q): %v, want ErrMalformed", raw, err)
	}
	if message != (jws.Message{}) {
		t.Errorf("Parse(%.100q) hands out %+v beside its error", raw, message)
	}
}

func derOf(tb testing.TB, p1363 []byte) []byte {
	tb.Helper()
	half := len(p1363) / 2
	der, err := asn1.Marshal(struct{ R, S *big.Int }{new(big.Int).SetBytes(p1363[:half]), new(big.Int).SetBytes(p1363[half:])})
	if err != nil {
		tb.Fatal(err)
	}
	return der
}

func TestWhatIsSignedVerifies(t *testing.T) {
	payloads := []string{"", "{}", accessToken, "\x00\xff not JSON", strings.Repeat("x", 11_000)}
	for _, alg := range jws.Algorithms() {
		for _, payload := range payloads {
			raw, key := sign(t, alg, "at+jwt", payload)
			message, err := jws.Parse(raw)
			if err != nil {
				t.Fatalf("%s: %v", alg, err)
			}
			if err := message.Verify(key); err != nil {
				t.Errorf("%s: %v", alg, err)
			}
			want := jws.Header{Algorithm: alg, KeyID: "k1", Type: "at+jwt"}
			if diff := cmp.Diff(want, message.Header); diff != "" || message.Payload != payload {
				t.Errorf("%s: payload %.40q, header differs (-want +got):\n%s", alg, message.Payload, diff)
			}
		}
	}
}

func TestAProofBringsTheKeyThatVerifiesIt(t *testing.T) {
	for _, alg := range jws.Algorithms() {
		s := signer(t, alg)
		raw, err := s.SignProof("dpop+jwt", []byte(`{"jti":"1"}`))
		if err != nil {
			t.Fatal(err)
		}
		if read, err := jws.Parse(raw); err != nil || read.Header.JWK != "" {
			t.Errorf("%s: as a message of another kind: %v, jwk %q, want its key unread", alg, err, read.Header.JWK)
		}
		message, err := jws.ParseProof(raw)
		if err != nil {
			t.Fatalf("%s: %v", alg, err)
		}
		key, err := jws.ParseKey(message.Header.JWK)
		if err != nil {
			t.Fatalf("%s: %v", alg, err)
		}
		if err := message.Verify(key); err != nil {
			t.Errorf("%s: %v", alg, err)
		}
		if key.ID != "" || key.Thumbprint() != s.Key().Thumbprint() {
			t.Errorf("%s: the proof's key is %q %s", alg, key.ID, key.Thumbprint())
		}
	}
}

func TestParseProofWantsOneKeyThatIsAnObject(t *testing.T) {
	for _, header := range []string{
		`{"alg":"ES256"}`, `{"alg":"ES256","jwk":"x"}`, `{"alg":"ES256","jwk":null}`, `{"alg":"ES256","jwk":[{}]}`,
		`{"alg":"ES256","jwk":{"kty":"EC","kty":"RSA"}}`, `{"alg":"ES256","jwk":{},"jwk":{}}`, `{"alg":"ES256","jku":"https://a.example"}`,
		`{"alg":"ES256","x5c":[]}`, `{"alg":"ES256","jwk":{},"crit":["jwk"]}`,
	} {
		if _, err := jws.ParseProof(encode(header) + ".e30.AA"); !errors.Is(err, jws.ErrMalformed) {
			t.Errorf("ParseProof with header %s: %v, want ErrMalformed", header, err)
		}
	}
}

func TestTypeIsFoldedAsAMediaType(t *testing.T) {
	tests := map[string]string{
		`"at+jwt"`: "at+jwt", `"AT+JWT"`: "at+jwt", `"application/at+jwt"`: "at+jwt", `"Application/AT+JWT"`: "at+jwt",
		`"JWT"`: "jwt", `"jwt"`: "jwt", `""`: "", `"application/"`: "application/", `"application/a/b"`: "application/a/b",
		`"application/application/at+jwt"`: "application/application/at+jwt", `"text/at+jwt"`: "text/at+jwt",
		`"JW\u0054"`: "jwt", `"at+jwt "`: "at+jwt ", `"at\u212a"`: "at\u212a", // the Kelvin sign is not a k
	}
	for typ, want := range tests {
		message, err := jws.Parse(encode(`{"alg":"ES256","typ":`+typ+`}`) + ".e30.AA")
		if err != nil || message.Header.Type != want {
			t.Errorf("typ %s is read as %q, %v, want %q", typ, message.Header.Type, err, want)
		}
	}
}

func TestParseRefusesAHeaderWhoseMembersHaveOtherTypes(t *testing.T) {
	for _, name := range []string{"alg", "kid", "typ"} {
		for _, value := range []string{`1`, `null`, `true`, `{}`, `["RS256"]`, `{"alg":"RS256"}`} {
			header := `{"alg":"RS256","` + name + `":` + value + `}`
			if name == "alg" {
				header = `{"alg":` + value + `}`
			} else if value == `null` {
				continue // absent
			}
			wantMalformed(t, encode(header)+".e30.AA")
		}
	}
}

func TestParseIgnoresWhatIsMerelyInformative(t *testing.T) {
	raw := signHeader(t, jws.ES256, `{"x5t":"a","x5t#S256":"b","cty":"x","alg":"ES256","ver":[1],"ALG":"none","Crit":["b64"],"B64":false}`, `{}`)
	if err := verified(raw, signer(t, jws.ES256).Key()); err != nil {
		t.Error(err)
	}
}

func TestSignRefusesWhatNobodyCouldRead(t *testing.T) {
	s := signer(t, jws.EdDSA)
	if raw, err := s.Sign("", make([]byte, jws.MaxSize)); err == nil {
		t.Errorf("a message of %d bytes was signed", len(raw))
	}
	for _, id := range []string{strings.Repeat("k", 513), "\xff"} {
		if _, err := jws.NewSigner(jws.EdDSA, id, privateKeys()[jws.EdDSA]); err == nil {
			t.Errorf("a signer with key id %.10q was made", id)
		}
	}
}

func TestNewSignerRefusesWhatDoesNotFit(t *testing.T) {
	for _, alg := range jws.Algorithms() {
		for other, private := range privateKeys() {
			_, err := jws.NewSigner(alg, "", private)
			fits := family(alg) == family(other)
			if (err == nil) != fits {
				t.Errorf("NewSigner(%s) with a key for %s: %v", alg, other, err)
			}
		}
	}
	for _, alg := range []jws.Algorithm{"", "none", "HS256", "ES256K", "RSA-OAEP", "rs256"} {
		if _, err := jws.NewSigner(alg, "", privateKeys()[jws.RS256]); err == nil || alg.Known() {
			t.Errorf("a signer for algorithm %q was made", alg)
		}
	}
	if _, err := jws.NewSigner(jws.RS256, "", nil); err == nil {
		t.Error("a signer without a key was made")
	}
}

// family names the kind of key that an algorithm wants.
func family(alg jws.Algorithm) string {
	switch {
	case alg[1] == 'S' && alg[0] != 'E':
		return "RSA"
	case alg[0] == 'E' && alg[1] == 'S':
		return string(alg)
	}
	return "Ed25519"
}

func TestDefaultAlgorithmSigns(t *testing.T) {
	for alg, private := range privateKeys() {
		got, err := jws.DefaultAlgorithm(private)
		if err != nil || family(got) != family(alg) {
			t.Errorf("DefaultAlgorithm of a key for %s = %s, %v", alg, got, err)
		}
	}
}

// stranger is a crypto.Signer, as in a key service, whose answers are not to be trusted.
type stranger struct {
	crypto.Signer
	answer []byte
}

func (s stranger) Public() crypto.PublicKey { return s.Signer.Public() }

func (s stranger) Sign(_ io.Reader, _ []byte, _ crypto.SignerOpts) ([]byte, error) {
	if s.answer == nil {
		return nil, errors.New("no answer")
	}
	return s.answer, nil
}

func TestSignSurvivesABrokenSigner(t *testing.T) {
	huge := new(big.Int).Lsh(big.NewInt(1), 300)
	answers := map[string][]byte{
		"an error":       nil,
		"garbage":        []byte("garbage"),
		"r too large":    mustDER(t, huge, big.NewInt(1)),
		"s too large":    mustDER(t, big.NewInt(1), huge),
		"r negative":     mustDER(t, big.NewInt(-1), big.NewInt(1)),
		"s zero":         mustDER(t, big.NewInt(1), big.NewInt(0)),
		"trailing bytes": append(mustDER(t, big.NewInt(1), big.NewInt(1)), 0),
	}
	for name, answer := range answers {
		s, err := jws.NewSigner(jws.ES256, "k1", stranger{privateKeys()[jws.ES256], answer})
		if err != nil {
			t.Fatal(err)
		}
		if raw, err := s.Sign("", []byte("{}")); err == nil {
			t.Errorf("%s: signed as %q", name, raw)
		}
	}
}

func mustDER(t *testing.T, r, s *big.Int) []byte {
	t.Helper()
	der, err := asn1.Marshal(struct{ R, S *big.Int }{r, s})
	if err != nil {
		t.Fatal(err)
	}
	return der
}

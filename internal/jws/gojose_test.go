package jws_test

import (
	"crypto"
	"encoding/json"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/postern-auth/postern/internal/jws"
)

// theirs are the algorithms that go-jose knows. It has no name for RFC 9864's Ed25519.
var theirs = []jose.SignatureAlgorithm{
	jose.RS256, jose.RS384, jose.RS512, jose.PS256, jose.PS384, jose.PS512, jose.ES256, jose.ES384, jose.ES512, jose.EdDSA,
}

// joseVerify is the verdict of go-jose, with the algorithm pinned as our keys pin it.
func joseVerify(raw string, alg jws.Algorithm, public crypto.PublicKey) ([]byte, error) {
	message, err := jose.ParseSignedCompact(raw, []jose.SignatureAlgorithm{jose.SignatureAlgorithm(alg)})
	if err != nil {
		return nil, err
	}
	return message.Verify(public)
}

func TestGoJoseReadsWhatWeSign(t *testing.T) {
	for _, alg := range theirs {
		raw, key := sign(t, jws.Algorithm(alg), "at+jwt", accessToken)
		payload, err := joseVerify(raw, jws.Algorithm(alg), key.Public())
		if err != nil || string(payload) != accessToken {
			t.Errorf("%s: payload %.40q, %v", alg, payload, err)
		}
	}
}

func TestWeReadWhatGoJoseSigns(t *testing.T) {
	for _, alg := range theirs {
		options := (&jose.SignerOptions{}).WithType("at+jwt").WithHeader("kid", "k1")
		s, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: privateKeys()[jws.Algorithm(alg)]}, options)
		if err != nil {
			t.Fatal(err)
		}
		signed, err := s.Sign([]byte(accessToken))
		if err != nil {
			t.Fatal(err)
		}
		raw, err := signed.CompactSerialize()
		if err != nil {
			t.Fatal(err)
		}
		message, err := jws.Parse(raw)
		if err != nil {
			t.Fatalf("%s: %v", alg, err)
		}
		if err := message.Verify(signer(t, jws.Algorithm(alg)).Key()); err != nil {
			t.Errorf("%s: %v", alg, err)
		}
		if message.Header.KeyID != "k1" || message.Header.Type != "at+jwt" || message.Payload != accessToken {
			t.Errorf("%s: header %+v, payload %.40q", alg, message.Header, message.Payload)
		}
	}
}

func TestGoJoseAndWeReadEachOthersKeys(t *testing.T) {
	for _, alg := range theirs {
		key := signer(t, jws.Algorithm(alg)).Key()
		text, err := json.Marshal(jws.KeySet{Keys: []*jws.Key{key}})
		if err != nil {
			t.Fatal(err)
		}
		var set jose.JSONWebKeySet
		if err := json.Unmarshal(text, &set); err != nil || len(set.Keys) != 1 {
			t.Fatalf("%s: go-jose reads %d keys, %v", alg, len(set.Keys), err)
		}
		sum, err := set.Keys[0].Thumbprint(crypto.SHA256)
		if err != nil || encode(string(sum)) != key.Thumbprint() {
			t.Errorf("%s: thumbprint %s, go-jose has %s, %v", alg, key.Thumbprint(), encode(string(sum)), err)
		}
		if text, err = json.Marshal(set); err != nil {
			t.Fatal(err)
		}
		back, err := jws.ParseKeySet(string(text))
		if err != nil || len(back.Keys) != 1 || !back.Keys[0].Equal(key) {
			t.Errorf("%s: the key does not come back the same from go-jose: %v", alg, err)
		}
	}
}

// TestGoJoseAndWeAgreeOnMutations holds our verdict on a mutated token against go-jose's. Where the two
// differ the reason is listed, and it is always we who refuse.
func TestGoJoseAndWeAgreeOnMutations(t *testing.T) {
	tests := []struct {
		name     string
		header   string
		text     func(raw string) string
		accept   bool
		stricter string // why we refuse what go-jose accepts
	}{
		{name: "untouched", accept: true},
		{name: "a header with an unknown member", header: `{"alg":"ES256","x":1}`, accept: true},
		{name: "a header in other order and with white space", header: ` { "typ" : "JWT" , "alg" : "ES256" } `, accept: true},
		{name: "an escaped alg", header: `{"alg":"\u0045S256"}`, accept: true},
		{name: "alg none", header: `{"alg":"none"}`},
		{name: "another alg", header: `{"alg":"ES384"}`},
		{name: "no alg", header: `{"kid":"k1"}`},
		{name: "alg twice", header: `{"alg":"ES256","alg":"ES256"}`},
		{name: "alg twice, once escaped", header: `{"alg":"ES256","\u0061lg":"ES256"}`},
		{name: "ALG for alg", header: `{"ALG":"ES256"}`},
		{name: "an unknown crit", header: `{"alg":"ES256","crit":["x"],"x":1}`},
		{name: "an empty crit", header: `{"alg":"ES256","crit":[]}`, stricter: "RFC 7515 §4.1.11: crit must not be empty"},
		{name: "crit b64 true", header: `{"alg":"ES256","crit":["b64"],"b64":true}`, stricter: "no extension is known here"},
		{name: "b64 true without crit", header: `{"alg":"ES256","b64":true}`, stricter: "RFC 7797 §6: b64 must be in crit"},
		{name: "jku", header: `{"alg":"ES256","jku":"https://attacker.example"}`, accept: true},
		{name: "x5u", header: `{"alg":"ES256","x5u":"https://attacker.example"}`, accept: true},
		{name: "kid is a number", header: `{"alg":"ES256","kid":1}`},
		{name: "a lone surrogate", header: `{"alg":"ES256","x":"\ud800"}`, stricter: "half a character is read differently by each decoder"},
		{name: "invalid UTF-8", header: "{\"alg\":\"ES256\",\"x\":\"\xff\"}", stricter: "the header is not UTF-8"},
		{name: "NUL in a name", header: `{"alg":"ES256","x\u0000":1}`, stricter: "a NUL ends a name for readers written in C"},
		{name: "a header nested 100 deep", header: `{"alg":"ES256","x":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `}`, stricter: "nesting is bounded"},
		{name: "a header with trailing text", header: `{"alg":"ES256"}x`},
		{name: "a header that is an array", header: `["ES256"]`},
		{name: "the signature cut", text: func(raw string) string { return raw[:len(raw)-2] }},
		{name: "the signature missing", text: func(raw string) string { return raw[:strings.LastIndexByte(raw, '.')+1] }},
		{name: "the payload emptied", text: func(raw string) string {
			return raw[:strings.IndexByte(raw, '.')] + "." + raw[strings.LastIndexByte(raw, '.'):]
		}},
		{name: "a fourth part", text: func(raw string) string { return raw + ".AA" }},
		{name: "padding", text: func(raw string) string { return raw + "==" }},
		{name: "a space behind", text: func(raw string) string { return raw + " " }},
		{name: "a line end behind", text: func(raw string) string { return raw + "\n" }, stricter: "a token has one spelling"},
		{name: "a line end in the signature", text: func(raw string) string { return raw[:len(raw)-4] + "\n" + raw[len(raw)-4:] }, stricter: "a token has one spelling"},
		{name: "unused bits of the signature set", text: func(raw string) string { return raw[:len(raw)-1] + string(raw[len(raw)-1]+1) }, stricter: "a token has one spelling"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			header := test.header
			if header == "" {
				header = `{"alg":"ES256","kid":"k1"}`
			}
			raw, key := signHeader(t, jws.ES256, header, accessToken), signer(t, jws.ES256).Key()
			if test.text != nil {
				raw = test.text(raw)
			}
			ourErr := verified(raw, key)
			_, theirErr := joseVerify(raw, jws.ES256, key.Public())
			if (ourErr == nil) != test.accept {
				t.Errorf("our verdict: %v, want accepted %v", ourErr, test.accept)
			}
			if (theirErr == nil) != (test.accept || test.stricter != "") {
				t.Errorf("go-jose's verdict: %v, listed: accepted %v, stricter %q", theirErr, test.accept, test.stricter)
			}
		})
	}
}

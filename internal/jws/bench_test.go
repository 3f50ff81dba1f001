package jws_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"strings"
	"testing"

	"github.com/postern-auth/postern/internal/claims"
	"github.com/postern-auth/postern/internal/jws"
)

// accessToken is a claims set as access tokens have it.
const accessToken = `{"iss":"https://login.example.com","sub":"service-user|0123456789","aud":"https://hello-world.example.com",` +
	`"exp":1790000000,"iat":1789996400,"jti":"0123456789abcdef","client_id":"0123456789","scope":"read:messages write:messages",` +
	`"permissions":["read:messages","write:messages","delete:messages"],"org":"0123456789"}`

// bare returns the check of a token's signature by the standard library alone, without any parsing.
func bare(tb testing.TB, raw string, key *jws.Key) func() bool {
	tb.Helper()
	dot := strings.LastIndexByte(raw, '.')
	signed := []byte(raw[:dot])
	signature, err := base64.RawURLEncoding.DecodeString(raw[dot+1:])
	if err != nil {
		tb.Fatal(err)
	}
	switch public := key.Public().(type) {
	case *rsa.PublicKey:
		return func() bool {
			sum := sha256.Sum256(signed)
			return rsa.VerifyPKCS1v15(public, crypto.SHA256, sum[:], signature) == nil
		}
	case *ecdsa.PublicKey:
		der := derOf(tb, signature)
		return func() bool {
			sum := sha256.Sum256(signed)
			return ecdsa.VerifyASN1(public, sum[:], der)
		}
	case ed25519.PublicKey:
		return func() bool { return ed25519.Verify(public, signed, signature) }
	}
	tb.Fatalf("no bare check for a key of type %T", key.Public())
	return nil
}

// whole is all that a cold token costs in this package and in claims.
func whole(raw string, key *jws.Key) bool {
	message, err := jws.Parse(raw)
	if err != nil || message.Verify(key) != nil {
		return false
	}
	var set claims.Object
	return set.Parse(message.Payload) == nil && set.Len() > 0
}

func TestVerificationAddsAtMostOneAllocationToTheSignatureCheck(t *testing.T) {
	for _, alg := range []jws.Algorithm{jws.RS256, jws.ES256, jws.EdDSA} {
		for _, typ := range []string{"JWT", "at+jwt", ""} {
			raw, key := sign(t, alg, typ, accessToken)
			check := bare(t, raw, key)
			if !check() || !whole(raw, key) {
				t.Fatalf("%s: the token does not verify", alg)
			}
			least := testing.AllocsPerRun(200, func() { check() })
			ours := testing.AllocsPerRun(200, func() { whole(raw, key) })
			t.Logf("%s typ %q: bare %v, parse, verify and claims %v", alg, typ, least, ours)
			if ours > least+1+racy {
				t.Errorf("%s typ %q: %v allocations, bare crypto has %v", alg, typ, ours, least)
			}
		}
	}
}

func BenchmarkVerify(b *testing.B) {
	for _, alg := range []jws.Algorithm{jws.RS256, jws.ES256, jws.EdDSA} {
		raw, key := sign(b, alg, "at+jwt", accessToken)
		b.Run(string(alg)+"/bare", func(b *testing.B) {
			b.ReportAllocs()
			check := bare(b, raw, key)
			for b.Loop() {
				if !check() {
					b.Fatal("does not verify")
				}
			}
		})
		b.Run(string(alg)+"/parse, verify, claims", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if !whole(raw, key) {
					b.Fatal("does not verify")
				}
			}
		})
	}
}

// BenchmarkParse shows what garbage costs: it is refused before any cryptography.
func BenchmarkParse(b *testing.B) {
	good, _ := sign(b, jws.RS256, "at+jwt", accessToken)
	inputs := []struct{ name, raw string }{
		{"a good token", good},
		{"an opaque token", strings.Repeat("x", 40)},
		{"16 KB of dots", strings.Repeat(".", 16<<10)},
		{"a million dots", strings.Repeat(".", 1_000_000)},
		{"bad base64", good + "="},
		{"a header of garbage", "Z2FyYmFnZQ" + good[strings.IndexByte(good, '.'):]},
	}
	for _, input := range inputs {
		b.Run(input.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				jws.Parse(input.raw)
			}
		})
	}
}

//go:build !race

package jwt_test

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"strings"
	"testing"

	"github.com/postern-auth/postern/jwt"
	"github.com/postern-auth/postern/posterntest"
)

// The race detector allocates on its own, so this file is not part of its tests.
func TestAllocations(t *testing.T) {
	issuer := posterntest.NewIssuer(t)
	issuer.RotateTo(jwt.RS256)
	typical := claims{
		"sub": "auth0|5f7c8ec7c33c6c004bbafe82", "client_id": "my_client_application", "jti": "dbe39bf3a3ba4238a513f51d6e1691c4",
		"scope": "openid profile read:messages write:messages", "azp": "my_client_application",
	}
	rights := claims{
		"sub": "auth0|5f7c8ec7c33c6c004bbafe82", "scope": "openid read:messages", "aud": []string{issuer.Audience, "https://b.test"},
		"roles": []string{"editor", "reader"}, "permissions": []string{"messages:read", "messages:write"},
	}
	for _, test := range []struct {
		name  string
		raw   string
		above int // the bare check of the signature
	}{
		{"a typical token", issuer.Token(typical), 5},
		{"a token with roles, permissions and two audiences", issuer.Token(rights), 8},
	} {
		t.Run(test.name, func(t *testing.T) {
			ctx := t.Context()
			hot, cold := issuer.Verifier(issuer.Audience), newVerifier(t, issuer, func(c *jwt.Config) { c.CacheBytes = -1 })
			run := func(verifier *jwt.Verifier) func() {
				return func() {
					if _, err := verifier.Verify(ctx, test.raw); err != nil {
						t.Fatal(err)
					}
				}
			}
			run(hot)()
			run(cold)()
			if n := testing.AllocsPerRun(200, run(hot)); n != 0 {
				t.Errorf("hot: %v allocations, want none", n)
			}
			bare := testing.AllocsPerRun(200, bareCheck(t, issuer.Key(), test.raw))
			n := testing.AllocsPerRun(200, run(cold))
			t.Logf("cold: %v allocations, bare: %v", n, bare)
			if n > bare+float64(test.above) {
				t.Errorf("cold: %v allocations, want at most %v + %d", n, bare, test.above)
			}
		})
	}
}

// bareCheck is what no verifier can do without: the standard library's check of the signature.
func bareCheck(t *testing.T, key *posterntest.Key, raw string) func() {
	t.Helper()
	dot := strings.LastIndexByte(raw, '.')
	signature, err := base64.RawURLEncoding.DecodeString(raw[dot+1:])
	if err != nil {
		t.Fatal(err)
	}
	signed, public := []byte(raw[:dot]), key.Public().(*rsa.PublicKey)
	return func() {
		digest := sha256.Sum256(signed)
		if err := rsa.VerifyPKCS1v15(public, crypto.SHA256, digest[:], signature); err != nil {
			t.Fatal(err)
		}
	}
}

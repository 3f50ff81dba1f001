//go:build !race

package jwt

import (
	"crypto/ed25519"
	"crypto/rand"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/postern-auth/postern/internal/jws"
)

// By default a Verifier remembers twenty thousand usual tokens, and what it says that they take is no less
// than what they do. The race detector takes memory of its own, so this file is not part of its tests.
func TestRememberedTokensTakeWhatIsCounted(t *testing.T) {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := jws.NewSigner(jws.EdDSA, "key", private)
	if err != nil {
		t.Fatal(err)
	}
	text, err := jws.KeySet{Keys: []*jws.Key{signer.Key()}}.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name    string
		pad     int // bytes of a claim that nobody asks for
		tokens  int
		least   int // of which so many are remembered
		perByte float64
	}{
		{"usual tokens of 806 bytes", 130, 21_000, 20_900, 1.82},
		{"large tokens", 5000, 1000, 990, 1.25},
	} {
		t.Run(test.name, func(t *testing.T) {
			v, err := NewVerifier(Config{Issuer: "https://issuer.test", Audience: "https://api.example.com", JWKSURL: "https://issuer.test/keys", HTTPClient: serving(string(text))})
			if err != nil {
				t.Fatal(err)
			}
			const shape = `{"iss":"https://issuer.test","sub":"auth0|65f0c2a94e7d2b0d6c%06d","aud":["https://api.example.com","https://issuer.test/userinfo"],` +
				`"azp":"kPz3fQ8vLw2Xn6TbYc9RmJd4HsGa1E","scope":"openid profile email offline_access read:messages write:messages",` +
				`"permissions":["read:messages","write:messages","delete:messages"],"exp":%d,"jti":"3b1f9a52c7de%06d","pad":"%s"}`
			end, pad := time.Now().Add(time.Hour).Unix(), strings.Repeat("x", test.pad)
			token := func(n int) string {
				raw, err := signer.Sign("at+jwt", fmt.Appendf(nil, shape, n, end, n, pad))
				if err != nil {
					t.Fatal(err)
				}
				return raw
			}
			size := len(token(0))
			if _, err := v.Verify(t.Context(), token(0)); err != nil {
				t.Fatal(err)
			}
			before := heap()
			for n := range test.tokens {
				if _, err := v.Verify(t.Context(), token(n)); err != nil {
					t.Fatal(err)
				}
			}
			taken := heap() - before
			count, bytes := v.cache.Size()
			runtime.KeepAlive(v)
			share := float64(taken) / float64(count) / float64(size)
			t.Logf("%d tokens of %d bytes: %d counted, %d taken, %.2f of the raw token each", count, size, bytes, taken, share)
			if bytes > DefaultCacheBytes || taken > bytes {
				t.Errorf("%d bytes are taken and %d counted, want no more than that and than %d", taken, bytes, DefaultCacheBytes)
			}
			if count < test.least || share > test.perByte {
				t.Errorf("%d tokens are remembered at %.2f of their size, want %d and %.2f", count, share, test.least, test.perByte)
			}
		})
	}
}

// heap returns how many bytes are in use.
func heap() int64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}

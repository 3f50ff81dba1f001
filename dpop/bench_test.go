package dpop_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/postern-auth/postern"
	"github.com/postern-auth/postern/dpop"
)

// fresh takes every proof for new, so that one proof can be checked again and again.
type fresh struct{}

func (fresh) Use(context.Context, dpop.ReplayKey, time.Time) (bool, error) { return true, nil }

func BenchmarkCheck(b *testing.B) {
	target, err := url.Parse(apiURL)
	if err != nil {
		b.Fatal(err)
	}
	keys := privateKeys(b)
	for _, alg := range []string{dpop.ES256, dpop.EdDSA, dpop.RS256} {
		prover, err := dpop.NewProver(keys[alg])
		if err != nil {
			b.Fatal(err)
		}
		proof, err := prover.Proof("GET", target, rawToken, "")
		if err != nil {
			b.Fatal(err)
		}
		binding := dpop.New(dpop.Config{Replays: fresh{}, Window: time.Hour})
		r := httptest.NewRequest("GET", apiURL, nil)
		r.Header.Set("DPoP", proof)
		presentation := postern.Presentation{Request: r, Scheme: "DPoP", Raw: rawToken, Answer: make(http.Header)}
		token := boundTo(prover.Thumbprint())
		b.Run(alg, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := binding.Check(b.Context(), presentation, token); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(alg+"/of a stranger", func(b *testing.B) {
			b.ReportAllocs()
			token := boundTo("another")
			for b.Loop() {
				if binding.Check(b.Context(), presentation, token) == nil {
					b.Fatal("passed")
				}
			}
		})
		b.Run(alg+"/made", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := prover.Proof("GET", target, rawToken, ""); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkMemoryStore(b *testing.B) {
	store := &dpop.MemoryStore{MaxBytes: 1 << 40}
	now := time.Now()
	n := 0
	for b.Loop() {
		n++
		if fresh, err := store.Use(b.Context(), key(n), now.Add(time.Duration(n%120)*time.Second)); !fresh || err != nil {
			b.Fatal(fresh, err)
		}
	}
}

package postern_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/postern-auth/postern"
)

func everybody(string) bool { return true }

func resolved(_ context.Context, issuer string) (postern.Verifier, error) {
	return &health{Verifier: &accepting{}, issuer: issuer}, nil
}

// from returns a JWT that names the issuer. Its signature is whatever the fake verifiers make of it.
func from(issuer, signature string) string {
	payload := base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, `{"iss":%q}`, issuer))
	return "eyJhbGciOiJFUzI1NiJ9." + payload + "." + base64.RawURLEncoding.EncodeToString([]byte(signature))
}

var goodSignature = base64.RawURLEncoding.EncodeToString([]byte("good"))

// directory resolves issuers and counts. Its verifiers take the tokens whose signature is "good".
type directory struct {
	mu       sync.Mutex
	resolved map[string]int
	checked  atomic.Int64 // tokens of issuers that never had a good one, which would be fetches
	delay    time.Duration
	fail     error
	ready    error
	revoked  atomic.Int64
}

func (d *directory) Verifier(ctx context.Context, issuer string) (postern.Verifier, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.resolved == nil {
		d.resolved = make(map[string]int)
	}
	d.resolved[issuer]++
	time.Sleep(d.delay)
	if d.fail != nil {
		return nil, d.fail
	}
	return &tenantVerifier{issuer, d}, nil
}

func (d *directory) calls() (n int) {
	for _, calls := range d.resolved {
		n += calls
	}
	return n
}

type tenantVerifier struct {
	issuer string
	*directory
}

func (v *tenantVerifier) Issuer() string { return v.issuer }

func (v *tenantVerifier) Verify(_ context.Context, raw string) (*postern.Token, error) {
	if !strings.HasSuffix(raw, "."+goodSignature) {
		v.checked.Add(1)
		return nil, postern.ErrSignature
	}
	return postern.NewToken(postern.TokenData{Issuer: v.issuer}), nil
}

func (v *tenantVerifier) Ready() error                     { return v.ready }
func (v *tenantVerifier) Revoke(func(*postern.Token) bool) { v.revoked.Add(1) }

func (d *directory) byIssuer(allow func(string) bool, most int) *postern.Verifiers {
	return postern.ByIssuerFunc(postern.Resolver{Allow: allow, Verifier: d.Verifier, Max: most})
}

func TestFindingL3_AnIssuerThatIsNotAllowedCostsNothing(t *testing.T) {
	synctest.Test(t, issuerNotAllowed)
}

func issuerNotAllowed(t *testing.T) {
	d := &directory{}
	asked := 0
	v := d.byIssuer(func(issuer string) bool { asked++; return issuer == "https://a.test" }, 0)
	for _, issuer := range []string{"https://b.test", "https://a.test/", "https://A.test", "https://a.test.b.test", "http://169.254.169.254/latest", ""} {
		if _, err := v.Verify(t.Context(), from(issuer, "good")); !errors.Is(err, postern.ErrNotMine) || !errors.Is(err, postern.ErrIssuer) {
			t.Errorf("issuer %q: %v, want ErrNotMine and ErrIssuer", issuer, err)
		}
	}
	synctest.Wait()
	if d.calls() != 0 || asked != 5 {
		t.Errorf("%d calls of Verifier, %d of Allow; want 0 and 5, none for a token without issuer", d.calls(), asked)
	}
	if _, err := v.Verify(t.Context(), from("https://a.test", "good")); err != nil {
		t.Error(err)
	}
	all := d.byIssuer(everybody, 0)
	for _, raw := range []string{"opaque", "a.b.c", from("https://a.test"+strings.Repeat("a", 4000), "good")} {
		if _, err := all.Verify(t.Context(), raw); !errors.Is(err, postern.ErrNotMine) {
			t.Errorf("%.20s: %v, want ErrNotMine", raw, err)
		}
	}
}

func TestAnIssuerThatIsAllowedNoMoreIsRefusedAtOnce(t *testing.T) {
	allowed := true
	d := &directory{}
	v := d.byIssuer(func(string) bool { return allowed }, 0)
	if _, err := v.Verify(t.Context(), from("https://a.test", "good")); err != nil {
		t.Fatal(err)
	}
	d.ready = errors.New("away")
	if err := v.Ready(); err == nil || !strings.Contains(err.Error(), "https://a.test") {
		t.Errorf("Ready: %v", err)
	}
	allowed = false
	if _, err := v.Verify(t.Context(), from("https://a.test", "good")); !errors.Is(err, postern.ErrIssuer) {
		t.Errorf("%v, want ErrIssuer", err)
	}
	if err := v.Ready(); err != nil {
		t.Errorf("Ready speaks of an issuer that is not allowed any more: %v", err)
	}
}

func TestFindingL3_AllWhoComeMeanwhileShareOneCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &directory{delay: time.Second}
		v := d.byIssuer(everybody, 0)
		impatient, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
		defer cancel()
		var wait sync.WaitGroup
		wait.Go(func() {
			if _, err := v.Verify(impatient, from("https://a.test", "good")); !errors.Is(err, postern.ErrUnavailable) {
				t.Errorf("who does not wait: %v, want ErrUnavailable", err)
			}
		})
		synctest.Wait()
		for range 200 {
			wait.Go(func() {
				if _, err := v.Verify(context.Background(), from("https://a.test", "good")); err != nil {
					t.Error(err)
				}
			})
		}
		wait.Wait()
		if d.calls() != 1 {
			t.Errorf("%d calls of Verifier for 201 tokens of one issuer, want 1", d.calls())
		}
	})
}

func TestFindingL3_AFailureIsRememberedShortly(t *testing.T) {
	for name, test := range map[string]struct {
		fail error
		want []error
	}{
		"an outage":                    {errors.New("database is gone"), []error{postern.ErrUnavailable}},
		"an issuer that is not served": {fmt.Errorf("directory: %w", postern.ErrIssuer), []error{postern.ErrIssuer, postern.ErrNotMine}},
	} {
		synctest.Test(t, func(t *testing.T) {
			d := &directory{fail: test.fail}
			v := d.byIssuer(everybody, 0)
			for range 100 {
				_, err := v.Verify(context.Background(), from("https://a.test", "good"))
				for _, want := range test.want {
					if !errors.Is(err, want) {
						t.Fatalf("%s: %v, want %v", name, err, want)
					}
				}
			}
			if d.calls() != 1 {
				t.Errorf("%s: %d calls in one instant, want 1", name, d.calls())
			}
			d.fail = nil
			time.Sleep(5 * time.Second)
			if _, err := v.Verify(context.Background(), from("https://a.test", "good")); err != nil || d.calls() != 2 {
				t.Errorf("%s: 5 s later: %v after %d calls", name, err, d.calls())
			}
		})
	}
}

func TestAResolverThatMisbehavesIsAnOutage(t *testing.T) {
	for name, verifier := range map[string]func(context.Context, string) (postern.Verifier, error){
		"panics":          func(context.Context, string) (postern.Verifier, error) { panic("boom") },
		"returns nothing": func(context.Context, string) (postern.Verifier, error) { return nil, nil },
		"returns another issuer's": func(ctx context.Context, issuer string) (postern.Verifier, error) {
			return resolved(ctx, issuer+"/")
		},
		"waits for ever": func(ctx context.Context, _ string) (postern.Verifier, error) { <-ctx.Done(); return nil, ctx.Err() },
	} {
		synctest.Test(t, func(t *testing.T) {
			v := postern.ByIssuerFunc(postern.Resolver{Allow: everybody, Verifier: verifier})
			start := time.Now()
			if _, err := v.Verify(context.Background(), from("https://a.test", "good")); !errors.Is(err, postern.ErrUnavailable) {
				t.Errorf("%s: %v, want ErrUnavailable", name, err)
			}
			if took := time.Since(start); took > 5*time.Second {
				t.Errorf("%s: known after %s, want 5 s at most", name, took)
			}
		})
	}
}

func TestFindingL3_StrangersDisplaceNoIssuerInUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &directory{}
		v := d.byIssuer(everybody, 100)
		tenant := func(i int) string { return fmt.Sprintf("https://tenant-%d.test", i) }
		for i := range 100 {
			if _, err := v.Verify(context.Background(), from(tenant(i), "good")); err != nil {
				t.Fatal(err)
			}
		}
		refused := 0
		for second := range 60 {
			for i := range 500 {
				_, err := v.Verify(context.Background(), from(fmt.Sprintf("https://stranger-%d-%d.test", second, i), "forged"))
				if errors.Is(err, postern.ErrUnavailable) {
					refused++
				} else if !errors.Is(err, postern.ErrSignature) {
					t.Fatal(err)
				}
			}
			for i := range 100 {
				if _, err := v.Verify(context.Background(), from(tenant(i), "good")); err != nil {
					t.Fatalf("tenant %d: %v", i, err)
				}
			}
			time.Sleep(time.Second)
		}
		for i := range 100 {
			if d.resolved[tenant(i)] != 1 {
				t.Errorf("tenant %d was resolved %d times, want once", i, d.resolved[tenant(i)])
			}
		}
		if strangers := d.calls() - 100; strangers > 64*13 || strangers < 64*11 || refused == 0 {
			t.Errorf("30,000 strangers in a minute were resolved %d times and refused %d times; want 64 in 5 s", strangers, refused)
		}
		d.ready = errors.New("away")
		if err := v.Ready(); err == nil || strings.Contains(err.Error(), "stranger") || strings.Count(err.Error(), "away") != 100 {
			t.Errorf("Ready speaks of strangers: %v", err)
		}
		v.Revoke(func(*postern.Token) bool { return true })
		if n := d.revoked.Load(); n != 100 {
			t.Errorf("Revoke reached %d issuers, want 100", n)
		}
		time.Sleep(time.Hour)
		if err := v.Ready(); err != nil {
			t.Errorf("Ready speaks of issuers that nobody used for an hour: %v", err)
		}
	})
}

func TestFindingL3_TheIssuerNotUsedForLongestMakesRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &directory{}
		v := d.byIssuer(everybody, 2)
		for _, issuer := range []string{"a", "b", "a", "c", "a", "b", "a"} {
			if _, err := v.Verify(context.Background(), from(issuer, "good")); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
		}
		if d.resolved["a"] != 1 || d.resolved["b"] != 2 || d.resolved["c"] != 1 {
			t.Errorf("resolved %v; want a, in use all along, once, and b again after c", d.resolved)
		}
	})
}

func TestAResolvedIssuerCostsNoAllocationsMore(t *testing.T) {
	raw := from("https://a.test", "good")
	fixed := postern.ByIssuer(map[string]postern.Verifier{"https://a.test": &tenantVerifier{"https://a.test", &directory{}}})
	byFunc := (&directory{}).byIssuer(everybody, 0)
	allocs := func(v postern.Verifier) float64 {
		return testing.AllocsPerRun(100, func() { v.Verify(context.Background(), raw) })
	}
	if a, b := allocs(fixed), allocs(byFunc); b > a {
		t.Errorf("ByIssuerFunc costs %.0f allocations, ByIssuer %.0f", b, a)
	}
}

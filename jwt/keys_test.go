package jwt_test

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/postern-auth/postern"
	"github.com/postern-auth/postern/jwt"
	"github.com/postern-auth/postern/posterntest"
)

func TestJ20_UnknownKeysAreAskedForTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		issuer := posterntest.NewIssuer(t)
		verifier := issuer.Verifier(issuer.Audience)
		if _, err := verifier.Verify(t.Context(), issuer.Token(nil)); err != nil {
			t.Fatal(err)
		}
		forger := posterntest.NewKey(t, jwt.ES256, "forged")
		time.Sleep(time.Millisecond) // the keys are older than the flood
		start := time.Now()
		results := make(chan error)
		const flood = 300
		for i := range flood {
			go func() {
				_, err := verifier.Verify(t.Context(), issuer.Token(nil, posterntest.SignedBy(forger), posterntest.KeyID(fmt.Sprint("forged-", i))))
				results <- err
			}()
		}
		refused, later := 0, 0
		for range flood {
			switch err := <-results; {
			case errors.Is(err, postern.ErrUnavailable):
				later++
			case errors.Is(err, postern.ErrSignature):
				refused++
			default:
				t.Errorf("%v, want ErrSignature or ErrUnavailable", err)
			}
		}
		if refused == 0 {
			t.Error("no forged token was refused for good")
		}
		if most := int(time.Since(start)/(2*time.Second)) + 2; issuer.Calls(posterntest.KeySet) > most {
			t.Errorf("%d fetches for %d forged keys, want at most %d", issuer.Calls(posterntest.KeySet), flood, most)
		}
		t.Logf("%d refused, %d told to come back, %d fetches", refused, later, issuer.Calls(posterntest.KeySet))
		time.Sleep(time.Millisecond)
		start = time.Now()
		issuer.Rotate()
		if _, err := verifier.Verify(t.Context(), issuer.Token(nil)); err != nil || time.Since(start) > 2*time.Second {
			t.Errorf("a genuine new key after the flood, %s after its publication: %v", time.Since(start), err)
		}
	})
}

func TestJ21_AWithdrawnKeyCountsNoLongerThanAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		issuer := posterntest.NewIssuer(t)
		verifier := newVerifier(t, issuer, func(c *jwt.Config) { c.Now = func() time.Time { return time.Now() } })
		raw, first := issuer.Token(nil), issuer.Key()
		issuer.Rotate()
		if _, err := verifier.Verify(t.Context(), raw); err != nil {
			t.Fatal(err)
		}
		issuer.Withdraw(first.ID())
		withdrawn := time.Now()
		for {
			_, err := verifier.Verify(t.Context(), raw)
			if errors.Is(err, postern.ErrSignature) {
				break
			}
			if err != nil || time.Since(withdrawn) > time.Minute {
				t.Fatalf("%s after the withdrawal: %v", time.Since(withdrawn), err)
			}
			time.Sleep(time.Second)
		}
		t.Logf("refused %s after the withdrawal", time.Since(withdrawn))
	})
}

func TestJ21_ATokenInUseAfterAPauseIsJudgedByFreshKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		issuer := posterntest.NewIssuer(t)
		verifier := issuer.Verifier(issuer.Audience)
		raw, first := issuer.Token(nil), issuer.Key()
		if _, err := verifier.Verify(t.Context(), raw); err != nil {
			t.Fatal(err)
		}
		issuer.Rotate()
		issuer.Withdraw(first.ID())
		time.Sleep(time.Minute)
		if _, err := verifier.Verify(t.Context(), raw); !errors.Is(err, postern.ErrSignature) {
			t.Errorf("first use a minute after the withdrawal: %v, want ErrSignature", err)
		}
	})
}

func TestJ21_AnEmptyKeySetClearsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		issuer := posterntest.NewIssuer(t)
		verifier := newVerifier(t, issuer, func(c *jwt.Config) { c.CacheBytes = -1 })
		raw := issuer.Token(nil)
		for _, body := range []string{"", "{}", `{"keys":[]}`, `{"keys":null}`, `{"keys":[{"kty":"oct","k":"AAAA"}]}`, `{"keys":[`} {
			if _, err := verifier.Verify(t.Context(), raw); err != nil {
				t.Fatal(err)
			}
			issuer.Outage(posterntest.Body(body), posterntest.KeySet)
			for range 20 {
				time.Sleep(11 * time.Second)
				if _, err := verifier.Verify(t.Context(), raw); err != nil {
					t.Fatalf("key set %q: %v", body, err)
				}
			}
			issuer.Recover()
		}
	})
}

func TestF2_AnOutageAfterWarmUpRefusesNobody(t *testing.T) {
	for name, outage := range map[string]func(*posterntest.Issuer){
		"500":   func(i *posterntest.Issuer) { i.Outage(posterntest.Status(500)) },
		"reset": func(i *posterntest.Issuer) { i.Outage(posterntest.Reset()) },
		"hang":  func(i *posterntest.Issuer) { i.Outage(posterntest.Hang()) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				issuer := posterntest.NewIssuer(t)
				verifier := newVerifier(t, issuer, func(c *jwt.Config) { c.MaxStale = time.Hour })
				raw := issuer.Token(nil)
				if _, err := verifier.Verify(t.Context(), raw); err != nil {
					t.Fatal(err)
				}
				start := time.Now()
				outage(issuer)
				for time.Since(start) < 59*time.Minute {
					time.Sleep(7 * time.Second)
					if _, err := verifier.Verify(t.Context(), raw); err != nil {
						t.Fatalf("after %s: %v", time.Since(start), err)
					}
				}
				time.Sleep(time.Minute + time.Second)
				if _, err := verifier.Verify(t.Context(), raw); !errors.Is(err, postern.ErrUnavailable) {
					t.Errorf("beyond MaxStale: %v, want ErrUnavailable", err)
				}
				issuer.Recover()
				time.Sleep(15 * time.Second)
				if _, err := verifier.Verify(t.Context(), raw); err != nil {
					t.Errorf("after the outage: %v", err)
				}
			})
		})
	}
}

package introspection_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/postern-auth/postern"
	"github.com/postern-auth/postern/introspection"
	"github.com/postern-auth/postern/jwt"
	"github.com/postern-auth/postern/posterntest"
)

type claims = posterntest.Claims

func newVerifier(t testing.TB, issuer *posterntest.Issuer, change func(*introspection.Config)) *introspection.Verifier {
	t.Helper()
	config := issuer.IntrospectionConfig(issuer.Audience)
	config.Now = time.Now
	if change != nil {
		change(&config)
	}
	verifier, err := introspection.NewVerifier(config)
	if err != nil {
		t.Fatal(err)
	}
	return verifier
}

// bubble runs a test in a bubble whose clock moves by itself.
func bubble(t *testing.T, change func(*introspection.Config), test func(t *testing.T, issuer *posterntest.Issuer, verifier *introspection.Verifier)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		issuer := posterntest.NewIssuer(t)
		test(t, issuer, newVerifier(t, issuer, change))
		time.Sleep(11 * time.Second) // a call under way ends by itself
	})
}

func calls(issuer *posterntest.Issuer) int { return issuer.Calls(posterntest.Introspection) }

func TestI2_ARememberedTokenIsJudgedAnewOnEveryRoute(t *testing.T) {
	issuer := posterntest.NewIssuer(t)
	raw := issuer.Opaque(claims{"scope": "read", "aud": []string{issuer.Audience, "https://second.test"}})
	verifier := newVerifier(t, issuer, nil)
	token, err := verifier.Verify(t.Context(), raw)
	if err != nil {
		t.Fatal(err)
	}
	again, err := verifier.Verify(t.Context(), raw)
	if err != nil || again != token {
		t.Fatalf("%v; the second use was not remembered", err)
	}
	if err := postern.Scope("read").Check(t.Context(), again); err != nil {
		t.Error(err)
	}
	if err := postern.Scope("write").Check(t.Context(), again); !errors.Is(err, postern.ErrInsufficient) {
		t.Errorf("a route that needs another scope: %v, want ErrInsufficient", err)
	}
	other := newVerifier(t, issuer, func(c *introspection.Config) { c.Audience = "https://third.test" })
	if _, err := other.Verify(t.Context(), raw); !errors.Is(err, postern.ErrAudience) {
		t.Errorf("a verifier of another audience: %v, want ErrAudience", err)
	}
	if n := calls(issuer); n != 2 {
		t.Errorf("%d calls, want one a verifier", n)
	}
}

func TestI3_NeverPastExp(t *testing.T) {
	bubble(t, func(c *introspection.Config) { c.MaxAge, c.Leeway = time.Minute, -1 }, func(t *testing.T, issuer *posterntest.Issuer, verifier *introspection.Verifier) {
		raw := issuer.Opaque(claims{"exp": time.Now().Unix() + 3})
		for range 3 {
			if _, err := verifier.Verify(t.Context(), raw); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
		}
		if _, err := verifier.Verify(t.Context(), raw); !errors.Is(err, postern.ErrExpired) {
			t.Errorf("at exp: %v, want ErrExpired", err)
		}
		if n := calls(issuer); n != 1 {
			t.Errorf("%d calls, want 1", n)
		}
	})
}

func TestI3_NeverPastMaxAge(t *testing.T) {
	for name, test := range map[string]struct {
		every time.Duration // between uses
		age   time.Duration
		most  time.Duration
	}{
		"a busy token": {100 * time.Millisecond, 0, 5 * time.Second},
		"an idle one":  {5 * time.Second, 0, 5 * time.Second},
		"a long age":   {time.Second, time.Minute, time.Minute},
		"no age":       {time.Second, -1, 0},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(c *introspection.Config) { c.MaxAge = test.age }, func(t *testing.T, issuer *posterntest.Issuer, verifier *introspection.Verifier) {
				raw := issuer.Opaque(nil)
				if _, err := verifier.Verify(t.Context(), raw); err != nil {
					t.Fatal(err)
				}
				issuer.Revoke(raw)
				revoked := time.Now()
				for {
					_, err := verifier.Verify(t.Context(), raw)
					synctest.Wait()
					if errors.Is(err, postern.ErrInactive) {
						break
					}
					if err != nil || time.Since(revoked) >= test.most {
						t.Fatalf("%s after the revocation: %v", time.Since(revoked), err)
					}
					time.Sleep(test.every)
				}
			})
		})
	}
}

func TestI3_WhatARenewalLearnsCountsAtOnce(t *testing.T) {
	bubble(t, nil, func(t *testing.T, issuer *posterntest.Issuer, verifier *introspection.Verifier) {
		raw := issuer.Opaque(nil)
		if _, err := verifier.Verify(t.Context(), raw); err != nil {
			t.Fatal(err)
		}
		time.Sleep(4100 * time.Millisecond)
		issuer.Revoke(raw)
		if _, err := verifier.Verify(t.Context(), raw); err != nil {
			t.Errorf("the use that starts the renewal waits for nobody: %v", err)
		}
		synctest.Wait()
		if _, err := verifier.Verify(t.Context(), raw); !errors.Is(err, postern.ErrInactive) {
			t.Errorf("after the renewal: %v, want ErrInactive", err)
		}
		verifier.Revoke(func(token *postern.Token) bool { return token.Subject() != "" })
	})
}

func TestI3_AnInactiveTokenIsRememberedForFiveSeconds(t *testing.T) {
	bubble(t, func(c *introspection.Config) { c.MaxAge = time.Hour }, func(t *testing.T, issuer *posterntest.Issuer, verifier *introspection.Verifier) {
		for range 50 {
			if _, err := verifier.Verify(t.Context(), "raw"); !errors.Is(err, postern.ErrInactive) {
				t.Fatal(err)
			}
		}
		if n := calls(issuer); n != 1 {
			t.Errorf("%d calls for one inactive token, want 1", n)
		}
		issuer.Answer("raw", `{"active":true,"aud":"https://api.test","exp":9999999999}`)
		time.Sleep(5 * time.Second)
		if _, err := verifier.Verify(t.Context(), "raw"); err != nil {
			t.Errorf("five seconds later: %v", err)
		}
	})
}

func TestSoftRenewalKeepsNobodyWaiting(t *testing.T) {
	bubble(t, nil, func(t *testing.T, issuer *posterntest.Issuer, verifier *introspection.Verifier) {
		raw := issuer.Opaque(claims{"exp": time.Now().Unix() + 3600})
		slow(issuer, 500*time.Millisecond)
		if _, err := verifier.Verify(t.Context(), raw); err != nil {
			t.Fatal(err)
		}
		for range 300 {
			time.Sleep(100 * time.Millisecond)
			start := time.Now()
			if _, err := verifier.Verify(t.Context(), raw); err != nil || time.Since(start) > 0 {
				t.Fatalf("a use waited for %s: %v", time.Since(start), err)
			}
		}
		if n := calls(issuer); n < 6 || n > 9 {
			t.Errorf("%d calls in 30 s of use, want one every 4 s", n)
		}
	})
}

// slow makes introspection take a while: any token is active and its sub is the token.
func slow(issuer *posterntest.Issuer, wait time.Duration) {
	issuer.Outage(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(wait)
		fmt.Fprintf(w, `{"active":true,"sub":%q,"aud":"https://api.test","exp":9999999999}`, r.PostFormValue("token"))
	}), posterntest.Introspection)
}

func TestI4_OneCallForOneTokenAndOneEachForTwo(t *testing.T) {
	bubble(t, nil, func(t *testing.T, issuer *posterntest.Issuer, verifier *introspection.Verifier) {
		slow(issuer, time.Second)
		var group sync.WaitGroup
		for n := range 100 {
			group.Go(func() {
				raw := fmt.Sprint("token-", n%2)
				token, err := verifier.Verify(t.Context(), raw)
				if err != nil || token.Subject() != raw {
					t.Errorf("%s: token %v, error %v", raw, token, err)
				}
			})
		}
		group.Wait()
		if n := calls(issuer); n != 2 {
			t.Errorf("%d calls for 50 uses each of two tokens, want 2", n)
		}
	})
}

func TestI4_OneWhoHangsUpSpoilsNobodysWait(t *testing.T) {
	bubble(t, nil, func(t *testing.T, issuer *posterntest.Issuer, verifier *introspection.Verifier) {
		slow(issuer, time.Second)
		leader, hangUp := context.WithCancel(t.Context())
		var group sync.WaitGroup
		group.Go(func() {
			if _, err := verifier.Verify(leader, "raw"); !errors.Is(err, context.Canceled) {
				t.Errorf("who hung up was told %v, want context.Canceled", err)
			}
		})
		synctest.Wait()
		for range 19 {
			group.Go(func() {
				if _, err := verifier.Verify(t.Context(), "raw"); err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		hangUp()
		group.Wait()
		if n := calls(issuer); n != 1 {
			t.Errorf("%d calls, want 1", n)
		}
	})
}

func TestF5_AServerThatFailsIsLeftAlone(t *testing.T) {
	for name, outage := range map[string]http.Handler{
		"500":       posterntest.Status(500),
		"401":       posterntest.Status(401),
		"404":       posterntest.Status(404),
		"reset":     posterntest.Reset(),
		"truncated": posterntest.Body(`{"active":tr`),
		"HTML":      posterntest.Body("<html>"),
		"hang":      posterntest.Hang(),
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, nil, func(t *testing.T, issuer *posterntest.Issuer, verifier *introspection.Verifier) {
				known := issuer.Opaque(claims{"exp": time.Now().Unix() + 3600})
				if _, err := verifier.Verify(t.Context(), known); err != nil {
					t.Fatal(err)
				}
				issuer.Outage(outage)
				before := calls(issuer)
				var group sync.WaitGroup
				for n := range 500 {
					group.Go(func() {
						if _, err := verifier.Verify(t.Context(), fmt.Sprint(n)); !errors.Is(err, postern.ErrUnavailable) {
							t.Errorf("%v, want ErrUnavailable", err)
						}
					})
					if n == 100 {
						if _, err := verifier.Verify(t.Context(), known); err != nil {
							t.Errorf("a token that is remembered: %v", err)
						}
					}
					if n%10 == 0 {
						synctest.Wait()
					}
				}
				group.Wait()
				if n := calls(issuer) - before; n > 64 || n > 20 && name != "hang" {
					t.Errorf("%d calls to a server that fails, want 20 at most and 64 under way at once", n)
				}
				issuer.Recover()
				time.Sleep(time.Second)
				if _, err := verifier.Verify(t.Context(), issuer.Opaque(nil)); err != nil {
					t.Errorf("a second after the end of the outage: %v", err)
				}
			})
		})
	}
}

func TestF5_OneCallAtATimeLooksWhetherTheServerIsBack(t *testing.T) {
	bubble(t, nil, func(t *testing.T, issuer *posterntest.Issuer, verifier *introspection.Verifier) {
		issuer.Outage(posterntest.Status(500), posterntest.Introspection)
		for n := range 20 {
			verifier.Verify(t.Context(), fmt.Sprint(n))
		}
		slow(issuer, time.Second)
		time.Sleep(time.Second)
		before := calls(issuer)
		var group sync.WaitGroup
		for n := range 20 {
			group.Go(func() { verifier.Verify(t.Context(), fmt.Sprint("probe-", n)) })
		}
		group.Wait()
		if n := calls(issuer) - before; n != 1 {
			t.Errorf("%d calls to a server that has just failed, want 1 to see", n)
		}
		if _, err := verifier.Verify(t.Context(), "after"); err != nil {
			t.Errorf("after the look: %v", err)
		}
	})
}

func TestF5_AHangingServerHoldsNobodyPastTheirDeadline(t *testing.T) {
	bubble(t, nil, func(t *testing.T, issuer *posterntest.Issuer, verifier *introspection.Verifier) {
		issuer.Outage(posterntest.Hang(), posterntest.Introspection)
		for _, deadline := range []time.Duration{time.Millisecond, time.Second, time.Minute} {
			ctx, cancel := context.WithTimeout(t.Context(), deadline)
			start := time.Now()
			_, err := verifier.Verify(ctx, fmt.Sprint(deadline))
			cancel()
			if waited := time.Since(start); err == nil || waited > min(deadline, 5*time.Second) {
				t.Errorf("deadline %s: waited %s, %v", deadline, waited, err)
			}
		}
	})
}

func TestF5_MetadataThatHangAreWithinTheBoundOfACall(t *testing.T) {
	bubble(t, nil, func(t *testing.T, issuer *posterntest.Issuer, verifier *introspection.Verifier) {
		issuer.Outage(posterntest.Hang(), posterntest.Metadata, "/.well-known/oauth-authorization-server")
		start := time.Now()
		if _, err := verifier.Verify(t.Context(), "raw"); !errors.Is(err, postern.ErrUnavailable) || time.Since(start) != 5*time.Second {
			t.Errorf("%v after %s, want ErrUnavailable after 5 s", err, time.Since(start))
		}
	})
}

func TestF7_StrangersJWTsCostNoCall(t *testing.T) {
	issuer := posterntest.NewIssuer(t)
	verifier := newVerifier(t, issuer, nil)
	forger := posterntest.NewKey(t, jwt.ES256, "forged")
	for n := range 1000 {
		raw := issuer.Token(claims{"iss": "https://stranger.test", "jti": n}, posterntest.SignedBy(forger))
		if _, err := verifier.Verify(t.Context(), raw); !errors.Is(err, postern.ErrNotMine) {
			t.Fatalf("%v, want ErrNotMine", err)
		}
	}
	if _, err := verifier.Verify(t.Context(), strings.Repeat("a", 900<<10)); !errors.Is(err, postern.ErrMalformed) {
		t.Errorf("a token of 900 KB: %v, want ErrMalformed", err)
	}
	if n := calls(issuer); n != 0 {
		t.Errorf("%d calls, want none", n)
	}
}

func TestRevokeReachesCallsUnderWay(t *testing.T) {
	bubble(t, nil, func(t *testing.T, issuer *posterntest.Issuer, verifier *introspection.Verifier) {
		slow(issuer, time.Second)
		var group sync.WaitGroup
		group.Go(func() { verifier.Verify(t.Context(), "raw") })
		synctest.Wait()
		issuer.Recover()
		issuer.Revoke("raw")
		verifier.Revoke(func(token *postern.Token) bool { return token.Subject() == "raw" })
		if _, err := verifier.Verify(t.Context(), "raw"); !errors.Is(err, postern.ErrInactive) {
			t.Errorf("while the old call is under way: %v, want ErrInactive", err)
		}
		group.Wait()
		time.Sleep(5 * time.Second)
		if _, err := verifier.Verify(t.Context(), "raw"); !errors.Is(err, postern.ErrInactive) {
			t.Errorf("after the old call has ended: %v, want ErrInactive", err)
		}
	})
}

func TestRevokeForgetsAtOnce(t *testing.T) {
	issuer := posterntest.NewIssuer(t)
	verifier := newVerifier(t, issuer, func(c *introspection.Config) { c.MaxAge = time.Hour })
	a, b := issuer.Opaque(claims{"sub": "a"}), issuer.Opaque(claims{"sub": "b"})
	for _, raw := range []string{a, b, "unknown"} {
		verifier.Verify(t.Context(), raw)
	}
	issuer.Revoke(a)
	verifier.Revoke(func(token *postern.Token) bool { return token.Subject() == "a" })
	if _, err := verifier.Verify(t.Context(), a); !errors.Is(err, postern.ErrInactive) {
		t.Errorf("%v, want ErrInactive", err)
	}
	if _, err := verifier.Verify(t.Context(), b); err != nil || calls(issuer) != 4 {
		t.Errorf("another's token: %v after %d calls, want it remembered", err, calls(issuer))
	}
}

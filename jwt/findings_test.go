package jwt_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/postern-auth/postern"
	"github.com/postern-auth/postern/jwt"
	"github.com/postern-auth/postern/posterntest"
)

// published returns the JWKs that the issuer publishes.
func published(t *testing.T, issuer *posterntest.Issuer) []string {
	t.Helper()
	answer, err := issuer.Client().Get(issuer.URL + string(posterntest.KeySet))
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var set struct{ Keys []json.RawMessage }
	if err := json.NewDecoder(answer.Body).Decode(&set); err != nil {
		t.Fatal(err)
	}
	var keys []string
	for _, key := range set.Keys {
		keys = append(keys, string(key))
	}
	return keys
}

// publish makes the issuer's key set consist of these texts.
func publish(issuer *posterntest.Issuer, keys ...string) {
	issuer.Outage(posterntest.Body(`{"keys":[`+strings.Join(keys, ",")+`]}`), posterntest.KeySet)
}

// edited returns the text with another in the place of one that it holds once.
func edited(t *testing.T, text, old, new string) string {
	t.Helper()
	if strings.Count(text, old) != 1 {
		t.Fatalf("%s does not hold %s once", text, old)
	}
	return strings.Replace(text, old, new, 1)
}

func TestFindingK1_OddKeySetsPassGoodTokens(t *testing.T) {
	issuer := posterntest.NewIssuer(t)
	issuer.RotateTo(jwt.RS256)
	keys := published(t, issuer)
	es, rs := edited(t, keys[0], `"key-1"`, `"key-9"`), keys[1]
	ps := edited(t, rs, `"RS256"`, `"PS256"`)
	pair := func(key string) string { return edited(t, key, `"key-2"`, `"pair"`) }
	many := func(text string) []string { return strings.Split(strings.Repeat(text+"\n", 299)+text, "\n") }
	raw := issuer.Token(nil)
	for _, test := range []struct {
		name    string
		keys    []string
		leftOut int
	}{
		{"one key under one id for two algorithms", []string{rs, ps}, 0},
		{"the same the other way around", []string{ps, rs}, 0},
		{"a pair of one id elsewhere", []string{rs, pair(rs), pair(ps)}, 0},
		{"one key twice", []string{rs, rs}, 0},
		{"keys of different types under one id", []string{edited(t, es, `"key-9"`, `"key-2"`), rs}, 0},
		{"use null", []string{edited(t, rs, `"sig"`, `null`)}, 0},
		{"every other member null", []string{edited(t, rs, `{`, `{"key_ops":null,"x5c":null,"d":null,"crv":null,"x":null,`)}, 0},
		{"a modulus with padding", []string{edited(t, rs, `","use"`, `==","use"`)}, 0},
		{"a key with a member twice beside it", []string{rs, edited(t, es, `{`, `{"kty":"EC",`)}, 1},
		{"a key with a deep member beside it", []string{rs, edited(t, es, `{`, `{"a":`+strings.Repeat("[", 100)+strings.Repeat("]", 100)+`,`)}, 1},
		{"two keys that nothing tells apart beside it", []string{rs, es, otherES(t, "key-9")}, 2},
		{"what are not keys", []string{`null`, `"x"`, `1`, `[]`, rs}, 4},
		{"300 others before it that cannot be read", append(many(`{"kid":"x","kid":"x"}`), rs), 256},
		{"300 others behind it", append([]string{rs}, many(es)...), 0},
	} {
		publish(issuer, test.keys...)
		verifier := issuer.Verifier(issuer.Audience)
		if _, err := verifier.Verify(t.Context(), raw); err != nil {
			t.Errorf("%s: %v", test.name, err)
		}
		if used, leftOut := verifier.Keys(); used == 0 || len(leftOut) != test.leftOut {
			t.Errorf("%s: %d keys used and left out %v, want %d", test.name, used, leftOut, test.leftOut)
		}
	}
}

// otherES returns the JWK of a new ES256 key.
func otherES(t *testing.T, id string) string {
	t.Helper()
	other := posterntest.NewIssuer(t)
	other.Publish(posterntest.NewKey(t, jwt.ES256, id))
	return published(t, other)[1]
}

// A verifier is in use when the set becomes odd; then the issuer withdraws a key and signs with another.
func TestFindingK1_WithdrawalsAreHonouredBesideAnOddEntry(t *testing.T) {
	for name, odd := range map[string][]string{
		"two different keys of one id":  {otherES(t, "k2"), otherES(t, "k2")},
		"a member twice":                {`{"kid":"k2","kid":"k2"}`},
		"a weak key":                    {`{"kty":"RSA","kid":"k2","n":"AQAB","e":"AQAB"}`},
		"null":                          {`null`},
		"300 objects that are not keys": strings.Split(strings.Repeat("{}\n", 299)+"{}", "\n"),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var log bytes.Buffer
				issuer := posterntest.NewIssuer(t)
				verifier := newVerifier(t, issuer, func(c *jwt.Config) {
					c.Now, c.Logger = time.Now, slog.New(slog.NewTextHandler(&log, nil))
				})
				first := issuer.Token(nil)
				if _, err := verifier.Verify(t.Context(), first); err != nil {
					t.Fatal(err)
				}
				publish(issuer, append(odd, published(t, issuer)...)...)
				time.Sleep(time.Minute)
				if _, err := verifier.Verify(t.Context(), first); err != nil {
					t.Errorf("beside the odd entry: %v", err)
				}
				issuer.Recover()
				issuer.Rotate()
				issuer.Withdraw("key-1")
				publish(issuer, append(odd, published(t, issuer)...)...)
				for start := time.Now(); time.Since(start) < 59*time.Second; time.Sleep(time.Second) {
					if _, err := verifier.Verify(t.Context(), issuer.Token(nil)); err != nil {
						t.Fatalf("the new key: %v", err)
					}
					verifier.Verify(t.Context(), first)
				}
				if _, err := verifier.Verify(t.Context(), first); !errors.Is(err, postern.ErrUnknownKey) {
					t.Errorf("the withdrawn key a minute later: %v, want ErrUnknownKey", err)
				}
				if _, err := verifier.Ready(); err != nil {
					t.Errorf("Ready: %v", err)
				}
				if _, leftOut := verifier.Keys(); len(leftOut) == 0 {
					t.Error("Keys tells of no key that is left out")
				}
				synctest.Wait()
				if n := strings.Count(log.String(), "\n"); n != 1 || !strings.Contains(log.String(), "left out") {
					t.Errorf("%d lines, want one about what is left out:\n%s", n, log.String())
				}
			})
		})
	}
}

func TestFindingK1_ASetThatCannotBeRenewedIsToldByReady(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		issuer := posterntest.NewIssuer(t)
		verifier := newVerifier(t, issuer, func(c *jwt.Config) { c.Now = time.Now; c.MaxStale = 10 * time.Minute })
		if _, err := verifier.Verify(t.Context(), issuer.Token(nil)); err != nil {
			t.Fatal(err)
		}
		issuer.Outage(posterntest.Status(500))
		for range 120 {
			time.Sleep(time.Second)
			if _, err := verifier.Verify(t.Context(), issuer.Token(nil)); err != nil {
				t.Fatal(err)
			}
		}
		if age, err := verifier.Ready(); err == nil || errors.Is(err, postern.ErrUnavailable) || !strings.Contains(err.Error(), "500") || age < time.Minute {
			t.Errorf("Ready: %s, %v; want why the keys cannot be renewed, and not ErrUnavailable", age, err)
		}
		time.Sleep(10 * time.Minute)
		if _, err := verifier.Ready(); !errors.Is(err, postern.ErrUnavailable) {
			t.Errorf("Ready beyond MaxStale: %v, want ErrUnavailable", err)
		}
		time.Sleep(10 * time.Second)
	})
}

func TestFindingK3_ATokenOfAKeyThatIsLeftOutIsToldWhy(t *testing.T) {
	issuer := posterntest.NewIssuer(t)
	issuer.Rotate()
	keys := published(t, issuer)
	for old, test := range map[string]struct{ new, reason string }{
		`"x":"`:   {`"x":"=`, "base64"},
		`"sig"`:   {`"signing"`, "use"},
		`"P-256"`: {`"P-224"`, "curve"},
		`"kty":`:  {`"kty":"EC","kty":`, "second member"},
	} {
		publish(issuer, keys[0], edited(t, keys[1], old, test.new))
		verifier := issuer.Verifier(issuer.Audience)
		before := issuer.Calls(posterntest.KeySet)
		for range 3 {
			_, err := verifier.Verify(t.Context(), issuer.Token(nil))
			if !errors.Is(err, postern.ErrUnknownKey) || !errors.Is(err, postern.ErrSignature) || !strings.Contains(err.Error(), test.reason) || !strings.Contains(err.Error(), "key-2") {
				t.Errorf("%s: %v, want the reason", test.new, err)
			}
		}
		if n := issuer.Calls(posterntest.KeySet) - before; n != 1 {
			t.Errorf("%s: %d fetches for three uses, want 1", test.new, n)
		}
	}
}

func TestFindingK7_ATokenWithoutKeyIDPassesAmongManyKeys(t *testing.T) {
	issuer := posterntest.NewIssuer(t)
	var keys []string
	for range 16 {
		keys = append(keys, edited(t, otherES(t, ""), `"alg":"ES256",`, ``))
	}
	publish(issuer, append(keys[:15:15], published(t, issuer)...)...)
	raw := issuer.Token(nil, posterntest.KeyID(""))
	if _, err := issuer.Verifier(issuer.Audience).Verify(t.Context(), raw); err != nil {
		t.Errorf("16 keys that fit: %v", err)
	}
	issuer.Recover()
	publish(issuer, append(keys, published(t, issuer)...)...)
	if _, err := issuer.Verifier(issuer.Audience).Verify(t.Context(), raw); !errors.Is(err, postern.ErrUnknownKey) || !strings.Contains(err.Error(), "have the issuer name the key") {
		t.Errorf("17 keys that fit: %v, want what to do", err)
	}
}

func TestFindingK7_AnAlgorithmThatIsNotAcceptedIsToldAsSuch(t *testing.T) {
	issuer := posterntest.NewIssuer(t)
	guard := &postern.Guard{Verifier: issuer.Verifier(issuer.Audience)}
	p384 := posterntest.NewKey(t, jwt.ES384, "p384")
	issuer.Publish(p384)
	for name, test := range map[string]struct{ raw, reason, text string }{
		"not in the list":         {issuer.Token(nil, posterntest.SignedBy(p384)), "algorithm-mismatch", "expected one of [RS256"},
		"an HMAC":                 {issuer.Token(nil, posterntest.Algorithm("HS256")), "algorithm-mismatch", "HS256"},
		"another than the key's":  {issuer.Token(nil, posterntest.Algorithm("RS256")), "algorithm-mismatch", "is for algorithm ES256"},
		"another key's signature": {issuer.Token(nil, posterntest.SignedBy(posterntest.NewKey(t, jwt.ES256, "key-1"))), "signature-invalid", "signature does not match"},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Authorization", "Bearer "+test.raw)
		_, err := guard.Check(r)
		var refusal *postern.Error
		if !errors.As(err, &refusal) || refusal.Reason != test.reason || refusal.Status != 401 || !errors.Is(err, postern.ErrSignature) || !strings.Contains(refusal.Err.Error(), test.text) {
			t.Errorf("%s: %v, want the reason %s", name, err, test.reason)
		}
	}
}

func TestFindingK7_AnIDThatChangesItsKeyIsNoticedWithTheFirstToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		issuer := posterntest.NewIssuer(t)
		verifier := newVerifier(t, issuer, func(c *jwt.Config) { c.Now = time.Now })
		old := issuer.Token(nil)
		if _, err := verifier.Verify(t.Context(), old); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Second)
		changed := posterntest.NewKey(t, jwt.ES256, issuer.Key().ID())
		issuer.Withdraw(changed.ID())
		issuer.Publish(changed)
		before := issuer.Calls(posterntest.KeySet)
		var group sync.WaitGroup
		for n := range 100 {
			raw := issuer.Token(posterntest.Claims{"n": n}, posterntest.SignedBy(changed))
			group.Go(func() {
				if _, err := verifier.Verify(t.Context(), raw); err != nil {
					t.Errorf("the other key under the same id: %v", err)
				}
			})
		}
		group.Wait()
		if n := issuer.Calls(posterntest.KeySet) - before; n != 1 {
			t.Errorf("%d fetches, want 1", n)
		}
		if _, err := verifier.Verify(t.Context(), old); !errors.Is(err, postern.ErrSignature) {
			t.Errorf("a token by the key that is gone: %v, want ErrSignature", err)
		}
		before = issuer.Calls(posterntest.KeySet)
		forger := posterntest.NewKey(t, jwt.ES256, changed.ID())
		start := time.Now()
		for n := range 1000 {
			time.Sleep(10 * time.Millisecond)
			if _, err := verifier.Verify(t.Context(), issuer.Token(posterntest.Claims{"n": n}, posterntest.SignedBy(forger))); !errors.Is(err, postern.ErrSignature) {
				t.Errorf("forged: %v", err)
			}
		}
		if n := issuer.Calls(posterntest.KeySet) - before; n > int(time.Since(start)/(2*time.Second))+1 {
			t.Errorf("%d fetches for a thousand forged tokens in %s", n, time.Since(start))
		}
	})
}

func TestFindingK7_AKeyOfSmallOrderIsNotTaken(t *testing.T) {
	issuer := posterntest.NewIssuer(t)
	// The neutral point, and R the base point with S = 1: a signature for every message.
	publish(issuer, append(published(t, issuer), `{"kty":"OKP","crv":"Ed25519","kid":"neutral","x":"AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}`)...)
	unsigned := issuer.Token(nil, posterntest.KeyID("neutral"), posterntest.Algorithm("EdDSA"))
	raw := unsigned[:strings.LastIndexByte(unsigned, '.')] + ".WGZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmYBAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	if _, err := issuer.Verifier(issuer.Audience).Verify(t.Context(), raw); !errors.Is(err, postern.ErrSignature) || !strings.Contains(err.Error(), "small order") {
		t.Errorf("%v, want ErrSignature that names the reason", err)
	}
}

func TestFindingK5_MetadataThatNobodyNeedsRefuseNobody(t *testing.T) {
	for name, text := range map[string]string{
		"an introspection endpoint that is null":  `{"issuer":%q,"jwks_uri":"%s/keys","introspection_endpoint":null}`,
		"a token endpoint over http":              `{"issuer":%q,"jwks_uri":"%s/keys","token_endpoint":"http://issuer.test/token"}`,
		"a token endpoint without a host":         `{"issuer":%q,"jwks_uri":"%s/keys","token_endpoint":"/token"}`,
		"a byte order mark, and a member twice":   "\ufeff" + `{"issuer":%q,"jwks_uri":"%s/keys","a":1,"a":2}`,
		"a member nested deeper than anybody can": `{"issuer":%q,"jwks_uri":"%s/keys","a":` + strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000) + `}`,
	} {
		issuer := posterntest.NewIssuer(t)
		issuer.Outage(posterntest.Body(fmt.Sprintf(text, issuer.URL, issuer.URL)), posterntest.Metadata)
		if _, err := issuer.Verifier(issuer.Audience).Verify(t.Context(), issuer.Token(nil)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestFindingK5_ThePageOfAnApplicationIsNotMetadata(t *testing.T) {
	issuer := posterntest.NewIssuer(t)
	inner := issuer.Client().Transport
	verifier := newVerifier(t, issuer, func(c *jwt.Config) {
		c.HTTPClient = &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
			texts := map[string]string{
				"/.well-known/openid-configuration":       "<!doctype html><div id=root></div>",
				"/.well-known/oauth-authorization-server": fmt.Sprintf(`{"issuer":%q,"jwks_uri":"%s/keys"}`, issuer.URL, issuer.URL),
			}
			if text, ok := texts[r.URL.Path]; ok {
				return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(text)), Request: r}, nil
			}
			return inner.RoundTrip(r)
		})}
	})
	if _, err := verifier.Verify(t.Context(), issuer.Token(nil)); err != nil {
		t.Error(err)
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestFindingT6_AByteOrderMarkBeforeTheKeySet(t *testing.T) {
	issuer := posterntest.NewIssuer(t)
	issuer.Outage(posterntest.Body("\ufeff"+`{"keys":[`+strings.Join(published(t, issuer), ",")+`]}`), posterntest.KeySet)
	if _, err := issuer.Verifier(issuer.Audience).Verify(t.Context(), issuer.Token(nil)); err != nil {
		t.Error(err)
	}
}

func TestFindingK6_AnIssuerThatHangsIsAnswered503After5Seconds(t *testing.T) {
	for name, endpoints := range map[string][]posterntest.Endpoint{
		"everywhere": nil,
		"the keys":   {posterntest.KeySet},
		"one place":  {posterntest.Metadata},
	} {
		synctest.Test(t, func(t *testing.T) {
			issuer := posterntest.NewIssuer(t)
			issuer.Outage(posterntest.Hang(), endpoints...)
			verifier := issuer.Verifier(issuer.Audience)
			start := time.Now()
			if _, err := verifier.Verify(t.Context(), issuer.Token(nil)); !errors.Is(err, postern.ErrUnavailable) || time.Since(start) > 5*time.Second {
				t.Errorf("%s: %v after %s, want ErrUnavailable in 5 s", name, err, time.Since(start))
			}
			time.Sleep(10 * time.Second)
		})
	}
}

package jwt_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/postern-auth/postern"
	"github.com/postern-auth/postern/internal/jws"
	"github.com/postern-auth/postern/jwt"
	"github.com/postern-auth/postern/posterntest"
)

func TestJ3_AlgorithmAndKeyAreBoundToEachOther(t *testing.T) {
	issuer := posterntest.NewIssuer(t)
	p384 := posterntest.NewKey(t, jwt.ES384, "p384")
	ps := posterntest.NewKey(t, jwt.PS256, "ps")
	issuer.Publish(p384)
	issuer.Publish(ps)
	other := posterntest.NewKey(t, jwt.ES256, issuer.Key().ID())
	judge(t, issuer, nil, []verdict{
		{"the issuer's key and algorithm", issuer.Token(nil), nil},
		{"an algorithm that is not configured", issuer.Token(nil, posterntest.SignedBy(p384)), postern.ErrSignature},
		{"ES256 in the header, a P-384 key", issuer.Token(nil, posterntest.SignedBy(p384), posterntest.Algorithm("ES256")), postern.ErrSignature},
		{"RS256 in the header, a key for PS256", issuer.Token(nil, posterntest.SignedBy(ps), posterntest.Algorithm("RS256")), postern.ErrSignature},
		{"RS256 in the header, an EC key", issuer.Token(nil, posterntest.Algorithm("RS256")), postern.ErrSignature},
		{"EdDSA in the header, an EC key", issuer.Token(nil, posterntest.Algorithm("EdDSA")), postern.ErrSignature},
		{"an HMAC", issuer.Token(nil, posterntest.Algorithm("HS256")), postern.ErrSignature},
		{"none", issuer.Token(nil, posterntest.Algorithm("none")), postern.ErrSignature},
		{"none in another case", issuer.Token(nil, posterntest.Algorithm("nOnE")), postern.ErrSignature},
		{"the algorithm in lower case", issuer.Token(nil, posterntest.Algorithm("es256")), postern.ErrSignature},
		{"no algorithm", issuer.Token(nil, posterntest.Header("alg", nil)), postern.ErrMalformed},
		{"an algorithm that is not a string", issuer.Token(nil, posterntest.Header("alg", 1)), postern.ErrMalformed},
		{"another key under the issuer's key id", issuer.Token(nil, posterntest.SignedBy(other)), postern.ErrSignature},
		{"no key id, the issuer's key", issuer.Token(nil, posterntest.KeyID("")), nil},
		{"no key id, another key", issuer.Token(nil, posterntest.SignedBy(other), posterntest.KeyID("")), postern.ErrSignature},
	})
	judge(t, issuer, func(c *jwt.Config) { c.Algorithms = []string{jwt.ES384} }, []verdict{
		{"the one configured", issuer.Token(nil, posterntest.SignedBy(p384)), nil},
		{"a default one when others are configured", issuer.Token(nil), postern.ErrSignature},
	})
}

func TestJ4_KeysThatTheTokenBringsAreNeverFetched(t *testing.T) {
	issuer := posterntest.NewIssuer(t)
	evil := posterntest.NewKey(t, jwt.ES256, "evil")
	mine := posterntest.NewKey(t, jwt.ES256, issuer.Key().ID()) // the attacker's, under the issuer's key id
	key, err := jws.NewKey("", "", mine.Public())
	if err != nil {
		t.Fatal(err)
	}
	verifier := issuer.Verifier(issuer.Audience)
	for _, member := range []struct {
		name  string
		value any
	}{
		{"jwk", key}, {"jwk", "https://evil.test/jwk"}, {"jwk", nil}, {"jku", "https://evil.test/keys"}, {"jku", 1}, {"x5u", "https://evil.test/cert"},
		{"x5c", []string{"MIIB"}}, {"x5c", "https://evil.test/x5c"}, {"x5t", 1}, {"x5t#S256", []int{1}},
	} {
		set := posterntest.Header(member.name, member.value)
		for name, raw := range map[string]string{
			"under a key id of its own":    issuer.Token(nil, posterntest.SignedBy(evil), set, posterntest.KeyID("")),
			"under the issuer's key id":    issuer.Token(nil, posterntest.SignedBy(mine), set),
			"under the issuer's, retagged": issuer.Token(nil, posterntest.SignedBy(evil), posterntest.KeyID(issuer.Key().ID()), set),
		} {
			if _, err := verifier.Verify(t.Context(), raw); !errors.Is(err, postern.ErrSignature) {
				t.Errorf("%s, the attacker's key %s: %v, want ErrSignature", member.name, name, err)
			}
		}
		if _, err := verifier.Verify(t.Context(), issuer.Token(nil, set)); err != nil {
			t.Errorf("%s, the issuer's own key: %v", member.name, err)
		}
		critical := issuer.Token(nil, set, posterntest.Header("crit", []string{member.name}))
		if _, err := verifier.Verify(t.Context(), critical); !errors.Is(err, postern.ErrMalformed) {
			t.Errorf("%s named by crit: %v, want ErrMalformed", member.name, err)
		}
	}
	if n := issuer.Strays(); n != 0 {
		t.Errorf("%d calls to others than the issuer, want none", n)
	}
}

func TestJ6_ExtensionsAreRefused(t *testing.T) {
	issuer := posterntest.NewIssuer(t)
	verifier := issuer.Verifier(issuer.Audience)
	for _, member := range []string{"crit", "b64", "enc", "zip"} {
		for _, value := range []any{"x", json.RawMessage("null"), []string{}, []string{"exp"}, true} {
			if _, err := verifier.Verify(t.Context(), issuer.Token(nil, posterntest.Header(member, value))); !errors.Is(err, postern.ErrMalformed) {
				t.Errorf("%s %s: %v, want ErrMalformed", member, value, err)
			}
		}
	}
	if n := issuer.Calls(posterntest.KeySet); n != 0 {
		t.Errorf("%d fetches of keys, want none", n)
	}
}

func TestJ10_TimesToTheSecond(t *testing.T) {
	issuer := posterntest.NewIssuer(t)
	now := issuer.Clock.Now().Unix()
	at := func(claim string, offset int64) string { return issuer.Token(claims{claim: now + offset}) }
	judge(t, issuer, nil, []verdict{
		{"exp absent", issuer.Token(claims{"exp": nil}), postern.ErrMalformed},
		{"exp null", issuer.Token(claims{"exp": json.RawMessage("null")}), postern.ErrMalformed},
		{"exp as a string", issuer.Token(claims{"exp": "9999999999"}), postern.ErrMalformed},
		{"exp zero", issuer.Token(claims{"exp": 0}), postern.ErrExpired},
		{"exp negative", issuer.Token(claims{"exp": -1}), postern.ErrMalformed},
		{"exp beyond the year 9999", issuer.Token(claims{"exp": json.RawMessage("1e400")}), postern.ErrMalformed},
		{"exp of 2^63", issuer.Token(claims{"exp": json.RawMessage("9223372036854775808")}), postern.ErrMalformed},
		{"exp a second ahead", at("exp", 1), nil},
		{"exp now, within the leeway", at("exp", 0), nil},
		{"exp 9 s ago, within the leeway", at("exp", -9), nil},
		{"exp 9.5 s ago, within the leeway", issuer.Token(claims{"exp": float64(now) - 9.5}), nil},
		{"exp 10 s ago, at the leeway", at("exp", -10), postern.ErrExpired},
		{"exp 11 s ago", at("exp", -11), postern.ErrExpired},
		{"nbf now", at("nbf", 0), nil},
		{"nbf in 10 s, at the leeway", at("nbf", 10), nil},
		{"nbf in 11 s", at("nbf", 11), postern.ErrNotYetValid},
		{"nbf as a string", issuer.Token(claims{"nbf": "1"}), postern.ErrMalformed},
		{"iat absent", issuer.Token(claims{"iat": nil}), nil},
		{"iat in 10 s, at the leeway", at("iat", 10), nil},
		{"iat in 11 s", at("iat", 11), postern.ErrNotYetValid},
		{"iat years ago", at("iat", -1e8), nil},
	})
	judge(t, issuer, func(c *jwt.Config) { c.Leeway = -1 }, []verdict{
		{"exp in 1 s, no leeway", at("exp", 1), nil},
		{"exp now, no leeway", at("exp", 0), postern.ErrExpired},
		{"nbf in 1 s, no leeway", at("nbf", 1), postern.ErrNotYetValid},
	})
	judge(t, issuer, func(c *jwt.Config) { c.Leeway = time.Minute }, []verdict{
		{"exp 59 s ago, leeway of a minute", at("exp", -59), nil},
		{"exp 60 s ago, leeway of a minute", at("exp", -60), postern.ErrExpired},
	})
}

func TestJ10_ARememberedTokenStillExpires(t *testing.T) {
	issuer := posterntest.NewIssuer(t)
	verifier := issuer.Verifier(issuer.Audience)
	raw := issuer.Token(nil)
	for _, step := range []struct {
		advance time.Duration
		want    error
	}{{0, nil}, {10 * time.Minute, nil}, {9 * time.Second, nil}, {time.Second, postern.ErrExpired}, {-time.Hour, postern.ErrNotYetValid}} {
		issuer.Clock.Advance(step.advance)
		if _, err := verifier.Verify(t.Context(), raw); !errors.Is(err, step.want) {
			t.Errorf("after %s more: %v, want %v", step.advance, err, step.want)
		}
	}
}

func TestJ11_AudienceIsComparedToTheByte(t *testing.T) {
	issuer := posterntest.NewIssuer(t)
	aud := func(value any) string { return issuer.Token(claims{"aud": value}) }
	many := make([]string, 300)
	for i := range many {
		many[i] = fmt.Sprintf("https://api.test/%d", i)
	}
	judge(t, issuer, nil, []verdict{
		{"a string", aud(issuer.Audience), nil},
		{"an array of one", aud([]string{issuer.Audience}), nil},
		{"one of several", aud([]string{"https://a.test", issuer.Audience, "https://b.test"}), nil},
		{"the last of 301", aud(append(many, issuer.Audience)), nil},
		{"none of 300", aud(many), postern.ErrAudience},
		{"absent", aud(nil), postern.ErrAudience},
		{"null", aud(json.RawMessage("null")), postern.ErrMalformed},
		{"empty", aud(""), postern.ErrAudience},
		{"an empty array", aud([]string{}), postern.ErrAudience},
		{"an array of an empty string", aud([]string{""}), postern.ErrAudience},
		{"nested arrays", aud([][]string{{issuer.Audience}}), postern.ErrMalformed},
		{"an object", aud(claims{issuer.Audience: true}), postern.ErrMalformed},
		{"a number", aud(1), postern.ErrMalformed},
		{"a number beside the right one", aud([]any{issuer.Audience, 1}), postern.ErrMalformed},
		{"a longer one", aud(issuer.Audience + ".evil.test"), postern.ErrAudience},
		{"a shorter one", aud("https://api"), postern.ErrAudience},
		{"another case", aud("https://API.test"), postern.ErrAudience},
		{"a final slash", aud(issuer.Audience + "/"), postern.ErrAudience},
		{"a NUL behind it", aud(issuer.Audience + "\x00"), postern.ErrAudience},
		{"two in a string", aud("https://a.test " + issuer.Audience), postern.ErrAudience},
	})
	judge(t, issuer, func(c *jwt.Config) { c.Audiences = []string{"second"} }, []verdict{
		{"the second of two that are accepted", aud("second"), nil},
		{"the first of two that are accepted", aud(issuer.Audience), nil},
		{"a third", aud("third"), postern.ErrAudience},
	})
	judge(t, issuer, func(c *jwt.Config) { c.Audience, c.InsecureNoAudience = "", true }, []verdict{
		{"any, insecurely", aud("whatever"), nil},
		{"none, insecurely", aud(nil), nil},
	})
}

func TestJ12_IssuerIsComparedToTheByte(t *testing.T) {
	issuer := posterntest.NewIssuer(t)
	for name, iss := range map[string]any{
		"a final slash":    issuer.URL + "/",
		"another case":     "https://Issuer.test",
		"a longer one":     issuer.URL + ".evil.test",
		"a shorter one":    "https://issuer",
		"another tenant":   issuer.URL + "/tenant",
		"a port":           issuer.URL + ":443",
		"user information": "https://evil@issuer.test",
		"absent":           nil,
		"empty":            "",
	} {
		t.Run(name, func(t *testing.T) {
			_, err := issuer.Verifier(issuer.Audience).Verify(t.Context(), issuer.Token(claims{"iss": iss}))
			if !errors.Is(err, postern.ErrIssuer) || !errors.Is(err, postern.ErrNotMine) {
				t.Errorf("%v, want ErrIssuer and ErrNotMine", err)
			}
		})
	}
	for name, iss := range map[string]any{"a number": 1, "an array": []string{issuer.URL}, "null": json.RawMessage("null")} {
		t.Run(name, func(t *testing.T) {
			_, err := issuer.Verifier(issuer.Audience).Verify(t.Context(), issuer.Token(claims{"iss": iss}))
			if !errors.Is(err, postern.ErrMalformed) {
				t.Errorf("%v, want ErrMalformed", err)
			}
		})
	}
}

func TestJ12_OneIssuersKeySignsForNoOther(t *testing.T) {
	a, b := posterntest.NewIssuer(t), posterntest.NewIssuer(t)
	b.URL = "https://b.test"
	verifier := postern.ByIssuer(map[string]postern.Verifier{a.URL: a.Verifier(a.Audience), b.URL: b.Verifier(b.Audience)})
	for name, test := range map[string]struct {
		raw  string
		want error
	}{
		"A signs for A":                     {a.Token(nil), nil},
		"B signs for B":                     {b.Token(nil), nil},
		"A signs for B":                     {a.Token(claims{"iss": b.URL}), postern.ErrSignature},
		"A signs for B, under B's key id":   {a.Token(claims{"iss": b.URL}, posterntest.KeyID(b.Key().ID())), postern.ErrSignature},
		"A signs for B, without a key id":   {a.Token(claims{"iss": b.URL}, posterntest.KeyID("")), postern.ErrSignature},
		"A signs for somebody else":         {a.Token(claims{"iss": "https://c.test"}), postern.ErrNotMine},
		"A's and B's name, the first twice": {a.Token(nil, posterntest.Payload(`{"iss":"https://issuer.test","iss":"https://b.test"}`)), postern.ErrMalformed},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := verifier.Verify(t.Context(), test.raw); !errors.Is(err, test.want) {
				t.Errorf("%v, want %v", err, test.want)
			}
		})
	}
}

func TestJ13_WhatIsNoAccessTokenIsRefused(t *testing.T) {
	issuer := posterntest.NewIssuer(t)
	typ := func(typ string) string { return issuer.Token(nil, posterntest.Type(typ)) }
	plain := func(set claims) string { return issuer.Token(set, posterntest.Type("JWT")) }
	judge(t, issuer, nil, []verdict{
		{"at+jwt", typ("at+jwt"), nil},
		{"application/at+jwt in another case", typ("Application/AT+JWT"), nil},
		{"JWT", typ("JWT"), nil},
		{"no type", typ(""), nil},
		{"an empty type", issuer.Token(nil, posterntest.Header("typ", "")), nil},
		{"id_token+jwt", typ("id_token+jwt"), postern.ErrMalformed},
		{"logout+jwt", typ("logout+jwt"), postern.ErrMalformed},
		{"dpop+jwt", typ("dpop+jwt"), postern.ErrMalformed},
		{"secevent+jwt", typ("secevent+jwt"), postern.ErrMalformed},
		{"client-authentication+jwt", typ("client-authentication+jwt"), postern.ErrMalformed},
		{"token-introspection+jwt", typ("token-introspection+jwt"), postern.ErrMalformed},
		{"at+jwt with a parameter", typ("at+jwt; a=b"), postern.ErrMalformed},
		{"a type that is not a string", issuer.Token(nil, posterntest.Header("typ", 1)), postern.ErrMalformed},
		{"an ID token, by at_hash", plain(claims{"at_hash": "x"}), postern.ErrMalformed},
		{"an ID token, by c_hash", plain(claims{"c_hash": "x"}), postern.ErrMalformed},
		{"an ID token, by nonce", plain(claims{"nonce": "x"}), postern.ErrMalformed},
		{"an ID token, by nonce, without a type", issuer.Token(claims{"nonce": "x"}, posterntest.Type("")), postern.ErrMalformed},
		{"an ID token, by token_use", plain(claims{"token_use": "id"}), postern.ErrMalformed},
		{"an access token, by token_use", plain(claims{"token_use": "access"}), nil},
		{"a security event", plain(claims{"events": claims{"x": claims{}}}), postern.ErrMalformed},
		{"a nonce in what says that it is an access token", issuer.Token(claims{"nonce": "x"}), nil},
		{"a client assertion", plain(claims{"iss": "client-1", "sub": "client-1", "aud": issuer.URL}), postern.ErrNotMine},
	})
	judge(t, issuer, func(c *jwt.Config) { c.RequireATJWT = true }, []verdict{
		{"at+jwt when required", typ("at+jwt"), nil},
		{"JWT when at+jwt is required", typ("JWT"), postern.ErrMalformed},
		{"no type when at+jwt is required", typ(""), postern.ErrMalformed},
	})
}

func TestMalformedConfirmationIsNoBearerToken(t *testing.T) {
	issuer := posterntest.NewIssuer(t)
	var verdicts []verdict
	for name, cnf := range map[string]string{
		"null": `null`, "an empty object": `{}`, "a string": `"jkt"`, "an array": `[{"jkt":"a"}]`, "false": `false`, "a number": `1`,
	} {
		verdicts = append(verdicts, verdict{"cnf is " + name, issuer.Token(claims{"cnf": json.RawMessage(cnf)}), postern.ErrMalformed})
	}
	judge(t, issuer, nil, verdicts)
}

func TestJ8_DuplicateAndCaseVariantMembers(t *testing.T) {
	issuer := posterntest.NewIssuer(t)
	exp := issuer.Clock.Now().Unix() + 60
	payload := func(more string) string {
		return issuer.Token(nil, posterntest.Payload(fmt.Sprintf(`{"iss":%q,"aud":%q,"exp":%d,"scope":"a"%s}`, issuer.URL, issuer.Audience, exp, more)))
	}
	verifier := issuer.Verifier(issuer.Audience)
	token, err := verifier.Verify(t.Context(), payload(`,"SCOPE":"admin","ſcope":"evil"`))
	if err != nil || token.HasScope("admin") || token.HasScope("evil") || !token.HasScope("a") {
		t.Errorf("case variants: %v, want the scope a alone", err)
	}
	judge(t, issuer, nil, []verdict{
		{"two scopes", payload(`,"scope":"admin"`), postern.ErrMalformed},
		{"two scopes, one escaped", payload(`,"\u0073cope":"admin"`), postern.ErrMalformed},
		{"two names deep inside", payload(`,"x":{"a":1,"a":2}`), postern.ErrMalformed},
		{"a second object behind the first", payload(`}{"scope":"admin"`), postern.ErrMalformed},
		{"a subject that is a number", payload(`,"sub":1`), postern.ErrMalformed},
	})
}

func TestJ17_HugeTokensCostNothing(t *testing.T) {
	issuer := posterntest.NewIssuer(t)
	var many strings.Builder
	for i := range 1600 {
		fmt.Fprintf(&many, `,"%x":0`, i)
	}
	verifier := issuer.Verifier(issuer.Audience)
	for name, raw := range map[string]string{
		"a million dots":                   strings.Repeat(".", 1e6),
		"900 KB of letters":                strings.Repeat("A", 900<<10),
		"900 KB in three parts":            strings.Repeat("A", 300<<10) + "." + strings.Repeat("A", 300<<10) + "." + strings.Repeat("A", 300<<10),
		"as many claims as fit":            issuer.Token(nil, posterntest.Payload("{"+many.String()[1:]+"}")),
		"as deep as fits":                  issuer.Token(nil, posterntest.Payload(`{"a":`+strings.Repeat("[", 11000))),
		"a key id of 12 KB":                issuer.Token(nil, posterntest.KeyID(strings.Repeat("k", 12<<10))),
		"an audience list as long as fits": issuer.Token(claims{"aud": strings.Split(strings.Repeat("a", 2500), "")}),
	} {
		t.Run(name, func(t *testing.T) {
			least, bytes := time.Hour, uint64(1<<40)
			for range 20 {
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				start := time.Now()
				_, err := verifier.Verify(t.Context(), raw)
				took := time.Since(start)
				runtime.ReadMemStats(&after)
				if err == nil {
					t.Fatal("accepted")
				}
				if text := err.Error(); len(text) > 2<<10 {
					t.Fatalf("the error has %d bytes", len(text))
				}
				least, bytes = min(least, took), min(bytes, after.TotalAlloc-before.TotalAlloc)
			}
			if least > time.Millisecond && !racy {
				t.Errorf("took %s at least, want at most 1 ms", least)
			}
			if bytes > 64<<10 && !racy {
				t.Errorf("allocated %d bytes, want at most 64 KB", bytes)
			}
		})
	}
	if n := issuer.Calls(posterntest.KeySet); n != 0 {
		t.Errorf("the keys were asked for %d times, want never", n)
	}
}

func TestGarbageCostsNoSignatureCheck(t *testing.T) {
	issuer := posterntest.NewIssuer(t)
	verifier := issuer.Verifier(issuer.Audience)
	for name, raw := range map[string]string{
		"no JWT": "garbage", "empty": "", "three empty parts": "..", "no JSON": "YQ.YQ.YQ",
		"another issuer": issuer.Token(claims{"iss": "https://other.test"}), "another audience": issuer.Token(claims{"aud": "x"}),
		"expired": issuer.Token(claims{"exp": 1}), "no exp": issuer.Token(claims{"exp": nil}),
		"of the future": issuer.Token(claims{"nbf": 9999999999}), "an ID token": issuer.Token(claims{"nonce": "n"}, posterntest.Type("JWT")),
		"another type": issuer.Token(nil, posterntest.Type("logout+jwt")), "an HMAC": issuer.Token(nil, posterntest.Algorithm("HS256")),
		"an unreadable claim": issuer.Token(claims{"sub": 1}), "an extension": issuer.Token(nil, posterntest.Header("crit", []string{"jwk"}), posterntest.Header("jwk", claims{})),
		"an iat that is not a time": issuer.Token(claims{"iat": "now"}), "no aud": issuer.Token(claims{"aud": json.RawMessage("null")}),
	} {
		if _, err := verifier.Verify(t.Context(), raw); err == nil || errors.Is(err, postern.ErrUnavailable) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// Who has no keys can check no signature.
	if n := issuer.Calls(posterntest.KeySet) + issuer.Calls(posterntest.Metadata); n != 0 {
		t.Errorf("the keys were asked for %d times, want never", n)
	}
}

func TestJ19_NoSettingTakesAnHMACSecret(t *testing.T) {
	suspicious := regexp.MustCompile(`(?i)secret|hmac|symmetric|password|private|sharedkey`)
	var walk func(path string, typ reflect.Type)
	walk = func(path string, typ reflect.Type) {
		for i := range typ.NumField() {
			field := typ.Field(i)
			name := path + "." + field.Name
			if suspicious.MatchString(field.Name) {
				t.Errorf("%s sounds like a secret", name)
			}
			switch kind := field.Type.Kind(); {
			case kind == reflect.Slice && field.Type.Elem().Kind() == reflect.Uint8, kind == reflect.Interface:
				t.Errorf("%s of type %s could hold a key", name, field.Type)
			case kind == reflect.Struct:
				walk(name, field.Type)
			}
		}
	}
	typ := reflect.TypeFor[jwt.Config]()
	if typ.NumField() == 0 {
		t.Fatal("Config has no fields")
	}
	walk("Config", typ)
	for _, alg := range []string{"HS256", "HS384", "HS512", "none", "", "RSA1_5", "dir", "hs256"} {
		if _, err := jwt.NewVerifier(jwt.Config{Issuer: "https://issuer.test", Audience: "a", Algorithms: []string{alg}}); err == nil {
			t.Errorf("algorithm %q is accepted", alg)
		}
	}
}

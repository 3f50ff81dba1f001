package introspection_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/postern-auth/postern"
	"github.com/postern-auth/postern/clientauth"
	"github.com/postern-auth/postern/introspection"
	"github.com/postern-auth/postern/posterntest"
)

var null = json.RawMessage("null")

// verdict is an answer about a token, and what must become of it.
type verdict struct {
	name   string
	answer claims // changes one that is good
	want   error
}

// judge holds verifiers to verdicts: one that is answered as RFC 7662 has it, one that wants signed answers,
// and each of them twice, for a cache must change no decision. It returns the last error of each verdict.
func judge(t *testing.T, issuer *posterntest.Issuer, change func(*introspection.Config), verdicts []verdict) map[string]error {
	t.Helper()
	last := make(map[string]error)
	config := func(c *introspection.Config) {
		c.Now = issuer.Clock.Now
		if change != nil {
			change(c)
		}
	}
	for _, v := range verdicts {
		answer := claims{"active": true, "iss": issuer.URL, "aud": issuer.Audience, "exp": issuer.Clock.Now().Unix() + 60}
		maps.Copy(answer, v.answer)
		text, err := json.Marshal(answer)
		if err != nil {
			t.Fatal(err)
		}
		try := func(form string, verifier *introspection.Verifier) {
			for use := range 2 {
				token, err := verifier.Verify(t.Context(), "raw")
				if !errors.Is(err, v.want) || (token == nil) == (err == nil) {
					t.Errorf("%s, %s, use %d: token %v, error %v; want error %v", v.name, form, use, token, err, v.want)
				}
				last[v.name] = err
			}
		}
		issuer.Answer("raw", string(text))
		try("plain", newVerifier(t, issuer, config))
		answerSigned(issuer, signedMedia, envelope(issuer, claims{"token_introspection": answer}))
		try("signed", newSigned(t, issuer, config))
		issuer.Recover()
	}
	return last
}

func TestFindingR1_ARightThatSaysFalseInAnAnswerIsNotGiven(t *testing.T) {
	issuer := posterntest.NewIssuer(t)
	verifier := newVerifier(t, issuer, nil)
	rights := claims{"no": false, "null": nil, "zero": 0, "empty": "", "list": []string{}, "nothing": claims{}, "yes": true, "there": claims{"1001": "acme.example"}}
	token, err := verifier.Verify(t.Context(), issuer.Opaque(claims{"roles": rights, "permissions": rights}))
	if err != nil {
		t.Fatal(err)
	}
	for right := range rights {
		want := right == "yes" || right == "there"
		if token.HasRole(right) != want || token.HasPermission(right) != want {
			t.Errorf("%s: role %v, permission %v, want %v", right, token.HasRole(right), token.HasPermission(right), want)
		}
	}
}

func TestFindingR4_AnEmptyIssuerIsAnotherIssuer(t *testing.T) {
	issuer := posterntest.NewIssuer(t)
	judge(t, issuer, nil, []verdict{
		{"iss is empty", claims{"iss": ""}, postern.ErrIssuer},
		{"iss is a space", claims{"iss": " "}, postern.ErrIssuer},
		{"iss is absent", claims{"iss": null}, nil},
	})
	judge(t, issuer, func(c *introspection.Config) { c.Issuers = []string{"https://alias.test"} }, []verdict{
		{"iss is empty, several are expected", claims{"iss": ""}, postern.ErrIssuer},
		{"iss is another of those expected", claims{"iss": "https://alias.test"}, nil},
	})
}

func TestFindingR4_ARememberedTokenIsHeldToItsBeginning(t *testing.T) {
	issuer := posterntest.NewIssuer(t)
	verifier := newVerifier(t, issuer, func(c *introspection.Config) { c.Now, c.MaxAge = issuer.Clock.Now, time.Hour })
	now := issuer.Clock.Now().Unix()
	raw := issuer.Opaque(claims{"nbf": now, "exp": now + 7200})
	for _, step := range []struct {
		advance time.Duration
		want    error
	}{{0, nil}, {-10 * time.Second, nil}, {-time.Second, postern.ErrNotYetValid}, {time.Minute, nil}} {
		issuer.Clock.Advance(step.advance)
		if _, err := verifier.Verify(t.Context(), raw); !errors.Is(err, step.want) {
			t.Errorf("after %s more: %v, want %v", step.advance, err, step.want)
		}
	}
	if n := calls(issuer); n != 1 {
		t.Errorf("%d calls, want one", n)
	}
}

func TestFindingT1_NullIsAbsentInAnAnswer(t *testing.T) {
	issuer := posterntest.NewIssuer(t)
	last := judge(t, issuer, nil, []verdict{
		{"username", claims{"username": null}, nil},
		{"all that may be absent", claims{
			"iss": null, "sub": null, "scope": null, "client_id": null, "azp": null, "username": null, "preferred_username": null, "token_type": null,
			"nbf": null, "iat": null, "jti": null, "auth_time": null, "acr": null, "roles": null, "permissions": null,
		}, nil},
		{"aud", claims{"aud": null}, postern.ErrAudience},
		{"exp", claims{"exp": null}, postern.ErrMalformed},
		{"cnf", claims{"cnf": null}, postern.ErrMalformed},
		{"active", claims{"active": null}, postern.ErrInactive},
		{"one of two audiences", claims{"aud": []any{issuer.Audience, nil}}, postern.ErrMalformed},
	})
	for _, claim := range []string{"aud", "exp"} {
		if err := last[claim]; err == nil || !strings.Contains(err.Error(), claim+" is absent") {
			t.Errorf("%s null: %v, want an error that says that it is absent", claim, err)
		}
	}
	for name, change := range map[string]func(*introspection.Config){
		"insecurely":            func(c *introspection.Config) { c.Audience, c.InsecureNoAudience = "", true },
		"checked by the server": func(c *introspection.Config) { c.Audience, c.AudienceCheckedByServer = "", true },
		"checked by both":       func(c *introspection.Config) { c.AudienceCheckedByServer = true },
	} {
		judge(t, issuer, change, []verdict{{"aud null, " + name, claims{"aud": null}, nil}})
	}
	judge(t, issuer, func(c *introspection.Config) { c.AudienceCheckedByServer = true }, []verdict{
		{"an empty aud is there, checked by both", claims{"aud": []string{}}, postern.ErrAudience},
	})
	judge(t, issuer, func(c *introspection.Config) { c.InsecureNoExpiry = true }, []verdict{{"exp null, insecurely", claims{"exp": null}, nil}})
}

func TestFindingT1_WhatASignedAnswerLacksIsSaid(t *testing.T) {
	issuer := posterntest.NewIssuer(t)
	for _, member := range []string{"iss", "aud", "iat"} {
		for name, value := range map[string]any{"null": null, "absent": nil} {
			answerSigned(issuer, signedMedia, envelope(issuer, claims{member: value}))
			_, err := newSigned(t, issuer, nil).Verify(t.Context(), "raw")
			if !errors.Is(err, postern.ErrUnavailable) || !strings.Contains(err.Error(), member+" is absent") {
				t.Errorf("%s %s: %v, want an outage that says that it is absent", member, name, err)
			}
		}
	}
	answerSigned(issuer, signedMedia, envelope(issuer, nil, posterntest.Header("kid", null), posterntest.Header("jku", "https://evil.test")))
	if _, err := newSigned(t, issuer, nil).Verify(t.Context(), "raw"); err != nil || issuer.Strays() != 0 {
		t.Errorf("kid null and a jku: %v after %d calls to others", err, issuer.Strays())
	}
}

func TestFindingT1_AJWTWithoutIssuerIsAskedAbout(t *testing.T) {
	issuer := posterntest.NewIssuer(t)
	verifier := newVerifier(t, issuer, nil)
	for name, iss := range map[string]any{"absent": nil, "null": null} {
		if _, err := verifier.Verify(t.Context(), issuer.Token(claims{"iss": iss, "exp": time.Now().Unix() + 60})); errors.Is(err, postern.ErrNotMine) {
			t.Errorf("iss %s: %v", name, err)
		}
	}
	for name, iss := range map[string]any{"empty": "", "a number": 1, "another": "https://other.test"} {
		if _, err := verifier.Verify(t.Context(), issuer.Token(claims{"iss": iss})); !errors.Is(err, postern.ErrNotMine) {
			t.Errorf("iss %s: %v, want ErrNotMine", name, err)
		}
	}
}

func TestFindingT2_MembersThatNobodyAskedForRefuseNoAnswer(t *testing.T) {
	issuer := posterntest.NewIssuer(t)
	odd := claims{
		"username": claims{"first": "Ann"}, "jti": 42, "acr": 1, "auth_time": "2026-03-14T18:52:01.180Z", "iat": "yesterday", "client_id": 7, "azp": claims{},
		"roles": 3, "permissions": false, "ext": []int{1}, "token_use": 5, "device_id": null,
	}
	var verdicts []verdict
	for name, value := range odd {
		verdicts = append(verdicts, verdict{name, claims{name: value}, nil})
	}
	judge(t, issuer, nil, append(verdicts, verdict{"all of them", odd, nil}))
	token, err := newVerifier(t, issuer, nil).Verify(t.Context(), issuer.Opaque(odd))
	if err != nil {
		t.Fatal(err)
	}
	if !token.AuthTime().IsZero() || !token.IssuedAt().IsZero() || token.ACR()+token.ID()+token.Username()+token.ClientID() != "" {
		t.Errorf("what cannot be read is not empty: %+v", token)
	}
	if err := postern.FreshLogin(time.Hour).Check(t.Context(), token); !errors.Is(err, postern.ErrStepUp) {
		t.Errorf("a fresh login: %v, want ErrStepUp", err)
	}
	judge(t, issuer, nil, []verdict{
		{"iss that is not a string", claims{"iss": 1}, postern.ErrMalformed},
		{"sub that is not a string", claims{"sub": 1}, postern.ErrMalformed},
		{"nbf that is not a number", claims{"nbf": "1"}, postern.ErrMalformed},
		{"exp that is not a number", claims{"exp": "9999999999"}, postern.ErrMalformed},
		{"scope that is an object", claims{"scope": claims{"admin": true}}, postern.ErrMalformed},
		{"token_type that is not a string", claims{"token_type": []string{"Bearer"}}, postern.ErrMalformed},
	})
}

func TestFindingT6_ClocksMayDifferByTheLeeway(t *testing.T) {
	issuer := posterntest.NewIssuer(t)
	now := issuer.Clock.Now().Unix()
	judge(t, issuer, nil, []verdict{
		{"exp 3 s ago", claims{"exp": now - 3}, nil},
		{"exp 9 s ago", claims{"exp": now - 9}, nil},
		{"exp 10 s ago", claims{"exp": now - 10}, postern.ErrExpired},
		{"nbf in 10 s", claims{"nbf": now + 10}, nil},
		{"nbf in 11 s", claims{"nbf": now + 11}, postern.ErrNotYetValid},
	})
	judge(t, issuer, func(c *introspection.Config) { c.Leeway = time.Minute }, []verdict{
		{"exp 59 s ago, leeway of a minute", claims{"exp": now - 59}, nil},
		{"exp 60 s ago, leeway of a minute", claims{"exp": now - 60}, postern.ErrExpired},
		{"nbf in 60 s, leeway of a minute", claims{"nbf": now + 60}, nil},
	})
	judge(t, issuer, func(c *introspection.Config) { c.Leeway = -1 }, []verdict{
		{"exp now, no leeway", claims{"exp": now}, postern.ErrExpired},
		{"nbf in a second, no leeway", claims{"nbf": now + 1}, postern.ErrNotYetValid},
	})
	for _, test := range []struct {
		leeway time.Duration
		iat    int64
		good   bool
	}{{0, now + 10, true}, {0, now + 11, false}, {-1, now + 1, false}, {-1, now - 5, true}, {-1, now - 6, false}, {time.Minute, now + 60, true}, {time.Minute, now - 65, true}} {
		answerSigned(issuer, signedMedia, envelope(issuer, claims{"iat": test.iat}))
		verifier := newSigned(t, issuer, func(c *introspection.Config) { c.Leeway = test.leeway })
		if _, err := verifier.Verify(t.Context(), "raw"); (err == nil) != test.good {
			t.Errorf("leeway %s, signed %d s from now: %v, want good %v", test.leeway, test.iat-now, err, test.good)
		}
	}
}

// From exp on the server is asked for every use: its clock decides, and what it said before serves no longer.
func TestFindingT6_WithinTheLeewayTheServerDecides(t *testing.T) {
	issuer := posterntest.NewIssuer(t)
	verifier := newVerifier(t, issuer, func(c *introspection.Config) { c.Now, c.MaxAge = issuer.Clock.Now, time.Hour })
	now := issuer.Clock.Now().Unix()
	issuer.Answer("raw", fmt.Sprintf(`{"active":true,"aud":%q,"exp":%d}`, issuer.Audience, now+60))
	use := func(advance time.Duration, want error, asked int) {
		t.Helper()
		issuer.Clock.Advance(advance)
		if _, err := verifier.Verify(t.Context(), "raw"); !errors.Is(err, want) || calls(issuer) != asked {
			t.Errorf("after %s more: %v after %d calls, want %v after %d", advance, err, calls(issuer), want, asked)
		}
	}
	use(0, nil, 1)
	use(59*time.Second, nil, 1)
	use(time.Second, nil, 2)
	use(8*time.Second, nil, 3)
	use(2*time.Second, postern.ErrExpired, 3)
	use(-3*time.Second, nil, 4)
	issuer.Answer("raw", `{"active":false}`)
	use(0, postern.ErrInactive, 5)
}

func TestFindingT6_LongerTokensAreAskedAboutWhenConfigured(t *testing.T) {
	issuer := posterntest.NewIssuer(t)
	long := strings.Repeat("a", 40<<10)
	issuer.Answer(long, `{"active":true,"aud":"https://api.test","exp":9999999999}`)
	for _, test := range []struct {
		most int
		want error
	}{{0, postern.ErrMalformed}, {len(long) - 1, postern.ErrMalformed}, {len(long), nil}} {
		verifier := newVerifier(t, issuer, func(c *introspection.Config) { c.MaxTokenBytes = test.most })
		if _, err := verifier.Verify(t.Context(), long); !errors.Is(err, test.want) {
			t.Errorf("at most %d bytes: %v, want %v", test.most, err, test.want)
		}
	}
	if n := calls(issuer); n != 1 {
		t.Errorf("%d calls, want one", n)
	}
}

func TestFindingD8_SettingsThatNoAnswerCanMeetAreNamedAtStart(t *testing.T) {
	good := introspection.Config{Issuer: "https://issuer.test", Audience: "api", Auth: clientauth.SecretBasic("id", "secret")}
	for _, test := range []struct {
		name   string
		change func(*introspection.Config)
		want   string
	}{
		{"the issuer is the URL of its metadata", func(c *introspection.Config) { c.Issuer += "/.well-known/openid-configuration" }, "Config.Issuer:"},
		{"the issuer with a query", func(c *introspection.Config) { c.Issuer += "?a=b" }, "Config.Issuer:"},
		{"the issuer with a space behind it", func(c *introspection.Config) { c.Issuer += "/ " }, "Config.Issuer:"},
		{"an empty issuer among several", func(c *introspection.Config) { c.Issuers = []string{""} }, "Config.Issuers"},
		{"another issuer with a line end", func(c *introspection.Config) { c.Issuers = []string{"a", "b\n"} }, "Config.Issuers[1]"},
		{"the metadata in place of the endpoint", func(c *introspection.Config) { c.Endpoint = "https://issuer.test/.well-known/openid-configuration" }, "Config.Endpoint"},
		{"the audience with a line end", func(c *introspection.Config) { c.Audience += "\r\n" }, "Config.Audience:"},
		{"another audience in quotes", func(c *introspection.Config) { c.Audiences = []string{"'b'"} }, "Config.Audiences[0]"},
		{"a negative length", func(c *introspection.Config) { c.MaxTokenBytes = -1 }, "Config.MaxTokenBytes"},
	} {
		config := good
		test.change(&config)
		if _, err := introspection.NewVerifier(config); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want an error that says %s", test.name, err, test.want)
		}
	}
}

func TestFindingT6_AByteOrderMarkBeforeAnAnswerIsIgnored(t *testing.T) {
	issuer := posterntest.NewIssuer(t)
	issuer.Answer("raw", "\ufeff"+`{"active":true,"aud":"https://api.test","exp":9999999999}`)
	issuer.Answer("ended", "\ufeff"+`{"active":false}`)
	verifier := newVerifier(t, issuer, nil)
	if _, err := verifier.Verify(t.Context(), "raw"); err != nil {
		t.Error(err)
	}
	if _, err := verifier.Verify(t.Context(), "ended"); !errors.Is(err, postern.ErrInactive) {
		t.Errorf("%v, want ErrInactive", err)
	}
}

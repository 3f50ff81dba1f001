package jwt_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/postern-auth/postern"
	"github.com/postern-auth/postern/jwt"
	"github.com/postern-auth/postern/posterntest"
)

var null = json.RawMessage("null")

func TestFindingR1_ARightThatSaysFalseIsNotGiven(t *testing.T) {
	issuer := posterntest.NewIssuer(t)
	verifier := newVerifier(t, issuer, func(c *jwt.Config) {
		c.ClaimNames.Roles = []string{"urn:zitadel:iam:org:project:roles", "/access/roles"}
	})
	rights := claims{
		"false": false, "null": nil, "zero": 0, "one": 1, "empty": "", "text": "true", "none": []string{}, "list": []bool{true}, "nothing": claims{},
		"true": true, "somewhere": claims{"1001": "acme.example"},
	}
	for name, set := range map[string]claims{
		"permissions":        {"permissions": rights},
		"ZITADEL's roles":    {"urn:zitadel:iam:org:project:roles": rights},
		"roles below a path": {"access": claims{"roles": rights}},
	} {
		token, err := verifier.Verify(t.Context(), issuer.Token(set))
		if err != nil {
			t.Fatal(err)
		}
		for right := range rights {
			has := postern.Role(right)
			if name == "permissions" {
				has = postern.Permission(right)
			}
			want := right == "true" || right == "somewhere"
			if err := has.Check(t.Context(), token); (err == nil) != want {
				t.Errorf("%s, the value is %s: %v, want given %v", name, right, err, want)
			}
		}
	}
}

func TestFindingT1_NullIsAbsentInATokenAndItsHeader(t *testing.T) {
	issuer := posterntest.NewIssuer(t)
	judge(t, issuer, nil, []verdict{
		{"nbf", issuer.Token(claims{"nbf": null}), nil},
		{"iat", issuer.Token(claims{"iat": null}), nil},
		{"scope", issuer.Token(claims{"scope": null}), nil},
		{"sub", issuer.Token(claims{"sub": null}), nil},
		{"all that may be absent", issuer.Token(claims{
			"sub": null, "jti": null, "client_id": null, "azp": null, "username": null, "acr": null, "auth_time": null, "roles": null, "permissions": null,
		}), nil},
		{"kid", issuer.Token(nil, posterntest.Header("kid", null)), nil},
		{"typ", issuer.Token(nil, posterntest.Header("typ", null)), nil},
		{"cty and x5t", issuer.Token(nil, posterntest.Header("cty", null), posterntest.Header("x5t", null)), nil},
		{"typ null is not at+jwt, so the marks count", issuer.Token(claims{"nonce": "n"}, posterntest.Header("typ", null)), postern.ErrMalformed},
		{"kid null names no key of another", issuer.Token(nil, posterntest.Header("kid", null), posterntest.SignedBy(posterntest.NewKey(t, jwt.ES256, "x"))), postern.ErrSignature},
		{"exp", issuer.Token(claims{"exp": null}), postern.ErrMalformed},
		{"aud", issuer.Token(claims{"aud": null}), postern.ErrAudience},
		{"iss", issuer.Token(claims{"iss": null}), postern.ErrMalformed},
		{"cnf", issuer.Token(claims{"cnf": null}), postern.ErrMalformed},
		{"alg", issuer.Token(nil, posterntest.Header("alg", null)), postern.ErrMalformed},
		{"crit", issuer.Token(nil, posterntest.Header("crit", null)), postern.ErrMalformed},
		{"b64", issuer.Token(nil, posterntest.Header("b64", null)), postern.ErrMalformed},
		{"one of two audiences", issuer.Token(claims{"aud": []any{issuer.Audience, nil}}), postern.ErrMalformed},
		{"one of two scopes", issuer.Token(claims{"scope": []any{"a", nil}}), postern.ErrMalformed},
	})
	judge(t, issuer, func(c *jwt.Config) { c.RequireATJWT = true }, []verdict{
		{"typ null where at+jwt is required", issuer.Token(nil, posterntest.Header("typ", null)), postern.ErrMalformed},
	})
	judge(t, issuer, func(c *jwt.Config) { c.Audience, c.InsecureNoAudience = "", true }, []verdict{
		{"aud null where none is wanted", issuer.Token(claims{"aud": null}), nil},
	})
	verifier := issuer.Verifier(issuer.Audience)
	for claim, raw := range map[string]string{
		"iss": issuer.Token(claims{"iss": null}), "aud": issuer.Token(claims{"aud": null}), "exp": issuer.Token(claims{"exp": null}),
	} {
		if _, err := verifier.Verify(t.Context(), raw); err == nil || !strings.Contains(err.Error(), claim+" is absent") {
			t.Errorf("%s null: %v, want an error that says that it is absent", claim, err)
		}
	}
	token, err := verifier.Verify(t.Context(), issuer.Token(claims{"sub": null, "scope": null}))
	if err != nil || token.Subject() != "" || len(slices.Collect(token.Scopes())) != 0 {
		t.Errorf("%v; sub null and scope null leave subject %q and scopes", err, token.Subject())
	}
}

func TestFindingT1_MarksOfAnIDTokenCountWhateverTheyHold(t *testing.T) {
	issuer := posterntest.NewIssuer(t)
	var verdicts []verdict
	for _, claim := range []string{"at_hash", "c_hash", "nonce", "events", "token_use"} {
		for name, value := range map[string]any{"null": null, "false": false, "a number": 0, "an array": []string{"id"}, "an object": claims{}} {
			verdicts = append(verdicts, verdict{claim + " is " + name, issuer.Token(claims{claim: value}, posterntest.Type("JWT")), postern.ErrMalformed})
		}
	}
	judge(t, issuer, nil, verdicts)
}

func TestFindingT2_ClaimsThatNobodyAskedForRefuseNothing(t *testing.T) {
	issuer := posterntest.NewIssuer(t)
	odd := claims{
		"auth_time": "2026-03-14T18:52:01.180Z", "acr": 1, "jti": 42, "username": claims{"first": "Ann"}, "preferred_username": []string{"ann"},
		"client_id": 7, "azp": []string{"web"}, "amr": "pwd", "email": 1, "name": claims{}, "sid": 5, "roles": 3, "permissions": false, "ver": 1.0,
	}
	verifier := issuer.Verifier(issuer.Audience)
	for name, value := range odd {
		if _, err := verifier.Verify(t.Context(), issuer.Token(claims{name: value}, posterntest.Type("JWT"))); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	token, err := verifier.Verify(t.Context(), issuer.Token(odd, posterntest.Type("JWT")))
	if err != nil {
		t.Fatal(err)
	}
	if !token.AuthTime().IsZero() || token.ACR()+token.ID()+token.Username()+token.ClientID() != "" {
		t.Errorf("auth_time %v, acr %q, jti %q, username %q, client_id %q; want them empty", token.AuthTime(), token.ACR(), token.ID(), token.Username(), token.ClientID())
	}
	for name, requirement := range map[string]postern.Requirement{
		"an age":     postern.FreshLogin(time.Hour),
		"a way":      postern.FreshLogin(0, "1"),
		"a role":     postern.Role("3"),
		"permission": postern.Permission("false"),
	} {
		if err := requirement.Check(t.Context(), token); err == nil {
			t.Errorf("a requirement of %s is met by a claim of the wrong type", name)
		}
	}
}

func TestFindingT2_WhatDecidesStaysStrict(t *testing.T) {
	issuer := posterntest.NewIssuer(t)
	var verdicts []verdict
	for name, values := range map[string][]any{
		"iss": {1, []string{issuer.URL}, claims{}}, "sub": {1, false, []string{"s"}, claims{}}, "aud": {1, claims{issuer.Audience: true}, []any{issuer.Audience, 1}},
		"exp": {"9999999999", true, []int{1}}, "nbf": {"1", false, claims{}}, "iat": {"1", "2026-03-14T18:52:01Z", false, -1, claims{}},
		"cnf": {"x", false, claims{}, []string{}}, "scope": {1, true, claims{"admin": true}, []any{"a", 1}},
	} {
		for _, value := range values {
			text, _ := json.Marshal(value)
			verdicts = append(verdicts, verdict{name + " " + string(text), issuer.Token(claims{name: value}), postern.ErrMalformed})
		}
	}
	judge(t, issuer, nil, verdicts)
}

func TestFindingT3_AHeaderThatSaysWhereTheKeysArePasses(t *testing.T) {
	issuer := posterntest.NewIssuer(t)
	raw := issuer.Token(nil, posterntest.Type("JWT"), posterntest.Header("jku", "https://tenant.example/token_keys"), posterntest.Header("jid", "x"))
	if _, err := issuer.Verifier(issuer.Audience).Verify(t.Context(), raw); err != nil {
		t.Error(err)
	}
	if n := issuer.Strays(); n != 0 {
		t.Errorf("%d calls to others than the issuer", n)
	}
}

func TestFindingT3_TypesOfAnIssuersOwnPassWhenNamed(t *testing.T) {
	issuer := posterntest.NewIssuer(t)
	typ := func(typ string) string { return issuer.Token(nil, posterntest.Type(typ)) }
	judge(t, issuer, nil, []verdict{{"JOSE, unasked", typ("JOSE"), postern.ErrMalformed}})
	judge(t, issuer, func(c *jwt.Config) { c.Types = []string{"JOSE", "application/Vendor+JWT"} }, []verdict{
		{"JOSE", typ("JOSE"), nil},
		{"jose", typ("jose"), nil},
		{"application/JOSE", typ("application/JOSE"), nil},
		{"vendor+jwt", typ("vendor+jwt"), nil},
		{"JWT", typ("JWT"), nil},
		{"at+jwt", typ("at+jwt"), nil},
		{"another", typ("JOSE+JSON"), postern.ErrMalformed},
		{"a logout token", typ("logout+jwt"), postern.ErrMalformed},
		{"JOSE with the mark of an ID token", issuer.Token(claims{"nonce": "n"}, posterntest.Type("JOSE")), postern.ErrMalformed},
	})
	refused := map[string]jwt.Config{
		"an empty one":         {Types: []string{""}},
		"a prefix alone":       {Types: []string{"application/"}},
		"RequireATJWT with it": {Types: []string{"JOSE"}, RequireATJWT: true},
	}
	for _, other := range []string{"logout+jwt", "DPoP+JWT", "application/secevent+jwt", "client-authentication+jwt", "id_token+jwt", "token-introspection+jwt"} {
		refused[other] = jwt.Config{Types: []string{other}}
	}
	for name, config := range refused {
		config.Issuer, config.Audience = "https://issuer.test", "api"
		if _, err := jwt.NewVerifier(config); err == nil || !strings.Contains(err.Error(), "Types") {
			t.Errorf("%s: %v, want an error that names Types", name, err)
		}
	}
}

// dex signs access and ID tokens alike: no typ, and at_hash in both.
func TestFindingT4_TheReasonLeadsWhereAnIssuersTokensCannotBeToldApart(t *testing.T) {
	issuer := posterntest.NewIssuer(t)
	dex := func(change claims) string {
		set := claims{"client_id": nil, "at_hash": "x", "email": "ann@example.com", "email_verified": true, "name": "Ann"}
		for name, value := range change {
			set[name] = value
		}
		return issuer.Token(set, posterntest.Type(""))
	}
	_, err := issuer.Verifier(issuer.Audience).Verify(t.Context(), dex(nil))
	if !errors.Is(err, postern.ErrMalformed) {
		t.Fatalf("%v, want ErrMalformed", err)
	}
	for _, word := range []string{"at_hash", "package introspection", "Config.InsecureAcceptIDTokens", "send the access token"} {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("the reason %q does not name %s", err, word)
		}
	}
	judge(t, issuer, func(c *jwt.Config) { c.InsecureAcceptIDTokens = true }, []verdict{
		{"at_hash", dex(nil), nil},
		{"all marks of an ID token", dex(claims{"c_hash": "x", "nonce": "n", "token_use": "id"}), nil},
		{"a security event", dex(claims{"events": null}), postern.ErrMalformed},
		{"another type", issuer.Token(claims{"at_hash": "x"}, posterntest.Type("logout+jwt")), postern.ErrMalformed},
		{"another audience", dex(claims{"aud": "other"}), postern.ErrAudience},
		{"no end", dex(claims{"exp": nil}), postern.ErrMalformed},
		{"another key", issuer.Token(claims{"at_hash": "x"}, posterntest.Type(""), posterntest.SignedBy(posterntest.NewKey(t, jwt.ES256, issuer.Key().ID()))), postern.ErrSignature},
	})
	judge(t, issuer, func(c *jwt.Config) { c.InsecureAcceptIDTokens, c.AccessTokenMark = true, jwt.Mark{Claim: "cid"} }, []verdict{
		{"a mark that is still wanted", dex(nil), postern.ErrMalformed},
		{"a mark beside at_hash", dex(claims{"cid": "c"}), nil},
	})
	_, err = jwt.NewVerifier(jwt.Config{Issuer: "https://issuer.test", Audience: "a", RequireATJWT: true, InsecureAcceptIDTokens: true})
	if err == nil || !strings.Contains(err.Error(), "InsecureAcceptIDTokens") {
		t.Errorf("with RequireATJWT: %v, want an error that names InsecureAcceptIDTokens", err)
	}
}

func TestFindingT4_AMarkIsNoClaimThatIDTokensHave(t *testing.T) {
	try := func(mark jwt.Mark) error {
		_, err := jwt.NewVerifier(jwt.Config{Issuer: "https://issuer.test", Audience: "a", AccessTokenMark: mark})
		return err
	}
	for _, claim := range []string{
		"iss", "sub", "aud", "exp", "iat", "nbf", "jti", "azp", "auth_time", "acr", "amr", "nonce", "at_hash", "c_hash", "s_hash", "sid", "events",
		"email", "email_verified", "name", "preferred_username", "updated_at", "address",
	} {
		for _, values := range [][]string{nil, {"x"}} {
			if err := try(jwt.Mark{Claim: claim, Values: values}); err == nil || !strings.Contains(err.Error(), "Config.AccessTokenMark") || !strings.Contains(err.Error(), claim) {
				t.Errorf("%s with values %q: %v, want an error that names it", claim, values, err)
			}
		}
	}
	for _, test := range []struct {
		mark jwt.Mark
		good bool
	}{
		{jwt.Mark{Claim: "cid"}, true},
		{jwt.Mark{Claim: "azpacr"}, true},
		{jwt.Mark{Claim: "token_use", Values: []string{"access"}}, true},
		{jwt.Mark{Claim: "token_use"}, false},
		{jwt.Mark{Claim: "typ", Values: []string{"Bearer"}}, true},
		{jwt.Mark{Claim: "typ"}, false},
		{jwt.Mark{Claim: "use", Values: []string{"access", ""}}, false},
	} {
		if err := try(test.mark); (err == nil) != test.good {
			t.Errorf("%+v: %v, want good %v", test.mark, err, test.good)
		}
	}
}

func TestFindingT6_TokensMayBeLongerWhenConfigured(t *testing.T) {
	issuer := posterntest.NewIssuer(t)
	long := issuer.Token(claims{"groups": strings.Repeat("g", 30<<10)})
	judge(t, issuer, nil, []verdict{{"40 KB", long, postern.ErrMalformed}})
	judge(t, issuer, func(c *jwt.Config) { c.MaxTokenBytes = len(long) }, []verdict{
		{"as long as allowed", long, nil},
		{"a byte longer", long + "A", postern.ErrMalformed},
		{"a short one", issuer.Token(nil), nil},
	})
	judge(t, issuer, func(c *jwt.Config) { c.MaxTokenBytes = 64 }, []verdict{{"longer than less than the default", issuer.Token(nil), postern.ErrMalformed}})
	if _, err := jwt.NewVerifier(jwt.Config{Issuer: "https://issuer.test", Audience: "a", MaxTokenBytes: -1}); err == nil || !strings.Contains(err.Error(), "MaxTokenBytes") {
		t.Errorf("a negative length: %v, want an error that names MaxTokenBytes", err)
	}
}

func TestFindingD8_SettingsThatNoTokenCanMeetAreNamedAtStart(t *testing.T) {
	good := jwt.Config{Issuer: "https://issuer.test", Audience: "api"}
	for _, test := range []struct {
		name   string
		change func(*jwt.Config)
		want   string
	}{
		{"the issuer is the URL of its metadata", func(c *jwt.Config) { c.Issuer += "/.well-known/openid-configuration" }, `Config.Issuer: "https://issuer.test/.well-known/openid-configuration"`},
		{"the issuer is the URL of its keys", func(c *jwt.Config) { c.Issuer += "/.well-known/jwks.json" }, "Config.Issuer"},
		{"the same with the keys named", func(c *jwt.Config) {
			c.JWKSURL, c.Issuer = "https://issuer.test/keys", "https://issuer.test/.well-known/jwks.json"
		}, "Config.Issuer"},
		{"the issuer with a query", func(c *jwt.Config) { c.Issuer += "?a=b" }, "Config.Issuer"},
		{"the issuer with a line end", func(c *jwt.Config) { c.Issuer += "\n" }, "Config.Issuer"},
		{"the issuer with a space", func(c *jwt.Config) { c.Issuer += "/ " }, "Config.Issuer"},
		{"the issuer with a placeholder", func(c *jwt.Config) { c.Issuer += "/{tenant}/v2.0" }, "Config.Issuer"},
		{"the audience with a line end", func(c *jwt.Config) { c.Audience += "\n" }, "Config.Audience:"},
		{"the audience with a space before it", func(c *jwt.Config) { c.Audience = " api" }, "Config.Audience:"},
		{"the audience in quotes", func(c *jwt.Config) { c.Audience = `"api"` }, "Config.Audience:"},
		{"another audience with a tab", func(c *jwt.Config) { c.Audiences = []string{"a", "b\t"} }, "Config.Audiences[1]"},
		{"two audiences in one", func(c *jwt.Config) { c.Audience = "https://a.test https://b.test" }, "Config.Audience:"},
		{"the metadata in place of the keys", func(c *jwt.Config) { c.JWKSURL = "https://issuer.test/.well-known/openid-configuration" }, "Config.JWKSURL"},
	} {
		config := good
		test.change(&config)
		if _, err := jwt.NewVerifier(config); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want an error that says %s", test.name, err, test.want)
		}
	}
}

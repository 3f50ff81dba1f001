package jwt_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/postern-auth/postern"
	"github.com/postern-auth/postern/jwt"
	"github.com/postern-auth/postern/posterntest"
)

type claims = posterntest.Claims

// newVerifier returns a verifier with the issuer's Config after a change.
func newVerifier(t testing.TB, issuer *posterntest.Issuer, change func(*jwt.Config)) *jwt.Verifier {
	t.Helper()
	config := issuer.JWTConfig(issuer.Audience)
	if change != nil {
		change(&config)
	}
	verifier, err := jwt.NewVerifier(config)
	if err != nil {
		t.Fatal(err)
	}
	return verifier
}

// verdict is a token and what must become of it: want is the reason for which it is refused, nil when it is
// good.
type verdict struct {
	name string
	raw  string
	want error
}

// judge holds a verifier to verdicts, with a verifier that remembers and one that does not: a cache must
// change no decision.
func judge(t *testing.T, issuer *posterntest.Issuer, change func(*jwt.Config), verdicts []verdict) {
	t.Helper()
	warm := newVerifier(t, issuer, change)
	cold := newVerifier(t, issuer, func(c *jwt.Config) {
		if change != nil {
			change(c)
		}
		c.CacheBytes = -1
	})
	for _, v := range verdicts {
		t.Run(v.name, func(t *testing.T) {
			for name, verifier := range map[string]*jwt.Verifier{"remembering": warm, "forgetting": cold} {
				for use := range 2 {
					token, err := verifier.Verify(t.Context(), v.raw)
					if !errors.Is(err, v.want) || (token == nil) == (err == nil) {
						t.Errorf("%s verifier, use %d: token %v, error %v; want error %v", name, use, token, err, v.want)
					}
					if err != nil && strings.Contains(err.Error(), v.raw) && len(v.raw) > 8 {
						t.Errorf("%s verifier: the error holds the raw token", name)
					}
				}
			}
		})
	}
}

func TestVerifyReadsTheFacts(t *testing.T) {
	issuer := posterntest.NewIssuer(t)
	now := issuer.Clock.Now()
	raw := issuer.Token(claims{
		"sub": "alice", "jti": "id-1", "aud": []string{"https://other.test", issuer.Audience},
		"scope": "read:messages  write:messages", "roles": []string{"editor"},
		"permissions": "a b", "auth_time": now.Unix() - 60, "acr": "urn:mfa", "nbf": now.Unix(),
		"preferred_username": "Alice", "azp": "other", "cnf": claims{"jkt": "thumb", "x": claims{"y": 1}},
		"custom": claims{"deep": []int{1, 2}},
	})
	token, err := issuer.Verifier(issuer.Audience).Verify(t.Context(), raw)
	if err != nil {
		t.Fatal(err)
	}
	type facts struct {
		Issuer, Subject, ClientID, ID, Username, ACR string
		IssuedAt, NotBefore, Expiry, AuthTime        time.Time
		Audience, Scopes, Roles, Permissions         []string
		Confirmation                                 map[string]string
	}
	got := facts{
		token.Issuer(), token.Subject(), token.ClientID(), token.ID(), token.Username(), token.ACR(),
		token.IssuedAt(), token.NotBefore(), token.Expiry(), token.AuthTime(),
		slices.Collect(token.Audience()), slices.Collect(token.Scopes()), slices.Collect(token.Roles()),
		slices.Collect(token.Permissions()), map[string]string{},
	}
	for member, value := range token.Confirmation() {
		got.Confirmation[member] = value
	}
	want := facts{
		issuer.URL, "alice", "client-1", "id-1", "Alice", "urn:mfa",
		now, now, now.Add(10 * time.Minute), now.Add(-time.Minute),
		[]string{"https://other.test", issuer.Audience}, []string{"read:messages", "write:messages"},
		[]string{"editor"}, []string{"a b"},
		map[string]string{"jkt": "thumb", "x": `{"y":1}`},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("facts (-want +got):\n%s", diff)
	}
	var custom struct{ Deep []int }
	if err := token.Claim("custom", &custom); err != nil || !slices.Equal(custom.Deep, []int{1, 2}) {
		t.Errorf("claim custom: %v, %v", custom, err)
	}
	if err := token.Claim("Custom", &custom); !errors.Is(err, postern.ErrNoClaim) {
		t.Errorf("claim of another case: %v, want ErrNoClaim", err)
	}
}

func TestClaimNames(t *testing.T) {
	issuer := posterntest.NewIssuer(t)
	raw := issuer.Token(claims{
		"scope": "s1", "scp": []string{"s2"}, "roles": []string{"top"}, "groups": "g1 g2",
		"realm_access":                      claims{"roles": []string{"realm"}},
		"urn:zitadel:iam:org:project:roles": claims{"admin": claims{"1": "org"}, "editor": true, "reader": claims{}, "owner": false, "guest": nil},
		"https://example.com/roles":         []string{"namespaced"},
		"a/b":                               claims{"c~d": []string{"escaped"}},
		"number":                            7, "mixed": []any{"x", 1},
	})
	for _, test := range []struct {
		name  string
		roles []string
		want  []string
	}{
		{"the default is roles", nil, []string{"top"}},
		{"a string is one role, spaces and all", []string{"groups"}, []string{"g1 g2"}},
		{"a JSON Pointer reads a member", []string{"/realm_access/roles"}, []string{"realm"}},
		{"an object gives the names of members that are true or say where", []string{"urn:zitadel:iam:org:project:roles"}, []string{"admin", "editor"}},
		{"a name that is a URL is not a pointer", []string{"https://example.com/roles"}, []string{"namespaced"}},
		{"a pointer escapes slash and tilde", []string{"/a~1b/c~0d"}, []string{"escaped"}},
		{"several names are put together in their order", []string{"groups", "roles"}, []string{"g1 g2", "top"}},
		{"a missing claim gives no rights", []string{"none", "/realm_access/none", "/roles/0"}, nil},
		{"a claim of another shape gives no rights", []string{"number", "/urn:zitadel:iam:org:project:roles/editor"}, nil},
		{"one odd entry of an array costs itself", []string{"mixed"}, []string{"x"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			verifier := newVerifier(t, issuer, func(c *jwt.Config) {
				c.ClaimNames = postern.ClaimNames{Roles: test.roles, Scopes: []string{"scope", "scp"}}
			})
			token, err := verifier.Verify(t.Context(), raw)
			if err != nil {
				t.Fatal(err)
			}
			if got := slices.Collect(token.Roles()); !slices.Equal(got, test.want) {
				t.Errorf("roles are %q, want %q", got, test.want)
			}
			if got := slices.Collect(token.Scopes()); !slices.Equal(got, []string{"s1", "s2"}) {
				t.Errorf("scopes are %q, want s1 and s2", got)
			}
		})
	}
}

func TestNewVerifierNamesTheField(t *testing.T) {
	good := jwt.Config{Issuer: "https://issuer.test", Audience: "api"}
	for _, test := range []struct {
		name   string
		change func(*jwt.Config)
		want   string // "": accepted
	}{
		{"issuer and audience suffice", func(*jwt.Config) {}, ""},
		{"no issuer", func(c *jwt.Config) { c.Issuer = "" }, "Config.Issuer"},
		{"an issuer that is not a URL", func(c *jwt.Config) { c.Issuer = "issuer" }, "Config.Issuer"},
		{"an issuer that is not a URL, with its keys named", func(c *jwt.Config) { c.Issuer, c.JWKSURL = "issuer", "https://keys.test" }, ""},
		{"an issuer over http", func(c *jwt.Config) { c.Issuer = "http://issuer.test" }, "Config.Issuer"},
		{"an issuer over http on loopback", func(c *jwt.Config) { c.Issuer = "http://127.0.0.1:8080" }, ""},
		{"an issuer over http, insecurely", func(c *jwt.Config) { c.Issuer, c.InsecureHTTP = "http://issuer.test", true }, ""},
		{"an issuer with a password", func(c *jwt.Config) { c.Issuer = "https://a:b@issuer.test" }, "Config.Issuer"},
		{"keys over http", func(c *jwt.Config) { c.JWKSURL = "http://keys.test" }, "Config.JWKSURL"},
		{"no audience", func(c *jwt.Config) { c.Audience = "" }, "Config.Audience"},
		{"an empty audience among several", func(c *jwt.Config) { c.Audiences = []string{""} }, "Config.Audiences"},
		{"no audience, insecurely", func(c *jwt.Config) { c.Audience, c.InsecureNoAudience = "", true }, ""},
		{"an audience and none wanted", func(c *jwt.Config) { c.InsecureNoAudience = true }, "InsecureNoAudience"},
		{"an HMAC", func(c *jwt.Config) { c.Algorithms = []string{"HS256"} }, "Config.Algorithms"},
		{"no signature", func(c *jwt.Config) { c.Algorithms = []string{"none"} }, "Config.Algorithms"},
		{"an empty claim name", func(c *jwt.Config) { c.ClaimNames.Roles = []string{""} }, "Config.ClaimNames.Roles"},
		{"a claim name that is a broken pointer", func(c *jwt.Config) { c.ClaimNames.Scopes = []string{"/a~2"} }, "Config.ClaimNames.Scopes"},
	} {
		t.Run(test.name, func(t *testing.T) {
			config := good
			test.change(&config)
			_, err := jwt.NewVerifier(config)
			if test.want == "" && err != nil {
				t.Error(err)
			}
			if test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("error is %v, want one that names %s", err, test.want)
			}
		})
	}
}

func TestRevokeForgets(t *testing.T) {
	issuer := posterntest.NewIssuer(t)
	verifier := issuer.Verifier(issuer.Audience)
	raw := issuer.Token(claims{"sub": "alice"})
	first, err := verifier.Verify(t.Context(), raw)
	if err != nil {
		t.Fatal(err)
	}
	again, _ := verifier.Verify(t.Context(), raw)
	if again != first {
		t.Error("the second use was not remembered")
	}
	verifier.Revoke(func(token *postern.Token) bool { return token.Subject() == "alice" })
	third, err := verifier.Verify(t.Context(), raw)
	if err != nil || third == first {
		t.Errorf("after Revoke: %v, want a token verified anew", err)
	}
}

func TestUnavailableIsNotTheTokensFault(t *testing.T) {
	for name, outage := range map[string]struct {
		body     string
		status   int
		endpoint posterntest.Endpoint
	}{
		"keys answer 500":                        {status: 500, endpoint: posterntest.KeySet},
		"keys answer a redirect":                 {status: 302, endpoint: posterntest.KeySet},
		"keys are HTML":                          {body: "<html>", endpoint: posterntest.KeySet},
		"keys are empty":                         {body: `{"keys":[]}`, endpoint: posterntest.KeySet},
		"keys are 2 MB":                          {body: strings.Repeat(" ", 2<<20), endpoint: posterntest.KeySet},
		"metadata answer 500":                    {status: 500, endpoint: posterntest.Metadata},
		"metadata are of another issuer":         {body: `{"issuer":"https://issuer.test/","jwks_uri":"https://issuer.test/keys"}`, endpoint: posterntest.Metadata},
		"metadata have keys over http":           {body: `{"issuer":"https://issuer.test","jwks_uri":"http://issuer.test/keys"}`, endpoint: posterntest.Metadata},
		"metadata have keys over http, loopback": {body: `{"issuer":"https://issuer.test","jwks_uri":"http://localhost/keys"}`, endpoint: posterntest.Metadata},
		"metadata have no keys":                  {body: `{"issuer":"https://issuer.test"}`, endpoint: posterntest.Metadata},
		"metadata name two issuers":              {body: `{"issuer":"https://evil.test","issuer":"https://issuer.test","jwks_uri":"https://issuer.test/keys"}`, endpoint: posterntest.Metadata},
	} {
		t.Run(name, func(t *testing.T) {
			issuer := posterntest.NewIssuer(t)
			handler := posterntest.Body(outage.body)
			if outage.status != 0 {
				handler = posterntest.Status(outage.status)
			}
			issuer.Outage(handler, outage.endpoint)
			verifier := issuer.Verifier(issuer.Audience)
			if _, err := verifier.Verify(t.Context(), issuer.Token(nil)); !errors.Is(err, postern.ErrUnavailable) {
				t.Errorf("Verify: %v, want ErrUnavailable", err)
			}
			if _, err := verifier.Ready(); !errors.Is(err, postern.ErrUnavailable) {
				t.Errorf("Ready: %v, want ErrUnavailable", err)
			}
			if n := issuer.Strays(); n != 0 {
				t.Errorf("%d calls to others than the issuer", n)
			}
		})
	}
}

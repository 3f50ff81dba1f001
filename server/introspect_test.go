package server_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/postern-auth/postern/internal/jws"
	"github.com/postern-auth/postern/server"
	"github.com/postern-auth/postern/server/internal/oauth"
	"github.com/postern-auth/postern/server/internal/secret"
	"github.com/postern-auth/postern/server/store"
)

// pat makes a personal access token.
func (w *world) pat(userID string, change ...func(*store.Token)) string {
	w.t.Helper()
	raw, id := secret.NewToken(secret.PersonalAccessToken)
	row := store.Token{ID: id, Kind: store.PersonalAccessToken, Digest: secret.Digest(raw), SubjectID: userID,
		ClientID: strings.TrimPrefix(userID, "u-"), IssuedAt: w.now()}
	for _, f := range change {
		f(&row)
	}
	w.must(w.store.CreateToken(w.t.Context(), row))
	return raw
}

func TestIntrospectionRefuses(t *testing.T) {
	w := newWorld(t)
	raw := w.token("robot", "scope", sampleScope)
	for _, row := range []struct {
		name   string
		call   call
		status int
		code   string
	}{
		{"no client authentication", call{form: values("token", raw)}, 401, "invalid_client"},
		{"a wrong secret", call{user: "samples@P:wrong", form: values("token", raw)}, 401, "invalid_client"},
		{"the token as Bearer", call{header: http.Header{"Authorization": {"Bearer " + raw}}, form: values("token", raw)}, 401, "invalid_client"},
		{"a service user", call{user: "robot:robot-secret", form: values("token", raw)}, 400, "unauthorized_client"},
		{"no token", call{user: "samples@P:samples-secret"}, 400, "invalid_request"},
		{"an empty token", call{user: "samples@P:samples-secret", form: values("token", "")}, 400, "invalid_request"},
		{"two tokens", call{user: "samples@P:samples-secret", form: values("token", raw, "token", raw)}, 400, "invalid_request"},
		{"GET", call{method: http.MethodGet, user: "samples@P:samples-secret"}, 405, "invalid_request"},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := w.at(t)
			row.call.path = "/oauth/v2/introspect"
			w.refused(w.do(row.call), row.status, row.code)
		})
	}
}

// TestI5I7_InactiveIsAllThatStrangersLearn holds tokens that are none, have ended, or are for others.
func TestI5I7_InactiveIsAllThatStrangersLearn(t *testing.T) {
	w := newWorld(t)
	opaque := w.token("robot", "scope", sampleScope)
	byIdentifier := w.token("robot", "audience", messages)
	w.form("robot", "a-messages", store.FormZITADEL)
	jwt := w.token("robot", "scope", sampleScope)
	never, _ := secret.NewToken(secret.AccessToken)
	foreign := strings.Split(jwt, ".")
	for _, row := range []struct{ name, api, raw string }{
		{"for another project", "other", opaque},
		{"a JWT for another project", "other", jwt},
		{"by identifier, asked by another API of the project", "samples", byIdentifier},
		{"by identifier, asked by an API of another project", "reports", byIdentifier},
		{"for nobody", "samples", w.token("robot", "scope", "openid read:messages")},
		{"well formed and never issued", "samples", never},
		{"with a space behind", "samples", opaque + " "},
		{"with an ampersand and a second token", "samples", "x&token=" + opaque},
		{"with a plus", "samples", "+" + opaque},
		{"with an encoded zero byte", "samples", opaque + "%00"},
		{"with a zero byte", "samples", opaque + "\x00"},
		{"with a line end", "samples", opaque + "\r\n"},
		{"encoded twice", "samples", strings.ReplaceAll(opaque, "_", "%5F")},
		{"in upper case", "samples", strings.ToUpper(opaque)},
		{"a text of 60,000 bytes", "samples", strings.Repeat("a", 60000)},
		{"a client secret", "samples", samplesSecret},
		{"a JWT without signature", "samples", foreign[0] + "." + foreign[1] + "."},
		{"a JWT with a signature of zeros", "samples", foreign[0] + "." + foreign[1] + "." + strings.Repeat("A", 342)},
		{"a JWT with another payload", "samples", foreign[0] + ".eyJpc3MiOiJ4In0." + foreign[2]},
		{"two dots", "samples", ".."},
		{"a personal access token of a user without a grant", "samples", w.pat("u-auditor")},
		{"a personal access token for another project", "samples", w.pat("u-robot", func(p *store.Token) { p.Audience = []string{"Q"} })},
		{"an expired personal access token", "samples", w.pat("u-robot", func(p *store.Token) { p.ExpiresAt = start })},
		{"a revoked personal access token", "samples", w.pat("u-robot", func(p *store.Token) { p.RevokedAt = start })},
	} {
		t.Run(row.name, func(t *testing.T) { w.at(t).inactive(row.api, row.raw) })
	}
}

// TestJ13_AJWTOfOursThatIsNoAccessTokenIsInactive signs with the server's own key.
func TestJ13_AJWTOfOursThatIsNoAccessTokenIsInactive(t *testing.T) {
	w := newWorld(t)
	signer, err := w.ring().Signer(t.Context(), jws.RS256)
	w.must(err)
	claims := func(cut string) []byte {
		all := []string{`"iss":"` + w.issuer + `"`, `"sub":"u-robot"`, `"client_id":"robot"`, `"aud":["P"]`, `"jti":"j"`,
			fmt.Sprintf(`"iat":%d`, start.Unix()), fmt.Sprintf(`"exp":%d`, start.Unix()+60)}
		var kept []string
		for _, c := range all {
			if cut == "" || !strings.HasPrefix(c, `"`+cut+`"`) {
				kept = append(kept, c)
			}
		}
		return []byte("{" + strings.Join(kept, ",") + "}")
	}
	raw, err := signer.Sign("JWT", claims(""))
	w.must(err)
	if got := w.introspect("samples", raw); got["active"] != true {
		t.Fatalf("a whole token is %v", got)
	}
	for _, row := range []struct {
		name, typ string
		payload   []byte
	}{
		{"typ of a logout token", "logout+jwt", claims("")},
		{"typ of a DPoP proof", "dpop+jwt", claims("")},
		{"no typ", "", claims("")},
		{"no iss", "JWT", claims("iss")},
		{"no sub", "JWT", claims("sub")},
		{"no client", "JWT", claims("client_id")},
		{"no jti, so that it could not be revoked", "JWT", claims("jti")},
		{"no exp", "JWT", claims("exp")},
		{"no iat", "JWT", claims("iat")},
		{"no aud", "JWT", claims("aud")},
		{"a claim twice", "JWT", []byte(strings.Replace(string(claims("")), `"sub"`, `"sub":"u-plain","sub"`, 1))},
		{"exp as text", "JWT", []byte(strings.Replace(string(claims("exp")), `{`, `{"exp":"9999999999",`, 1))},
		{"another issuer", "JWT", []byte(strings.Replace(string(claims("iss")), `{`, `{"iss":"https://evil.example",`, 1))},
	} {
		raw, err := signer.Sign(row.typ, row.payload)
		w.must(err)
		t.Run(row.name, func(t *testing.T) { w.at(t).inactive("samples", raw) })
	}
}

func TestI6_EveryChangedByteOfAnOpaqueTokenMakesItInactive(t *testing.T) {
	w := newWorld(t)
	for name, raw := range map[string]string{"token": w.token("robot", "scope", sampleScope), "PAT": w.pat("u-robot")} {
		if got := w.introspect("samples", raw); got["active"] != true {
			t.Fatalf("%s: %v", name, got)
		}
		for i := range raw {
			w.inactive("samples", raw[:i]+string(raw[i]^1)+raw[i+1:])
			w.inactive("samples", raw[:i]+raw[i+1:])
			if i > 0 {
				w.inactive("samples", raw[:i])
			}
		}
		w.inactive("samples", raw+"a")
		w.inactive("samples", "a"+raw)
	}
}

// TestI6_TheDigestDecides gives a token a right checksum over a wrong secret.
func TestI6_TheDigestDecides(t *testing.T) {
	w := newWorld(t)
	raw := w.token("robot", "scope", sampleScope)
	id, _ := secret.TokenID(raw)
	row, err := w.store.Token(t.Context(), id)
	w.must(err)
	other, otherID := secret.NewToken(secret.AccessToken)
	row.ID = otherID // the row has the digest of another raw token
	w.must(w.store.CreateToken(t.Context(), row))
	w.inactive("samples", other)
}

func TestIntrospectionAnswersForTheAskingAPIAlone(t *testing.T) {
	w := newWorld(t)
	for _, g := range []store.Assignment{
		{SubjectID: "u-robot", ProjectID: "Q", Rights: []string{"audit", "read:messages"}},
		{SubjectID: "u-robot", APIID: "a-reports", Rights: []string{"write"}},
		{SubjectID: "u-robot", ProjectID: "P", Rights: []string{"admin", "read:messages"}},
	} {
		w.must(w.store.PutAssignment(t.Context(), g))
	}
	claim := func(keys ...string) map[string]any {
		m := make(map[string]any)
		for _, key := range keys {
			m[key] = map[string]any{"org": "example.com"}
		}
		return m
	}
	both := w.token("robot", "scope", "openid urn:zitadel:iam:org:project:id:P:aud urn:zitadel:iam:org:project:id:Q:aud read:messages audit admin")
	onlyP := w.token("robot", "scope", "urn:zitadel:iam:org:project:id:P:aud admin read:messages read")
	for _, row := range []struct {
		name, api, raw string
		scope          string
		roles          map[string]any
		permissions    any
		aud            []any
	}{
		{"two projects, asked by the first", "samples", both, "openid read:messages", claim("admin", "read:messages"), nil, []any{"P", "Q", "samples@P"}},
		{"two projects, asked by the second", "other", both, "openid read:messages", claim("audit", "read:messages"), nil, []any{"P", "Q", "other@Q"}},
		{"a permission shows at its API", "messages", onlyP, "admin read:messages read", claim("admin", "read:messages"), []any{"read", "read:messages"}, []any{"P", "messages@P"}},
		{"a permission does not show at another API", "samples", onlyP, "admin read:messages", claim("admin", "read:messages"), nil, []any{"P", "samples@P"}},
		{"by identifier", "messages", w.token("robot", "audience", messages, "scope", "read"), "read", claim("admin", "read:messages"), []any{"read", "read:messages"}, []any{messages, "messages@P"}},
		{"a PAT has all keys held at the API", "messages", w.pat("u-robot"), "admin read read:messages", claim("admin", "read:messages"), []any{"read", "read:messages"}, []any{"P", messages, "messages@P"}},
		{"a PAT has no keys of other projects", "reports", w.pat("u-robot"), "audit read:messages write", claim("audit", "read:messages"), []any{"write"}, []any{"Q", reports, "reports@Q"}},
		{"a PAT without any role is active where there is a grant", "samples", w.pat("u-plain"), "openid", claim(), nil, []any{"P", "samples@P"}},
		{"a token without scope has no scope member", "samples", w.token("plain", "scope", "urn:zitadel:iam:org:project:id:P:aud"), "", claim(), nil, []any{"P", "samples@P"}},
		{"a PAT bound to an API by identifier", "messages", w.pat("u-plain", func(p *store.Token) { p.Audience = []string{messages} }), "openid", claim(), []any{}, []any{messages, "messages@P"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := w.at(t)
			got := w.introspect(row.api, row.raw)
			project := map[string]string{"samples": "P", "messages": "P"}[row.api]
			if project == "" {
				project = "Q"
			}
			want := map[string]any{"active": true, "aud": row.aud, "username": got["client_id"],
				"urn:zitadel:iam:org:project:roles": row.roles, "urn:zitadel:iam:org:project:" + project + ":roles": row.roles}
			if row.scope != "" {
				want["scope"] = row.scope
			}
			if row.permissions != nil {
				want["permissions"] = row.permissions
			}
			for _, name := range []string{"client_id", "token_type", "exp", "iat", "nbf", "sub", "iss", "jti"} {
				if got[name] == nil {
					t.Errorf("no %s", name)
				}
				want[name] = got[name]
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("introspection (-want +got):\n%s", diff)
			}
		})
	}
}

func TestPersonalAccessTokensSayWhatTheSamplesRead(t *testing.T) {
	w := newWorld(t)
	raw := w.pat("u-robot")
	for host, issuer := range map[string]string{"": w.issuer, auth0Host: auth0Issuer} {
		got := w.object(w.do(call{path: "/oauth/v2/introspect", host: host, user: "samples@P:samples-secret", form: values("token", raw)}).body)
		if got["exp"] != float64(start.Add(5*365*24*time.Hour).Unix()) || got["iss"] != issuer || got["sub"] != "u-robot" {
			t.Errorf("host %q: got %v", host, got)
		}
	}
	ending := w.pat("u-robot", func(p *store.Token) { p.ExpiresAt = start.Add(time.Minute) })
	if got := w.introspect("samples", ending); got["exp"] != float64(start.Unix()+60) {
		t.Errorf("got %v", got)
	}
	w.pass(time.Minute)
	w.inactive("samples", ending)
	w.introspect("samples", raw)
}

func TestEveryFormIsIntrospectedAtEveryIssuer(t *testing.T) {
	w := newWorld(t)
	for _, form := range []store.TokenForm{
		store.FormOpaque, store.FormAuth0, store.FormAuth0Permissions, store.FormZITADEL, store.FormRFC9068, store.FormRFC9068Permissions,
	} {
		w.form("robot", "a-messages", form)
		raw := w.token("robot", "audience", messages)
		for _, host := range []string{"", zitadelHost, auth0Host} {
			got := w.object(w.do(call{path: "/oauth/introspect", host: host, user: "messages@P:messages-secret", form: values("token", raw)}).body)
			if got["active"] != true || got["iss"] != w.issuer || got["scope"] != "read read:messages" || got["client_id"] != "robot" {
				t.Errorf("%s at %q: %v", form, host, got)
			}
		}
		w.pass(25 * time.Hour)
		w.inactive("messages", raw)
	}
}

// TestS5_DeactivationBitesAtOnce checks both forms of token, at introspection and at the token endpoint.
func TestS5_DeactivationBitesAtOnce(t *testing.T) {
	for _, row := range []struct {
		name   string
		change func(*world)
		status int // of a new token for the API
	}{
		{"the service user is deactivated", func(w *world) {
			u, err := w.store.ServiceUser(t.Context(), "u-robot")
			w.must(err)
			u.Active = false
			w.must(w.store.PutServiceUser(t.Context(), u))
		}, 401},
		{"the service user is deleted", func(w *world) { w.must(w.store.DeleteServiceUser(t.Context(), "u-robot")) }, 401},
		{"the project is deactivated", func(w *world) {
			p, err := w.store.Project(t.Context(), "P")
			w.must(err)
			p.Active = false
			w.must(w.store.PutProject(t.Context(), p))
		}, 400},
		{"the grant on the API is deleted", func(w *world) {
			w.must(w.store.DeleteAssignment(t.Context(), store.Assignment{SubjectID: "u-robot", APIID: "a-messages"}))
		}, 403},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := newWorld(t)
			opaque := w.token("robot", "audience", messages)
			w.form("robot", "a-messages", store.FormAuth0)
			jwt := w.token("robot", "audience", messages)
			for _, raw := range []string{opaque, jwt} {
				if got := w.introspect("messages", raw); got["active"] != true {
					t.Fatalf("before: %v", got)
				}
			}
			row.change(w)
			w.inactive("messages", opaque)
			w.inactive("messages", jwt)
			if a := w.do(tokenCall("robot", "audience", messages)); a.status != row.status {
				t.Errorf("a new token: %d %s, want %d", a.status, a.body, row.status)
			}
		})
	}
}

func TestS5_ADeactivatedOwnerSignsInVain(t *testing.T) {
	w := newAssertionWorld(t)
	u, err := w.store.ServiceUser(t.Context(), "u-robot")
	w.must(err)
	u.Active = false
	w.must(w.store.PutServiceUser(t.Context(), u))
	w.refused(w.do(call{path: "/oauth/v2/token", form: values("grant_type", oauth.GrantJWTBearer, "assertion", w.strict())}), 400, "invalid_grant")
	w.refused(w.do(call{path: "/oauth/v2/token", form: values("grant_type", clientCredentials,
		"client_assertion", w.strict(), "client_assertion_type", oauth.AssertionType)}), 401, "invalid_client")
	w.must(w.store.DeleteServiceUser(t.Context(), "u-robot"))
	w.refused(w.do(call{path: "/oauth/v2/token", form: values("grant_type", oauth.GrantJWTBearer, "assertion", w.strict())}), 400, "invalid_grant")
}

func TestS5_AUsernameThatPassesOnTakesNoTokensWithIt(t *testing.T) {
	w := newWorld(t)
	w.form("robot", "a-messages", store.FormAuth0)
	jwt := w.token("robot", "audience", messages)
	u, err := w.store.ServiceUser(t.Context(), "u-robot")
	w.must(err)
	u.Username, u.Active = "retired", false
	w.must(w.store.PutServiceUser(t.Context(), u))
	w.must(w.store.PutServiceUser(t.Context(), store.ServiceUser{ID: "u-new", OrganizationID: "org", Username: "robot", Active: true, CreatedAt: start}))
	w.must(w.store.PutAssignment(t.Context(), store.Assignment{SubjectID: "u-new", APIID: "a-messages", Rights: []string{"read"}}))
	w.inactive("messages", jwt)
}

func TestS5_ADeactivatedAPIIsNoClient(t *testing.T) {
	w := newWorld(t)
	api, err := w.store.API(t.Context(), "a-samples")
	w.must(err)
	api.Active = false
	w.must(w.store.PutAPI(t.Context(), api))
	a := w.do(call{path: "/oauth/v2/introspect", user: "samples@P:samples-secret", form: values("token", "x")})
	w.refused(a, 401, "invalid_client")
}

func TestFindingS8_APersonalAccessTokenEndsWithTheServersBound(t *testing.T) {
	const bound = 48 * time.Hour
	until := func(d time.Duration) func(*store.Token) {
		return func(p *store.Token) { p.ExpiresAt = start.Add(d) }
	}
	for _, row := range []struct {
		name     string
		lifetime time.Duration
		change   func(*store.Token)
		want     int64 // exp
	}{
		{"one for ever", bound, func(*store.Token) {}, start.Add(bound).Unix()},
		{"one that was to live longer", bound, until(bound + time.Hour), start.Add(bound).Unix()},
		{"one that ends before", bound, until(time.Hour), start.Add(time.Hour).Unix()},
		{"one for ever at a server without bound", -1, func(*store.Token) {}, 253402300799},
		{"one that ends at a server without bound", -1, until(time.Hour), start.Add(time.Hour).Unix()},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := newWorld(t, func(c *server.Config) { c.PersonalTokenLifetime = row.lifetime })
			raw := w.pat("u-robot", row.change)
			if got := w.introspect("samples", raw)["exp"]; got != float64(row.want) {
				t.Errorf("exp is %v, want %d", got, row.want)
			}
			if row.want < 253402300799 {
				w.pass(time.Unix(row.want, 0).Sub(start))
				w.inactive("samples", raw)
			}
		})
	}
}

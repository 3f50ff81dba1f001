package server_test

import (
	"context"
	"crypto/ed25519"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/postern-auth/postern/server/internal/oauth"
	"github.com/postern-auth/postern/server/store"
)

const (
	accessTokenType = "urn:ietf:params:oauth:token-type:access_token"
	jwtTokenType    = "urn:ietf:params:oauth:token-type:jwt"
)

// newExchangeWorld is the world of people with who may exchange tokens: the service user "broker", who has been let in
// at messages and holds nothing there, "second" likewise, and the application web.
func newExchangeWorld(t *testing.T) *world {
	t.Helper()
	w := newPeopleWorld(t)
	for _, name := range []string{"broker", "second", "outsider"} {
		w.must(w.store.PutServiceUser(t.Context(), store.ServiceUser{
			ID: "u-" + name, OrganizationID: "org", Username: name, Active: true, CreatedAt: start,
			Grants: []string{oauth.GrantClientCredentials, oauth.GrantTokenExchange},
		}))
		w.secret(store.ServiceUserClient, "u-"+name, name+"-secret")
		if name != "outsider" {
			w.must(w.store.PutAssignment(t.Context(), store.Assignment{SubjectID: "u-" + name, APIID: "a-messages"}))
		}
	}
	w.must(w.store.PutAssignment(t.Context(), store.Assignment{SubjectID: "alice", APIID: "a-reports", Rights: []string{"read"}}))
	web, err := w.store.Application(t.Context(), "app-web")
	w.must(err)
	web.Grants = append(web.Grants, oauth.GrantTokenExchange)
	w.must(w.store.PutApplication(t.Context(), web))
	return w
}

// issuesIn has an API issue tokens of a form.
func (w *world) issuesIn(id string, form store.TokenForm) {
	w.t.Helper()
	api, err := w.store.API(w.t.Context(), id)
	w.must(err)
	api.Form = form
	w.must(w.store.PutAPI(w.t.Context(), api))
}

// exchange is a request of a client that has the secret of its name.
func exchange(client, subject string, more ...string) call {
	v := values("grant_type", oauth.GrantTokenExchange, "subject_token", subject, "subject_token_type", accessTokenType)
	for name, value := range values(more...) {
		if v[name] = value; len(value) == 1 && value[0] == "" {
			v.Del(name)
		}
	}
	user := client + ":" + client + "-secret"
	if client == webApp {
		user = webApp + ":web-secret"
	}
	return call{path: "/oauth/v2/token", user: user, form: v}
}

// login is an access token that alice has let an application have.
func (w *world) login(client, scope string, targets ...string) string {
	w.t.Helper()
	c := redeem(client, w.allowed(client, scope, targets))
	if client == webApp {
		c.form.Del("client_id")
		c.user = webApp + ":web-secret"
	}
	return w.issued(w.do(c))["access_token"].(string)
}

func TestATokenIsExchanged(t *testing.T) {
	w := newExchangeWorld(t)
	for _, form := range []store.TokenForm{store.FormOpaque, store.FormAuth0Permissions, store.FormZITADEL, store.FormRFC9068Permissions} {
		for client, actor := range map[string]string{"broker": "u-broker", webApp: webApp} {
			w.issuesIn("a-messages", form)
			w.issuesIn("a-reports", form)
			input := w.login(spa, "openid profile read offline_access", messages, reports)
			w.pass(time.Minute)
			got := w.issued(w.do(exchange(client, input, "audience", messages, "scope", "openid read")))
			raw := got["access_token"].(string)
			want := map[string]any{"access_token": raw, "issued_token_type": accessTokenType, "token_type": "Bearer", "scope": "openid read",
				"expires_in": got["expires_in"]}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("answer (-want +got):\n%s", diff)
			}
			act := map[string]any{"sub": actor}
			held := w.introspect("messages", raw)
			if held["active"] != true || held["sub"] != "alice" || held["client_id"] != client || held["scope"] != "openid read" || !cmp.Equal(held["act"], any(act)) {
				t.Errorf("%s by %s: introspection says %v", form, client, held)
			}
			if diff := cmp.Diff([]any{"read"}, held["permissions"]); diff != "" {
				t.Errorf("permissions (-want +got):\n%s", diff)
			}
			w.inactive("reports", raw)
			if w.introspect("reports", input)["active"] != true {
				t.Error("the token that was exchanged does not live on")
			}
			// What comes of a token ends no later.
			if was := w.introspect("messages", input); held["exp"].(float64) > was["exp"].(float64) {
				t.Errorf("it expires at %v, the input at %v", held["exp"], was["exp"])
			}
			if form == store.FormOpaque {
				continue
			}
			_, _, claims := w.claims(raw)
			if !cmp.Equal(claims["act"], any(act)) || claims["sub"] != "alice" || claims["auth_time"] == nil {
				t.Errorf("claims %v", claims)
			}
			if permissions, has := claims["permissions"]; has && !cmp.Equal(permissions, any([]any{"read"})) {
				t.Errorf("permissions %v", permissions)
			}
		}
	}
}

// TestS7_AnExchangeGivesNoMoreThanItsInput: neither scopes nor targets, rights or time beyond the input's, and no
// target at which the client has not been let in.
func TestS7_AnExchangeGivesNoMoreThanItsInput(t *testing.T) {
	w := newExchangeWorld(t)
	input := w.login(spa, "openid read offline_access", messages, reports)
	for _, row := range []struct {
		name, client, code string
		status             int
		more               []string
	}{
		{"another scope", "broker", "invalid_scope", 400, []string{"scope", "openid read:messages", "audience", messages}},
		{"one among good ones", "broker", "invalid_scope", 400, []string{"scope", "openid read admin", "audience", messages}},
		{"a role", "broker", "invalid_scope", 400, []string{"scope", "urn:zitadel:iam:org:project:role:admin", "audience", messages}},
		{"all roles", "broker", "invalid_scope", 400, []string{"scope", "urn:zitadel:iam:org:projects:roles", "audience", messages}},
		{"what goes on while nobody is there", "broker", "invalid_scope", 400, []string{"scope", "openid offline_access", "audience", messages}},
		{"another target", "broker", "invalid_target", 400, []string{"audience", "P"}},
		{"another target beside a good one", "broker", "invalid_target", 400, []string{"audience", messages, "resource", "https://nowhere.example"}},
		{"another project", "broker", "invalid_target", 400, []string{"scope", "openid urn:zitadel:iam:org:project:id:Q:aud"}},
		{"where the client was not let in", "broker", "access_denied", 403, []string{"audience", reports}},
		{"where the client was not let in, among others", "broker", "access_denied", 403, nil},
		{"where the client was let in nowhere", "outsider", "access_denied", 403, []string{"audience", messages}},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := w.at(t)
			w.refused(w.do(exchange(row.client, input, row.more...)), row.status, row.code)
		})
	}
	// A first-party application has all rights without asking; what comes of its token has those that were named.
	w.issuesIn("a-messages", store.FormAuth0Permissions)
	all := w.login(spa, "openid", messages)
	if _, _, claims := w.claims(all); !cmp.Equal(claims["permissions"], any([]any{"read", "read:messages"})) {
		t.Fatalf("the input has %v", claims["permissions"])
	}
	raw := w.issued(w.do(exchange("broker", all)))["access_token"].(string)
	_, _, claims := w.claims(raw)
	if diff := cmp.Diff([]any{}, claims["permissions"], cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("permissions (-want +got):\n%s", diff)
	}
	held := w.introspect("messages", raw)
	if !cmp.Equal(held["permissions"], any([]any{})) || len(held["urn:zitadel:iam:org:project:roles"].(map[string]any)) != 0 {
		t.Errorf("introspection says %v", held)
	}
	// Nor more time: the input has a minute left.
	_, _, was := w.claims(all)
	w.pass(time.Unix(int64(was["exp"].(float64)), 0).Sub(w.now()) - time.Minute)
	if got := w.issued(w.do(exchange("broker", all))); got["expires_in"] != float64(60) {
		t.Errorf("it lives %v s", got["expires_in"])
	}
	w.pass(time.Minute)
	w.refused(w.do(exchange("broker", all)), 400, "invalid_request")
	w.inactive("messages", raw)
}

func TestWhatEndsATokenEndsWhatItWasExchangedFor(t *testing.T) {
	for name, end := range map[string]func(ctx context.Context, w *world, input, middle string) error{
		"the input is revoked": func(_ context.Context, w *world, input, _ string) error {
			w.revoked(call{form: values("token", input, "client_id", spa)})
			return nil
		},
		"what came of it first is revoked": func(_ context.Context, w *world, _, middle string) error {
			w.revoked(call{user: "broker:broker-secret", form: values("token", middle)})
			return nil
		},
		"the login is ended": func(ctx context.Context, w *world, _, _ string) error {
			families, err := w.store.FamiliesOfSession(ctx, "session-1")
			return errorsOf(err, w.store.RevokeFamily(ctx, families[0].ID, w.now(), "test"))
		},
		"the person is locked": func(ctx context.Context, w *world, _, _ string) error {
			u, err := w.store.User(ctx, "alice")
			u.Active = false
			return errorsOf(err, w.store.PutUser(ctx, u))
		},
		"the tokens of the person are ended": func(ctx context.Context, w *world, _, _ string) error {
			w.pass(time.Second)
			return w.store.EndSubject(ctx, "alice", w.now())
		},
		"the last client is not active": func(ctx context.Context, w *world, _, _ string) error {
			u, err := w.store.ServiceUser(ctx, "u-second")
			u.Active = false
			return errorsOf(err, w.store.PutServiceUser(ctx, u))
		},
		"the last client is gone": func(ctx context.Context, w *world, _, _ string) error {
			return w.store.DeleteServiceUser(ctx, "u-second")
		},
	} {
		for _, form := range []store.TokenForm{store.FormOpaque, store.FormRFC9068Permissions} {
			t.Run(name+" "+string(form), func(t *testing.T) {
				w := newExchangeWorld(t)
				w.issuesIn("a-messages", form)
				input := w.login(spa, "openid read", messages)
				middle := w.issued(w.do(exchange("broker", input)))["access_token"].(string)
				last := w.issued(w.do(exchange("second", middle)))["access_token"].(string)
				held := w.introspect("messages", last)
				if want := map[string]any{"sub": "u-second", "act": map[string]any{"sub": "u-broker"}}; !cmp.Equal(held["act"], any(want)) {
					t.Fatalf("introspection says %v", held)
				}
				w.must(end(t.Context(), w, input, middle))
				w.inactive("messages", last)
				if a := w.do(exchange("broker", last)); a.status == 200 {
					t.Errorf("it is exchanged again: %s", a.body)
				}
			})
		}
	}
}

func (w *world) revoked(c call) {
	w.t.Helper()
	c.path = "/oauth/v2/revoke"
	if a := w.do(c); a.status != 200 {
		w.t.Fatalf("revocation answers %d %s", a.status, a.body)
	}
}

func TestK53_WhatIsNotExchanged(t *testing.T) {
	w := newExchangeWorld(t)
	login := redeem(spa, w.allowed(spa, offline+" read", []string{messages}))
	got := w.issued(w.do(login))
	input := got["access_token"].(string)
	pat := w.pat("u-robot")
	other := w.login(spa, "openid", messages)
	w.revoked(call{form: values("token", other, "client_id", spa)})
	doubled := exchange("broker", input)
	doubled.body = doubled.form.Encode() + "&subject_token=" + input
	public := exchange("broker", input, "client_id", spa)
	public.user = ""
	wrong := exchange("broker", input)
	wrong.user = "broker:wrong"
	elsewhere := exchange("broker", input)
	elsewhere.host = zitadelHost
	inURL := exchange("broker", "")
	inURL.path += "?subject_token=" + input
	api := exchange("broker", input)
	api.user = "messages@P:messages-secret"
	for _, row := range []struct {
		name   string
		call   call
		status int
		code   string
	}{
		{"no subject_token", exchange("broker", ""), 400, "invalid_request"},
		{"an empty one", call{path: "/oauth/v2/token", user: "broker:broker-secret", body: exchange("broker", "").form.Encode() + "&subject_token="}, 400, "invalid_request"},
		{"two", doubled, 400, "invalid_request"},
		{"one in the URL", inURL, 400, "invalid_request"},
		{"no type", exchange("broker", input, "subject_token_type", ""), 400, "invalid_request"},
		{"another type", exchange("broker", input, "subject_token_type", "urn:ietf:params:oauth:token-type:id_token"), 400, "invalid_request"},
		{"an ID token", exchange("broker", got["id_token"].(string), "subject_token_type", "urn:ietf:params:oauth:token-type:id_token"), 400, "invalid_request"},
		{"an ID token as an access token", exchange("broker", got["id_token"].(string)), 400, "invalid_request"},
		{"an ID token as a JWT", exchange("broker", got["id_token"].(string), "subject_token_type", jwtTokenType), 400, "invalid_request"},
		{"a refresh token", exchange("broker", got["refresh_token"].(string)), 400, "invalid_request"},
		{"a personal access token", exchange("broker", pat), 400, "invalid_request"},
		{"garbage", exchange("broker", "x"), 400, "invalid_request"},
		{"a token that was revoked", exchange("broker", other), 400, "invalid_request"},
		{"a token of another issuer", elsewhere, 400, "invalid_request"},
		{"for a refresh token", exchange("broker", input, "requested_token_type", "urn:ietf:params:oauth:token-type:refresh_token"), 400, "invalid_request"},
		{"for an ID token", exchange("broker", input, "requested_token_type", "urn:ietf:params:oauth:token-type:id_token"), 400, "invalid_request"},
		{"a type of an actor alone", exchange("broker", input, "actor_token_type", accessTokenType), 400, "invalid_request"},
		{"an actor without a type", exchange("broker", input, "actor_token", input), 400, "invalid_request"},
		{"an actor of another client", exchange("broker", input, "actor_token", input, "actor_token_type", accessTokenType), 400, "invalid_request"},
		{"an actor that is garbage", exchange("broker", input, "actor_token", "x", "actor_token_type", accessTokenType), 400, "invalid_request"},
		{"a public client", public, 401, "invalid_client"},
		{"a wrong secret", wrong, 401, "invalid_client"},
		{"an API", api, 400, "unauthorized_client"},
		{"a client without the grant", exchange("robot", input), 400, "unauthorized_client"},
	} {
		t.Run(row.name, func(t *testing.T) { w.at(t).refused(w.at(t).do(row.call), row.status, row.code) })
	}
	if strings.Contains(w.logs.String(), input) {
		t.Error("a token is in the log")
	}
}

func TestAnActorTokenNamesWhoActs(t *testing.T) {
	w := newExchangeWorld(t)
	input := w.login(spa, "openid read", messages)
	own := w.login(webApp, "openid")
	got := w.issued(w.do(exchange(webApp, input, "actor_token", own, "actor_token_type", accessTokenType)))
	if act := w.introspect("messages", got["access_token"].(string))["act"]; !cmp.Equal(act, any(map[string]any{"sub": "alice"})) {
		t.Errorf("act %v", act)
	}
	passed := got["access_token"].(string)
	w.refused(w.do(exchange(webApp, input, "actor_token", passed, "actor_token_type", accessTokenType)), 400, "invalid_request")
	robot := w.token("broker", "audience", messages)
	got = w.issued(w.do(exchange("broker", input, "actor_token", robot, "actor_token_type", jwtTokenType, "requested_token_type", accessTokenType)))
	if act := w.introspect("messages", got["access_token"].(string))["act"]; !cmp.Equal(act, any(map[string]any{"sub": "u-broker"})) {
		t.Errorf("act %v", act)
	}
}

// A token that is bound to a key is exchanged by who holds the key, and what comes of it is bound to that too.
func TestABoundTokenIsExchangedByWhoHoldsItsKey(t *testing.T) {
	w := newExchangeWorld(t)
	_, key, err := ed25519.GenerateKey(nil)
	w.must(err)
	_, thief, err := ed25519.GenerateKey(nil)
	w.must(err)
	input := w.issued(w.do(w.proving(redeem(spa, w.allowed(spa, "openid read", []string{messages})), key)))["access_token"].(string)
	w.refused(w.do(exchange("broker", input)), 400, "invalid_request")
	w.refused(w.do(w.proving(exchange("broker", input), thief)), 400, "invalid_request")
	got := w.issued(w.do(w.proving(exchange("broker", input), key)))
	held := w.introspect("messages", got["access_token"].(string))
	if want := map[string]any{"jkt": thumbprint(key)}; got["token_type"] != "DPoP" || !cmp.Equal(held["cnf"], any(want)) || held["token_type"] != "DPoP" {
		t.Errorf("answer %v, introspection %v", got, held)
	}
	// One that is bound to none may be bound on the way.
	free := w.login(spa, "openid read", messages)
	got = w.issued(w.do(w.proving(exchange("broker", free), key)))
	if held := w.introspect("messages", got["access_token"].(string)); held["cnf"] == nil {
		t.Errorf("introspection %v", held)
	}
}

// A program's token is exchanged as a person's is, and opens no profile.
func TestATokenOfAProgramIsExchanged(t *testing.T) {
	w := newExchangeWorld(t)
	for _, form := range []store.TokenForm{store.FormOpaque, store.FormAuth0Permissions} {
		w.issuesIn("a-messages", form)
		input := w.token("robot", "audience", messages, "scope", "openid read")
		raw := w.issued(w.do(exchange("broker", input)))["access_token"].(string)
		held := w.introspect("messages", raw)
		if held["active"] != true || held["client_id"] != "broker" || held["scope"] != "openid read" || !cmp.Equal(held["permissions"], any([]any{"read"})) {
			t.Errorf("%s: introspection says %v", form, held)
		}
		if a := w.userinfo(raw); a.status != 401 {
			t.Errorf("userinfo answers %d %s", a.status, a.body)
		}
		if form == store.FormAuth0Permissions {
			_, _, claims := w.claims(raw)
			if claims["sub"] != "robot@clients" || claims["gty"] != nil || claims["azp"] != "broker" {
				t.Errorf("claims %v", claims)
			}
		}
		w.revoked(call{user: "robot:robot-secret", form: values("token", input)})
		w.inactive("messages", raw)
	}
	input := w.token("robot", "audience", messages)
	raw := w.issued(w.do(exchange("broker", input)))["access_token"].(string)
	w.must(w.store.DeleteAssignment(t.Context(), store.Assignment{SubjectID: "u-robot", APIID: "a-messages"}))
	w.inactive("messages", raw) // as the input is
}

func TestWhoExchangedRevokesWhatCameOfIt(t *testing.T) {
	w := newExchangeWorld(t)
	input := w.token("second", "audience", messages)
	raw := w.issued(w.do(exchange("broker", input)))["access_token"].(string)
	w.refused(w.do(call{path: "/oauth/v2/revoke", user: "second:second-secret", form: values("token", raw)}), 400, "unauthorized_client")
	w.revoked(call{user: "broker:broker-secret", form: values("token", raw)})
	w.inactive("messages", raw)
	if w.introspect("messages", input)["active"] != true {
		t.Error("the token that was exchanged has ended with it")
	}
}

func TestNobodyPassesATokenOnForEver(t *testing.T) {
	w := newExchangeWorld(t)
	raw := w.login(spa, "openid read", messages)
	clients := []string{"broker", "second"}
	for i := range 8 {
		raw = w.issued(w.do(exchange(clients[i%2], raw)))["access_token"].(string)
	}
	if w.introspect("messages", raw)["active"] != true {
		t.Error("the last one is not active")
	}
	w.refused(w.do(exchange("broker", raw)), 400, "invalid_request")
}

// A service user that lists its grants has no others.
func TestAServiceUserHasTheGrantsThatItLists(t *testing.T) {
	w := newExchangeWorld(t)
	u, err := w.store.ServiceUser(t.Context(), "u-broker")
	w.must(err)
	u.Grants = []string{oauth.GrantTokenExchange}
	w.must(w.store.PutServiceUser(t.Context(), u))
	w.refused(w.do(tokenCall("broker", "audience", messages)), 400, "unauthorized_client")
	w.issued(w.do(exchange("broker", w.login(spa, "openid", messages))))
	w.issued(w.do(tokenCall("robot", "audience", messages)))
}

// FuzzExchange holds for whatever is sent as a token to exchange: nobody gets one for it, and nothing breaks.
func FuzzExchange(f *testing.F) {
	w := newWorld(f)
	w.must(w.store.PutServiceUser(f.Context(), store.ServiceUser{
		ID: "u-broker", OrganizationID: "org", Username: "broker", Active: true, CreatedAt: start, Grants: []string{oauth.GrantTokenExchange},
	}))
	w.secret(store.ServiceUserClient, "u-broker", "broker-secret")
	for _, seed := range []string{"subject_token=x", "subject_token=a.b.c&actor_token=x", "subject_token=&scope=%00", "subject_token=x&subject_token=y", "%zz"} {
		f.Add(seed)
	}
	prefix := "grant_type=" + oauth.GrantTokenExchange + "&subject_token_type=" + accessTokenType + "&"
	f.Fuzz(func(t *testing.T, rest string) {
		a := w.at(t).do(call{path: "/oauth/v2/token", user: "broker:broker-secret", body: prefix + rest})
		if a.status != http.StatusBadRequest && a.status != http.StatusRequestEntityTooLarge {
			t.Errorf("%q: %d %s", rest, a.status, a.body)
		}
	})
}

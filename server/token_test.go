package server_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/postern-auth/postern/server/store"
)

const clientCredentials = "client_credentials"

// hostile are bodies and headers that no endpoint with a form may take.
var hostile = []struct {
	name   string
	call   call
	status int
	code   string
}{
	{"a parameter is there twice", call{body: "grant_type=client_credentials&grant_type=client_credentials&token=x"}, 400, "invalid_request"},
	{"an unknown parameter is there twice", call{body: "x=1&x=2"}, 400, "invalid_request"},
	{"the body is not a form", call{body: "grant_type=%zz"}, 400, "invalid_request"},
	{"the body separates with semicolons", call{body: "grant_type=client_credentials;scope=openid"}, 400, "invalid_request"},
	{"a value is not UTF-8", call{body: "token=%ff&grant_type=client_credentials&assertion=%ff"}, 400, "invalid_request"},
	{"the body is 64 KiB and a byte", call{body: "x=" + strings.Repeat("a", 64<<10-1)}, 413, "invalid_request"},
	{"the body is plain text", call{body: "token=x", header: http.Header{"Content-Type": {"text/plain"}}}, 415, "invalid_request"},
	{"the body is multipart", call{body: "token=x", header: http.Header{"Content-Type": {"multipart/form-data; boundary=x"}}}, 415, "invalid_request"},
	{"the body has no type", call{body: "token=x", header: http.Header{"Content-Type": {""}}}, 415, "invalid_request"},
	{"the body is compressed", call{body: "token=x", header: http.Header{"Content-Encoding": {"gzip"}}}, 415, "invalid_request"},
	{"S8 the secret is in the query", call{path: "?client_secret=x"}, 400, "invalid_request"},
	{"S8 the token is in the query", call{path: "?token=x"}, 400, "invalid_request"},
	{"S8 the assertion is in the query", call{path: "?client_assertion=x"}, 400, "invalid_request"},
	{"the query is malformed", call{path: "?%zz"}, 400, "invalid_request"},
}

func TestHostileBodiesAreRefusedByEveryEndpoint(t *testing.T) {
	w := newWorld(t)
	for _, path := range []string{
		"/oauth/v2/token", "/oauth/token", "/oauth/v2/introspect", "/oauth/introspect", "/oauth/v2/revoke", "/oauth/revoke",
	} {
		for _, row := range hostile {
			t.Run(path+" "+row.name, func(t *testing.T) {
				w := w.at(t)
				c := row.call
				c.path = path + c.path
				c.user = "robot:" + robotSecret
				w.refused(w.do(c), row.status, row.code)
			})
		}
	}
}

// at returns the world for a subtest.
func (w *world) at(t testing.TB) *world {
	return &world{t: t, store: w.store, issuer: w.issuer, logs: w.logs, server: w.server, clock: w.now()}
}

func TestTokenRefuses(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	w.must(w.store.PutProject(ctx, store.Project{ID: "off", OrganizationID: "org", Name: "off", CreatedAt: start}))
	w.must(w.store.PutAPI(ctx, store.API{ID: "a-off", ProjectID: "P", Name: "off", ClientID: "off@P", Identifier: "https://off", CreatedAt: start}))
	w.must(w.store.PutAPI(ctx, store.API{ID: "a-lost", ProjectID: "off", Name: "lost", ClientID: "lost@off", Identifier: "https://lost", Active: true, CreatedAt: start}))
	w.must(w.store.PutAPI(ctx, store.API{ID: "a-jwt", ProjectID: "P", Name: "jwt", ClientID: "jwt@P", Identifier: "https://jwt", Form: store.FormAuth0, Active: true, CreatedAt: start}))
	w.must(w.store.PutAssignment(ctx, store.Assignment{SubjectID: "u-robot", APIID: "a-jwt"}))

	for _, row := range []struct {
		name   string
		user   string
		params []string
		status int
		code   string
	}{
		{"no grant type", "robot:" + robotSecret, nil, 400, "invalid_request"},
		{"an empty grant type", "robot:" + robotSecret, []string{"grant_type", ""}, 400, "invalid_request"},
		{"an unknown grant type", "robot:" + robotSecret, []string{"grant_type", "password"}, 400, "unsupported_grant_type"},
		{"a grant type in another case", "robot:" + robotSecret, []string{"grant_type", "Client_Credentials"}, 400, "unsupported_grant_type"},
		{"no client authentication", "", []string{"grant_type", clientCredentials}, 401, "invalid_client"},
		{"an API that wants a token for itself", "samples@P:" + samplesSecret, []string{"grant_type", clientCredentials}, 400, "unauthorized_client"},
		{"an unknown audience", "robot:" + robotSecret, []string{"grant_type", clientCredentials, "audience", "https://nowhere"}, 400, "invalid_target"},
		{"an audience that differs by a slash", "robot:" + robotSecret, []string{"grant_type", clientCredentials, "audience", messages + "/"}, 400, "invalid_target"},
		{"an audience that differs by case", "robot:" + robotSecret, []string{"grant_type", clientCredentials, "audience", strings.ToUpper(messages)}, 400, "invalid_target"},
		{"an unknown resource", "robot:" + robotSecret, []string{"grant_type", clientCredentials, "resource", "https://nowhere"}, 400, "invalid_target"},
		{"a project as resource", "robot:" + robotSecret, []string{"grant_type", clientCredentials, "resource", "P"}, 400, "invalid_target"},
		{"an unknown project", "robot:" + robotSecret, []string{"grant_type", clientCredentials, "scope", "urn:zitadel:iam:org:project:id:404:aud"}, 400, "invalid_target"},
		{"a project without id", "robot:" + robotSecret, []string{"grant_type", clientCredentials, "scope", "urn:zitadel:iam:org:project:id::aud"}, 400, "invalid_target"},
		{"a deactivated project", "robot:" + robotSecret, []string{"grant_type", clientCredentials, "scope", "urn:zitadel:iam:org:project:id:off:aud"}, 400, "invalid_target"},
		{"a deactivated API", "robot:" + robotSecret, []string{"grant_type", clientCredentials, "audience", "https://off"}, 400, "invalid_target"},
		{"an API of a deactivated project", "robot:" + robotSecret, []string{"grant_type", clientCredentials, "audience", "https://lost"}, 400, "invalid_target"},
		{"S7 an API without a grant", "robot:" + robotSecret, []string{"grant_type", clientCredentials, "audience", reports}, 403, "access_denied"},
		{"S7 one API with and one without a grant", "robot:" + robotSecret, []string{"grant_type", clientCredentials, "audience", messages, "audience", reports}, 403, "access_denied"},
		{"APIs that want different forms", "robot:" + robotSecret, []string{"grant_type", clientCredentials, "audience", messages, "audience", "https://jwt"}, 400, "invalid_target"},
		{"a scope with a quote", "robot:" + robotSecret, []string{"grant_type", clientCredentials, "scope", `openid "`}, 400, "invalid_scope"},
		{"a scope with a line end", "robot:" + robotSecret, []string{"grant_type", clientCredentials, "scope", "openid\nemail"}, 400, "invalid_scope"},
		{"a scope that is not ASCII", "robot:" + robotSecret, []string{"grant_type", clientCredentials, "scope", "lecture:été"}, 400, "invalid_scope"},
		{"more scopes than anybody needs", "robot:" + robotSecret, []string{"grant_type", clientCredentials, "scope", numbered(600)}, 400, "invalid_scope"},
		{"more targets than anybody needs", "robot:" + robotSecret, w.audiences(17), 400, "invalid_target"},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := w.at(t)
			w.refused(w.do(call{path: "/oauth/v2/token", user: row.user, form: values(row.params...)}), row.status, row.code)
		})
	}
}

func numbered(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "s%d ", i)
	}
	return b.String()
}

// audiences names n projects.
func (w *world) audiences(n int) []string {
	list := []string{"grant_type", clientCredentials}
	for i := range n {
		id := fmt.Sprintf("P%d", i)
		w.must(w.store.PutProject(w.t.Context(), store.Project{ID: id, OrganizationID: "org", Name: id, Active: true, CreatedAt: start}))
		list = append(list, "audience", id)
	}
	return list
}

// TestScopesAreGranted is about what the subject gets of what it asks for. Opaque tokens throughout; the
// scope is that of the answer, or the one asked for when the answer has none.
func TestScopesAreGranted(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	// both holds read:messages in P and in Q, and read on both APIs.
	w.must(w.store.PutServiceUser(ctx, store.ServiceUser{ID: "u-both", OrganizationID: "org", Username: "both", Active: true, CreatedAt: start}))
	w.secret(store.ServiceUserClient, "u-both", "both-secret")
	for _, g := range []store.Assignment{
		{SubjectID: "u-both", ProjectID: "P", Rights: []string{"admin", "read:messages"}},
		{SubjectID: "u-both", ProjectID: "Q", Rights: []string{"read:messages"}},
		{SubjectID: "u-both", APIID: "a-messages", Rights: []string{"read"}},
		{SubjectID: "u-both", APIID: "a-reports", Rights: []string{"read", "write"}},
	} {
		w.must(w.store.PutAssignment(ctx, g))
	}
	const p, q = "urn:zitadel:iam:org:project:id:P:aud", "urn:zitadel:iam:org:project:id:Q:aud"
	for _, row := range []struct {
		name   string
		user   string
		params []string
		want   any // the scope of the answer; nil: none
	}{
		{"a role held is granted, and the scope as asked is not repeated", "robot", []string{"scope", sampleScope}, nil},
		{"a role not held is dropped", "plain", []string{"scope", "openid " + p + " read:messages"}, "openid " + p},
		{"a role of another project is dropped", "auditor", []string{"scope", p + " read:messages audit"}, p},
		{"a role held on one of two projects is dropped", "both", []string{"scope", p + " " + q + " admin read:messages"}, p + " " + q + " read:messages"},
		{"a role without any target is dropped", "robot", []string{"scope", "openid read:messages"}, "openid"},
		{"offline_access is dropped", "robot", []string{"scope", "openid offline_access"}, "openid"},
		{"a scope that nobody knows is dropped", "robot", []string{"scope", "openid " + p + " delete:all"}, "openid " + p},
		{"a scope in another case is dropped", "robot", []string{"scope", p + " READ:messages"}, p},
		{"everything dropped leaves no scope", "robot", []string{"scope", "delete:all"}, nil},
		{"reserved scopes are kept", "robot", []string{"scope", "urn:zitadel:iam:org:projects:roles urn:zitadel:iam:user:metadata"}, nil},
		{"ZITADEL's own project is passed over", "robot", []string{"scope", "openid urn:zitadel:iam:org:project:id:zitadel:aud"}, nil},
		{"a scope twice counts once", "robot", []string{"scope", "openid openid"}, nil},
		{"a permission of one API of the project is granted", "robot", []string{"scope", p + " read"}, nil},
		{"no scope means all permissions on the API", "robot", []string{"audience", messages}, "read read:messages"},
		{"no scope means all permissions held on every API", "both", []string{"audience", messages, "audience", reports}, "read"},
		{"a permission held on one of two APIs is dropped", "both", []string{"audience", messages, "audience", reports, "scope", "read write"}, "read"},
		{"resource names an API as audience does", "robot", []string{"resource", messages, "scope", "read"}, "read"},
		{"two resources may be there", "both", []string{"resource", messages, "resource", reports, "scope", "read"}, "read"},
		{"audience names a project by its id", "robot", []string{"audience", "P", "scope", "read:messages"}, "read:messages"},
		{"a role of the API's project counts at the API", "both", []string{"audience", messages, "scope", "admin"}, "admin"},
		{"an unknown parameter is ignored", "robot", []string{"scope", "openid", "organization", "x"}, nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := w.at(t)
			got := w.issued(w.do(tokenCall(row.user, row.params...)))
			if diff := cmp.Diff(row.want, got["scope"]); diff != "" {
				t.Errorf("scope (-want +got):\n%s", diff)
			}
		})
	}
}

func TestJSONBodiesAreTakenWhereAuth0TakesThem(t *testing.T) {
	w := newWorld(t)
	asJSON := http.Header{"Content-Type": {"application/json; charset=utf-8"}}
	const credentials = `"client_id":"robot","client_secret":"robot-secret","grant_type":"client_credentials"`
	for _, row := range []struct {
		name, path, body string
		status           int
		code             string
	}{
		{"all members are strings", "/oauth/token", `{` + credentials + `,"audience":"` + messages + `"}`, 200, ""},
		{"the audience is an array", "/oauth/token", `{` + credentials + `,"audience":["` + messages + `","P"]}`, 200, ""},
		{"an unknown member is a number", "/oauth/token", `{` + credentials + `,"x":[1,{}]}`, 200, ""},
		{"a member is null", "/oauth/token", `{` + credentials + `,"scope":null}`, 200, ""},
		{"ZITADEL's path takes no JSON", "/oauth/v2/token", `{` + credentials + `}`, 415, "invalid_request"},
		{"introspection takes no JSON", "/oauth/introspect", `{` + credentials + `}`, 415, "invalid_request"},
		{"a name is there twice", "/oauth/token", `{` + credentials + `,"grant_type":"client_credentials"}`, 400, "invalid_request"},
		{"a name is there twice, once with escapes", "/oauth/token", `{` + credentials + `,"grant\u005ftype":"client_credentials"}`, 400, "invalid_request"},
		{"the scope is an array", "/oauth/token", `{` + credentials + `,"scope":["openid"]}`, 400, "invalid_request"},
		{"the secret is a number", "/oauth/token", `{"client_id":"robot","client_secret":1,"grant_type":"client_credentials"}`, 400, "invalid_request"},
		{"the audience holds a number", "/oauth/token", `{` + credentials + `,"audience":[1]}`, 400, "invalid_request"},
		{"the body is an array", "/oauth/token", `[]`, 400, "invalid_request"},
		{"the body is cut short", "/oauth/token", `{` + credentials, 400, "invalid_request"},
		{"the names are in another case", "/oauth/token", `{"CLIENT_ID":"robot","client_secret":"robot-secret","grant_type":"client_credentials"}`, 401, "invalid_client"},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := w.at(t)
			a := w.do(call{path: row.path, header: asJSON, body: row.body})
			if row.code == "" {
				w.issued(a)
				return
			}
			w.refused(a, row.status, row.code)
		})
	}
}

package server_test

import (
	"context"
	"encoding/xml"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/postern-auth/postern/server"
	"github.com/postern-auth/postern/server/store"
)

// change changes the application of the id.
func (w *world) application(id string, change func(*store.Application)) {
	w.t.Helper()
	app, err := w.store.Application(w.t.Context(), id)
	w.must(err)
	change(&app)
	w.must(w.store.PutApplication(w.t.Context(), app))
}

// told logs mia in to notes at an issuer and returns the claims of the ID token and of userinfo.
func (w *world) told(host string, pairs ...string) (idToken, userinfo map[string]any, access string) {
	w.t.Helper()
	b := w.browser()
	b.host = host
	raw := b.code(b.logIn("mia", miaPassword, pairs...), notesCallback)
	got := w.issued(w.do(call{path: "/oauth/token", host: host, form: values("grant_type", "authorization_code", "client_id", "notes",
		"code", raw, "code_verifier", verifier, "redirect_uri", notesCallback)}))
	access = got["access_token"].(string)
	a := w.do(call{method: http.MethodGet, path: "/userinfo", host: host, header: http.Header{"Authorization": {"Bearer " + access}}})
	if a.status != 200 {
		w.t.Fatalf("userinfo %d %s", a.status, a.body)
	}
	_, _, idToken = w.claims(got["id_token"].(string))
	return idToken, w.object(a.body), access
}

func TestRolesAreToldToWhoAsksInTheDialectThatHasThem(t *testing.T) {
	const (
		roles = "urn:zitadel:iam:org:project:roles"
		inP   = "urn:zitadel:iam:org:project:P:roles"
		inQ   = "urn:zitadel:iam:org:project:Q:roles"
		role  = "urn:zitadel:iam:org:project:role:"
		all   = "urn:zitadel:iam:org:projects:roles"
		audP  = " urn:zitadel:iam:org:project:id:P:aud"
		audQ  = " urn:zitadel:iam:org:project:id:Q:aud"
		owner = "urn:zitadel:iam:user:resourceowner"
	)
	claim := func(keys ...string) map[string]any {
		c := make(map[string]any)
		for _, key := range keys {
			c[key] = map[string]any{"org": "example.com"}
		}
		return c
	}
	for _, row := range []struct {
		name, scope string
		thirdParty  bool
		want        map[string]any
	}{
		{"nothing asked", "openid profile", false, map[string]any{}},
		{"roles of Auth0's programs stand in access tokens", "openid profile read:messages", false, map[string]any{}},
		{"one role by its name", "openid " + role + "admin", false, map[string]any{roles: claim("admin"), inP: claim("admin")}},
		{"a role that mia does not have", "openid " + role + "audit", false, map[string]any{}},
		{"all roles of the application's project", "openid " + roles, false, map[string]any{roles: claim("admin", "read:messages"), inP: claim("admin", "read:messages")}},
		{"all roles of all projects of the token", "openid " + all + audP + audQ, false, map[string]any{
			roles: claim("admin", "read:messages"), inP: claim("admin", "read:messages"), inQ: claim("read:messages")}},
		{"a project whose roles are not asked for", "openid" + audQ, false, map[string]any{}},
		{"an application of another house, without a name of a role", "openid " + roles, true, map[string]any{}},
		{"an application of another house, with one that was consented to", "openid read:messages " + roles, true, map[string]any{roles: claim("read:messages"), inP: claim("read:messages")}},
		{"an application of another house, with a role's name", "openid " + role + "admin", true, map[string]any{roles: claim("admin"), inP: claim("admin")}},
		{"the organization", "openid " + owner, false, map[string]any{owner + ":id": "org", owner + ":name": "Example", owner + ":primary_domain": "example.com"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := newLoginWorld(t)
			for project, rights := range map[string][]string{"P": {"admin", "read:messages"}, "Q": {"read:messages"}} {
				w.must(w.store.PutAssignment(t.Context(), store.Assignment{SubjectID: "u-mia", ProjectID: project, Rights: rights}))
			}
			if row.thirdParty {
				w.application("notes", func(a *store.Application) { a.FirstParty = false })
				w.must(w.store.PutConsent(t.Context(), store.Consent{UserID: "u-mia", ClientID: "notes", Scopes: strings.Fields(row.scope), GivenAt: start}))
			}
			for _, host := range []string{zitadelHost, auth0Host} {
				idToken, userinfo, _ := w.told(host, "scope", row.scope)
				for what, claims := range map[string]map[string]any{"ID token": idToken, "userinfo": userinfo} {
					got := make(map[string]any)
					for name, value := range claims {
						if strings.HasPrefix(name, "urn:zitadel:") {
							got[name] = value
						}
					}
					if diff := cmp.Diff(row.want, got); diff != "" {
						t.Errorf("%s of %s (-want +got):\n%s", what, host, diff)
					}
				}
			}
		})
	}
}

func TestUpdatedAtAndPictureAreAsTheDialectHasThem(t *testing.T) {
	w := newLoginWorld(t)
	w.picture("u-mia", "vq3-1")
	for host, want := range map[string]map[string]any{
		zitadelHost: {"updated_at": float64(start.Unix()), "picture": "https://zitadel.example.com/picture/vq3-1.svg"},
		auth0Host:   {"updated_at": "2026-03-01T12:00:00.000Z", "picture": "https://auth0.example.com/picture/vq3-1.svg"},
	} {
		idToken, userinfo, _ := w.told(host)
		for what, claims := range map[string]map[string]any{"ID token": idToken, "userinfo": userinfo} {
			got := map[string]any{"updated_at": claims["updated_at"], "picture": claims["picture"]}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s of %s (-want +got):\n%s", what, host, diff)
			}
		}
	}
}

func (w *world) picture(userID, id string) {
	w.t.Helper()
	u, err := w.store.User(w.t.Context(), userID)
	w.must(err)
	u.PictureID = id
	w.must(w.store.PutUser(w.t.Context(), u))
}

// An ID token in the strict form holds nothing that was not asked for, and what was is at userinfo.
func TestMinimalIDTokensSayWhoAndNotMore(t *testing.T) {
	w := newLoginWorld(t)
	w.picture("u-mia", "vq3-1")
	w.must(w.store.PutAssignment(t.Context(), store.Assignment{SubjectID: "u-mia", ProjectID: "P", Rights: []string{"admin"}}))
	w.application("notes", func(a *store.Application) { a.IDTokenClaims = store.MinimalClaims })
	idToken, userinfo, _ := w.told("", "scope", "openid profile email address phone urn:zitadel:iam:org:project:roles")
	var names []string
	for _, name := range []string{"iss", "sub", "aud", "azp", "iat", "exp", "auth_time", "acr", "amr", "sid", "nonce", "at_hash"} {
		if _, ok := idToken[name]; !ok {
			names = append(names, name)
		}
		delete(idToken, name)
	}
	if len(names) > 0 || len(idToken) > 0 {
		t.Errorf("%v are missing, and %v are too many", names, idToken)
	}
	for name, want := range map[string]any{"sub": "u-mia", "email": "mia@example.com", "email_verified": true, "name": "Mia Example", "picture": w.issuer + "/picture/vq3-1.svg"} {
		if userinfo[name] != want {
			t.Errorf("userinfo has %s %v, want %v", name, userinfo[name], want)
		}
	}
	if userinfo["urn:zitadel:iam:org:project:roles"] == nil || userinfo["phone_number"] != nil || userinfo["address"] != nil {
		t.Errorf("userinfo %v", userinfo)
	}
}

func TestUserinfoIsSignedForWhoIsSetSoOrAsks(t *testing.T) {
	w := newLoginWorld(t)
	idToken, plain, access := w.told(auth0Host, "scope", "openid email")
	ask := func(accept ...string) answer {
		return w.do(call{method: http.MethodGet, path: "/userinfo", host: auth0Host, header: http.Header{"Authorization": {"Bearer " + access}, "Accept": accept}})
	}
	signed := func(a answer, wantAlg string) {
		t.Helper()
		if a.status != 200 || a.header.Get("Content-Type") != "application/jwt" || a.header.Get("Cache-Control") != "no-store" {
			t.Fatalf("%d %v %s", a.status, a.header, a.body)
		}
		typ, alg, claims := w.claims(a.body)
		want := map[string]any{"iss": auth0Issuer, "aud": "notes", "sub": "u-mia", "email": "mia@example.com", "email_verified": true}
		if diff := cmp.Diff(want, claims); diff != "" || typ != "jwt" || alg != wantAlg {
			t.Errorf("typ %s alg %s (-want +got):\n%s", typ, alg, diff)
		}
	}
	for accept, isSigned := range map[string]bool{
		"": false, "*/*": false, "application/json": false, "application/json, application/jwt": false, "application/jwt, */*": false, "text/html": false,
		"application/jwt": true, "Application/JWT; q=0.9": true,
	} {
		a := ask(accept)
		if isSigned {
			signed(a, "RS256")
		} else if a.header.Get("Content-Type") != "application/json" || a.status != 200 || w.object(a.body)["sub"] != plain["sub"] {
			t.Errorf("%q gets %d %v %s", accept, a.status, a.header, a.body)
		}
	}
	w.application("notes", func(a *store.Application) { a.UserinfoAlgorithm = "ES256" })
	signed(ask("application/json"), "ES256")
	// It is neither an ID token nor an access token.
	raw := ask("").body
	if a := w.do(call{method: http.MethodGet, path: "/userinfo", host: auth0Host, header: http.Header{"Authorization": {"Bearer " + raw}}}); a.status != 401 {
		t.Errorf("it opens userinfo: %d", a.status)
	}
	b := w.browser()
	b.host = auth0Host
	b.logIn("mia", miaPassword)
	if s := b.open("/oidc/logout?id_token_hint=" + raw + "&post_logout_redirect_uri=" + bye); s.left != nil || !strings.Contains(s.title(), "Log out") {
		t.Errorf("it is taken for a hint: %v %q", s.left, s.title())
	}
	// Errors stay JSON.
	a := w.do(call{method: http.MethodGet, path: "/userinfo", host: auth0Host, header: http.Header{"Accept": {"application/jwt"}}})
	if a.status != 401 || a.header.Get("Content-Type") != "application/json" {
		t.Errorf("%d %v", a.status, a.header)
	}
	if idToken["sub"] != "u-mia" {
		t.Errorf("ID token %v", idToken)
	}
}

// RFC 9068 §2.2.1: a person's token says how they logged in.
func TestAPersonsJWTSaysHowTheyLoggedIn(t *testing.T) {
	w := newLoginWorld(t)
	api, err := w.store.API(t.Context(), "a-messages")
	w.must(err)
	api.Form = store.FormRFC9068
	w.must(w.store.PutAPI(t.Context(), api))
	_, _, access := w.told("", "audience", messages)
	typ, _, claims := w.claims(access)
	if typ != "at+jwt" || claims["auth_time"] != float64(start.Unix()) || claims["acr"] != "urn:postern:acr:pwd" || claims["client_id"] != "notes" || claims["sub"] != "u-mia" || claims["aud"] != messages {
		t.Errorf("%s %v", typ, claims)
	}
	if diff := cmp.Diff([]any{"pwd"}, claims["amr"]); diff != "" {
		t.Errorf("amr (-want +got):\n%s", diff)
	}
}

func TestPicturesAreLettersForEverybody(t *testing.T) {
	w := newLoginWorld(t)
	w.picture("u-mia", "vq3-1")
	get := func(path string, header http.Header) answer {
		return w.do(call{method: http.MethodGet, path: path, header: header})
	}
	mia := get("/picture/vq3-1.svg", http.Header{"Origin": {"https://evil.example"}})
	if mia.status != 200 || !strings.Contains(mia.body, ">ME</text>") {
		t.Errorf("%d %s", mia.status, mia.body)
	}
	w.headers(mia, map[string]string{
		"Content-Type": "image/svg+xml", "Cross-Origin-Resource-Policy": "cross-origin", "Cache-Control": "public, max-age=300", "X-Content-Type-Options": "nosniff",
		"Content-Security-Policy": "default-src 'none'; sandbox", "Access-Control-Allow-Origin": "https://evil.example", "Set-Cookie": "",
	})
	if a := get("/picture/vq3-1.svg", http.Header{"If-None-Match": {mia.header.Get("ETag")}}); a.status != 304 || a.body != "" {
		t.Errorf("known already: %d %q", a.status, a.body)
	}
	for _, path := range []string{"/picture/nobody.svg", "/picture/" + strings.Repeat("x", 500) + ".svg", "/picture/.svg", "/picture/VQ3-1.svg"} {
		a := get(path, nil)
		if a.status != 200 || strings.Contains(a.body, "<text") || a.header.Get("Cache-Control") != mia.header.Get("Cache-Control") || a.header.Get("Content-Type") != "image/svg+xml" {
			t.Errorf("%s: %d %v %s", path, a.status, a.header, a.body)
		}
	}
	for _, path := range []string{"/picture/vq3-1", "/picture/vq3-1.png", "/picture/"} {
		w.refused(get(path, nil), 404, "invalid_request")
	}
	for name, want := range map[string]string{
		"<script>alert(1)</script>": "S", "& Söhne": "S", "李 小龙": "李小", "\u0001 x": "X", "": "M", "Ada King Lovelace": "AL", "𝒜 b": "𝒜B", "…": "",
	} {
		u, err := w.store.User(t.Context(), "u-mia")
		w.must(err)
		u.Name = name
		w.must(w.store.PutUser(t.Context(), u))
		a := get("/picture/vq3-1.svg", nil)
		var parsed struct {
			Text string `xml:"text"`
		}
		if err := xml.Unmarshal([]byte(a.body), &parsed); err != nil || parsed.Text != want || strings.Contains(a.body, "script") {
			t.Errorf("%q: %q, want %q: %v in %s", name, parsed.Text, want, err, a.body)
		}
	}
}

// In an outage there is no picture that caches would keep.
func TestNoPictureInAnOutage(t *testing.T) {
	w := newLoginWorld(t, func(c *server.Config) { c.Store = blind{c.Store} })
	w.refused(w.do(call{method: http.MethodGet, path: "/picture/vq3-1.svg"}), 503, "temporarily_unavailable")
}

type blind struct{ store.Store }

func (blind) UserByPicture(context.Context, string) (store.User, error) {
	return store.User{}, fmt.Errorf("%w: the disk is on fire", store.ErrUnavailable)
}

func FuzzPicture(f *testing.F) {
	w := newLoginWorld(f)
	w.picture("u-mia", "vq3-1")
	for _, seed := range []string{"vq3-1.svg", "nobody.svg", ".svg", "x", "..svg", "a b.svg", "%00.svg"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, file string) {
		r, err := http.NewRequest(http.MethodGet, w.issuer+"/picture/"+file, nil)
		if err != nil {
			return
		}
		a, err := w.roundTrip(r)
		if err != nil {
			return // not a request that can be sent
		}
		if a.status != 200 && a.status != 404 || a.status == 200 && xml.Unmarshal([]byte(a.body), new(struct{})) != nil {
			t.Errorf("%d %s", a.status, a.body)
		}
	})
}

package registry_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/postern-auth/postern/internal/jws"
	"github.com/postern-auth/postern/server/internal/oauth"
	"github.com/postern-auth/postern/server/internal/registry"
	"github.com/postern-auth/postern/server/store"
)

// shop is an application of the type that everybody can call by its name.
func shop(t store.ApplicationType, change ...func(*store.Application)) store.Application {
	a := store.Application{
		ID: "shop", ProjectID: "p", Name: "shop", ClientID: "shop-client", Type: t,
		RedirectURIs: []string{"https://shop.example/callback"}, Grants: []string{oauth.GrantAuthorizationCode}, Active: true,
	}
	for _, f := range change {
		f(&a)
	}
	return a
}

func put(t *testing.T, s store.Store, a store.Application) error {
	t.Helper()
	return change(t, s, func(ctx context.Context, r *registry.Registry) error { return r.PutApplication(ctx, a) })
}

func redirects(uris ...string) func(*store.Application) {
	return func(a *store.Application) { a.RedirectURIs = uris }
}

func logouts(uris ...string) func(*store.Application) {
	return func(a *store.Application) { a.LogoutURIs = uris }
}

func origins(list ...string) func(*store.Application) {
	return func(a *store.Application) { a.AllowedOrigins = list }
}

func grants(list ...string) func(*store.Application) {
	return func(a *store.Application) { a.Grants = list }
}

func TestAddressesThatAnApplicationMayHave(t *testing.T) {
	for name, a := range map[string]store.Application{
		"https":                           shop(store.BrowserApplication, redirects("https://shop.example/callback?tenant=1")),
		"http on localhost":               shop(store.BrowserApplication, redirects("http://localhost:4040", "http://localhost:4040/callback")),
		"http on 127.0.0.1":               shop(store.WebApplication, redirects("http://127.0.0.1:3000/cb")),
		"http on ::1":                     shop(store.NativeApplication, redirects("http://[::1]/cb")),
		"a private scheme":                shop(store.NativeApplication, redirects("com.example.shop:/callback"), logouts("com.example.shop:/bye")),
		"a slash and none":                shop(store.BrowserApplication, logouts("http://localhost:4040", "http://localhost:4040/")),
		"an origin":                       shop(store.BrowserApplication, origins("http://localhost:4040", "https://shop.example")),
		"no redirect URI without a login": shop(store.NativeApplication, redirects(), grants(oauth.GrantDeviceCode, oauth.GrantRefreshToken)),
		"no PKCE with a secret":           shop(store.WebApplication, func(a *store.Application) { a.InsecureNoPKCE = true }),
		"the longest lives": shop(store.WebApplication, func(a *store.Application) {
			a.IDTokenLifetime, a.RefreshIdle, a.RefreshLifetime = 720*time.Hour, 8760*time.Hour, 8760*time.Hour
		}),
		"an exchange with a secret": shop(store.WebApplication, grants(oauth.GrantTokenExchange), redirects()),
		"where a login begins":      shop(store.BrowserApplication, func(a *store.Application) { a.InitiateLoginURI = "http://localhost:4040/login?a=1" }),
		"a call for log-outs":       shop(store.WebApplication, func(a *store.Application) { a.BackchannelLogoutURI = "https://shop.example/ended" }),
	} {
		s := open(t)
		seed(t, s)
		if err := put(t, s, a); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestK1_K2_WhatAnApplicationMayNotBeIsRefused(t *testing.T) {
	s := open(t)
	seed(t, s)
	before := len(events(t, s))
	many := make([]string, 101)
	for i := range many {
		many[i] = "https://shop.example/" + strings.Repeat("x", i)
	}
	browser, native, web := store.BrowserApplication, store.NativeApplication, store.WebApplication
	for name, a := range map[string]store.Application{
		"no name":                          shop(browser, func(a *store.Application) { a.Name = "" }),
		"no client id":                     shop(browser, func(a *store.Application) { a.ClientID = "" }),
		"a client id with a colon":         shop(browser, func(a *store.Application) { a.ClientID = "a:b" }),
		"no type":                          shop(""),
		"a type that nobody knows":         shop("mobile"),
		"a star behind the host":           shop(browser, redirects("https://app*")),
		"a star for a subdomain":           shop(browser, redirects("https://*.shop.example/cb")),
		"a star in the path":               shop(browser, redirects("https://shop.example/*")),
		"a good one beside a star":         shop(browser, redirects("https://shop.example/cb", "https://shop.example/*")),
		"a user before the host":           shop(browser, redirects("https://app@evil@app/")),
		"a user before localhost":          shop(browser, redirects("http://localhost@evil/cb")),
		"a host that begins as localhost":  shop(browser, redirects("http://localhost.evil/cb")),
		"a short address":                  shop(browser, redirects("http://127.1/cb")),
		"an IPv4 address in IPv6":          shop(browser, redirects("http://[::ffff:127.0.0.1]/cb")),
		"http elsewhere":                   shop(web, redirects("http://shop.example/cb")),
		"a fragment":                       shop(browser, redirects("https://shop.example/#/cb")),
		"an empty fragment":                shop(browser, redirects("https://shop.example/cb#")),
		"a path alone":                     shop(browser, redirects("/callback")),
		"no scheme":                        shop(browser, redirects("shop.example/cb")),
		"nothing":                          shop(browser, redirects("")),
		"a space":                          shop(browser, redirects("https://shop.example/c b")),
		"a line end":                       shop(browser, redirects("https://shop.example/cb\n")),
		"a script":                         shop(browser, redirects("javascript:alert(1)")),
		"data":                             shop(native, redirects("data:text/html,x")),
		"a private scheme without a dot":   shop(native, redirects("shop:/cb")),
		"a private scheme of a browser":    shop(browser, redirects("com.example.shop:/cb")),
		"a private scheme of a server":     shop(web, redirects("com.example.shop:/cb")),
		"a URI without end":                shop(browser, redirects("https://shop.example/"+strings.Repeat("x", 3000))),
		"the same URI twice":               shop(browser, redirects("https://shop.example/cb", "https://shop.example/cb")),
		"too many URIs":                    shop(browser, redirects(many...)),
		"an answer's parameter":            shop(browser, redirects("https://shop.example/cb?code=1")),
		"no URI for a login":               shop(browser, redirects()),
		"a log-out URI with a star":        shop(browser, logouts("https://shop.example/*")),
		"a log-out URI with a fragment":    shop(browser, logouts("https://shop.example/#bye")),
		"a log-out URI over http":          shop(browser, logouts("http://shop.example/bye")),
		"a log-out URI of another type":    shop(web, logouts("com.example.shop:/bye")),
		"an origin with a slash":           shop(browser, origins("https://shop.example/")),
		"an origin with a path":            shop(browser, origins("https://shop.example/a")),
		"an origin with its own port":      shop(browser, origins("https://shop.example:443")),
		"an origin with http's own port":   shop(browser, origins("http://localhost:80")),
		"an origin in capitals":            shop(browser, origins("https://Shop.example")),
		"an origin with a star":            shop(browser, origins("https://*.shop.example")),
		"every origin":                     shop(browser, origins("*")),
		"no origin":                        shop(browser, origins("null")),
		"an origin over http":              shop(browser, origins("http://shop.example")),
		"a private origin":                 shop(native, origins("com.example.shop:/")),
		"an exchange without a secret":     shop(native, grants(oauth.GrantTokenExchange)),
		"a login that begins over http":    shop(web, func(a *store.Application) { a.InitiateLoginURI = "http://shop.example/login" }),
		"a login that begins in a script":  shop(web, func(a *store.Application) { a.InitiateLoginURI = "javascript:alert(1)" }),
		"a login of a private scheme":      shop(native, func(a *store.Application) { a.InitiateLoginURI = "com.example.shop:/login" }),
		"no grant":                         shop(browser, grants()),
		"a grant that nobody knows":        shop(browser, grants("password")),
		"the implicit grant":               shop(browser, grants("implicit")),
		"the grant of service users":       shop(web, grants(oauth.GrantClientCredentials)),
		"another grant of service users":   shop(web, grants(oauth.GrantJWTBearer)),
		"a grant twice":                    shop(web, grants(oauth.GrantAuthorizationCode, oauth.GrantAuthorizationCode)),
		"no PKCE in a browser":             shop(browser, func(a *store.Application) { a.InsecureNoPKCE = true }),
		"no PKCE on a device":              shop(native, func(a *store.Application) { a.InsecureNoPKCE = true }),
		"a call for log-outs over http":    shop(web, func(a *store.Application) { a.BackchannelLogoutURI = "http://localhost/ended" }),
		"a call for log-outs by a scheme":  shop(native, func(a *store.Application) { a.BackchannelLogoutURI = "com.example.shop:/ended" }),
		"an algorithm with a secret":       shop(web, func(a *store.Application) { a.IDTokenAlgorithm = "HS256" }),
		"no signature":                     shop(web, func(a *store.Application) { a.IDTokenAlgorithm = "none" }),
		"claims that nobody knows":         shop(web, func(a *store.Application) { a.IDTokenClaims = "all" }),
		"an ID token without end":          shop(web, func(a *store.Application) { a.IDTokenLifetime = 1 << 62 }),
		"an ID token before its beginning": shop(web, func(a *store.Application) { a.IDTokenLifetime = -1 }),
		"a refresh without end":            shop(web, func(a *store.Application) { a.RefreshLifetime = 1 << 62 }),
		"a refresh before its beginning":   shop(web, func(a *store.Application) { a.RefreshIdle = -1 }),
		"a rest that is longer than all": shop(web, func(a *store.Application) {
			a.RefreshIdle, a.RefreshLifetime = 2*time.Hour, time.Hour
		}),
		"a profile that nobody enforces":        shop(web, func(a *store.Application) { a.Profile = "fapi1" }),
		"FAPI without a way to prove who it is": shop(store.BrowserApplication, func(a *store.Application) { a.Profile = "fapi2" }),
		"FAPI without PKCE":                     shop(web, func(a *store.Application) { a.Profile, a.InsecureNoPKCE = "fapi2", true }),
		"FAPI with RS256":                       shop(web, func(a *store.Application) { a.Profile, a.IDTokenAlgorithm = "fapi2", "RS256" }),
		"FAPI at a loopback address":            shop(web, func(a *store.Application) { a.Profile, a.RedirectURIs = "fapi2", []string{"http://localhost:3000/cb"} }),
		"tokens bound to what nobody knows":     shop(web, func(a *store.Application) { a.SenderConstraint = "cookie" }),
	} {
		if err := put(t, s, a); !errors.Is(err, registry.ErrRefused) {
			t.Errorf("%s: %v, want ErrRefused", name, err)
		}
	}
	if n := len(events(t, s)); n != before {
		t.Errorf("%d events of what was refused", n-before)
	}
}

func TestAnApplicationSharesItsClientIDWithNobody(t *testing.T) {
	s := open(t)
	seed(t, s)
	must(t, change(t, s, func(ctx context.Context, r *registry.Registry) error {
		named := api
		named.Identifier = "https://api.example"
		return errors.Join(r.PutApplication(ctx, shop(store.BrowserApplication)), r.PutAPI(ctx, named))
	}))
	other := func(id string) store.Application {
		return shop(store.WebApplication, func(a *store.Application) { a.ID, a.Name, a.ClientID = "other", "other", id })
	}
	for id, want := range map[string]string{
		"shop-client":      `application "other" cannot have the client id "shop-client", which an application has`,
		"robot":            `application "other" cannot have the client id "robot", which a service user has`,
		"messages@samples": `application "other" cannot have the client id "messages@samples", which an API has`,
		"p":                `application "other" cannot have the client id "p", which is the id of project "samples"`,
	} {
		if err := put(t, s, other(id)); !errors.Is(err, store.ErrExists) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", id, err, want)
		}
	}
	twin := other("twin")
	twin.Name = "shop"
	if err := put(t, s, twin); !errors.Is(err, store.ErrExists) || !strings.Contains(err.Error(), "another application of this name") {
		t.Errorf("the same name: %v", err)
	}
	// An API of this name would take the application's ID tokens for tokens of its own.
	err := change(t, s, func(ctx context.Context, r *registry.Registry) error {
		a := api
		a.Identifier = "shop-client"
		return r.PutAPI(ctx, a)
	})
	if want := `which is the client id of application "shop"`; !errors.Is(err, store.ErrExists) || !strings.Contains(err.Error(), want) {
		t.Errorf("an API's identifier: %v, want %s", err, want)
	}
	err = change(t, s, func(ctx context.Context, r *registry.Registry) error {
		u := user
		u.Username = "shop-client"
		return r.PutServiceUser(ctx, u)
	})
	if !errors.Is(err, store.ErrExists) || !strings.Contains(err.Error(), "which an application has") {
		t.Errorf("a username: %v", err)
	}
}

func TestOnlyAnApplicationOnAServerHasSecretsAndKeys(t *testing.T) {
	private, err := jws.GenerateKey(jws.ES256)
	must(t, err)
	owner := store.Owner{Kind: store.ApplicationClient, ID: "shop"}
	give := map[string]func(context.Context, *registry.Registry) error{
		"a secret": func(ctx context.Context, r *registry.Registry) error {
			_, err := r.CreateSecret(ctx, owner, time.Time{})
			return err
		},
		"a key": func(ctx context.Context, r *registry.Registry) error {
			_, err := r.CreateClientKey(ctx, store.ClientKey{Owner: owner}, private)
			return err
		},
	}
	for name, f := range give {
		for _, kind := range registry.ApplicationTypes {
			s := open(t)
			seed(t, s)
			must(t, put(t, s, shop(kind)))
			err := change(t, s, f)
			if kind != store.WebApplication {
				if !errors.Is(err, registry.ErrRefused) {
					t.Errorf("%s of type %s: %v, want ErrRefused", name, kind, err)
				}
				continue
			}
			must(t, err)
			// What has a secret does not become what keeps none.
			if err := put(t, s, shop(store.BrowserApplication)); !errors.Is(err, registry.ErrRefused) || !strings.Contains(err.Error(), "delete") {
				t.Errorf("%s, and then the type browser: %v, want ErrRefused", name, err)
			}
		}
		if err := change(t, open(t), f); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("%s of nobody: %v, want ErrNotFound", name, err)
		}
	}
}

func TestEventsOfAnApplication(t *testing.T) {
	s := open(t)
	seed(t, s)
	a := shop(store.WebApplication, logouts("https://shop.example", "https://shop.example/"))
	other := shop(store.WebApplication, logouts("https://shop.example/", "https://shop.example"), func(a *store.Application) {
		a.InsecureNoPKCE, a.IDTokenClaims = true, store.MinimalClaims
	})
	must(t, change(t, s, func(ctx context.Context, r *registry.Registry) error { // in one, in which the order is that of the changes
		return errors.Join(r.PutApplication(ctx, a), r.PutApplication(ctx, a), r.PutApplication(ctx, other), r.DeleteApplication(ctx, a))
	}))
	want := []string{
		`delete application shop shop `,
		`change application shop shop {"id_token_claims":"minimal","insecure_no_pkce":true,"logout_uris":["https://shop.example/","https://shop.example"]}`,
		`create application shop shop {"active":true,"client_id":"shop-client","grants":["authorization_code"],"id_token_claims":"full",` +
			`"logout_uris":["https://shop.example","https://shop.example/"],"name":"shop","redirect_uris":["https://shop.example/callback"],"type":"web"}`,
	}
	wantEvents(t, s, want)
	if err := change(t, s, func(ctx context.Context, r *registry.Registry) error { return r.DeleteApplication(ctx, a) }); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("what is not there: %v", err)
	}
}

// wantEvents compares the latest events, newest first.
func wantEvents(t *testing.T, s store.Store, want []string) {
	t.Helper()
	for i, e := range events(t, s)[:len(want)] {
		if got := strings.Join([]string{e.Action, e.Object, e.ObjectID, e.Name, e.Detail}, " "); got != want[i] {
			t.Errorf("event %d\ngot  %s\nwant %s", i, got, want[i])
		}
	}
}

// What an application was given ends when it is deactivated, also for when it is active again.
func TestADeactivatedApplicationLosesItsTokens(t *testing.T) {
	s := open(t)
	seed(t, s)
	must(t, put(t, s, shop(store.BrowserApplication)))
	must(t, change(t, s, func(ctx context.Context, r *registry.Registry) error { return r.PutUser(ctx, anna) }))
	must(t, s.CreateFamily(t.Context(), family))
	off := shop(store.BrowserApplication, func(a *store.Application) { a.Active = false })
	must(t, put(t, s, off))
	must(t, put(t, s, shop(store.BrowserApplication)))
	if f, err := s.Family(t.Context(), family.ID); err != nil || !f.RevokedAt.Equal(noon) || f.Reason != "application deactivated" {
		t.Errorf("family %+v, %v", f, err)
	}
	if c, err := s.Client(t.Context(), "shop-client"); err != nil || !c.NotBefore.Equal(noon) {
		t.Errorf("client %+v, %v", c, err)
	}
}

var family = store.Family{
	ID: "f", SubjectID: "anna", ClientID: "shop-client", Kind: store.CodeFamily, AuthTime: noon, CreatedAt: noon, ExpiresAt: noon.Add(time.Hour),
}

func TestOfTwoProcessesOneGetsTheLogin(t *testing.T) {
	users := [2]store.User{ // one by name, one by a verified address in other letter case
		{ID: "b", OrganizationID: "o", LoginName: "wanted@example.com", Active: true},
		{ID: "c", OrganizationID: "o", LoginName: "c", Email: "Wanted@Example.com", EmailVerifiedAt: noon, Active: true},
	}
	oneOfTwo(t, func(ctx context.Context, r *registry.Registry, i int) error {
		a := shop(store.WebApplication, func(a *store.Application) { a.ID, a.Name = users[i].ID, users[i].ID })
		return errors.Join(r.PutUser(ctx, users[i]), r.PutApplication(ctx, a))
	}, "logs in", "which an application has")
}

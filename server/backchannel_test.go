package server_test

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/postern-auth/postern/internal/fetch"
	"github.com/postern-auth/postern/server"
	"github.com/postern-auth/postern/server/internal/backchannel"
	"github.com/postern-auth/postern/server/internal/outbox"
	"github.com/postern-auth/postern/server/internal/registry"
	"github.com/postern-auth/postern/server/internal/session"
	"github.com/postern-auth/postern/server/store"
)

// listener is where applications are told of logouts.
type listener struct {
	*httptest.Server
	t      *testing.T
	status int
	heard  chan *http.Request
}

func newListener(t *testing.T) *listener {
	l := &listener{t: t, status: http.StatusOK, heard: make(chan *http.Request, 100)}
	l.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.ParseForm()
		l.heard <- r
		w.WriteHeader(l.status)
	}))
	t.Cleanup(l.Close)
	return l
}

// trusted has a server trust the listener's certificate, which is one for this machine.
func (l *listener) trusted(c *server.Config) {
	c.Outgoing.Roots = x509.NewCertPool()
	c.Outgoing.Roots.AddCert(l.Certificate())
}

// hears waits for n logout tokens and returns their claims by application.
func (l *listener) hears(w *world, n int) map[string]map[string]any {
	l.t.Helper()
	// Whoever logs out wakes the outbox, also for what others have left there.
	w.do(call{method: http.MethodGet, path: "/oidc/v1/end_session"})
	all := make(map[string]map[string]any)
	for range n {
		select {
		case r := <-l.heard:
			if len(r.PostForm) != 1 || len(r.PostForm["logout_token"]) != 1 || r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/x-www-form-urlencoded" || len(r.Cookies()) > 0 {
				l.t.Errorf("%s with %v and %v", r.Method, r.PostForm, r.Header)
			}
			typ, alg, claims := w.claims(r.PostForm.Get("logout_token"))
			if typ != "logout+jwt" || alg != "RS256" {
				l.t.Errorf("typ %s, alg %s", typ, alg)
			}
			all[claims["aud"].(string)] = claims
		case <-time.After(10 * time.Second):
			l.t.Fatalf("heard of %d logouts, want %d", len(all), n)
		}
	}
	select {
	case r := <-l.heard:
		l.t.Errorf("one more is told: %v", r.PostForm)
	default:
	}
	return all
}

// caller returns a client that trusts the listener.
func (l *listener) caller(stranger bool) *fetch.Client {
	if stranger {
		return fetch.NewUntrusted(fetch.Untrusted{})
	}
	return fetch.New(l.Client())
}

// listen has applications be told at the listener.
func (w *world) listen(l *listener, applications ...string) {
	w.t.Helper()
	for _, id := range applications {
		app, err := w.store.Application(w.t.Context(), id)
		w.must(err)
		app.BackchannelLogoutURI = l.URL + "/" + id
		w.must(w.store.PutApplication(w.t.Context(), app))
	}
}

func TestApplicationsWithTokensOfASessionAreToldOfItsEnd(t *testing.T) {
	l := newListener(t)
	w := newLoginWorld(t, l.trusted)
	w.listen(l, "notes", "shelf", "clock")
	b := w.browser()
	raw := b.code(b.logIn("mia", miaPassword), notesCallback)
	b.code(b.open(asks()), notesCallback) // again, and told once
	b.code(b.send(b.open(asks(shelf("scope", "openid")...)), "answer", "allow"), "https://shelf.example.com/cb", "a", "1")
	other := w.browser()
	other.code(other.logIn("mia", miaPassword), notesCallback)
	family := w.family(raw)
	s := b.open(endSession("id_token_hint", w.idToken(raw, nil), "post_logout_redirect_uri", bye))
	if s.header.Get("Location") != bye {
		t.Fatalf("%d %s", s.status, s.says())
	}
	heard := l.hears(w, 2)
	ids := make(map[any]bool)
	for _, app := range []string{"notes", "shelf"} {
		claims := heard[app]
		ids[claims["jti"]] = true
		delete(claims, "jti")
		want := map[string]any{
			"iss": w.issuer, "sub": "u-mia", "aud": app, "sid": family.SessionID, "iat": float64(start.Unix()), "exp": float64(start.Add(2 * time.Minute).Unix()),
			"events": map[string]any{"http://schemas.openid.net/event/backchannel-logout": map[string]any{}},
		}
		if diff := cmp.Diff(want, claims); diff != "" {
			t.Errorf("%s (-want +got):\n%s", app, diff)
		}
	}
	if len(ids) != 2 || ids[""] || ids[nil] {
		t.Errorf("jti %v", ids)
	}
	other.lives()
}

func TestWhateverEndsASessionIsTold(t *testing.T) {
	for _, row := range []struct {
		name string
		end  func(w *world, b *browser, raw string)
		n    int
	}{
		{"K22: a hint, in a browser that was restarted", func(w *world, _ *browser, raw string) {
			w.browser().open(endSession("id_token_hint", w.idToken(raw, nil)))
		}, 1},
		{"K23: a button", func(_ *world, b *browser, _ string) { b.send(b.open(endSession()), "answer", "logout") }, 1},
		{"Auth0's address", func(_ *world, b *browser, _ string) { b.open("/v2/logout?client_id=notes") }, 1},
		{"the account page of another browser", func(w *world, _ *browser, raw string) {
			s, err := w.store.SessionByID(w.t.Context(), w.family(raw).SessionID)
			w.must(err)
			w.must(w.store.InTx(w.t.Context(), func(tx store.Tx) error {
				return session.End(w.t.Context(), tx, s, true, w.now(), "ended")
			}))
		}, 1},
		{"a new password", func(w *world, _ *browser, raw string) {
			w.must(w.store.InTx(w.t.Context(), func(tx store.Tx) error {
				return registry.In(tx, "test", w.now()).SetPassword(w.t.Context(), store.User{ID: "u-mia"}, hashes()["noah"])
			}))
		}, 1},
		{"a lock", func(w *world, _ *browser, _ string) {
			user, err := w.store.User(w.t.Context(), "u-mia")
			w.must(err)
			user.Active = false
			w.must(w.store.InTx(w.t.Context(), func(tx store.Tx) error {
				return registry.In(tx, "test", w.now()).PutUser(w.t.Context(), user)
			}))
		}, 1},
		{"a user who is deleted", func(w *world, _ *browser, _ string) {
			user, err := w.store.User(w.t.Context(), "u-mia")
			w.must(err)
			w.must(w.store.InTx(w.t.Context(), func(tx store.Tx) error {
				return registry.In(tx, "test", w.now()).DeleteUser(w.t.Context(), user)
			}))
		}, 1},
		{"twice the same", func(w *world, b *browser, raw string) {
			for range 2 {
				b.open(endSession("id_token_hint", w.idToken(raw, nil)))
			}
		}, 1},
		{"a hint that proves nothing", func(w *world, b *browser, raw string) { b.open(endSession("id_token_hint", "bogus")) }, 0},
	} {
		t.Run(row.name, func(t *testing.T) {
			l := newListener(t)
			w := newLoginWorld(t, l.trusted)
			w.listen(l, "notes")
			b := w.browser()
			raw := b.code(b.logIn("mia", miaPassword), notesCallback)
			sid := w.family(raw).SessionID
			row.end(w, b, raw)
			heard := l.hears(w, row.n)
			if row.n > 0 && heard["notes"]["sid"] != sid {
				t.Errorf("%v, want sid %s", heard, sid)
			}
		})
	}
}

func TestALogoutTokenIsNothingElse(t *testing.T) {
	l := newListener(t)
	w := newLoginWorld(t, l.trusted)
	w.listen(l, "notes")
	b := w.browser()
	raw := b.code(b.logIn("mia", miaPassword), notesCallback)
	b.open(endSession("id_token_hint", w.idToken(raw, nil)))
	w.do(call{method: http.MethodGet, path: "/oidc/v1/end_session"})
	token := (<-l.heard).PostForm.Get("logout_token")
	if a := w.do(call{method: http.MethodGet, path: "/oidc/v1/userinfo", header: http.Header{"Authorization": {"Bearer " + token}}}); a.status != 401 {
		t.Errorf("userinfo: %d", a.status)
	}
	w.inactive("messages", token)
	b.code(b.logIn("mia", miaPassword), notesCallback)
	if s := b.open(endSession("id_token_hint", token, "post_logout_redirect_uri", bye)); s.left != nil {
		t.Errorf("as a hint: %v", s.left)
	}
}

func TestALogoutDoesNotWaitForWhoIsTold(t *testing.T) {
	l := newListener(t)
	w := newLoginWorld(t, l.trusted)
	w.listen(l, "notes")
	app, err := w.store.Application(t.Context(), "notes")
	w.must(err)
	app.BackchannelLogoutURI = "https://127.0.0.1:1/nobody"
	w.must(w.store.PutApplication(t.Context(), app))
	b := w.browser()
	raw := b.code(b.logIn("mia", miaPassword), notesCallback)
	if s := b.open(endSession("id_token_hint", w.idToken(raw, nil), "post_logout_redirect_uri", bye)); s.header.Get("Location") != bye {
		t.Errorf("%d %s", s.status, s.says())
	}
	// Nor does it fail when nobody can be told any more.
	family := w.family(raw)
	w.must(w.store.InTx(t.Context(), func(tx store.Tx) error {
		return backchannel.Tell(t.Context(), full{tx}, family.SessionID, w.now())
	}))
}

// full is a transaction of a store whose outbox is full.
type full struct{ store.Tx }

func (full) AddDelivery(context.Context, store.Delivery, int) (bool, error) { return false, nil }

// TestAnAnswerDecidesWhatBecomesOfADelivery delivers by hand what the outbox would.
func TestAnAnswerDecidesWhatBecomesOfADelivery(t *testing.T) {
	l := newListener(t)
	w := newLoginWorld(t)
	w.listen(l, "notes", "closed")
	deliver := func(application string, change ...func(*backchannel.Config)) error {
		config := backchannel.Config{Store: w.store, Keys: w.ring(), Now: w.now, Operator: l.caller(false), Strangers: l.caller(true)}
		for _, f := range change {
			f(&config)
		}
		payload, err := json.Marshal(backchannel.Payload{Application: application, Issuer: w.issuer, Subject: "u-mia", Session: "sid"})
		w.must(err)
		return backchannel.New(config).Deliver(t.Context(), payload)
	}
	never := func(err error) bool { return err != nil && strings.Contains(err.Error(), outbox.ErrNever.Error()) }
	for status, want := range map[int]string{200: "done", 204: "done", 400: "never", 401: "again", 404: "again", 301: "again", 500: "again", 503: "again"} {
		l.status = status
		err := deliver("notes")
		got := map[bool]string{true: "done", false: "again"}[err == nil]
		if never(err) {
			got = "never"
		}
		if got != want || len(l.heard) != 1 {
			t.Errorf("%d: %s, want %s: %v", status, got, want, err)
		}
		<-l.heard
	}
	for _, id := range []string{"closed", "gone", "shelf"} { // shut, not there, without an address
		if err := deliver(id); err != nil || len(l.heard) != 0 {
			t.Errorf("%s: %v", id, err)
		}
	}
	// What an application has registered of itself is called as a stranger's: no address of this network.
	w.must(w.store.PutRegistration(t.Context(), store.Registration{ApplicationID: "notes", Kind: store.DynamicRegistration, ExpiresAt: w.now()}))
	if err := deliver("notes"); !never(err) || len(l.heard) != 0 {
		t.Errorf("a stranger's address here: %v", err)
	}
	if err := backchannel.New(backchannel.Config{}).Deliver(t.Context(), []byte("{")); !never(err) {
		t.Errorf("no payload: %v", err)
	}
	w.must(w.store.Close())
	if err := deliver("notes"); err == nil || never(err) {
		t.Errorf("an outage: %v", err)
	}
}

func TestMetadataSayThatLogoutsAreTold(t *testing.T) {
	w := newWorld(t)
	got := w.object(w.do(call{method: http.MethodGet, path: "/.well-known/openid-configuration"}).body)
	if got["backchannel_logout_supported"] != true || got["backchannel_logout_session_supported"] != true {
		t.Errorf("%v", got)
	}
}

// TestWhatExpressOpenIDConnectDemands holds a logout token to the checks that this client makes before it looks for
// sessions: see isLoggedOut and the claims that its back-channel route asserts.
func TestWhatExpressOpenIDConnectDemands(t *testing.T) {
	l := newListener(t)
	w := newLoginWorld(t, l.trusted)
	w.listen(l, "notes")
	for _, host := range []string{"", zitadelHost, auth0Host} {
		b := w.browser()
		b.host = host
		raw := b.code(b.logIn("mia", miaPassword), notesCallback)
		b.open("/v2/logout?" + url.Values{"client_id": {"notes"}}.Encode())
		claims := l.hears(w, 1)["notes"]
		events, _ := claims["events"].(map[string]any)
		_, isEvent := events["http://schemas.openid.net/event/backchannel-logout"].(map[string]any)
		_, nonce := claims["nonce"]
		if claims["iss"] != b.issuer() || claims["aud"] != "notes" || !isEvent || nonce || claims["sub"] != "u-mia" || claims["sid"] != w.family(raw).SessionID {
			t.Errorf("%s: %v", host, claims)
		}
		for _, name := range []string{"iat", "exp", "jti"} {
			if claims[name] == nil {
				t.Errorf("%s: no %s", host, name)
			}
		}
	}
}

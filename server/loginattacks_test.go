package server_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/postern-auth/postern/server/store"
)

// What an attacker tries with a code, in one login after the other: each gets nothing, the first use does, and what
// comes after it ends that, too.
func TestS3_ACodeIsForOneUseByOneClient(t *testing.T) {
	w := newPeopleWorld(t)
	other := w.beside()
	raw := w.allowed(spa, offline, nil)
	for name, c := range map[string]call{
		"another client":       redeem(strange, raw),
		"another redirect_uri": redeem(spa, raw, "redirect_uri", callback+"/x"),
		"another verifier":     redeem(spa, raw, "code_verifier", strings.Repeat("x", 43)),
	} {
		if w.refused(w.do(c), 400, "invalid_grant"); t.Failed() {
			t.Fatal(name)
		}
	}
	first := w.issued(w.do(redeem(spa, raw)))
	w.pass(30 * time.Second)
	other.pass(30 * time.Second)
	other.refused(other.do(redeem(spa, raw)), 400, "invalid_grant") // at a replica
	for _, at := range []*world{w, other} {
		if a := at.userinfo(first["access_token"].(string)); a.status != http.StatusUnauthorized {
			t.Errorf("userinfo: %d %s", a.status, a.body)
		}
		at.refused(at.do(refresh(spa, first["refresh_token"].(string))), 400, "invalid_grant")
	}
	late := w.allowed(spa, offline, nil)
	w.pass(time.Minute)
	w.refused(w.do(redeem(spa, late)), 400, "invalid_grant")
}

// A family is about the person who began it, whoever is logged in in that browser by now.
func TestK14_ARefreshTokenStaysItsPersons(t *testing.T) {
	w := newLoginWorld(t)
	b := w.browser()
	login := func(user, password string) map[string]any {
		return w.issued(w.do(redeem("notes", b.code(b.logIn(user, password, "scope", "openid offline_access"), notesCallback), "redirect_uri", notesCallback)))
	}
	mias := login("mia", miaPassword)
	delete(b.cookies, sessionCookie(b)) // lost, not logged out
	noahs := login("noah", noahPassword)
	sids := make(map[any]bool)
	for subject, got := range map[string]map[string]any{"u-mia": mias, "u-noah": noahs} {
		renewed := w.issued(w.do(refresh("notes", got["refresh_token"].(string))))
		_, _, claims := w.claims(renewed["id_token"].(string))
		if sids[claims["sid"]] = true; claims["sub"] != subject {
			t.Errorf("the token of %s was renewed for %v", subject, claims["sub"])
		}
		if a := w.userinfo(renewed["access_token"].(string)); w.object(a.body)["sub"] != subject {
			t.Errorf("userinfo of %s: %s", subject, a.body)
		}
	}
	if len(sids) != 2 || sids[nil] {
		t.Errorf("sids %v, want one for each login", sids)
	}
}

// A refresh token that was used while its person was locked out is no token any more, whatever becomes of the lock.
func TestK29_ALockEndsWhatIsUsedMeanwhile(t *testing.T) {
	w := newPeopleWorld(t)
	lock := func(active bool) {
		u, err := w.store.User(t.Context(), "alice")
		w.must(err)
		u.Active = active
		w.must(w.store.PutUser(t.Context(), u))
	}
	token := w.issued(w.do(redeem(spa, w.allowed(spa, offline, nil))))["refresh_token"].(string)
	lock(false)
	a := w.do(refresh(spa, token))
	w.refused(a, 400, "invalid_grant")
	if text := w.object(a.body)["error_description"]; text != "user is blocked" { // which SDKs of Auth0 look for
		t.Errorf("error_description %q", text)
	}
	lock(true)
	w.refused(w.do(refresh(spa, token)), 400, "invalid_grant")
}

func TestS12_SessionsAreNobodyElses(t *testing.T) {
	w := newLoginWorld(t)
	b := w.browser() // it checks the flags of every cookie
	begun := b.open(asks())
	b.code(b.send(begun, "identifier", "mia", "password", miaPassword, "answer", "login"), notesCallback)
	first := b.session(t)
	again := b.open(asks("prompt", "login"))
	b.code(b.send(again, "identifier", "mia", "password", miaPassword, "answer", "login"), notesCallback)
	if b.session(t) == first {
		t.Error("a login keeps the session's id")
	}
	old := w.browser()
	old.cookies[sessionCookie(b)] = first
	if s := old.open(asks("prompt", "none")); s.told().Get("error") != "login_required" {
		t.Errorf("the id from before the login: %v", s.left)
	}
	t.Run("a logout kills the session, not the cookie alone", func(t *testing.T) {
		kept := b.session(t)
		b.send(b.open(endSession()), "answer", "logout")
		old := w.browser()
		old.cookies[b.cookieName()] = kept
		if s := old.open(asks("prompt", "none")); s.told().Get("error") != "login_required" {
			t.Errorf("%v", s.left)
		}
	})
	t.Run("a name that leads to this address is no host of ours", func(t *testing.T) {
		rebound := w.browser()
		for _, host := range []string{"evil.example", "127.0.0.1.evil.example", "localhost.evil.example", "127.0.0.1", ""} {
			if rebound.host = host; host == "" {
				continue
			}
			if a := rebound.ask(http.MethodGet, asks(), nil); a.status != http.StatusMisdirectedRequest || len(a.header["Set-Cookie"]) != 0 {
				t.Errorf("%s: %d %v", host, a.status, a.header)
			}
		}
	})
}

// What a person may do is looked up when a token is asked for, not when they logged in.
func TestS12_ARoleThatWasTakenIsInNoNewToken(t *testing.T) {
	w := newPeopleWorld(t)
	got := w.issued(w.do(redeem(spa, w.allowed(spa, offline+" read read:messages", []string{messages}))))
	w.must(w.store.PutAssignment(t.Context(), store.Assignment{SubjectID: "alice", APIID: "a-messages", Rights: []string{"read:messages"}}))
	renewed := w.issued(w.do(refresh(spa, got["refresh_token"].(string))))
	if scope := " " + renewed["scope"].(string) + " "; strings.Contains(scope, " read ") || !strings.Contains(scope, " read:messages ") {
		t.Errorf("scope %q", scope)
	}
	if held := w.introspect("messages", renewed["access_token"].(string)); strings.Contains(" "+held["scope"].(string)+" ", " read ") {
		t.Errorf("introspection says %v", held)
	}
}

package server_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/postern-auth/postern/server/internal/keys"
	"github.com/postern-auth/postern/server/store"
)

// signing returns the id of the key that signs with an algorithm.
func (w *world) signing(alg string) string {
	w.t.Helper()
	rows, err := w.store.SigningKeys(w.t.Context())
	w.must(err)
	for _, row := range rows {
		if row.Algorithm == alg && keys.StateOf(row, w.now()) == keys.Signing {
			return row.ID
		}
	}
	w.t.Fatalf("no key signs with %s", alg)
	return ""
}

func TestSigningKeysAreRotatedAndNotTooEarly(t *testing.T) {
	w := newConsoleWorld(t)
	b := w.browser()
	before := w.signing("ES256")
	b.enters("/console/signing-keys", "mia", miaPassword).tells(t, 200, "Signing keys", before, "signs", "Rotate ES256")
	s := b.open("/console/signing-keys/ES256/rotate")
	s.tells(t, 200, "Rotate ES256?", before+" signs until then")
	s = b.confirm(s)
	s.tells(t, 200, "Signing keys", "is published, and signs in two minutes", "next")
	if got := w.signing("ES256"); got != before {
		t.Errorf("%s signs at once, and no cache has it", got)
	}
	again := b.open("/console/signing-keys/ES256/rotate")
	again.tells(t, 200, "It is too early to rotate", "rotate after that")
	again.lacks(t, `class="form"`)
	for _, path := range []string{"/console/signing-keys/ES256/rotate"} {
		(screen{answer: b.ask(http.MethodPost, path, values()), path: path}).tells(t, 409, "It is too early to rotate")
	}
	w.pass(2*time.Minute + time.Second)
	if got := w.signing("ES256"); got == before {
		t.Error("the new key does not sign when every cache has it")
	}
	b.open("/console/signing-keys").tells(t, 200, "Signing keys", "verifies only")
	reader := w.browser()
	s = reader.enters("/console/signing-keys", "noah", noahPassword)
	s.tells(t, 200, "Signing keys", before)
	s.lacks(t, "/withdraw", "/rotate")
}

func TestASigningKeyIsWithdrawnByWhoTypesItsId(t *testing.T) {
	w := newConsoleWorld(t)
	b := w.browser()
	b.enters("/console/", "mia", miaPassword)
	kid := w.signing("RS256")
	path := "/console/signing-keys/" + kid + "/withdraw"
	const title, none = "Withdraw ", "There is nothing at this address"
	for _, row := range []struct {
		name, path string
		form       []string
		status     int
		title      string
		words      string
	}{
		{"nothing", path, nil, 409, title + kid + "?", "Read again what stops"},
		{"no state", path, []string{"id", kid}, 409, title + kid + "?", "Read again what stops"},
		{"another state", path, []string{"id", kid, "state", "waiting"}, 409, title + kid + "?", "Read again what stops"},
		{"no id", path, []string{"state", "signing"}, 422, title + kid + "?", "This is not " + kid},
		{"empty id", path, []string{"id", "", "state", "signing"}, 422, title + kid + "?", "This is not " + kid},
		{"part of the id", path, []string{"id", kid[:len(kid)-1], "state", "signing"}, 422, title + kid + "?", "This is not " + kid},
		{"id in capitals", path, []string{"id", strings.ToUpper(kid) + "X", "state", "signing"}, 422, title + kid + "?", "This is not " + kid},
		{"id with a space", path, []string{"id", kid + " ", "state", "signing"}, 422, title + kid + "?", "This is not " + kid},
		{"markup", path, []string{"id", "<script>alert(1)</script>", "state", "signing"}, 422, title + kid + "?", "This is not " + kid},
		{"another key", path, []string{"id", w.signing("ES256"), "state", "signing"}, 422, title + kid + "?", "This is not " + kid},
		{"id twice", path, []string{"id", kid, "id", kid, "state", "signing"}, 400, "", ""},
		{"unknown key", "/console/signing-keys/none/withdraw", []string{"id", "none", "state", "signing"}, 404, none, ""},
		{"unknown algorithm", "/console/signing-keys/HS256/rotate", nil, 404, none, ""},
		{"algorithm in small letters", "/console/signing-keys/es256/rotate", nil, 404, none, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := screen{answer: b.ask(http.MethodPost, row.path, values(row.form...)), path: row.path}
			if row.title == "" {
				if s.status != row.status {
					t.Errorf("got %d, want %d", s.status, row.status)
				}
			} else {
				s.tells(t, row.status, row.title, row.words)
			}
			s.lacks(t, "<script>alert")
		})
	}
	if got := w.signing("RS256"); got != kid {
		t.Fatalf("%s was withdrawn without a word", kid)
	}
	s := b.open(path)
	s.tells(t, 200, title+kid+"?", "Every token that it signed")
	b.confirm(s, "id", kid, "state", s.hidden("state")).tells(t, 200, "Signing keys", kid+" is withdrawn")
	if got := w.signing("RS256"); got == kid {
		t.Error("it still signs")
	}
	(screen{answer: b.ask(http.MethodPost, path, values("id", kid, "state", "signing"))}).tells(t, 404, none)
	events, err := w.store.LatestEvents(t.Context(), 2)
	w.must(err)
	for i, want := range []store.Event{{Actor: "u-mia", Action: "create", ObjectID: w.signing("RS256")}, {Actor: "u-mia", Action: "delete", ObjectID: kid}} {
		if e := events[i]; e.Actor != want.Actor || e.Action != want.Action || e.Object != "signing key" || e.ObjectID != want.ObjectID {
			t.Errorf("event %d: %+v, want %+v", i, e, want)
		}
	}
}

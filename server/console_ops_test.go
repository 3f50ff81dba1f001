package server_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
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

func TestEventsAreReadByPartsAndFiltered(t *testing.T) {
	w := newConsoleWorld(t)
	put := func(e store.Event) { t.Helper(); e.At = start; w.must(w.store.AddEvent(t.Context(), e)) }
	for n := range 130 {
		put(store.Event{ID: fmt.Sprintf("0-%05d", n), Actor: "apply", Action: "create", Object: "project", ObjectID: fmt.Sprint("p-", n), Name: fmt.Sprintf("project-%03d", n)})
	}
	put(store.Event{ID: "1-1", Actor: "u-mia", Action: "create", Object: "api", ObjectID: "a-1", Name: "Orders", Detail: `{"name":"Orders","active":true}`})
	put(store.Event{ID: "1-2", Actor: "u-mia", Action: "delete", Object: "api", ObjectID: "a-2", Name: "<img src=x onerror=alert(1)>", Detail: `{"x":"</code><script>alert(2)</script>"}`})
	put(store.Event{ID: "1-3", Actor: "u-gone", Action: "change", Object: "something new", ObjectID: "s", Name: "\u202eevil", Detail: `no JSON`})
	b := w.browser()
	s := b.enters("/console/events", "noah", noahPassword)
	s.tells(t, 200, "Events", "mia created Orders.", "u-gone changed", "apply created project-129.", "Older", "something new")
	s.lacks(t, "<img src=x", "<script>alert", "\u202e", "project-082")
	older := s.link(t, "Older")
	s = b.open(older)
	s.tells(t, 200, "Events", "project-082", "Newest")
	s = b.open(s.link(t, "Older"))
	s.tells(t, 200, "Events", "project-000")
	s.lacks(t, ">Older<")

	const nothing = "Nothing matches. The oldest event is of"
	for _, row := range []struct{ query, has, lacks string }{
		{"q=ORDERS", "created Orders.", "project-"},
		{"q=a-1", "created Orders.", "project-"},
		{"q=1-1", "created Orders.", "project-"},
		{"actor=mia", "created Orders.", "project-"},
		{"actor=u-mia", "created Orders.", "project-"},
		{"actor=apply&q=project-007", "project-007", "Orders"},
		{"action=delete", "deleted", "created Orders."},
		{"object=api&action=create", "created Orders.", "deleted"},
		{"object=project&action=delete", nothing, "created Orders"},
		{"q=%3Cscript%3E", nothing, "<script>"},
		{"q=%25", nothing, "created Orders."},
		{"action=none", nothing, "created Orders."},
		{"object=API", nothing, "created Orders."},
		{"actor=%00", nothing, "created Orders."},
		{"before=0", "Nothing has been changed here yet", "created Orders."},
		{"q=a&q=b", "", ""},
	} {
		s := b.open("/console/events?" + row.query)
		if row.has == "" {
			if s.status != 400 {
				t.Errorf("%s: %d, want 400", row.query, s.status)
			}
			continue
		}
		s.tells(t, 200, "Events", row.has)
		if row.lacks != "" {
			s.lacks(t, "</strong>"+row.lacks, "<bdi>"+row.lacks)
		}
	}
	a := b.ask(http.MethodGet, "/console/events.jsonl?object=api", nil)
	want := []string{`{"id":"1-2"`, `{"id":"1-1"`}
	lines := strings.Split(strings.TrimSpace(a.body), "\n")
	if len(lines) != len(want) || a.header.Get("Content-Disposition") != `attachment; filename="events.jsonl"` || a.header.Get("Content-Type") != "application/x-ndjson" {
		t.Fatalf("%d %v %s", a.status, a.header, a.body)
	}
	for i, line := range lines {
		if !strings.HasPrefix(line, want[i]) || !json.Valid([]byte(line)) {
			t.Errorf("line %d: %s", i, line)
		}
	}
	a = b.ask(http.MethodGet, "/console/events.jsonl", nil)
	if got := strings.Count(a.body, "\n"); got != 133 {
		t.Errorf("%d lines, want 133", got)
	}
}

// A page looks at so many events and says that there are more.
func TestARareEventIsLookedForInSteps(t *testing.T) {
	w := newConsoleWorld(t)
	w.must(w.store.InTx(t.Context(), func(tx store.Tx) error {
		for n := range 2100 {
			e := store.Event{ID: fmt.Sprintf("1-%05d", n), At: start, Actor: "apply", Action: "create", Object: "project", ObjectID: "p", Name: "p"}
			if err := tx.AddEvent(t.Context(), e); err != nil {
				return err
			}
		}
		return tx.AddEvent(t.Context(), store.Event{ID: "0", At: start, Actor: "apply", Action: "delete", Object: "user", ObjectID: "u", Name: "rare"})
	}))
	b := w.browser()
	b.enters("/console/events", "noah", noahPassword)
	s := b.open("/console/events?q=rare")
	s.tells(t, 200, "Events", "Nothing matches in 2,000 events", "Older ones have not been looked at yet")
	b.open(s.link(t, "Older")).tells(t, 200, "Events", "apply deleted rare.")
}

// link returns where a link of a screen leads to.
func (s screen) link(t testing.TB, text string) string {
	t.Helper()
	for part := range strings.SplitSeq(s.body, "<a ") {
		if strings.Contains(part, ">"+text+"</a>") {
			_, part, _ = strings.Cut(part, `href="`)
			to, _, _ := strings.Cut(part, `"`)
			return html.UnescapeString(to)
		}
	}
	t.Fatalf("%s has no link %q: %s", s.path, text, s.body)
	return ""
}

// signs has an API get tokens that are JWTs.
func (w *world) signs(identifier string) {
	w.t.Helper()
	api, err := w.store.APIByIdentifier(w.t.Context(), identifier)
	w.must(err)
	api.Form = store.FormRFC9068
	w.must(w.store.PutAPI(w.t.Context(), api))
}

// why asks why a token was refused.
func (b *browser) why(pairs ...string) screen {
	b.w.t.Helper()
	return screen{answer: b.ask(http.MethodPost, "/console/why-refused", values(pairs...)), path: "/console/why-refused"}
}

func TestWhyATokenWasRefused(t *testing.T) {
	w := newConsoleWorld(t)
	const title = "Why was this token refused?"
	b := w.browser()
	b.enters("/console/why-refused", "noah", noahPassword).tells(t, 200, title, "Sent to")
	w.signs(messages)
	signed := w.token("robot", "audience", messages)
	opaque := w.token("robot", "scope", "openid urn:zitadel:iam:org:project:id:P:aud")
	if strings.Count(signed, ".") != 2 || !strings.HasPrefix(opaque, "postern_at_") {
		t.Fatalf("the tokens are %s and %s", signed, opaque)
	}
	parts := strings.Split(signed, ".")
	made := func(header, claims string) string {
		return base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + base64.RawURLEncoding.EncodeToString([]byte(claims)) + ".c2lnbmF0dXJl"
	}
	header, err := base64.RawURLEncoding.DecodeString(parts[0])
	w.must(err)
	claims, err := base64.RawURLEncoding.DecodeString(parts[1])
	w.must(err)
	payload := string(claims)
	changed := parts[0] + "." + base64.RawURLEncoding.EncodeToString([]byte(strings.Replace(payload, "robot", "admin", 1))) + "." + parts[2]
	for _, row := range []struct {
		name   string
		form   []string
		status int
		words  []string
	}{
		{"a good one", []string{"token", signed}, 200, []string{"This token is good at", "until"}},
		{"with what is around it", []string{"token", "Authorization: Bearer " + signed}, 200, []string{"This token is good at"}},
		{"an answer of the token endpoint", []string{"token", `{"access_token":"` + signed + `"}`}, 200, []string{"This token is good at"}},
		{"an opaque one", []string{"token", opaque, "api", messages}, 200, []string{"This token is good at"}},
		{"to another API", []string{"token", signed, "api", "reports@Q"}, 200, []string{"Refused with 401 at: Audience", "for another API", messages}},
		{"opaque to another API", []string{"token", opaque, "api", "reports@Q"}, 200, []string{"Refused with 401 at: Audience"}},
		{"lacking a right", []string{"token", signed, "asks", "no:such"}, 200, []string{"Refused with 403", "no:such"}},
		{"nothing", nil, 422, []string{"Paste a token"}},
		{"spaces", []string{"token", " \t "}, 422, []string{"Paste a token"}},
		{"words", []string{"token", "not a token really"}, 422, []string{"It has 3 spaces; did the shell cut it?"}},
		{"one word", []string{"token", "abc"}, 422, []string{"This is not a token: 3 characters"}},
		{"a JWT cut in its claims", []string{"token", parts[0] + "." + parts[1][:20]}, 422, []string{"was cut or changed"}},
		{"an opaque one cut", []string{"token", opaque[:40]}, 422, []string{"was cut or changed on its way: it is 40 characters long"}},
		{"five parts", []string{"token", "a.b.c.d.e"}, 422, []string{"encrypted"}},
		{"JSON without a token", []string{"token", `{"error":"invalid_client"}`}, 422, []string{"holds no access token"}},
		{"an ID token's answer", []string{"token", `{"id_token":"x"}`}, 422, []string{"holds no access token"}},
		{"broken JSON", []string{"token", `{"access_token`}, 422, []string{"holds no access token"}},
		{"an unknown API", []string{"token", signed, "api", "https://nowhere"}, 422, []string{"There is no API"}},
		{"twice", []string{"token", signed, "token", signed}, 400, nil},
		{"changed claims", []string{"token", changed, "api", messages}, 200, []string{"Refused with 401 at: Signature", "changed or cut after it was signed"}},
		{"cut signature", []string{"token", signed[:len(signed)-4]}, 200, []string{"Refused with 401"}},
		{"not signed", []string{"token", made(`{"alg":"none","typ":"JWT"}`, payload)}, 200, []string{"Refused with 401 at:", "not signed"}},
		{"signed with a secret", []string{"token", made(`{"alg":"HS256","typ":"JWT"}`, payload)}, 200, []string{"Refused with 401 at: Signing key", "signed with a secret"}},
		{"an unknown key", []string{"token", made(`{"alg":"ES256","typ":"JWT","kid":"none"}`, payload)}, 200, []string{"Refused with 401 at: Signing key", "No key of this id"}},
		{"another server's", []string{"token", made(string(header), `{"iss":"https://elsewhere.example","aud":"x","exp":9999999999}`)}, 200, []string{"Refused with 401 at: Issuer", "https://elsewhere.example"}},
		{"an issuer with a slash too many", []string{"token", made(string(header), `{"iss":"`+w.issuer+`/","aud":"x","exp":1}`)}, 200, []string{"Refused with 401 at: Issuer", "by the slash at the end alone", "It has ended"}},
		{"an ID token", []string{"token", made(strings.Replace(string(header), "at+jwt", "JWT", 1), `{"iss":"`+w.issuer+`","aud":"x","nonce":"n","exp":1}`)}, 200, []string{"not an access token"}},
		{"without an end", []string{"token", made(string(header), `{"iss":"`+w.issuer+`","aud":"x"}`)}, 200, []string{"does not say when it ends"}},
		{"an aud that is a number", []string{"token", made(string(header), `{"iss":"`+w.issuer+`","aud":7,"exp":null}`), "api", messages}, 200, []string{"Refused with 401"}},
		{"a member twice", []string{"token", made(string(header), `{"iss":"a","iss":"b"}`)}, 422, []string{"was cut or changed"}},
		{"markup in claims", []string{"token", made(string(header), `{"iss":"<script>alert(1)</script>","aud":["</code><img src=x onerror=alert(2)>"],"exp":1}`), "asks", "<script>alert(3)</script>"}, 200, []string{"Refused with 401 at: Issuer"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := b.why(row.form...)
			if row.words == nil {
				if s.status != row.status {
					t.Errorf("got %d, want %d", s.status, row.status)
				}
				return
			}
			s.tells(t, row.status, title, row.words...)
			s.lacks(t, "<script>alert", "<img src=x", signed, opaque, parts[2])
			if row.status == 200 && !strings.Contains(strings.Join(row.words, ""), "is good") {
				s.lacks(t, "This token is good")
			}
		})
	}
	for _, secret := range []string{signed, opaque, parts[1]} {
		if strings.Contains(w.logs.String(), secret) {
			t.Error("a token is in the log")
		}
	}
}

// What introspection refuses the page never calls good: it asks the same engine.
func TestWhatIntrospectionRefusesThePageDoesNotCallGood(t *testing.T) {
	const title = "Why was this token refused?"
	for name, end := range map[string]func(w *world, raw string) string{
		"revoked": func(w *world, raw string) string {
			w.do(call{path: "/oauth/v2/revoke", user: "robot:" + robotSecret, form: values("token", raw)})
			return "It was revoked"
		},
		"expired": func(w *world, _ string) string { w.pass(30 * 24 * time.Hour); return "It has ended" },
		"the subject is gone": func(w *world, raw string) string {
			w.must(w.store.DeleteSubject(w.t.Context(), "u-robot"))
			return "Refused with 401"
		},
		"the assignments are gone": func(w *world, _ string) string {
			rows, err := w.store.AssignmentsAmong(w.t.Context(), "u-robot", nil)
			w.must(err)
			for _, row := range rows {
				w.must(w.store.DeleteAssignment(w.t.Context(), row))
			}
			return "Refused with 401 at: Holder and rights to the API"
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newConsoleWorld(t)
			w.signs(messages)
			for _, raw := range []string{w.token("robot", "audience", messages), w.token("robot", "scope", "openid urn:zitadel:iam:org:project:id:P:aud")} {
				if w.introspect("messages", raw)["active"] != true {
					t.Fatal("it is not good before")
				}
				words := end(w, raw)
				b := w.browser()
				b.enters("/console/", "noah", noahPassword)
				active := w.introspect("messages", raw)["active"] == true
				s := b.why("token", raw, "api", messages)
				s.tells(t, 200, title)
				if good := strings.Contains(s.body, "This token is good"); good != active {
					t.Errorf("the page says good: %v, introspection: %v", good, active)
				}
				if !active {
					s.tells(t, 200, title, words)
				}
				if name != "revoked" {
					break
				}
			}
		})
	}
}

func TestWhatIsPastedIntoTheSearchFieldIsInNoAddress(t *testing.T) {
	w := newConsoleWorld(t)
	b := w.browser()
	b.enters("/console/", "noah", noahPassword).tells(t, 200, "Overview", "Service users", "All events", "signs since")
	b.open("/console/settings").tells(t, 200, "Settings", w.issuer+"/oauth/v2/token", w.issuer+"/oauth/token")
	token := w.token("robot", "scope", "openid urn:zitadel:iam:org:project:id:P:aud")
	for _, text := range []string{
		token, token[:30], "Bearer " + token, `{"access_token":"` + token + `"}`, "eyJhbGciOi", "https://app.example/#access_token=" + token,
		strings.Repeat("A", 43), "name " + strings.Repeat("x", 40), `{"id_token":"x"}`, "https://app.example/?code=" + strings.Repeat("c", 40),
	} {
		a := b.ask(http.MethodPost, "/console/find", values("find", text))
		if a.header.Get("Location") != "" || strings.Contains(a.body, text) || !strings.Contains(a.body, "Why was this token refused?") {
			t.Errorf("%.20q: %d, Location %q", text, a.status, a.header.Get("Location"))
		}
	}
	for text, want := range map[string]string{
		"u-robot": "/console/service-users/u-robot", "robot": "/console/find?q=robot", "": "/console/find?q=",
		messages: "/console/find?q=https%3A%2F%2Fmessages.example.com", "<script>": "/console/find?q=%3Cscript%3E", "../x": "/console/find?q=..%2Fx",
	} {
		a := b.ask(http.MethodPost, "/console/find", values("find", text))
		if a.status != 303 || a.header.Get("Location") != want {
			t.Errorf("%q: %d %q, want %q", text, a.status, a.header.Get("Location"), want)
		}
	}
	b.open("/console/find?q=robot").tells(t, 200, "Search for “robot”", "Service users")
	if strings.Contains(w.logs.String(), token) {
		t.Error("the token is in the log")
	}
}

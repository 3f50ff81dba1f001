package browser

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

const issuer = "https://login.example.com"

func TestNamesAndAttributesOfTheCookies(t *testing.T) {
	c := For(issuer)
	value, _ := parse(strings.Repeat("A", 43))
	for _, row := range []struct {
		name string
		set  func(http.ResponseWriter)
		want string
	}{
		{"a session that is kept", func(w http.ResponseWriter) { c.SetSession(w, value, 30*24*time.Hour) },
			"__Host-postern-4b246bc1=" + value.text + "; Path=/; Max-Age=2592000; HttpOnly; Secure; SameSite=None"},
		{"a session until the browser is closed", func(w http.ResponseWriter) { c.SetSession(w, value, 0) },
			"__Host-postern-4b246bc1=" + value.text + "; Path=/; HttpOnly; Secure; SameSite=None"},
		{"a session for less than a second", func(w http.ResponseWriter) { c.SetSession(w, value, time.Millisecond) },
			"__Host-postern-4b246bc1=" + value.text + "; Path=/; Max-Age=1; HttpOnly; Secure; SameSite=None"},
		{"a session that is over", func(w http.ResponseWriter) { c.SetSession(w, value, -time.Hour) },
			"__Host-postern-4b246bc1=" + value.text + "; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=None"},
		{"a session that is cleared", c.ClearSession,
			"__Host-postern-4b246bc1=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=None"},
		{"a binding", func(w http.ResponseWriter) { c.SetBinding(w, value) },
			"__Host-postern-b-4b246bc1=" + value.text + "; Path=/; HttpOnly; Secure; SameSite=Lax"},
		{"a binding that is cleared", c.ClearBinding,
			"__Host-postern-b-4b246bc1=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Lax"},
		{"a session that is cleared and then set", func(w http.ResponseWriter) { c.ClearSession(w); c.SetSession(w, value, 0) },
			"__Host-postern-4b246bc1=" + value.text + "; Path=/; HttpOnly; Secure; SameSite=None"},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := httptest.NewRecorder()
			w.Header().Add("Set-Cookie", "theirs=1")
			row.set(w)
			want := []string{"theirs=1", row.want}
			if got := w.Header()["Set-Cookie"]; fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("got  %q\nwant %q", got, want)
			}
		})
	}
}

func TestTwoIssuersOnOneHostHaveCookiesOfTheirOwn(t *testing.T) {
	seen := make(map[string]string)
	for _, issuer := range []string{
		"https://localhost:8443", "https://localhost:9443", "http://localhost:8443", "https://localhost:8443/",
		"https://127.0.0.1:8443", "https://LOCALHOST:8443", "",
	} {
		c := For(issuer)
		for _, name := range []string{c.session, c.binding} {
			if other, taken := seen[name]; taken {
				t.Errorf("%q and %q share %s", issuer, other, name)
			}
			seen[name] = issuer
			if !strings.HasPrefix(name, "__Host-") {
				t.Errorf("%s can be set by a sibling", name)
			}
		}
	}
}

func TestBothCookiesAreReadFromARequest(t *testing.T) {
	c := For(issuer)
	session, binding := NewValue(), NewValue()
	if session == binding {
		t.Fatal("two values are the same")
	}
	w := httptest.NewRecorder()
	c.SetSession(w, session, time.Hour)
	c.SetBinding(w, binding)
	r := httptest.NewRequest("GET", "/", nil)
	for _, cookie := range w.Result().Cookies() {
		r.AddCookie(cookie)
	}
	if got, ok := c.Session(r); !ok || got != session {
		t.Errorf("session: %v, the same: %v", ok, got == session)
	}
	if got, ok := c.Binding(r); !ok || got != binding {
		t.Errorf("binding: %v, the same: %v", ok, got == binding)
	}
	if _, ok := For("https://localhost:9443").Session(r); ok {
		t.Error("another issuer reads the cookie")
	}
}

func TestHostileCookiesAreAbsentCookies(t *testing.T) {
	c := For(issuer)
	good := strings.Repeat("A", 42) + "E"
	name := c.session
	for _, row := range []struct {
		name    string
		headers []string
		want    bool
	}{
		{"the cookie alone", []string{name + "=" + good}, true},
		{"among others", []string{"a=b; " + name + "=" + good + "; c=d"}, true},
		{"in a header of its own, as HTTP/2 splits them", []string{"a=b", name + "=" + good, "c=d"}, true},
		{"beside a foreign cookie of 4 KB", []string{"a=" + strings.Repeat("x", 4096) + "; " + name + "=" + good}, true},
		{"beside foreign cookies that cannot be read", []string{"\x01=\x02; ;;; =; a; " + name + "=" + good}, true},
		{"beside the cookie of another issuer", []string{For("https://localhost").session + "=" + good + "; " + name + "=" + good}, true},
		{"beside the name without its prefix", []string{"postern-4b246bc1=" + good + "; " + name + "=" + good}, true},
		{"beside the name in capitals", []string{strings.ToUpper(name) + "=" + good + "; " + name + "=" + good}, true},
		{"beside a twin in bytes that no value has", []string{name + "=a\\b\xff; " + name + "=" + good}, true},

		{"no cookie", nil, false},
		{"an empty header", []string{""}, false},
		{"an empty value", []string{name + "="}, false},
		{"no value", []string{name}, false},
		{"a planted twin before it", []string{name + "=" + strings.Repeat("B", 43) + "; " + name + "=" + good}, false},
		{"a planted twin behind it", []string{name + "=" + good + "; " + name + "=" + strings.Repeat("B", 43)}, false},
		{"the same value twice", []string{name + "=" + good + "; " + name + "=" + good}, false},
		{"a twin in another header", []string{name + "=" + good, name + "=" + good}, false},
		{"a twin that is empty", []string{name + "=; " + name + "=" + good}, false},
		{"a twin of 4 KB", []string{name + "=" + strings.Repeat("x", 4096) + "; " + name + "=" + good}, false},
		{"a twin with spaces around its name", []string{name + " =" + good + "; " + name + "=" + good}, false},
		{"the name in capitals alone", []string{strings.ToUpper(name) + "=" + good}, false},
		{"the name without its prefix alone", []string{"postern-4b246bc1=" + good}, false},
		{"another prefix", []string{"__Secure-postern-4b246bc1=" + good}, false},
		{"the prefix twice", []string{"__Host-" + name + "=" + good}, false},
		{"a wide space before the name", []string{"\u2000" + name + "=" + good}, false},
		{"a name that begins with it", []string{name + "0=" + good}, false},
		{"the binding in its place", []string{c.binding + "=" + good}, false},
		{"one character less", []string{name + "=" + good[1:]}, false},
		{"one character more", []string{name + "=A" + good}, false},
		{"padding", []string{name + "=" + good + "="}, false},
		{"padding in place of the last", []string{name + "=" + good[1:] + "="}, false},
		{"unused bits", []string{name + "=" + good[:42] + "F"}, false},
		{"the standard alphabet", []string{name + "=+/" + good[2:]}, false},
		{"quotes around it", []string{name + `="` + good + `"`}, false},
		{"a quote before it", []string{name + `="` + good}, false},
		{"a value of 4 KB", []string{name + "=" + strings.Repeat("A", 4096)}, false},
		{"a percent escape", []string{name + "=%41" + good[3:]}, false},
		{"a NUL", []string{name + "=" + good[:42] + "\x00"}, false},
		{"a comma between twins", []string{name + "=" + good + "," + name + "=" + good}, false},
		{"more cookies than anybody has", []string{strings.Repeat("a=b; ", 4000) + name + "=" + good}, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			r := httptest.NewRequest("GET", "/", nil)
			if row.headers != nil {
				r.Header["Cookie"] = row.headers
			}
			got, ok := c.Session(r)
			if ok != row.want || ok && got.text != good || !ok && got != (Value{}) {
				t.Errorf("got %q, %v, want %v", got.text, ok, row.want)
			}
			if _, ok := c.Binding(r); ok != (row.name == "the binding in its place") {
				t.Errorf("binding: %v", ok)
			}
		})
	}
}

func TestK10_AValueMatchesItsOwnDigestAlone(t *testing.T) {
	mine, other := NewValue(), NewValue()
	if !mine.Matches(mine.Digest()) {
		t.Error("a value does not match its digest")
	}
	if mine.Matches(other.Digest()) || mine.Matches([32]byte{}) {
		t.Error("a value matches another's digest, or none")
	}
	var zero Value
	if zero.Matches(zero.Digest()) || zero.Matches([32]byte{}) {
		t.Error("the zero value matches")
	}
}

func TestIssuersWhoseCookiesBrowsersKeep(t *testing.T) {
	for issuer, want := range map[string]bool{
		"https://login.example.com": true, "https://192.0.2.1:8443": true, "http://localhost:8080": true,
		"http://LocalHost": true, "http://auth.localhost:8080": true, "http://127.0.0.1:8080": true, "http://127.8.8.8": true, "http://[::1]:8080": true,
		"http://login.example.com": false, "http://192.0.2.1": false, "http://localhost.example.com": false, "http://notlocalhost": false,
		"http://127.0.0.1.example.com": false, "http://localhost@example.com": false, "ftp://localhost": false, "localhost": false, "": false, "http://": false, "://": false,
	} {
		if got := Keeps(issuer); got != want {
			t.Errorf("%s: got %v, want %v", issuer, got, want)
		}
	}
}

func TestValuesDoNotPrintThemselves(t *testing.T) {
	value := NewValue()
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "value", value, "pointer", &value, "list", []Value{value})
	text := log.String()
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
		text += fmt.Sprintf(verb, value) + fmt.Sprintf(verb, &value) + fmt.Sprintf(verb, struct{ V Value }{value})
	}
	if strings.Contains(text, value.text) || strings.Contains(text, fmt.Sprintf("%x", value.text)) {
		t.Errorf("the value is shown in %s", text)
	}
}

// Whatever a browser sends is a value of ours, sent once, or nothing.
func FuzzCookies(f *testing.F) {
	c := For(issuer)
	good := strings.Repeat("A", 43)
	f.Add(c.session+"="+good, "")
	f.Add(c.session+"="+good+"; "+c.session+"=x", c.binding+"="+good)
	f.Add("a=\"b; c", c.session+`="`+good+`"`)
	f.Fuzz(func(t *testing.T, first, second string) {
		r := &http.Request{Header: http.Header{"Cookie": {first, second}}}
		for _, name := range []string{c.session, c.binding} {
			value, ok := read(r, name)
			if !ok {
				if value != (Value{}) {
					t.Fatalf("refused and returned: %q", value.text)
				}
				continue
			}
			if _, again := parse(value.text); !again || len(value.text) != 43 {
				t.Fatalf("%q is not of our making", value.text)
			}
			if n := strings.Count(first+";"+second, name+"="+value.text); n != 1 {
				t.Fatalf("%q, %q: the cookie is there %d times", first, second, n)
			}
		}
	})
}

package page

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// payloads are what is put into every field of every page.
var payloads = []string{
	`<script>alert(1)</script>`,
	`</script><script>alert(1)</script>`,
	`</title></textarea></style><img src=x onerror=alert(1)>`,
	`"><svg onload=alert(1)>`,
	`' onfocus='alert(1)' autofocus='`,
	`" onfocus="alert(1)" autofocus="`,
	"` onfocus=alert(1) ",
	`javascript:alert(1)`,
	`JaVaScRiPt:alert(1)//`,
	`data:text/html,<script>alert(1)</script>`,
	`//evil.example/`,
	`{{.Host}}${7*7}{host}*[link]`,
	`<!--<script>-->]]>`,
	"\r\nSet-Cookie: a=b\r\n\r\n<script>alert(1)</script>",
	`; script-src 'unsafe-inline' *; x`,
	"\u202egpj.exe\u2066\u2067<b>",
	"\x00\x1b[31m\u2028\u2029",
	"\xff\xfe<script>",
	`&lt;script&gt;&#60;script&#62;`,
	strings.Repeat("<", 500),
}

// fill returns a copy of a page in which every text that can be set is the payload, and the paths of those
// fields. Addresses that Render checks keep what they hold, with the payload as their query.
func fill(p Page, payload string) (Page, []string) {
	copied := reflect.New(reflect.TypeOf(p)).Elem()
	copied.Set(reflect.ValueOf(p))
	var paths []string
	var walk func(v reflect.Value, path string) reflect.Value
	walk = func(v reflect.Value, path string) reflect.Value {
		switch v.Kind() {
		case reflect.String:
			paths = append(paths, path)
			switch value := v.String(); {
			case strings.HasSuffix(path, ".To"), strings.HasSuffix(path, ".At"), strings.HasSuffix(path, ".Target"):
				return reflect.ValueOf("https://app.example/?" + fmt.Sprintf("%q", payload)).Convert(v.Type())
			case strings.HasPrefix(value, otpauth):
				return reflect.ValueOf(otpauth + payload).Convert(v.Type())
			}
			return reflect.ValueOf(payload).Convert(v.Type())
		case reflect.Struct:
			filled := reflect.New(v.Type()).Elem()
			filled.Set(v)
			for i := range v.NumField() {
				if v.Type().Field(i).IsExported() {
					filled.Field(i).Set(walk(v.Field(i), path+"."+v.Type().Field(i).Name))
				}
			}
			return filled
		case reflect.Slice:
			filled := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
			for i := range v.Len() {
				filled.Index(i).Set(walk(v.Index(i), fmt.Sprintf("%s[%d]", path, i)))
			}
			return filled
		case reflect.Map:
			filled := reflect.MakeMap(v.Type())
			for _, key := range v.MapKeys() {
				filled.SetMapIndex(key, walk(v.MapIndex(key), path+"["+key.String()+"]"))
			}
			return filled
		}
		return v
	}
	copied.Set(walk(copied, ""))
	return copied.Interface().(Page), paths
}

// skeleton is what a page is made of, without what its fields say.
func skeleton(elements []element) []string {
	var bones []string
	for _, e := range elements {
		var names []string
		for name := range e.attrs {
			names = append(names, name)
		}
		slices.Sort(names)
		bones = append(bones, e.name+" "+strings.Join(names, " "))
	}
	return bones
}

func TestS11PayloadsInEveryFieldOfEveryPageStayText(t *testing.T) {
	fields := 0
	for _, s := range samples() {
		benign, paths := fill(s.page, "benign")
		fields += len(paths)
		want := render(t, "en", benign)
		bones := skeleton(mustParse(t, want.Body.Bytes()))
		for _, payload := range payloads {
			name := fmt.Sprintf("%s with %.40q", s.name, payload)
			hostile, _ := fill(s.page, payload)
			got := render(t, "en", hostile)
			elements := mustParse(t, got.Body.Bytes())
			if !slices.Equal(skeleton(elements), bones) {
				t.Fatalf("%s is another page:\n%s", name, got.Body)
			}
			checkInert(t, name, elements)
			if csp := got.Header().Get("Content-Security-Policy"); csp != want.Header().Get("Content-Security-Policy") {
				t.Errorf("%s has the policy %q", name, csp)
			}
		}
	}
	if fields < 300 {
		t.Fatalf("%d fields were tried", fields)
	}
}

// checkInert reports addresses that are not ours to go to, and texts that turn around.
func checkInert(t *testing.T, name string, elements []element) {
	t.Helper()
	for _, e := range elements {
		for _, attr := range []string{"href", "action", "src", "formaction"} {
			address := strings.ToLower(strings.TrimSpace(e.attrs[attr]))
			if _, saved := e.attrs["download"]; saved && attr == "href" && strings.HasPrefix(address, "data:application/octet-stream;base64,") {
				continue // is saved and never shown
			}
			for _, scheme := range []string{"javascript:", "data:", "vbscript:"} {
				if strings.HasPrefix(address, scheme) {
					t.Errorf("%s: <%s %s=%q>", name, e.name, attr, address)
				}
			}
		}
		if e.name != "script" && e.name != "textarea" && strings.ContainsAny(e.text, "\u202e\u2066\u2067\ue000\ue01b") {
			t.Errorf("%s: <%s> says %q", name, e.name, e.text)
		}
	}
}

func TestK65WhatEverybodyReadsIsFixedText(t *testing.T) {
	body := render(t, "en", Error{Cause: BadRequest, Developer: Developer{Parameter: "prompt", Got: "<b>"}}).Body.String()
	if !strings.Contains(body, "&lt;b&gt;") || strings.Contains(body, "<b>") {
		t.Error(body)
	}
	before, _, _ := strings.Cut(body, "<details")
	if strings.Contains(before, "&lt;") {
		t.Errorf("what came stands outside of the developer's part: %s", before)
	}
}

func TestK59AnAddressThatIsNotRegisteredIsTextAndNotALink(t *testing.T) {
	body := render(t, "en", Error{Cause: UnregisteredAddress, Developer: Developer{Parameter: "redirect_uri", Got: "https://app.example/"}}).Body.String()
	if !strings.Contains(body, "<code>https://app.example/</code>") || strings.Contains(body, `href="https://app.example`) {
		t.Error(body)
	}
}

func TestK61ConsentTellsWhatIsNewFromWhatWasAllowed(t *testing.T) {
	body := render(t, "en", Consent{Authorization: Authorization{Application: "Reader"}, Asked: Asked{
		Email: true, ClaimsGiven: true, Offline: true,
		Permissions: []Permission{{Key: "a", Given: true}, {Key: "b", Given: true}, {Key: "c", API: "Other"}},
	}}).Body.String()
	also, already, ok := strings.Cut(body, "It may already")
	if !ok || !strings.Contains(also, "It will also be able to") {
		t.Fatal(body)
	}
	for _, text := range []string{"<code>c</code>", "offline_access"} {
		if !strings.Contains(also, text) || strings.Contains(already, text) {
			t.Errorf("%s is not told as new", text)
		}
	}
	for _, text := range []string{"<code>a</code>", "<code>b</code>", "See your e-mail address"} {
		if strings.Contains(also, text) || !strings.Contains(already, text) {
			t.Errorf("%s is not told as allowed before", text)
		}
	}
}

// long is a state as K64 and K68 send it.
var long = `</script><script>alert(1)</script>%+="<>&'` + "😀\u2028" + strings.Repeat("ä=&", 680)

func TestK64FormPostGivesBackWhatWasSentByteForByte(t *testing.T) {
	w := render(t, "en", FormPost{To: "https://app.example/cb", Fields: []Parameter{{"state", long}}})
	for _, e := range mustParse(t, w.Body.Bytes()) {
		if e.attrs["name"] == "state" {
			if e.attrs["value"] != long {
				t.Errorf("the state came as %q", e.attrs["value"])
			}
			return
		}
	}
	t.Error("the state is not in the form")
}

func TestK68WebMessageDeliversMarkupAsText(t *testing.T) {
	body := render(t, "en", WebMessage{Target: "https://app.example", Frames: []string{"https://app.example"}, Response: map[string]string{"state": long}}).Body.String()
	_, data, _ := strings.Cut(body, `id="message">`)
	data, _, _ = strings.Cut(data, "</script>")
	var got struct {
		Target  string
		Message struct {
			Type     string
			Response map[string]string
		}
	}
	if err := json.Unmarshal([]byte(data), &got); err != nil {
		t.Fatalf("%v in %s", err, data)
	}
	if got.Target != "https://app.example" || got.Message.Type != "authorization_response" || got.Message.Response["state"] != long {
		t.Errorf("%+v", got)
	}
	if strings.Count(body, "<script") != 2 {
		t.Errorf("the page holds another script:\n%s", body)
	}
}

func TestK67AWebMessageForNoOriginMayNotBeFramed(t *testing.T) {
	for name, frames := range map[string][]string{
		"none":            nil,
		"a star":          {"*"},
		"a scheme":        {"https:"},
		"a path":          {"https://app.example/x"},
		"another rule":    {"https://app.example; script-src *"},
		"a line end":      {"https://app.example\r\nX: y"},
		"two in one":      {"https://app.example https://evil.example"},
		"a wildcard host": {"https://*.example"},
		"a user":          {"https://app.example@evil.example"},
		"none at all":     {"null", ""},
	} {
		h := render(t, "en", WebMessage{Target: "https://app.example", Frames: frames}).Header()
		if got := h.Get("Content-Security-Policy"); !strings.HasSuffix(got, "frame-ancestors 'none'") || h.Get("X-Frame-Options") != "DENY" {
			t.Errorf("%s: %q, %q", name, got, h.Get("X-Frame-Options"))
		}
	}
	h := render(t, "en", WebMessage{Target: "https://app.example", Frames: []string{"https://app.example", "http://localhost:4040", "http://[::1]:4040"}}).Header()
	if got := h.Get("Content-Security-Policy"); !strings.HasSuffix(got, "frame-ancestors https://app.example http://localhost:4040 http://[::1]:4040") || h.Get("X-Frame-Options") != "" {
		t.Errorf("%q, %q", got, h.Get("X-Frame-Options"))
	}
}

func TestAPrivateSchemeIsAllowedOnlyIfItIsOne(t *testing.T) {
	for scheme, want := range map[string]string{
		"":                                "form-action 'self';",
		"com.example.app":                 "form-action 'self' com.example.app:;",
		"https":                           "form-action 'self';",
		"javascript":                      "form-action 'self';",
		"com.example.app: *":              "form-action 'self';",
		"com.example; script-src 'self'":  "form-action 'self';",
		"Com.Example":                     "form-action 'self';",
		"com.example.app\r\nSet-Cookie: ": "form-action 'self';",
	} {
		h := render(t, "en", Login{Authorization: Authorization{Scheme: scheme}}).Header()
		if got := h.Get("Content-Security-Policy"); !strings.Contains(got, want) {
			t.Errorf("%q: %q", scheme, got)
		}
	}
}

func TestNoPageLoosensItsPolicy(t *testing.T) {
	for _, s := range samples() {
		h := render(t, "en", s.page).Header()
		csp := h.Get("Content-Security-Policy")
		if !strings.HasPrefix(csp, "default-src 'none'; ") || strings.Contains(csp, "unsafe-") || strings.Contains(csp, "*") || strings.Contains(csp, "data:") {
			t.Errorf("%s: %q", s.name, csp)
		}
		_, yours := reflect.TypeOf(s.page).FieldByName("Yours")
		if coop := h.Get("Cross-Origin-Opener-Policy"); (coop != "") != yours {
			t.Errorf("%s: Cross-Origin-Opener-Policy %q", s.name, coop)
		}
		_, formPost := s.page.(FormPost)
		if referrer := h.Get("Referrer-Policy"); (referrer == "strict-origin") != formPost || !formPost && referrer != "same-origin" {
			t.Errorf("%s: Referrer-Policy %q", s.name, referrer)
		}
		_, message := s.page.(WebMessage)
		if strings.Contains(csp, "frame-ancestors 'none'") == message || (h.Get("X-Frame-Options") == "DENY") == message {
			t.Errorf("%s: %q, %q", s.name, csp, h.Get("X-Frame-Options"))
		}
		if _, done := s.page.(Done); done != (h.Get("Refresh") != "") {
			t.Errorf("%s: Refresh %q", s.name, h.Get("Refresh"))
		}
		passkey := strings.Contains(s.name, "passkey") && !strings.HasPrefix(s.name, "confirm-")
		if strings.Contains(csp, "script-src") != (message || formPost || passkey) || strings.Contains(csp, "script-src 'self';") != passkey {
			t.Errorf("%s: %q", s.name, csp)
		}
		_, makes := s.page.(NewPasskey)
		if strings.Contains(csp, "connect-src 'self';") != (passkey && !makes) || strings.Contains(csp, "connect-src") && !passkey {
			t.Errorf("%s: %q", s.name, csp)
		}
		if h.Get("Cache-Control") != "no-store" || h.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %v", s.name, h)
		}
	}
}

func TestMailsAreAsRecordedAndStayText(t *testing.T) {
	var all strings.Builder
	for _, lang := range Languages() {
		for _, reason := range []Reason{
			ForVerification, ForReset, ForInvitation, ForKnownAddress, AfterPassword, AfterEmail, BeforeEmail, AfterFactor,
			AfterFactorRemoved, AfterPasskey, AfterPasskeyGone, AfterRecovery, AfterWrongCodes, AfterPasskeyCopied, AfterRecoveryNew,
		} {
			m, err := testSite.Write(lang, Letter{Reason: reason, Name: "Mia Berg", Link: "https://login.example.com/verify/1?a=b&c=d"})
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&all, "-- %s %s --\n%s\n\n%s\n%s\n", reason.key, lang, m.Subject, m.Text, m.HTML)
		}
	}
	golden(t, "mails.txt", []byte(all.String()))

	for _, payload := range payloads {
		m, err := Site{Organisation: payload, Host: payload}.Write("en", Letter{Reason: ForReset, Name: payload, Link: "https://login.example.com/r/1"})
		if err != nil {
			t.Fatal(err)
		}
		if strings.ContainsAny(m.Subject, "\r\n\x00") || !utf8.ValidString(m.Subject) {
			t.Errorf("the subject is %q", m.Subject)
		}
		if strings.Count(m.Text, "\n\n") != 4 {
			t.Errorf("the text has other paragraphs: %q", m.Text)
		}
		elements, err := parse([]byte(m.HTML))
		if err != nil {
			t.Fatalf("%.40q: %v", payload, err)
		}
		if want := 18; len(elements) != want {
			t.Errorf("%.40q: %d elements, not %d:\n%s", payload, len(elements), want, m.HTML)
		}
	}
	if _, err := testSite.Write("en", Letter{Reason: ForReset, Link: "javascript:alert(1)"}); err == nil {
		t.Error("a mail links to a script")
	}
	if _, err := testSite.Write("en", Letter{Link: "https://login.example.com/r/1"}); err == nil {
		t.Error("a mail without a reason was written")
	}
}

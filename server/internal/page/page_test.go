package page

import (
	"bytes"
	"encoding/xml"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden pages anew")

func render(t *testing.T, lang Language, p Page) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	if err := testSite.Render(w, lang, p); err != nil {
		t.Fatal(err)
	}
	return w
}

// golden compares what was rendered with a file of testdata.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	gotLines, wantLines := strings.Split(string(got), "\n"), strings.Split(string(want), "\n")
	for i := range min(len(gotLines), len(wantLines)) {
		if gotLines[i] != wantLines[i] {
			t.Fatalf("%s:%d is\n%s\nnot\n%s\nLook at it, then write it anew with -update.", file, i+1, gotLines[i], wantLines[i])
		}
	}
	if len(gotLines) != len(wantLines) {
		t.Fatalf("%s has %d lines, not %d; look at it, then write it anew with -update", file, len(wantLines), len(gotLines))
	}
}

func TestPagesAreAsRecorded(t *testing.T) {
	for _, lang := range Languages() {
		var all bytes.Buffer
		for _, s := range samples() {
			fmt.Fprintf(&all, "-- %s --\n%s\n", s.name, render(t, lang, s.page).Body)
		}
		// What the files hold is no part of what the pages say.
		text := strings.NewReplacer(stylesheetPath, "/static/style.css", markPath, "/static/mark.svg").Replace(all.String())
		golden(t, "pages."+string(lang)+".txt", []byte(text))
	}
}

func TestHeadersAreAsRecorded(t *testing.T) {
	var all bytes.Buffer
	for _, s := range samples() {
		w := render(t, "en", s.page)
		w.Header().Del("Content-Length")
		fmt.Fprintf(&all, "-- %s --\n%d\n", s.name, w.Code)
		if err := w.Header().Write(&all); err != nil {
			t.Fatal(err)
		}
	}
	golden(t, "headers.txt", bytes.ReplaceAll(all.Bytes(), []byte("\r"), nil))
}

// An element is a tag with its attributes, as they stand in a page.
type element struct {
	name  string
	attrs map[string]string
	text  string // up to the next tag
}

// parse reads a page as the tree that its writer meant; anything that is not well nested is an error. Control
// characters, which XML does not have, stand for themselves from U+E000 on.
func parse(page []byte) ([]element, error) {
	readable := strings.Map(func(r rune) rune {
		if r < ' ' && !strings.ContainsRune("\t\n\r", r) {
			return '\ue000' + r
		}
		return r
	}, strings.ToValidUTF8(string(page), "?"))
	d := xml.NewDecoder(strings.NewReader(readable))
	d.Strict, d.AutoClose, d.Entity = false, xml.HTMLAutoClose, xml.HTMLEntity
	var all []element
	for {
		token, err := d.Token()
		if err == io.EOF {
			return all, nil
		}
		if err != nil {
			return nil, err
		}
		switch token := token.(type) {
		case xml.StartElement:
			e := element{name: token.Name.Local, attrs: map[string]string{}}
			for _, a := range token.Attr {
				e.attrs[a.Name.Local] = a.Value
			}
			all = append(all, e)
		case xml.CharData:
			if len(all) > 0 {
				all[len(all)-1].text += string(token)
			}
		case xml.Comment:
			return nil, fmt.Errorf("a comment: %s", token)
		}
	}
}

func mustParse(t *testing.T, page []byte) []element {
	t.Helper()
	all, err := parse(page)
	if err != nil || len(all) == 0 {
		t.Fatalf("%v in\n%s", err, page)
	}
	return all
}

func TestPagesAreWellBuilt(t *testing.T) {
	autocompletes := []string{"username", "current-password", "new-password", "one-time-code", "email", "name", "given-name", "family-name", "off"}
	for _, s := range samples() {
		for _, lang := range Languages() {
			t.Run(s.name+"."+string(lang), func(t *testing.T) {
				elements := mustParse(t, render(t, lang, s.page).Body.Bytes())
				counts := map[string]int{}
				ids := map[string]bool{}
				labelled := map[string]bool{}
				for _, e := range elements {
					counts[e.name]++
					if id := e.attrs["id"]; id != "" {
						if ids[id] {
							t.Errorf("id %q stands twice", id)
						}
						ids[id] = true
					}
					if e.name == "label" && e.text != "" {
						labelled[e.attrs["for"]] = true
					}
				}
				if elements[0].attrs["lang"] != string(lang) {
					t.Errorf("the page's language is %q", elements[0].attrs["lang"])
				}
				if s.page.shape().layout != "bare" && (counts["h1"] != 1 || counts["main"] != 1) {
					t.Errorf("%d h1 and %d main", counts["h1"], counts["main"])
				}
				if counts["title"] != 1 || counts["style"] != 0 || counts["base"] != 0 || counts["iframe"] != 0 {
					t.Errorf("title, style, base, iframe: %d %d %d %d", counts["title"], counts["style"], counts["base"], counts["iframe"])
				}
				for _, e := range elements {
					for name, value := range e.attrs {
						if name == "style" || strings.HasPrefix(name, "on") {
							t.Errorf("<%s %s=%q>: the policy forbids it", e.name, name, value)
						}
						if name == "aria-describedby" {
							for id := range strings.FieldsSeq(value) {
								if !ids[id] {
									t.Errorf("aria-describedby names %q, which is not there", id)
								}
							}
						}
					}
					if e.name == "button" && e.attrs["name"] == "" && e.attrs["type"] != "" {
						t.Errorf("a button of type %q", e.attrs["type"])
					}
					if e.name == "form" && e.attrs["method"] != "post" {
						t.Errorf("a form with method %q", e.attrs["method"])
					}
					if e.name != "input" || slices.Contains([]string{"hidden", "radio", "checkbox"}, e.attrs["type"]) || e.attrs["aria-hidden"] == "true" {
						continue
					}
					if !labelled[e.attrs["id"]] {
						t.Errorf("the field %q has no label", e.attrs["name"])
					}
					if !slices.Contains(autocompletes, e.attrs["autocomplete"]) {
						t.Errorf("the field %q has autocomplete %q", e.attrs["name"], e.attrs["autocomplete"])
					}
					if e.attrs["type"] == "password" && e.attrs["value"] != "" {
						t.Errorf("the field %q comes filled in", e.attrs["name"])
					}
				}
			})
		}
	}
}

func TestFormsThatEndALoginSendTheirLanguageAlong(t *testing.T) {
	body := render(t, "de", Login{Action: "/login"}).Body.String()
	if !strings.Contains(body, `name="ui_locales" value="de"`) {
		t.Error("the answer to a German page would not know that it was German")
	}
}

func TestLanguagesLinkToEachOtherWherePagesComeAgain(t *testing.T) {
	if body := render(t, "de", Login{Action: "/login"}).Body.String(); !strings.Contains(body, `<a href="?ui_locales=en" hreflang="en" lang="en">English</a>`) {
		t.Error("the German login page does not offer English")
	}
	if body := render(t, "de", RecoveryCodes{Codes: []string{"a"}}).Body.String(); strings.Contains(body, "ui_locales=en") {
		t.Error("codes that are shown once would be lost by changing the language")
	}
}

func TestAPageWhoseValuesAreWrongIsABareError(t *testing.T) {
	for name, p := range map[string]Page{
		"Done to a script":             Done{To: "javascript:alert(1)"},
		"Done to a private scheme":     Done{To: "com.example.app:/cb"},
		"Done to a path":               Done{To: "/cb"},
		"Done to nowhere":              Done{},
		"Done with a line end":         Done{To: "https://a.example/\r\nX: y"},
		"FormPost to a script":         FormPost{To: "javascript:alert(1)"},
		"WebMessage without a target":  WebMessage{},
		"WebMessage to everybody":      WebMessage{Target: "*"},
		"StartAgain at a script":       StartAgain{At: "javascript:alert(1)"},
		"a device of no time":          DeviceConsent{},
		"a second factor's bad scheme": EnrolTOTP{URI: "javascript:alert(1)"},
		"an Error without a cause":     Error{},
		"a Notice without a matter":    Notice{},
		"a Confirm without a step":     Confirm{},
		"a StartAgain without a why":   StartAgain{},
	} {
		w := httptest.NewRecorder()
		err := testSite.Render(w, "en", p)
		if err == nil || w.Code != http.StatusInternalServerError || w.Body.String() != "This page cannot be shown.\n" {
			t.Errorf("%s: %v, %d %q", name, err, w.Code, w.Body)
		}
		if w.Header().Get("Content-Security-Policy") == "" || w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%s: headers %v", name, w.Header())
		}
	}
}

func TestTheHeaderThatGoesOnIsASCII(t *testing.T) {
	for to, want := range map[string]string{
		"https://app.example/cb?code=c&state=a%2Bb%22;,'=": "0; url=https://app.example/cb?code=c&state=a%2Bb%22;,'=",
		"https://app.example/ä ?state=€":                   "0; url=https://app.example/%C3%A4%20?state=%E2%82%AC",
	} {
		if got := render(t, "en", Done{To: to}).Header().Get("Refresh"); got != want {
			t.Errorf("%q, not %q", got, want)
		}
	}
}

func TestStaticFilesAreKeptForEver(t *testing.T) {
	for path, contentType := range map[string]string{stylesheetPath: "text/css; charset=utf-8", markPath: "image/svg+xml"} {
		w := httptest.NewRecorder()
		Static().ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		h := w.Header()
		if w.Code != 200 || h.Get("Content-Type") != contentType || h.Get("Cache-Control") != "public, max-age=31536000, immutable" || h.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %d %v", path, w.Code, h)
		}
	}
	w := httptest.NewRecorder()
	Static().ServeHTTP(w, httptest.NewRequest("GET", StaticPath+"post.js", nil))
	if w.Code != http.StatusNotFound {
		t.Errorf("a file that nobody named is served with %d", w.Code)
	}
	w = httptest.NewRecorder()
	Static().ServeHTTP(w, httptest.NewRequest("GET", stylesheetPath, nil))
	if css := w.Body.String(); len(css) > 25_000 || strings.Contains(css, "url(") || strings.Contains(css, "@import") {
		t.Errorf("the stylesheet has %d bytes, or loads something", len(css))
	}
}

package redirect_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/postern-auth/postern/internal/vectors"
	"github.com/postern-auth/postern/server/internal/redirect"
)

func TestMatch(t *testing.T) {
	const (
		web    = false
		native = true
	)
	for name, row := range map[string]struct {
		registered, asked string
		native, want      bool
	}{
		"the same bytes":                            {"https://app.example/cb", "https://app.example/cb", web, true},
		"the same bytes with a query":               {"https://app.example/cb?a=b", "https://app.example/cb?a=b", web, true},
		"a private scheme":                          {"com.example.app:/cb", "com.example.app:/cb", native, true},
		"a query added":                             {"https://app.example/cb", "https://app.example/cb?a=b", web, false},
		"another query":                             {"https://app.example/cb?a=b", "https://app.example/cb?a=c", web, false},
		"a query left out":                          {"https://app.example/cb?a=b", "https://app.example/cb", web, false},
		"a fragment":                                {"https://app.example/cb", "https://app.example/cb#f", web, false},
		"an empty fragment":                         {"https://app.example/cb", "https://app.example/cb#", web, false},
		"another port":                              {"https://app.example/cb", "https://app.example:444/cb", web, false},
		"the port that goes without saying":         {"https://app.example/cb", "https://app.example:443/cb", web, false},
		"http for https":                            {"https://app.example/cb", "http://app.example/cb", web, false},
		"a host in capitals":                        {"https://app.example/cb", "https://APP.example/cb", web, false},
		"a path in capitals":                        {"https://app.example/cb", "https://app.example/CB", web, false},
		"a subdomain":                               {"https://app.example/cb", "https://a.app.example/cb", web, false},
		"a dot behind the host":                     {"https://app.example/cb", "https://app.example./cb", web, false},
		"a folder below":                            {"https://app.example/cb", "https://app.example/cb/x", web, false},
		"dots in the path":                          {"https://app.example/cb", "https://app.example/x/../cb", web, false},
		"a semicolon and dots":                      {"https://app.example/cb", "https://app.example/..;/cb", web, false},
		"a letter percent-encoded":                  {"https://app.example/cb", "https://app.example/c%62", web, false},
		"a line break encoded":                      {"https://app.example/cb", "https://app.example/cb%0d%0a", web, false},
		"a line break":                              {"https://app.example/cb", "https://app.example/cb\r\n", web, false},
		"a tab within":                              {"https://app.example/cb", "https://app.exam\tple/cb", web, false},
		"a space before":                            {"https://app.example/cb", " https://app.example/cb", web, false},
		"a backslash":                               {"https://app.example/cb", `https://app.example\cb`, web, false},
		"another host before a backslash":           {"https://app.example/cb", `https://evil.example\@app.example/cb`, web, false},
		"a letter of another alphabet":              {"https://app.example/cb", "https://аpp.example/cb", web, false},
		"a port on a web application":               {"http://localhost/cb", "http://localhost:4040/cb", web, false},
		"a port of 127.0.0.1":                       {"http://127.0.0.1/cb", "http://127.0.0.1:51004/cb", native, true},
		"a port of [::1]":                           {"http://[::1]/cb", "http://[::1]:51004/cb", native, true},
		"a port of localhost":                       {"http://localhost/cb", "http://localhost:51004/cb", native, true},
		"another port than the registered one":      {"http://127.0.0.1:8080/cb", "http://127.0.0.1:51004/cb", native, true},
		"no port where one is registered":           {"http://127.0.0.1:8080/cb", "http://127.0.0.1/cb", native, true},
		"a port and a query":                        {"http://127.0.0.1/cb?a=b", "http://127.0.0.1:1/cb?a=b", native, true},
		"a port without a path":                     {"http://127.0.0.1", "http://127.0.0.1:1", native, true},
		"a port and another path":                   {"http://127.0.0.1/cb", "http://127.0.0.1:1/other", native, false},
		"a port and another query":                  {"http://127.0.0.1/cb", "http://127.0.0.1:1/cb?a=b", native, false},
		"a port and a fragment":                     {"http://127.0.0.1/cb", "http://127.0.0.1:1/cb#f", native, false},
		"localhost for 127.0.0.1":                   {"http://127.0.0.1/cb", "http://localhost:1/cb", native, false},
		"127.0.0.1 for localhost":                   {"http://localhost/cb", "http://127.0.0.1:1/cb", native, false},
		"[::1] for 127.0.0.1":                       {"http://127.0.0.1/cb", "http://[::1]:1/cb", native, false},
		"https on a loopback":                       {"http://127.0.0.1/cb", "https://127.0.0.1:1/cb", native, false},
		"port 0":                                    {"http://127.0.0.1/cb", "http://127.0.0.1:0/cb", native, false},
		"port 65535":                                {"http://127.0.0.1/cb", "http://127.0.0.1:65535/cb", native, true},
		"port 65536":                                {"http://127.0.0.1/cb", "http://127.0.0.1:65536/cb", native, false},
		"a port with a zero in front":               {"http://127.0.0.1/cb", "http://127.0.0.1:080/cb", native, false},
		"a colon without a port":                    {"http://127.0.0.1/cb", "http://127.0.0.1:/cb", native, false},
		"a port with a sign":                        {"http://127.0.0.1/cb", "http://127.0.0.1:+1/cb", native, false},
		"a password for a port":                     {"http://127.0.0.1/cb", "http://127.0.0.1:1@evil.example/cb", native, false},
		"a host behind the port":                    {"http://127.0.0.1", "http://127.0.0.1:1.evil.example", native, false},
		"a port of another host":                    {"https://app.example/cb", "https://app.example:1/cb", native, false},
		"nothing":                                   {"https://app.example/cb", "", native, false},
		"a private scheme with another path":        {"com.example.app:/cb", "com.example.app:/cb2", native, false},
		"a private scheme that begins the same way": {"com.example.app:/cb", "com.example.app.evil:/cb", native, false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := redirect.Match([]string{"https://other.example/", row.registered}, row.asked, row.native); got != row.want {
				t.Errorf("registered %q, asked %q: %t", row.registered, row.asked, got)
			}
		})
	}
}

func TestK1_UserNamesAndStarsMatchNothing(t *testing.T) {
	registered := []string{"https://app", "https://app/"}
	for _, asked := range []string{"https://app@evil@app/", "https://app.evil", "https://app@evil/", "https://app%40evil", "https://app:x@evil/", "https://appevil"} {
		if redirect.Match(registered, asked, true) {
			t.Errorf("%s is taken for a registered URI", asked)
		}
	}
	for _, uri := range []string{"https://app*", "https://*.app.example/cb", "https://app.example/*", "com.example.*:/cb"} {
		if redirect.Check(uri) == nil {
			t.Errorf("%s can be registered", uri)
		}
	}
}

func TestK2_OnlyTheLoopbackItselfHasAFreePort(t *testing.T) {
	registered := []string{"http://localhost/cb", "http://127.0.0.1/cb", "http://[::1]/cb"}
	for _, asked := range []string{
		"http://localhost.evil/cb", "http://localhost@evil/cb", "http://localhost:80@evil/cb", "http://127.1/cb", "http://127.0.0.2/cb",
		"http://[::ffff:127.0.0.1]/cb", "http://[0:0:0:0:0:0:0:1]/cb", "http://2130706433/cb", "http://0x7f.0.0.1/cb", "http://0177.0.0.1/cb",
		"http://localhost./cb", "http://LOCALHOST/cb", "HTTP://localhost/cb", "http://127.0.0.1.evil/cb", "http://[::1%25lo]/cb",
		"http://localhost\\@evil/cb", "http:/localhost/cb", "http:localhost/cb", "//localhost/cb", "http:///localhost/cb", "http://localhost;@evil/cb",
		"http://localhost:1:2/cb", "http://[::1].evil/cb", "http://localhost#@evil/cb", "http://localhost%00/cb",
	} {
		if redirect.Match(registered, asked, true) {
			t.Errorf("%s is taken for a loopback", asked)
		}
	}
}

func TestK59_ABareHostIsNotItsRoot(t *testing.T) {
	if redirect.Match([]string{"https://app"}, "https://app/", true) || redirect.Match([]string{"https://app/"}, "https://app", true) {
		t.Error("a slash makes no difference")
	}
	if got := redirect.Nearest([]string{"com.example:/", "https://app", "https://other"}, "https://app/"); got != "https://app" {
		t.Errorf("nearest is %q", got)
	}
	if got := redirect.Nearest(nil, "https://app/"); got != "" {
		t.Errorf("nearest of none is %q", got)
	}
}

func TestCheck(t *testing.T) {
	for uri, want := range map[string]string{ // part of the error; empty: none
		"https://app.example":                "",
		"https://app.example/":               "",
		"https://app.example/cb?a=b&c=%20":   "",
		"https://app.example:8443/cb":        "",
		"https://app":                        "",
		"https://xn--bcher-kva.example/cb":   "",
		"https://192.0.2.1/cb":               "",
		"https://[2001:db8::1]:8443/cb":      "",
		"http://localhost:4040":              "",
		"http://127.0.0.1/cb":                "",
		"http://[::1]:4040/cb":               "",
		"com.example.app:/cb":                "",
		"com.example.app://cb":               "",
		"":                                   "absolute",
		"/cb":                                "absolute",
		"//app.example/cb":                   "absolute",
		"http://app.example/cb":              "use https",
		"http://127.1/cb":                    "use https",
		"http://localhost.evil/cb":           "use https",
		"http://localhostevil":               "use https",
		"http://localhost:0/cb":              "use https",
		"https://":                           "neither a name",
		"https:///cb":                        "neither a name",
		"https:app.example":                  "at most a port",
		"https:/app.example":                 "at most a port",
		"https://app.example:/cb":            "at most a port",
		"https://app.example:0/cb":           "the port",
		"https://app.example:443/cb":         "the port",
		"https://app.example:65536/cb":       "the port",
		"https://app.example:x/cb":           "is not a URI",
		"https://a..example/cb":              "neither a name",
		"https://app.example./cb":            "neither a name",
		"https://-app.example/cb":            "neither a name",
		"https://127.1/cb":                   "neither a name",
		"https://0x7f.1/cb":                  "neither a name",
		"https://2130706433/cb":              "neither a name",
		"https://[::ffff:192.0.2.1]/cb":      "neither a name",
		"https://[2001:db8:0::1]/cb":         "neither a name",
		"https://[fe80::1%25eth0]/cb":        "at most a port",
		"https://App.example/cb":             "neither a name",
		"https://a%70p.example/cb":           "is not a URI",
		"https://bücher.example/cb":          "percent-encode",
		"https://user@app.example/cb":        "user name",
		"https://@app.example/cb":            "user name",
		"https://app.example/cb#":            "fragment",
		"https://app.example/cb#f":           "fragment",
		"https://app.example/a/../cb":        "segments",
		"https://app.example/a/%2e%2E/cb":    "segments",
		"https://app.example/.":              "segments",
		"https://app.example/c b":            "percent-encode",
		"https://app.example\\cb":            "percent-encode",
		"https://app.example/cb\n":           "percent-encode",
		"https://app.example/cb\x00":         "percent-encode",
		"https://app.example/%zz":            "is not a URI",
		"https://app.example/cb?%zz":         "query is malformed",
		"https://app.example/cb?code=x":      "parameter code",
		"https://app.example/cb?a=b&st%61te": "parameter state",
		"HTTPS://app.example/cb":             "lower case",
		"Com.example.app:/cb":                "lower case",
		"javascript:alert(1)":                "turned round",
		"data:text/html,x":                   "turned round",
		"file:///etc/passwd":                 "turned round",
		"myapp://cb":                         "turned round",
		"com.example.app:":                   "nothing follows",
		"https://app.example/" + strings.Repeat("a", redirect.MaxLength): "longer than",
	} {
		t.Run(uri[:min(len(uri), 60)], func(t *testing.T) {
			err := redirect.Check(uri)
			if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
				t.Errorf("got %v, want %q", err, want)
			}
		})
	}
}

func TestRepeats(t *testing.T) {
	const (
		bound = true
		alone = false
	)
	for name, row := range map[string]struct {
		used, sent  string
		bound, want bool
	}{
		"the same bytes":                         {"https://app.example/cb?a=b", "https://app.example/cb?a=b", alone, true},
		"a slash behind a bare host":             {"http://localhost:4040", "http://localhost:4040/", alone, true},
		"no slash behind a bare host":            {"http://localhost:4040/", "http://localhost:4040", alone, true},
		"a host in capitals":                     {"https://app.example/cb", "https://APP.example/cb", alone, true},
		"the port that goes without saying":      {"https://app.example/cb", "https://app.example:443/cb", alone, true},
		"its counterpart of http":                {"http://localhost/cb", "http://localhost:80/cb", alone, true},
		"a query left out under PKCE":            {"https://app.example/cb?a=b", "https://app.example/cb", bound, true},
		"a query left out without PKCE":          {"https://app.example/cb?a=b", "https://app.example/cb", alone, false},
		"another query under PKCE":               {"https://app.example/cb?a=b", "https://app.example/cb?a=c", bound, false},
		"a query added under PKCE":               {"https://app.example/cb", "https://app.example/cb?a=c", bound, false},
		"nothing under PKCE":                     {"https://app.example/cb", "", bound, true},
		"nothing without PKCE":                   {"https://app.example/cb", "", alone, false},
		"another path":                           {"https://app.example/cb", "https://app.example/cb2", bound, false},
		"a slash behind the path":                {"https://app.example/cb", "https://app.example/cb/", bound, false},
		"a path encoded otherwise":               {"https://app.example/a%2Fb", "https://app.example/a/b", bound, false},
		"another port":                           {"http://localhost:4040/", "http://localhost:4041/", bound, false},
		"another host":                           {"https://app.example/", "https://evil.example/", bound, false},
		"another scheme":                         {"https://app.example/", "http://app.example/", bound, false},
		"a user name":                            {"https://app.example/", "https://x@app.example/", bound, false},
		"a fragment":                             {"https://app.example/", "https://app.example/#", bound, false},
		"what is not a URI":                      {"https://app.example/", "https://app.example:x/", bound, false},
		"a private scheme":                       {"com.example.app:/cb", "com.example.app:/cb", alone, true},
		"a private scheme with another path":     {"com.example.app:/cb", "com.example.app:/c", bound, false},
		"a private scheme without a path":        {"com.example.app:cb", "com.example.app:cd", bound, false},
		"a query left out of a private scheme":   {"com.example.app:/cb?a=b", "com.example.app:/cb", bound, true},
		"a URI as long as no redirect URI is":    {"https://app.example/", "https://app.example/?" + strings.Repeat("a", redirect.MaxLength), bound, false},
		"port 443 of http, which is another one": {"http://localhost/", "http://localhost:443/", bound, false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := redirect.Repeats(row.used, row.sent, row.bound); got != row.want {
				t.Errorf("used %q, sent %q: %t", row.used, row.sent, got)
			}
		})
	}
}

func TestAppend(t *testing.T) {
	fields := []redirect.Field{{Name: "code", Value: "a b+c"}, {Name: "state", Value: "é&\"<"}}
	const appended = "code=a%20b%2Bc&state=%C3%A9%26%22%3C"
	for uri, want := range map[string]string{
		"https://app.example":           "https://app.example?" + appended,
		"https://app.example/cb":        "https://app.example/cb?" + appended,
		"https://app.example/cb?":       "https://app.example/cb?" + appended,
		"https://app.example/cb?a=b":    "https://app.example/cb?a=b&" + appended,
		"https://app.example/cb?a=b&":   "https://app.example/cb?a=b&" + appended,
		"https://app.example/cb&?a=%26": "https://app.example/cb&?a=%26&" + appended,
		"https://app.example/cb&":       "https://app.example/cb&?" + appended,
		"com.example.app:/cb":           "com.example.app:/cb?" + appended,
	} {
		if got := redirect.Append(uri, fields); got != want {
			t.Errorf("%s: got %s, want %s", uri, got, want)
		}
	}
	if got := redirect.Append("https://app.example/", nil); got != "https://app.example/" {
		t.Errorf("without fields: %s", got)
	}
}

func TestOriginAndScheme(t *testing.T) {
	for uri, want := range map[string][2]string{
		"https://app.example:8443/cb": {"https://app.example:8443", "https:"},
		"https://app.example":         {"https://app.example", "https:"},
		"http://localhost:4040/cb":    {"http://localhost:4040", "http:"},
		"http://localhost:80/cb":      {"http://localhost", "http:"},
		"http://[::1]:4040/cb":        {"http://[::1]:4040", "http:"},
		"com.example.app:/cb":         {"", "com.example.app:"},
		"https://x@app.example/":      {"", "https:"},
	} {
		if got := [2]string{redirect.Origin(uri), redirect.Scheme(uri)}; got != want {
			t.Errorf("%s: got %q, want %q", uri, got, want)
		}
	}
}

var registered = []string{
	"https://app.example/cb", "https://app.example", "https://app.example/cb?a=b", "http://localhost/cb", "http://127.0.0.1/cb",
	"http://[::1]/cb", "http://localhost:4040", "com.example.app:/cb",
}

// equal is the reference: what is the same but for a port of digits behind a loopback host.
func equal(uri, asked string) bool {
	if uri == asked {
		return true
	}
	a, errA := url.Parse(uri)
	b, errB := url.Parse(asked)
	if errA != nil || errB != nil || a.Scheme != "http" || (a.Hostname() != "localhost" && a.Hostname() != "127.0.0.1" && a.Hostname() != "::1") {
		return false
	}
	a.Host, b.Host = strings.TrimSuffix(a.Host, ":"+a.Port()), strings.TrimSuffix(b.Host, ":"+b.Port())
	return a.String() == b.String()
}

func checkMatch(t *testing.T, asked string) {
	t.Helper()
	if !redirect.Match(registered, asked, true) {
		return
	}
	if redirect.Check(asked) != nil && asked != "http://localhost:4040" {
		t.Errorf("%q is taken for a registered URI, and could not be one: %v", asked, redirect.Check(asked))
	}
	for _, uri := range registered {
		if equal(uri, asked) {
			return
		}
	}
	t.Errorf("%q is taken for a registered URI", asked)
}

// hostile are the lines of the lists, alone and around a registered URI.
func hostile(t *testing.T) (lines []string) {
	t.Helper()
	for _, file := range []string{"open-redirect-payloads.txt", "directory-traversal.txt"} {
		for line := range strings.Lines(string(vectors.Read(t, "attack-lists/"+file))) {
			lines = append(lines, strings.TrimRight(line, "\r\n"))
		}
	}
	if len(lines) < 307 {
		t.Fatalf("only %d lines in the lists", len(lines))
	}
	return lines
}

func TestS1_NoLineOfTheListsIsARegisteredURI(t *testing.T) {
	for _, line := range hostile(t) {
		if line == "" {
			continue
		}
		for _, uri := range registered {
			for _, asked := range []string{line, uri + line, line + uri, strings.Replace(uri, "://", "://"+line, 1), strings.Replace(uri, "/cb", line+"/cb", 1), uri + "?" + line} {
				if asked != uri && redirect.Match(registered, asked, true) {
					t.Errorf("%q is taken for a registered URI", asked)
				}
			}
		}
	}
}

type urlCase struct {
	Input, Href, Origin, Protocol, Username, Password, Host, Hostname, Hash string
	Failure                                                                 bool
}

func urlCases(t *testing.T) (cases []urlCase) {
	t.Helper()
	var list []any
	vectors.JSON(t, "url/urltestdata.json", &list)
	for _, entry := range list {
		object, ok := entry.(map[string]any)
		if !ok {
			continue // a comment
		}
		text := func(name string) string { s, _ := object[name].(string); return s }
		failure, _ := object["failure"].(bool)
		cases = append(cases, urlCase{
			Input: text("input"), Href: text("href"), Origin: text("origin"), Protocol: text("protocol"), Username: text("username"),
			Password: text("password"), Host: text("host"), Hostname: text("hostname"), Hash: text("hash"), Failure: failure,
		})
	}
	if len(cases) < 800 {
		t.Fatalf("only %d cases", len(cases))
	}
	return cases
}

// What Check admits, a browser goes to as it stands: the WHATWG parser neither refuses nor rewrites it but
// for the slash behind a bare host.
func TestS1_WhatCanBeRegisteredIsReadByBrowsersAsItStands(t *testing.T) {
	admitted := 0
	for _, c := range urlCases(t) {
		checkMatch(t, c.Input)
		for _, uri := range []string{c.Input, c.Href} {
			if redirect.Check(uri) != nil {
				continue
			}
			admitted++
			if c.Failure || c.Hash != "" || c.Username != "" || c.Password != "" || strings.TrimSuffix(c.Href, "/") != strings.TrimSuffix(uri, "/") {
				t.Errorf("%q can be registered, and browsers read %q", uri, c.Href)
			}
			if origin := redirect.Origin(uri); origin != "" && c.Origin != "" && origin != c.Origin {
				t.Errorf("%q: origin %q, browsers say %q", uri, origin, c.Origin)
			}
		}
	}
	if admitted < 20 {
		t.Errorf("only %d of the cases can be registered: the test shows little", admitted)
	}
}

func FuzzMatch(f *testing.F) {
	for _, uri := range registered {
		f.Add(uri)
	}
	f.Add("http://127.0.0.1:51004/cb")
	f.Add("https://app.example@evil/cb")
	f.Add(`http://localhost:80\@evil/cb`)
	f.Fuzz(func(t *testing.T, asked string) { checkMatch(t, asked) })
}

func FuzzCheck(f *testing.F) {
	for _, uri := range registered {
		f.Add(uri)
	}
	f.Add("https://app.example:444/%2e/cb")
	f.Fuzz(func(t *testing.T, uri string) {
		if redirect.Check(uri) != nil {
			return
		}
		if !redirect.Match([]string{uri}, uri, false) || !redirect.Repeats(uri, uri, false) || redirect.Scheme(uri) == "javascript:" {
			t.Errorf("%q is registered and is not itself", uri)
		}
		answer, err := url.Parse(redirect.Append(uri, []redirect.Field{{Name: "state", Value: uri}}))
		if err != nil || answer.Opaque == "" && answer.Query().Get("state") != uri {
			t.Errorf("%q: the answer %v loses the state (%v)", uri, answer, err)
		}
	})
}

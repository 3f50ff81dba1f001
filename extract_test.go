package postern_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/postern-auth/postern"
	"github.com/postern-auth/postern/posterntest"
)

// withHeader returns a request with these Authorization headers.
func withHeader(authorization ...string) *http.Request {
	r := httptest.NewRequest("GET", "/", nil)
	r.Header["Authorization"] = authorization
	return r
}

func TestG1_MoreThanOneToken(t *testing.T) {
	form := func(contentType, body string) *http.Request {
		r := httptest.NewRequest("POST", "/", strings.NewReader(body))
		r.Header.Set("Authorization", "Bearer a")
		r.Header.Set("Content-Type", contentType)
		return r
	}
	query := func(query string) *http.Request {
		r := withHeader("Bearer a")
		r.URL.RawQuery = query
		return r
	}
	const urlencoded = "application/x-www-form-urlencoded"
	for _, test := range []struct {
		name    string
		request *http.Request
		want    int
		strict  int // with RefuseQueryToken
	}{
		{"one header", withHeader("Bearer a"), 200, 200},
		{"two headers", withHeader("Bearer a", "Bearer b"), 400, 400},
		{"the same header twice", withHeader("Bearer a", "Bearer a"), 400, 400},
		{"a good header and an empty one", withHeader("Bearer a", ""), 400, 400},
		{"another scheme beside it", withHeader("Bearer a", "Basic dTpw"), 400, 400},
		{"header and query", query("access_token=b"), 200, 400},
		{"header and query without a value", query("x=1&access_token"), 200, 400},
		{"header and query with an escaped name", query("access%5Ftoken=b"), 200, 400},
		{"header and query with a name that is escaped whole", query("%61%63%63%65%73%73%5f%74%6f%6b%65%6e=b"), 200, 400},
		{"header and query behind a semicolon", query("x=1;access_token=b"), 200, 400},
		{"header and query in another case", query("Access_Token=b"), 200, 400},
		{"header and query behind what cannot be unescaped", query("%zz&access_token=b"), 200, 400},
		{"header and query with another name", query("access_tokens=b&token=c"), 200, 200},
		{"header and a value that only looks like it", query("q=access_token"), 200, 200},
		{"header and form", form(urlencoded, "access_token=b"), 200, 200},
		{"header and a form of other fields", form(urlencoded, "a=1&b=access_token"), 200, 200},
		{"header and a body that is not a form", form("text/plain", "access_token=b"), 200, 200},
	} {
		t.Run(test.name, func(t *testing.T) {
			verifier := &accepting{}
			if got := status((&postern.Guard{Verifier: verifier}).Require(), test.request); got != test.want {
				t.Errorf("status %d, want %d", got, test.want)
			}
			if test.want == 200 && verifier.raw != "a" {
				t.Errorf("the token that counts is %q, want that of the header", verifier.raw)
			}
			for _, optional := range []bool{false, true} {
				guard := &postern.Guard{Verifier: verifier, RefuseQueryToken: true}
				guarded := guard.Require()
				if optional {
					guarded = guard.Optional()
				}
				if got := status(guarded, test.request); got != test.strict {
					t.Errorf("RefuseQueryToken, optional %v: status %d, want %d", optional, got, test.strict)
				}
			}
		})
	}
}

func TestG1_ATokenElsewhereAloneIsNone(t *testing.T) {
	form := httptest.NewRequest("POST", "/", strings.NewReader("access_token=a"))
	form.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for _, strict := range []bool{false, true} {
		guard := &postern.Guard{Verifier: &accepting{}, RefuseQueryToken: strict}
		for name, r := range map[string]*http.Request{"query": httptest.NewRequest("GET", "/?access_token=a", nil), "form": form} {
			if got := status(guard.Require(), r); got != 401 {
				t.Errorf("a token in the %s alone: status %d, want 401", name, got)
			}
		}
	}
}

func TestFindingQ2_ATokenInTheQueryAloneIsNamedInTheLog(t *testing.T) {
	guard := &postern.Guard{Verifier: &accepting{}}
	_, err := guard.Check(httptest.NewRequest("GET", "/?access_token=canary", nil))
	if err == nil || !strings.Contains(err.Error(), "access_token is in the query") || strings.Contains(err.Error(), "canary") {
		t.Errorf("%v, want words that name the query and not the token", err)
	}
}

func TestFindingQ2_AFieldOfTheApplicationNamedAccessTokenPasses(t *testing.T) {
	const body = "access_token=xoxb-1&channel=general"
	for _, strict := range []bool{false, true} {
		r := httptest.NewRequest("POST", "/integrations/slack", strings.NewReader(body))
		r.Header.Set("Authorization", "Bearer a")
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		guard := &postern.Guard{Verifier: &accepting{}, RefuseQueryToken: strict}
		var field string
		guard.Require()(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			field = r.PostFormValue("access_token")
		})).ServeHTTP(httptest.NewRecorder(), r)
		if field != "xoxb-1" {
			t.Errorf("the handler reads %q, want the application's own field", field)
		}
	}
}

func TestFindingQ2_NoBodyIsReadBeforeTheTokenIsJudged(t *testing.T) {
	for _, authorization := range []string{"Bearer good", "Bearer bad", "Basic dTpw", ""} {
		body := &counting{r: strings.NewReader("access_token=" + strings.Repeat("a", 10<<20))}
		r := httptest.NewRequest("POST", "/", body)
		r.Header.Set("Authorization", authorization)
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		guard := &postern.Guard{RefuseQueryToken: true, Verifier: postern.VerifierFunc(func(_ context.Context, raw string) (*postern.Token, error) {
			if raw == "bad" {
				return nil, postern.ErrExpired
			}
			return postern.NewToken(postern.TokenData{}), nil
		})}
		guard.Check(r)
		if body.n > 0 {
			t.Errorf("%q: %d bytes of the body were read", authorization, body.n)
		}
	}
}

func TestG2_SpellingsOfTheHeader(t *testing.T) {
	for _, test := range []struct {
		header string
		want   int
	}{
		{"Bearer abc", 200}, {"bearer abc", 200}, {"BEARER abc", 200}, {"bEaReR abc", 200},
		{"Bearer a.b-c_d~e+f/g==", 200}, {"Bearer  abc", 200}, {"bearer      abc", 200},
		{"", 400}, {" ", 400}, {"Bearer", 400}, {"Bearer ", 400}, {"bearer", 400}, {"DPoP", 400},
		{"Bearer    ", 400}, {"Bearer  abc def", 400}, {"Bearer  abc ", 400}, {"Bearer\tabc", 400}, {"Bearer \tabc", 400}, {" Bearer abc", 400}, {"Bearer abc ", 400},
		{"Bearer abc def", 400}, {"Bearer abc,", 400}, {"Bearer abc, def", 400}, {"Bearer abc, Bearer def", 400},
		{"Bearer abc\tdef", 400}, {"Bearer abc\ndef", 400}, {"Bearer abc\x00", 400}, {"Bearer \"abc\"", 400},
		{"Bearer token=abc", 400}, {"Bearer =", 400}, {"Bearer ==", 400}, {"Bearer a=b", 400}, {"Bearer äbc", 400},
		{"Bearer a\u2003b", 400}, {"Bearer: abc", 400}, {"Bearer,abc", 400}, {"Bearer abc;x", 400}, {"Bearer Bearer abc", 400},
		{"abc", 401}, {"Basic dTpw", 401}, {"Negotiate abc", 401}, {"Token abc", 401}, {"Digest a=b", 401}, {"eyJh.eyJp.c2ln", 401},
		{"ＢＥＡＲＥＲ abc", 400}, {"Beareſ abc", 400},
	} {
		guard := &postern.Guard{Verifier: &accepting{}}
		if got := status(guard.Require(), withHeader(test.header)); got != test.want {
			t.Errorf("Authorization: %q: status %d, want %d", test.header, got, test.want)
		}
	}
}

func TestG2_TheTokenArrivesUnchanged(t *testing.T) {
	long := strings.Repeat("a", 300)
	for header, want := range map[string]string{
		"bearer aB.c-_~+/=": "aB.c-_~+/=", "Bearer   abc": "abc", "Bearer " + long: long, "Bearer    " + long: long,
	} {
		verifier := &accepting{}
		guard := &postern.Guard{Verifier: verifier}
		if _, err := guard.Check(withHeader(header)); err != nil || verifier.raw != want {
			t.Errorf("%.20q: raw token %.20q, error %v", header, verifier.raw, err)
		}
	}
}

func TestFindingQ1_SpacesMayFollowTheScheme(t *testing.T) {
	for header, want := range map[string]int{
		"Bearer  good": 200, "Bearer" + strings.Repeat(" ", 1000) + "good": 200, "bearer   good": 200,
		" Bearer good": 400, "Bearer  good ": 400, "Bearer  good good": 400, "Bearer \t good": 400, "Bearer\u00a0good": 400,
	} {
		verifier := &accepting{}
		guard := &postern.Guard{Verifier: verifier}
		if got := status(guard.Require(), withHeader(header)); got != want || want == 200 && verifier.raw != "good" {
			t.Errorf("%.20q: status %d, token %q; want %d", header, got, verifier.raw, want)
		}
	}
	dpop := refusalCase{cnf: map[string]string{"jkt": "good"}}.guard(postern.Guard{})
	if got := status(dpop.Require(), withHeader("DPoP  raw-token")); got != 200 {
		t.Errorf("DPoP and two spaces: status %d, want 200", got)
	}
}

func TestFindingQ5_TheLogSaysWhatStandsInTheHeader(t *testing.T) {
	for header, want := range map[string]string{
		"eyJhbGciOiJub25lIn0.e30.c2ln":       "a token without the scheme Bearer",
		"dGhpcyBpcyBhbiBvcGFxdWUgdG9rZW4":    "a token without the scheme Bearer",
		"v2.local_opaque":                    "a token without the scheme Bearer",
		"Basic dTpw":                         "another scheme",
		"Negotiate":                          "another scheme",
		"AWS4-HMAC-SHA256 Credential=x":      "another scheme",
		"Token eyJhbGciOiJub25lIn0.e30.c2ln": "another scheme",
		`"eyJhbGciOiJub25lIn0.e30.c2ln"`:     "no scheme",
		"Bearer":                             "a scheme and no token",
		"":                                   "is empty",
		"Bearer eyJhbGciOiJub25lIn0.e30.c2ln more": "more or other than one token",
	} {
		_, err := (&postern.Guard{Verifier: &accepting{}}).Check(withHeader(header))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Authorization: %s: %v, want words with %q", header, err, want)
		}
	}
}

func TestFindingQ5_TheFirstChallengeHasAParameter(t *testing.T) {
	own := postern.RequirementFunc(func(context.Context, *postern.Token) error { return nil })
	for _, test := range []struct {
		name    string
		require []postern.Requirement
		want    string
	}{
		{"nothing is known", nil, `Bearer realm="api"`},
		{"what is required has no scopes", []postern.Requirement{postern.Role("editor"), own, postern.SenderConstrained()}, `Bearer realm="api"`},
		{"a scope", []postern.Requirement{postern.Scope("read")}, `Bearer scope="read"`},
		{"scopes of several, each once", []postern.Requirement{postern.Scope("write", "read"), postern.All(postern.Scope("read"), own)}, `Bearer scope="read write"`},
		{"one of several", []postern.Requirement{postern.AnyScope("write", "read")}, `Bearer scope="write"`},
		{"any of several, the first is told", []postern.Requirement{postern.Any(postern.All(postern.Scope("b"), postern.Scope("a")), postern.Scope("c"))}, `Bearer scope="a b"`},
	} {
		for _, r := range []*http.Request{withHeader("Basic dTpw"), refusalCase{}.request()} {
			w := httptest.NewRecorder()
			guard := &postern.Guard{Verifier: &accepting{}}
			guard.Require(test.require...)(http.NotFoundHandler()).ServeHTTP(w, r)
			if got := w.Header().Get("WWW-Authenticate"); w.Code != 401 || got != test.want {
				t.Errorf("%s: status %d, challenge %s; want 401, %s", test.name, w.Code, got, test.want)
			}
		}
	}
}

func TestJ17_AHugeRequestCostsLittle(t *testing.T) {
	issuer := posterntest.NewIssuer(t)
	guard := &postern.Guard{Verifier: issuer.Verifier(issuer.Audience)}
	if got := status(guard.Require(), withHeader("Bearer "+strings.Repeat("a", 900<<10))); got != 401 {
		t.Errorf("a token of 900 KB: status %d, want 401", got)
	}
	query := withHeader("Bearer a")
	query.URL.RawQuery = strings.Repeat("%5f&;", 200<<10) + "access_token=b"
	strict := &postern.Guard{Verifier: &accepting{}, RefuseQueryToken: true}
	if got := status(strict.Require(), query); got != 400 {
		t.Errorf("a second token behind 1 MB of query: status %d, want 400", got)
	}
}

type counting struct {
	r io.Reader
	n int
}

func (c *counting) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += n
	return n, err
}

// FuzzAuthorization holds extraction to its promise: what is accepted came in one header, and is a token68.
func FuzzAuthorization(f *testing.F) {
	for _, seed := range []string{"Bearer abc", "bearer a.b.c==", "Bearer", "Bearer  a", "DPoP x", "Basic dTpw", "Bearer a, b", "\x00", "Bearer =", "", " ", "eyJ.a.b", "Bearer\ta"} {
		f.Add(seed, "", false, false)
		f.Add(seed, "access_token=x", false, true)
		f.Add(seed, "a;%61ccess_token", false, true)
		f.Add(seed, "", true, false)
	}
	f.Fuzz(func(t *testing.T, header, query string, twice, strict bool) {
		verifier := &accepting{}
		guard := &postern.Guard{Verifier: verifier, RefuseQueryToken: strict}
		r := withHeader(header)
		if twice {
			r = withHeader(header, header)
		}
		r.URL.RawQuery = query
		decision, err := guard.Check(r)
		if (decision.Token == nil) == (err == nil) {
			t.Fatalf("token %v, error %v", decision.Token, err)
		}
		optional, optionalErr := guard.CheckOptional(r)
		if (optional.Token == nil) != (decision.Token == nil) || err == nil && optionalErr != nil {
			t.Fatalf("Check says %v, CheckOptional %v with token %v", err, optionalErr, optional.Token)
		}
		if err != nil {
			return
		}
		scheme, raw, _ := strings.Cut(header, " ")
		raw = strings.TrimLeft(raw, " ")
		if twice || strict && r.URL.Query().Has("access_token") || !strings.EqualFold(scheme, "Bearer") || raw != verifier.raw {
			t.Fatalf("accepted %q, query %q, twice %v, as %q", header, query, twice, verifier.raw)
		}
		const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/"
		if body := strings.TrimRight(raw, "="); len(raw) <= 256 && (body == "" || strings.Trim(body, alphabet) != "") {
			t.Fatalf("accepted %q, which is not a token68", raw)
		}
	})
}

// A long token is looked at byte by byte when it is refused, and before that for spaces.
func TestG2_LongTokens(t *testing.T) {
	long := strings.Repeat("a", 300)
	for _, test := range []struct {
		name  string
		token string
		err   error
		want  int
	}{
		{"a long token that is good", long, nil, 200},
		{"one that is bad", long, postern.ErrSignature, 401},
		{"one that is bad and no token68", long + `"`, postern.ErrSignature, 400},
		{"a list of two", long + "," + long, postern.ErrNotMine, 400},
		{"a long token and another word", long + " b", nil, 400},
		{"an outage", long, postern.ErrUnavailable, 503},
	} {
		t.Run(test.name, func(t *testing.T) {
			guard := &postern.Guard{Verifier: postern.VerifierFunc(func(context.Context, string) (*postern.Token, error) {
				return postern.NewToken(postern.TokenData{}), test.err
			})}
			request := httptest.NewRequest("GET", "/", nil)
			request.Header.Set("Authorization", "Bearer "+test.token)
			answer := httptest.NewRecorder()
			guard.Require()(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})).ServeHTTP(answer, request)
			if answer.Code != test.want {
				t.Errorf("status %d, want %d", answer.Code, test.want)
			}
		})
	}
}

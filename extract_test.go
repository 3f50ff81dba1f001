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
	}{
		{"one header", withHeader("Bearer a"), 200},
		{"two headers", withHeader("Bearer a", "Bearer b"), 400},
		{"the same header twice", withHeader("Bearer a", "Bearer a"), 400},
		{"a good header and an empty one", withHeader("Bearer a", ""), 400},
		{"another scheme beside it", withHeader("Bearer a", "Basic dTpw"), 400},
		{"header and query", query("access_token=b"), 400},
		{"header and query without a value", query("x=1&access_token"), 400},
		{"header and query with an escaped name", query("access%5Ftoken=b"), 400},
		{"header and query with a name that is escaped whole", query("%61%63%63%65%73%73%5f%74%6f%6b%65%6e=b"), 400},
		{"header and query with another name", query("access_tokens=b&token=c"), 200},
		{"header and a value that only looks like it", query("q=access_token"), 200},
		{"header and form", form(urlencoded, "access_token=b"), 400},
		{"header and form with an escaped name", form(urlencoded, "x=1&access%5ftoken=b"), 400},
		{"header and form with a charset", form(urlencoded+"; charset=utf-8", "access_token=b"), 400},
		{"header and form in another case", form("Application/X-WWW-Form-URLencoded", "access_token=b"), 400},
		{"header and a form of other fields", form(urlencoded, "a=1&b=access_token"), 200},
		{"header and a body that is no form", form("text/plain", "access_token=b"), 200},
	} {
		t.Run(test.name, func(t *testing.T) {
			guard := &postern.Guard{Verifier: &accepting{}}
			if got := status(guard.Require(), test.request); got != test.want {
				t.Errorf("status %d, want %d", got, test.want)
			}
		})
	}
}

func TestG1_ATokenElsewhereAloneIsNone(t *testing.T) {
	guard := &postern.Guard{Verifier: &accepting{}}
	r := httptest.NewRequest("GET", "/?access_token=a", nil)
	if got := status(guard.Require(), r); got != 401 {
		t.Errorf("a token in the query alone: status %d, want 401", got)
	}
}

func TestTheHandlerStillReadsTheForm(t *testing.T) {
	for _, size := range []int{0, 10, 64 << 10, 200 << 10} {
		body := "field=" + strings.Repeat("x", size)
		r := httptest.NewRequest("POST", "/", strings.NewReader(body))
		r.Header.Set("Authorization", "Bearer a")
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		guard := &postern.Guard{Verifier: &accepting{}}
		var got string
		guard.Require()(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			text, err := io.ReadAll(r.Body)
			if err != nil {
				t.Error(err)
			}
			got = string(text)
		})).ServeHTTP(httptest.NewRecorder(), r)
		if got != body {
			t.Errorf("a body of %d bytes arrives as %d bytes", len(body), len(got))
		}
	}
}

func TestG2_SpellingsOfTheHeader(t *testing.T) {
	for _, test := range []struct {
		header string
		want   int
	}{
		{"Bearer abc", 200}, {"bearer abc", 200}, {"BEARER abc", 200}, {"bEaReR abc", 200},
		{"Bearer a.b-c_d~e+f/g==", 200},
		{"", 400}, {" ", 400}, {"Bearer", 400}, {"Bearer ", 400}, {"bearer", 400}, {"DPoP", 400},
		{"Bearer  abc", 400}, {"Bearer\tabc", 400}, {"Bearer \tabc", 400}, {" Bearer abc", 400}, {"Bearer abc ", 400},
		{"Bearer abc def", 400}, {"Bearer abc,", 400}, {"Bearer abc, def", 400}, {"Bearer abc, Bearer def", 400},
		{"Bearer abc\tdef", 400}, {"Bearer abc\ndef", 400}, {"Bearer abc\x00", 400}, {"Bearer \"abc\"", 400},
		{"Bearer token=abc", 400}, {"Bearer =", 400}, {"Bearer ==", 400}, {"Bearer a=b", 400}, {"Bearer äbc", 400},
		{"Bearer a\u2003b", 400}, {"Bearer: abc", 400}, {"Bearer,abc", 400}, {"Bearer abc;x", 400}, {"Bearer Bearer abc", 400},
		{"abc", 401}, {"Basic dTpw", 401}, {"Negotiate abc", 401}, {"Token abc", 401}, {"Digest a=b", 401},
		{"ＢＥＡＲＥＲ abc", 400}, {"Beareſ abc", 400},
	} {
		guard := &postern.Guard{Verifier: &accepting{}}
		if got := status(guard.Require(), withHeader(test.header)); got != test.want {
			t.Errorf("Authorization: %q: status %d, want %d", test.header, got, test.want)
		}
	}
}

func TestG2_TheTokenArrivesUnchanged(t *testing.T) {
	verifier := &accepting{}
	guard := &postern.Guard{Verifier: verifier}
	if _, err := guard.Check(withHeader("bearer aB.c-_~+/=")); err != nil || verifier.raw != "aB.c-_~+/=" {
		t.Errorf("raw token %q, error %v", verifier.raw, err)
	}
}

func TestJ17_AHugeRequestCostsLittle(t *testing.T) {
	issuer := posterntest.NewIssuer(t)
	guard := &postern.Guard{Verifier: issuer.Verifier(issuer.Audience)}
	if got := status(guard.Require(), withHeader("Bearer "+strings.Repeat("a", 900<<10))); got != 401 {
		t.Errorf("a token of 900 KB: status %d, want 401", got)
	}
	body := &counting{r: strings.NewReader("access_token=" + strings.Repeat("a", 10<<20))}
	r := httptest.NewRequest("POST", "/", body)
	r.Header.Set("Authorization", "Bearer a")
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if got := status(guard.Require(), r); got != 400 {
		t.Errorf("a second token of 10 MB in the form: status %d, want 400", got)
	}
	if body.n > 64<<10 {
		t.Errorf("%d bytes of the form were read, want at most 64 KB", body.n)
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
	for _, seed := range []string{"Bearer abc", "bearer a.b.c==", "Bearer", "Bearer  a", "DPoP x", "Basic dTpw", "Bearer a, b", "\x00", "Bearer ="} {
		f.Add(seed, "", false)
		f.Add(seed, "access_token=x", false)
		f.Add(seed, "", true)
	}
	f.Fuzz(func(t *testing.T, header, query string, twice bool) {
		verifier := &accepting{}
		guard := &postern.Guard{Verifier: verifier}
		r := withHeader(header)
		if twice {
			r = withHeader(header, header)
		}
		r.URL.RawQuery = query
		decision, err := guard.Check(r)
		if (decision.Token == nil) == (err == nil) {
			t.Fatalf("token %v, error %v", decision.Token, err)
		}
		if err != nil {
			return
		}
		scheme, raw, _ := strings.Cut(header, " ")
		if twice || r.URL.Query().Has("access_token") || !strings.EqualFold(scheme, "Bearer") || raw != verifier.raw {
			t.Fatalf("accepted %q, query %q, twice %v, as %q", header, query, twice, verifier.raw)
		}
		const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/"
		if body := strings.TrimRight(raw, "="); body == "" || strings.Trim(body, alphabet) != "" {
			t.Fatalf("accepted %q, which is no token68", raw)
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

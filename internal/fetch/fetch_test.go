package fetch_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/postern-auth/postern/internal/fetch"
)

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestTheAnswerIsReadWholeAndWithinItsLimit(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s %s %s", r.Method, r.Header.Get("Accept"), r.PostFormValue("a"))
	}))
	defer server.Close()
	client := fetch.New(nil)
	answer, err := client.Get(t.Context(), server.URL, 100)
	if err != nil || answer.Body != "GET application/json " || answer.Status != 200 {
		t.Errorf("Get: %+v, %v", answer, err)
	}
	answer, err = client.Post(t.Context(), server.URL, nil, url.Values{"a": {"b&c"}}, 100)
	if err != nil || answer.Body != "POST application/json b&c" {
		t.Errorf("Post: %+v, %v", answer, err)
	}
	if _, err := client.Get(t.Context(), server.URL, 21); err != nil {
		t.Errorf("an answer as long as the limit: %v", err)
	}
	if _, err := client.Get(t.Context(), server.URL, 20); err == nil {
		t.Error("an answer longer than the limit is accepted")
	}
}

func TestFindingT6_AByteOrderMarkIsNotPartOfTheAnswer(t *testing.T) {
	for text, want := range map[string]string{
		"\ufeff{}": "{}", "\ufeff": "", "\ufeff\ufeff{}": "\ufeff{}", " \ufeff{}": " \ufeff{}", "{}\ufeff": "{}\ufeff", "\xef\xbb{}": "\xef\xbb{}",
	} {
		client := fetch.New(&http.Client{Transport: roundTrip(func(*http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: 200, Body: io.NopCloser(strings.NewReader(text))}, nil
		})})
		get, err := client.Get(t.Context(), "https://issuer.test", 100)
		post, err2 := client.Post(t.Context(), "https://issuer.test", nil, url.Values{}, 100)
		if err != nil || err2 != nil || get.Body != want || post.Body != want {
			t.Errorf("%q is read as %q and %q, %v, %v; want %q", text, get.Body, post.Body, err, err2, want)
		}
	}
}

func TestF4_AnswersThatDoNotEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, body := range map[string]func(*http.Request) io.Reader{
			"a byte a second": func(*http.Request) io.Reader { return drip{} },
			"never a byte": func(r *http.Request) io.Reader {
				return readFunc(func([]byte) (int, error) { <-r.Context().Done(); return 0, r.Context().Err() })
			},
			"cut off": func(*http.Request) io.Reader {
				return io.MultiReader(strings.NewReader("{"), readFunc(func([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }))
			},
		} {
			client := fetch.New(&http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
				return &http.Response{StatusCode: 200, Body: io.NopCloser(untilDone{r.Context(), body(r)})}, nil
			})})
			start := time.Now()
			if _, err := client.Get(t.Context(), "https://issuer.test", 1<<20); err == nil {
				t.Errorf("%s: accepted", name)
			}
			if took := time.Since(start); took > fetch.Timeout+time.Second {
				t.Errorf("%s: took %s, want %s at most", name, took, fetch.Timeout)
			}
		}
	})
}

type drip struct{}

func (drip) Read(p []byte) (int, error) {
	time.Sleep(time.Second)
	p[0] = ' '
	return 1, nil
}

type readFunc func([]byte) (int, error)

func (f readFunc) Read(p []byte) (int, error) { return f(p) }

// untilDone reads as a connection does: no longer than the request's context allows.
type untilDone struct {
	ctx context.Context
	r   io.Reader
}

func (u untilDone) Read(p []byte) (int, error) {
	if err := u.ctx.Err(); err != nil {
		return 0, err
	}
	return u.r.Read(p)
}

func TestI8_NeitherRedirectsNorCookies(t *testing.T) {
	calls := 0
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	users := &http.Client{Jar: jar, Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
		calls++
		if len(r.Cookies()) > 0 {
			t.Error("a cookie goes along")
		}
		header := http.Header{"Location": {"https://evil.test/"}, "Set-Cookie": {"a=b"}}
		return &http.Response{StatusCode: 302, Header: header, Body: http.NoBody, Request: r}, nil
	})}
	client := fetch.New(users)
	for range 2 {
		answer, err := client.Get(t.Context(), "https://issuer.test/", 10)
		if err != nil || answer.Status != 302 {
			t.Errorf("%+v, %v; want the redirect itself", answer, err)
		}
	}
	if calls != 2 {
		t.Errorf("%d calls, want 2", calls)
	}
	if users.CheckRedirect != nil || users.Jar == nil {
		t.Error("the caller's client was changed")
	}
}

func TestErrorsHoldNoQuery(t *testing.T) {
	cause := errors.New("refused")
	client := fetch.New(&http.Client{Transport: roundTrip(func(*http.Request) (*http.Response, error) { return nil, cause })})
	for _, target := range []string{"https://issuer.test/a?token=CANARY", "https://issuer.test/%zzCANARY", "https://user:CANARY@issuer.test/"} {
		_, err := client.Get(t.Context(), target, 10)
		if err == nil || strings.Contains(err.Error(), "CANARY") {
			t.Errorf("%s: %v", target, err)
		}
	}
	if _, err := client.Get(t.Context(), "https://issuer.test/", 10); !errors.Is(err, cause) {
		t.Errorf("%v, want the cause", err)
	}
}

func TestCheckURL(t *testing.T) {
	for _, test := range []struct {
		url            string
		good, insecure bool // without and with InsecureHTTP
	}{
		{"https://issuer.test", true, true}, {"https://issuer.test:8443/a?b=c", true, true}, {"https://[::1]/", true, true},
		{"http://localhost", true, true}, {"http://localhost:8080/a", true, true}, {"http://api.localhost", true, true},
		{"http://127.0.0.1", true, true}, {"http://127.9.9.9:1", true, true}, {"http://[::1]:80", true, true},
		{"http://issuer.test", false, true}, {"http://10.0.0.1", false, true}, {"http://localhost.evil.test", false, true},
		{"http://127.0.0.1.evil.test", false, true}, {"http://0.0.0.0", false, true}, {"http://2130706433", false, true},
		{"", false, false}, {"issuer.test", false, false}, {"//issuer.test", false, false}, {"/a", false, false},
		{"https:", false, false}, {"https://", false, false}, {"https:///a", false, false}, {"https:issuer.test", false, false},
		{"ftp://issuer.test", false, false}, {"file:///etc/passwd", false, false}, {"file://localhost/etc", false, false},
		{"https://a@issuer.test", false, false}, {"https://a:b@issuer.test", false, false},
		{"https://issuer.test#", false, false}, {"https://issuer.test/#a", false, false},
		{"https://issuer.test/\n", false, false}, {"https://issuer .test", false, false}, {"javascript:alert(1)", false, false},
	} {
		if err := fetch.CheckURL(test.url, false); (err == nil) != test.good {
			t.Errorf("%q: %v, want good %v", test.url, err, test.good)
		}
		if err := fetch.CheckURL(test.url, true); (err == nil) != test.insecure {
			t.Errorf("%q, insecure: %v, want good %v", test.url, err, test.insecure)
		}
	}
}

func TestSharedCallsEndByThemselves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var shared fetch.Shared[int]
		hang := func(ctx context.Context) (int, error) {
			<-ctx.Done()
			return 0, ctx.Err()
		}
		start := time.Now()
		if _, err := shared.Do(context.Background(), hang); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v, want DeadlineExceeded", err)
		}
		if took := time.Since(start); took != 2*fetch.Timeout {
			t.Errorf("a call that hangs took %s, want %s", took, 2*fetch.Timeout)
		}
		if n, err := shared.Do(t.Context(), func(context.Context) (int, error) { return 7, nil }); n != 7 || err != nil {
			t.Errorf("the next call: %d, %v", n, err)
		}
	})
}

func TestRetryAfterIsReadInBothForms(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for value, want := range map[string]time.Duration{
		"": 0, "0": 0, "20": 20 * time.Second, "Fri, 02 Jan 2026 03:05:05 GMT": time.Minute,
		"Fri, 02 Jan 2026 03:04:00 GMT": 0, "-1": 0, "soon": 0, "1.5": 0, "99999999999999999999": 0, "0x10": 0,
	} {
		if got := fetch.RetryAfter(http.Header{"Retry-After": {value}}, now); got != want {
			t.Errorf("%q: %s, want %s", value, got, want)
		}
	}
	if got := fetch.RetryAfter(nil, now); got != 0 {
		t.Errorf("without the header: %s", got)
	}
}

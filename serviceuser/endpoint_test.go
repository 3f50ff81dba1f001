package serviceuser_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
)

const (
	issuer   = "https://login.example.com"
	tokenURL = issuer + "/oauth/v2/token"
	canary   = "c4n4ry-secret"
)

// call is a request as the token endpoint sees it.
type call struct {
	URL, Authorization string
	Form               url.Values
}

// endpoint is an authorization server in place of the network. It publishes metadata and records calls to
// everything else.
type endpoint struct {
	answer func() (status int, body string)

	mu    sync.Mutex
	calls []call
}

func (e *endpoint) RoundTrip(r *http.Request) (*http.Response, error) {
	if strings.HasPrefix(r.URL.Path, "/.well-known/") {
		return response(200, fmt.Sprintf(`{"issuer":%q,"token_endpoint":%q}`, issuer, tokenURL)), nil
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, err
	}
	e.mu.Lock()
	e.calls = append(e.calls, call{r.URL.String(), r.Header.Get("Authorization"), form})
	e.mu.Unlock()
	status, text := e.answer()
	if status == 0 {
		return nil, errors.New("connection refused")
	}
	return response(status, text), nil
}

func (e *endpoint) count() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.calls)
}

func (e *endpoint) client() *http.Client { return &http.Client{Transport: e} }

func response(status int, body string) *http.Response {
	return &http.Response{
		StatusCode: status,
		Header:     http.Header{"Location": {"https://evil.example/"}},
		Body:       io.NopCloser(strings.NewReader(body)),
	}
}

// always returns an endpoint with one answer.
func always(status int, body string) *endpoint {
	return &endpoint{answer: func() (int, string) { return status, body }}
}

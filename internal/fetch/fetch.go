// Package fetch makes the HTTP calls that verifiers and clients need to an issuer: bounded in time and
// size, never redirected, over https.
//
//	client := fetch.New(config.HTTPClient)
//	if err := fetch.CheckURL(url, config.InsecureHTTP); err != nil {
//		return err
//	}
//	answer, err := client.Get(ctx, url, 1<<20)
//
// The URLs of such a client are the operator's own configuration, or come from a document of the issuer that the
// operator configured; so any address may be called, and only the transport is guarded. For URLs that anybody may
// have written there is NewUntrusted.
package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Timeout bounds one call from connecting to the last byte of the answer.
const Timeout = 5 * time.Second

// Client makes calls. It is safe for concurrent use.
type Client struct {
	http  http.Client
	check func(url string) error // nil: every URL may be called
	slots chan struct{}          // one for each call at once; nil: as many as may be
}

// New returns a Client that works like client, which may be nil, but follows no redirect: credentials and
// trust stay with the host that was configured.
func New(client *http.Client) *Client {
	c := &Client{}
	if client != nil {
		c.http = *client
	}
	c.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	c.http.Jar = nil
	return c
}

// Answer is an HTTP answer that was read whole, its body without a byte order mark.
type Answer struct {
	Status int
	Header http.Header
	Body   string
}

// RetryAfter returns for how long an answer asks to be left alone (RFC 9110 §10.2.3), in either form of the
// header; zero: it does not.
func RetryAfter(header http.Header, now time.Time) time.Duration {
	value := header.Get("Retry-After")
	if seconds, err := strconv.ParseUint(value, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if date, err := http.ParseTime(value); err == nil {
		return max(0, date.Sub(now))
	}
	return 0
}

// Get fetches a URL. Errors never hold the query of the URL.
func (c *Client) Get(ctx context.Context, url string, limit int64) (Answer, error) {
	return c.do(ctx, http.MethodGet, url, nil, nil, limit)
}

// Post sends a form. The header may be nil; its values go along, and Accept is JSON unless it says other.
func (c *Client) Post(ctx context.Context, url string, header http.Header, form url.Values, limit int64) (Answer, error) {
	return c.do(ctx, http.MethodPost, url, header, form, limit)
}

func (c *Client) do(ctx context.Context, method, target string, header http.Header, form url.Values, limit int64) (Answer, error) {
	if c.check != nil {
		if err := c.check(target); err != nil {
			return Answer{}, err
		}
	}
	if c.slots != nil {
		select {
		case c.slots <- struct{}{}:
			defer func() { <-c.slots }()
		default:
			return Answer{}, ErrBusy
		}
	}
	ctx, cancel := context.WithTimeout(ctx, Timeout)
	defer cancel()
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	request, err := http.NewRequestWithContext(ctx, method, target, body)
	if err != nil {
		return Answer{}, fmt.Errorf("fetch: %s %s: not a URL", method, redact(target))
	}
	for name, values := range header {
		request.Header[name] = values
	}
	if request.Header.Get("Accept") == "" {
		request.Header.Set("Accept", "application/json")
	}
	if form != nil {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	response, err := c.http.Do(request)
	if err != nil {
		return Answer{}, fmt.Errorf("fetch: %s %s: %w", method, redact(target), cause(err))
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, limit+1))
	if err != nil {
		return Answer{}, fmt.Errorf("fetch: %s %s: reading the answer: %w", method, redact(target), err)
	}
	if int64(len(text)) > limit {
		return Answer{}, fmt.Errorf("fetch: %s %s: answer is longer than %d bytes", method, redact(target), limit)
	}
	// RFC 8259 §8.1 lets a reader ignore the byte order mark that some servers put before JSON.
	return Answer{response.StatusCode, response.Header, strings.TrimPrefix(string(text), "\ufeff")}, nil
}

// cause takes the wrapping off that would put the whole URL into the text.
func cause(err error) error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		return wrapped.Err
	}
	return err
}

func redact(target string) string {
	u, err := url.Parse(target)
	if err != nil {
		return "(malformed URL)"
	}
	return u.Scheme + "://" + u.Host + u.EscapedPath()
}

// CheckURL reports why a URL must not be called: it is not absolute, carries user information or a
// fragment, or is neither https nor, on loopback or with insecureHTTP, http.
func CheckURL(raw string, insecureHTTP bool) error {
	u, err := url.Parse(raw)
	switch {
	case err != nil || u.Host == "":
		return fmt.Errorf("%.64q is not an absolute URL", raw)
	case u.User != nil:
		return fmt.Errorf("URL of host %q carries user information", u.Host)
	case strings.Contains(raw, "#"):
		return fmt.Errorf("%.64q has a fragment", raw)
	case u.Scheme == "https":
		return nil
	case u.Scheme == "http" && (insecureHTTP || Loopback(u.Hostname())):
		return nil
	}
	return fmt.Errorf("%.64q is not https, which only loopback hosts need not be", raw)
}

// Loopback reports whether a host can only be this machine: localhost (RFC 6761 §6.3) or a loopback
// address.
func Loopback(host string) bool {
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

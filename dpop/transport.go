package dpop

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"

	"github.com/postern-auth/postern/internal/claims"
)

const (
	// maxOrigins bounds the origins whose nonces are remembered.
	maxOrigins = 256
	// maxNonce bounds a nonce: a server could have us carry any amount.
	maxNonce = 1 << 10
	// maxOAuthError bounds the error document of a token endpoint.
	maxOAuthError = 16 << 10
	// maxDiscard is how much of an answer is read for its connection to be used again.
	maxDiscard = 64 << 10
)

// Transport is an http.RoundTripper that sends a DPoP-bound access token and a proof with every request.
// It remembers the nonces that servers send, one for each origin. When a server asks for a nonce
// (use_dpop_nonce), it makes the request once more, if Request.GetBody can provide the body again.
//
// A request that follows a redirect to another origin is sent on without token and proof. It is safe for
// concurrent use; its fields must not change once it is used.
type Transport struct {
	// Prover makes the proofs. Required.
	Prover *Prover
	// Token returns the raw token, which must be bound to the Prover's key. Nil: requests get a proof and
	// keep the Authorization they have, as for a token endpoint (RFC 9449 §5).
	Token func(context.Context) (string, error)
	// Base makes the requests. Nil: http.DefaultTransport.
	Base http.RoundTripper

	mu     sync.Mutex
	nonces map[string]string // by origin
}

// RoundTrip implements http.RoundTripper. Errors that are not Base's begin with "dpop: " and wrap those
// of Token, or say what is wrong with the request's URL.
func (t *Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if t.Prover == nil {
		closeBody(r.Body)
		return nil, errors.New("dpop: Transport has no Prover")
	}
	if redirectedAway(r) {
		return t.base().RoundTrip(r)
	}
	used := t.nonce(r.URL)
	response, err := t.send(r, r.Body, used)
	if err != nil {
		return nil, err
	}
	fresh := t.remember(r.URL, response)
	if fresh == "" || fresh == used || !t.wantsNonce(response) {
		return response, nil
	}
	body, ok := again(r)
	if !ok {
		return response, nil
	}
	io.CopyN(io.Discard, response.Body, maxDiscard)
	response.Body.Close()
	if response, err = t.send(r, body, fresh); err == nil {
		t.remember(r.URL, response)
	}
	return response, err
}

// Thumbprint returns the thumbprint of the Prover's key (RFC 7638), the cnf.jkt of the tokens that the
// Transport can use. By this method package serviceuser knows that its client asks for bound tokens.
func (t *Transport) Thumbprint() string {
	if t.Prover == nil {
		return ""
	}
	return t.Prover.Thumbprint()
}

func (t *Transport) base() http.RoundTripper {
	if t.Base != nil {
		return t.Base
	}
	return http.DefaultTransport
}

// send makes the request with a proof of its own. It closes the body, as a RoundTripper must.
func (t *Transport) send(r *http.Request, body io.ReadCloser, nonce string) (*http.Response, error) {
	raw := ""
	if t.Token != nil {
		var err error
		if raw, err = t.Token(r.Context()); err != nil || raw == "" {
			closeBody(body)
			return nil, fmt.Errorf("dpop: access token: %w", cmp.Or(err, errNoToken))
		}
	}
	target := *r.URL
	if r.Host != "" {
		target.Host = r.Host // what the server sees
	}
	proof, err := t.Prover.Proof(methodOf(r), &target, raw, nonce)
	if err != nil {
		closeBody(body)
		return nil, err
	}
	r = r.Clone(r.Context())
	r.Body = body
	r.Header.Set(headerProof, proof)
	if raw != "" {
		r.Header.Set("Authorization", schemeDPoP+" "+raw)
	}
	return t.base().RoundTrip(r)
}

var errNoToken = errors.New("Transport.Token returned an empty one")

func methodOf(r *http.Request) string {
	if r.Method == "" {
		return http.MethodGet // as http.Request has it
	}
	return r.Method
}

func closeBody(body io.Closer) {
	if body != nil {
		body.Close()
	}
}

// again returns the request's body from its beginning, and false when it cannot be had.
func again(r *http.Request) (io.ReadCloser, bool) {
	if r.Body == nil || r.Body == http.NoBody {
		return r.Body, true
	}
	if r.GetBody == nil {
		return nil, false
	}
	body, err := r.GetBody()
	return body, err == nil
}

// redirectedAway reports whether the request follows a redirect that came, over however many hops, from
// another origin. Whoever answered there must not choose where the token goes.
func redirectedAway(r *http.Request) bool {
	for response := r.Response; response != nil; response = response.Request.Response {
		if response.Request == nil || origin(response.Request.URL) != origin(r.URL) {
			return true
		}
	}
	return false
}

// origin returns what tells servers apart. For a URL without one, every request fails before it is
// sent.
func origin(u *url.URL) string {
	origin, err := normalizeOrigin(u.Scheme, u.Host)
	if err != nil {
		return u.Scheme + "://" + u.Host
	}
	return origin
}

func (t *Transport) nonce(u *url.URL) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.nonces[origin(u)]
}

// remember keeps the nonce of an answer, which may be any answer (RFC 9449 §8.2), and returns it.
func (t *Transport) remember(u *url.URL, response *http.Response) string {
	values := response.Header.Values(headerNonce)
	if len(values) != 1 || values[0] == "" || len(values[0]) > maxNonce {
		return ""
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.nonces == nil {
		t.nonces = make(map[string]string)
	}
	if len(t.nonces) >= maxOrigins {
		clear(t.nonces) // each costs one more request
	}
	t.nonces[origin(u)] = values[0]
	return values[0]
}

// wantsNonce reports whether the answer asks for a proof with a nonce: in the challenge of an API
// (RFC 9449 §9), or in the error document of a token endpoint (§8).
func (t *Transport) wantsNonce(response *http.Response) bool {
	const code = "use_dpop_nonce"
	if response.StatusCode == http.StatusUnauthorized {
		for _, challenge := range response.Header.Values("WWW-Authenticate") {
			if strings.Contains(challenge, `error="`+code+`"`) || strings.Contains(challenge, "error="+code) {
				return true
			}
		}
	}
	if t.Token != nil || response.StatusCode != http.StatusBadRequest && response.StatusCode != http.StatusUnauthorized {
		return false
	}
	head, err := io.ReadAll(io.LimitReader(response.Body, maxOAuthError))
	rest := io.Reader(response.Body)
	if err != nil {
		rest = failing{err}
	}
	response.Body = &rereadBody{io.MultiReader(bytes.NewReader(head), rest), response.Body}
	var document claims.Object
	if err != nil || document.Parse(string(head)) != nil {
		return false
	}
	value, _ := document.Lookup("error")
	text, _ := value.Text()
	return text == code
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

type rereadBody struct {
	io.Reader
	io.Closer
}

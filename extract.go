package postern

import (
	"bytes"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
)

// extract takes the raw token out of the Authorization header, the only place where one is accepted
// (RFC 6750 §2.1). A token that comes a second time, in the query or a form, makes the request ambiguous.
func extract(r *http.Request) (scheme, raw string, err error) {
	values := r.Header["Authorization"]
	if len(values) == 0 {
		return "", "", ErrNoToken
	}
	if len(values) > 1 {
		return "", "", fmt.Errorf("postern: %d Authorization headers, want one: %w", len(values), ErrRequest)
	}
	scheme, raw, ok := strings.Cut(values[0], " ")
	switch {
	case scheme == schemeBearer || strings.EqualFold(scheme, schemeBearer):
		scheme = schemeBearer
	case strings.EqualFold(scheme, schemeDPoP):
		scheme = schemeDPoP
	case isToken68(scheme) && scheme != "":
		return "", "", fmt.Errorf("postern: Authorization has another scheme than Bearer or DPoP: %w", ErrNoToken)
	default:
		return "", "", fmt.Errorf("postern: Authorization has no scheme: %w", ErrRequest)
	}
	if !ok || raw == "" {
		return "", "", fmt.Errorf("postern: Authorization has a scheme and no token: %w", ErrRequest)
	}
	if strings.IndexByte(raw, ' ') >= 0 || len(raw) <= maxOpaque && !isToken68(raw) {
		return "", "", errNoToken68
	}
	if second, err := elsewhere(r); err != nil || second != "" {
		return "", "", fmt.Errorf("postern: a second token in the %s: %w", second, ErrRequest)
	}
	return scheme, raw, nil
}

// maxOpaque is the length up to which every byte of a token is looked at before it is verified. What is
// longer is a JWT, whose verifier reads it more strictly than this, and to look at all of it here would
// cost more than to find it in the verifier's memory. One that is refused is looked at afterwards.
const maxOpaque = 256

// errNoToken68 says that what follows the scheme is not one token.
var errNoToken68 = fmt.Errorf("postern: Authorization holds more or other than one token behind the scheme: %w", ErrRequest)

// isToken68 reports whether s has the syntax of RFC 9110 §11.2, which is that of a b64token.
func isToken68(s string) bool {
	s = strings.TrimRight(s, "=")
	for i := range len(s) {
		if !token68[s[i]] {
			return false
		}
	}
	return s != ""
}

var token68 = func() (set [256]bool) {
	for _, c := range []byte("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~+/") {
		set[c] = true
	}
	return set
}()

// maxForm is how much of a form body is searched for a second token.
const maxForm = 64 << 10

// elsewhere returns where else the request carries an access token: "query", "form" or nowhere.
func elsewhere(r *http.Request) (string, error) {
	if strings.ContainsAny(r.URL.RawQuery, "_%") && r.URL.Query().Has("access_token") {
		return "query", nil
	}
	if r.Body == nil || r.Body == http.NoBody {
		return "", nil
	}
	contentType, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if contentType != "application/x-www-form-urlencoded" {
		return "", nil
	}
	// The handler reads the body again from its beginning.
	head, err := io.ReadAll(io.LimitReader(r.Body, maxForm))
	r.Body = &rereadBody{io.MultiReader(bytes.NewReader(head), r.Body), r.Body}
	if err != nil {
		return "form", err
	}
	form, _ := url.ParseQuery(string(head))
	if form.Has("access_token") {
		return "form", nil
	}
	return "", nil
}

type rereadBody struct {
	io.Reader
	io.Closer
}

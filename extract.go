package postern

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// extract takes the raw token out of the Authorization header (RFC 6750 §2.1, RFC 9110 §11.4). The error
// wraps ErrNoToken or ErrRequest; isAbsent tells those of a request that carries no token at all.
func extract(r *http.Request) (scheme, raw string, err error) {
	if r.URL == nil {
		return "", "", errNoURL
	}
	values := r.Header["Authorization"]
	if len(values) != 1 {
		return "", "", howMany(values)
	}
	scheme, raw, _ = strings.Cut(values[0], " ")
	switch {
	case scheme == schemeBearer || strings.EqualFold(scheme, schemeBearer):
		scheme = schemeBearer
	case strings.EqualFold(scheme, schemeDPoP):
		scheme = schemeDPoP
	default:
		return "", "", foreign(values[0])
	}
	if raw != "" && raw[0] == ' ' { // one space or more may follow the scheme
		raw = strings.TrimLeft(raw, " ")
	}
	switch {
	case raw == "":
		return "", "", errNoCredentials
	case strings.IndexByte(raw, ' ') >= 0 || len(raw) <= maxOpaque && !isToken68(raw):
		return "", "", errNoToken68
	}
	return scheme, raw, nil
}

// What is wrong with a request before any token is looked at.
var (
	errNoURL         = fmt.Errorf("postern: request without a URL: %w", ErrRequest)
	errEmpty         = fmt.Errorf("postern: Authorization is empty: %w", ErrRequest)
	errNoCredentials = fmt.Errorf("postern: Authorization has a scheme and no token: %w", ErrRequest)
	errNoScheme      = fmt.Errorf("postern: Authorization has no scheme, want Bearer and one token: %w", ErrRequest)
	errBareToken     = fmt.Errorf("postern: Authorization holds a token without the scheme Bearer: %w", ErrNoToken)
	errOtherScheme   = fmt.Errorf("postern: Authorization has another scheme than Bearer or DPoP: %w", ErrNoToken)
	errInQuery       = fmt.Errorf("postern: access_token is in the query, where it is not read, want it in the header Authorization: %w", ErrNoToken)
	errSecondToken   = fmt.Errorf("postern: a second token in the query: %w", ErrRequest)
	// errNoToken68 says that what follows the scheme is not one token.
	errNoToken68 = fmt.Errorf("postern: Authorization holds more or other than one token behind the scheme: %w", ErrRequest)
)

// isAbsent reports whether an error of extract says that there is no token: no header, one with another
// scheme, or one that was left empty. The errors are extract's own, so no Verifier can claim as much.
func isAbsent(err error) bool {
	switch err {
	case ErrNoToken, errBareToken, errOtherScheme, errEmpty, errNoCredentials:
		return true
	}
	return false
}

// howMany says what is wrong with Authorization headers that are not one.
func howMany(values []string) error {
	if len(values) == 0 {
		return ErrNoToken
	}
	for _, value := range values {
		if !isBlank(value) {
			return fmt.Errorf("postern: %d Authorization headers, want one: %w", len(values), ErrRequest)
		}
	}
	return errEmpty
}

// foreign says what is wrong with a header whose scheme is neither Bearer nor DPoP.
func foreign(value string) error {
	scheme, _, more := strings.Cut(value, " ")
	switch {
	case isBlank(value):
		return errEmpty
	case !isToken68(scheme):
		return errNoScheme
	case !more && looksLikeToken(scheme):
		return errBareToken
	}
	return errOtherScheme
}

func isBlank(value string) bool { return strings.Trim(value, " \t") == "" }

// looksLikeToken tells a token from a scheme that came alone. No registered scheme is as long, or has any
// sign in it but a hyphen.
func looksLikeToken(word string) bool {
	const longestScheme = 20
	return len(word) > longestScheme || strings.ContainsAny(word, "._~+/=")
}

// maxOpaque is the length up to which every byte of a token is looked at before it is verified. What is
// longer is a JWT, whose verifier reads it more strictly than this, and to look at all of it here would
// cost more than to find it in the verifier's memory. One that is refused is looked at afterwards.
const maxOpaque = 256

// isToken68 reports whether s has the syntax of RFC 9110 §11.2, which is that of a b64token. It looks at all
// of s before it decides: eight bytes at once take a third of the time, and every refused JWT is read here.
func isToken68(s string) bool {
	s = strings.TrimRight(s, "=")
	if s == "" {
		return false
	}
	var other uint8
	for ; len(s) >= 8; s = s[8:] {
		other |= notToken68[s[0]] | notToken68[s[1]] | notToken68[s[2]] | notToken68[s[3]] |
			notToken68[s[4]] | notToken68[s[5]] | notToken68[s[6]] | notToken68[s[7]]
	}
	for i := range len(s) {
		other |= notToken68[s[i]]
	}
	return other == 0
}

// notToken68 is 1 for every byte that a token68 does not hold.
var notToken68 = func() (table [256]uint8) {
	for c := range table {
		table[c] = 1
	}
	for _, c := range []byte("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~+/") {
		table[c] = 0
	}
	return table
}()

// elsewhere says in the log where a client put its token instead.
func elsewhere(r *http.Request, err error) error {
	if err == ErrNoToken && inQuery(r.URL) {
		return errInQuery
	}
	return err
}

// inQuery reports whether the query has an access_token. Programs behind the Guard read queries in more
// ways than one: some end a parameter at a semicolon, and some do not care for the case of its name.
func inQuery(u *url.URL) bool {
	if !strings.ContainsAny(u.RawQuery, "_%") {
		return false
	}
	for param := range strings.FieldsFuncSeq(u.RawQuery, func(r rune) bool { return r == '&' || r == ';' }) {
		name, _, _ := strings.Cut(param, "=")
		if plain, err := url.QueryUnescape(name); err == nil {
			name = plain
		}
		if strings.EqualFold(name, "access_token") {
			return true
		}
	}
	return false
}

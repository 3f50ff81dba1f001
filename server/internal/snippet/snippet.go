// Package snippet writes a call of an API in ten languages, ready to be copied: the token and the address are filled
// in, as text of the language that no quote, dollar sign or backslash in them can leave.
package snippet

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/postern-auth/postern/server/internal/page"
)

// A Call is a GET request with a Bearer token (RFC 6750, section 2.1). Its methods are safe for concurrent use.
type Call struct{ address, host, target, token string }

// NewCall returns the call of an address. What is in an address before its @ or after its # is left out: neither is
// sent with a Bearer token. Dots are resolved and what RFC 3986 does not allow in a path or query is percent-encoded: some
// languages' clients would do so, others refuse it, and all calls are to be the same. An error says what is wrong with the address or the token, without the token.
func NewCall(address, token string) (Call, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" {
		return Call{}, errors.New("snippet: the address is no http or https URL with a host")
	}
	if strings.IndexFunc(u.Host, func(c rune) bool { return !hostCharacter(c) }) >= 0 {
		return Call{}, errors.New("snippet: the host of the address is not written in letters, digits, dots and hyphens")
	}
	if token == "" || strings.IndexFunc(token, func(c rune) bool { return c <= ' ' || c > '~' }) >= 0 {
		return Call{}, errors.New("snippet: the token is empty, or has characters that no header can carry")
	}
	path := encoded(u.ResolveReference(&url.URL{}).EscapedPath())
	if path == "" {
		path = "/"
	}
	if u.RawQuery != "" {
		path += "?" + encoded(u.RawQuery)
	}
	return Call{address: u.Scheme + "://" + u.Host + path, host: u.Host, target: path, token: token}, nil
}

// A Language is one in which a call can be written.
type Language struct {
	Name     string // as people write it
	code     string // with placeholders
	quote    func(string) string
	keywords string // between spaces
}

// Spans returns the call in the language.
func (l Language) Spans(c Call) []page.Span {
	code := l.code
	if strings.HasPrefix(c.address, "http:") {
		code = strings.ReplaceAll(code, "HTTPSConnection", "HTTPConnection")
	}
	values := map[string]string{"«address»": c.address, "«host»": c.host, "«target»": c.target, "«token»": c.token,
		"«bearer»": "Bearer " + c.token, "«header»": "Authorization: Bearer " + c.token}
	return coloured(code, l.keywords, func(name string) string { return l.quote(values[name]) })
}

func hostCharacter(c rune) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.ContainsRune(".-_:[]", c)
}

// encoded returns a path or query with only the characters that RFC 3986 allows there, and without the apostrophe,
// which browsers and Node encode too.
func encoded(s string) string {
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		switch {
		case 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("-._~!$&()*+,;=:@/?", c) >= 0:
			b.WriteByte(c)
		case c == '%' && i+2 < len(s) && hex(s[i+1]) && hex(s[i+2]):
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

func hex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

// double quotes a value as C and its descendants do, where the value is printable ASCII.
func double(value string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(value) + `"`
}

// objectiveC quotes a value as an NSString. Two question marks may begin a trigraph, one of which is a backslash.
func objectiveC(value string) string {
	return "@" + strings.ReplaceAll(double(value), "??", `?\?`)
}

// single quotes a value for PHP and Ruby, whose single quotes know no variables.
func single(value string) string {
	return `'` + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(value) + `'`
}

// shell quotes a value for a POSIX shell.
func shell(value string) string { return `'` + strings.ReplaceAll(value, `'`, `'\''`) + `'` }

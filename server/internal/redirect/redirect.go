// Package redirect says which redirect URIs an application may register, and whether one that is asked for
// is one of those.
//
//	err := redirect.Check(uri)                            // when the application is set up
//	ok := redirect.Match(registered, asked, native)       // at the authorization endpoint
//	ok := redirect.Repeats(used, sent, challenge != "")   // at the token endpoint
//	location := redirect.Append(uri, fields)              // the way back
//
// Two URIs are the same when they are the same bytes (RFC 9700 §2.1). Nothing is decoded, normalised or
// matched by pattern, so no two parsers can differ about it. There are two exceptions: the port of a native
// application's loopback address, which its system chooses (RFC 8252 §7.3), and the spelling of what comes
// back to the token endpoint, which decides nothing alone.
//
// The log-out addresses of applications follow the same rules.
package redirect

import (
	"slices"
	"strconv"
	"strings"
)

// MaxLength is the length of a redirect URI in bytes beyond which it is refused.
const MaxLength = 2048

// Match reports whether asked is one of the registered URIs. For a native application the port of a
// loopback address is free: 127.0.0.1, [::1] and localhost, each only where it is registered itself.
func Match(registered []string, asked string, native bool) bool {
	if slices.Contains(registered, asked) {
		return true
	}
	host, rest, ok := cutLoopback(asked)
	return ok && native && slices.ContainsFunc(registered, func(uri string) bool {
		registeredHost, registeredRest, ok := cutLoopback(uri)
		return ok && registeredHost == host && registeredRest == rest
	})
}

// IsLoopback reports whether the URI leads to a program on the person's own machine by http.
func IsLoopback(uri string) bool {
	_, _, ok := cutLoopback(uri)
	return ok
}

// cutLoopback takes the port out of an http URI of a loopback address. The text is cut, not parsed: what
// follows the host can be nothing but a port, a path or a query.
func cutLoopback(uri string) (host, rest string, ok bool) {
	for _, host := range loopback {
		rest, ok := strings.CutPrefix(uri, "http://"+host)
		if !ok {
			continue
		}
		if port, found := strings.CutPrefix(rest, ":"); found {
			digits := len(port) - len(strings.TrimLeft(port, "0123456789"))
			if !isPort(port[:digits]) {
				return "", "", false
			}
			rest = port[digits:]
		}
		return host, rest, rest == "" || rest[0] == '/' || rest[0] == '?'
	}
	return "", "", false
}

var loopback = []string{"127.0.0.1", "[::1]", "localhost"}

// isPort reports whether s is the number of a port as everybody writes it.
func isPort(s string) bool {
	n, err := strconv.ParseUint(s, 10, 16)
	return err == nil && n > 0 && s[0] != '0'
}

// Nearest returns the registered URI that has the longest beginning in common with the one asked for, to
// show a developer the difference; it is empty when none is registered.
func Nearest(registered []string, asked string) string {
	if len(registered) == 0 {
		return ""
	}
	return slices.MaxFunc(registered, func(a, b string) int { return common(a, asked) - common(b, asked) })
}

func common(a, b string) int {
	n := 0
	for n < min(len(a), len(b)) && a[n] == b[n] {
		n++
	}
	return n
}

// Package scope is the syntax of scopes (RFC 6749 §3.3).
//
//	if !scope.IsToken("read:messages") {
//		…
//	}
package scope

// IsToken reports whether s is a scope-token: one or more visible ASCII characters without " and \.
func IsToken(s string) bool {
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c > '~' || c == '"' || c == '\\' {
			return false
		}
	}
	return s != ""
}

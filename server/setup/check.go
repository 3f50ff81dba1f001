package setup

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/postern-auth/postern/internal/jws"
	"github.com/postern-auth/postern/server/store"
)

const (
	maxName = 200 // characters of a name for people
	maxID   = 256 // bytes of a name for programs
	maxKey  = 128 // bytes of a role or permission
	maxPath = 4096

	// maxLifetime bounds an access token's life: revoking a JWT takes remembering it for as long.
	maxLifetime = 30 * 24 * time.Hour
)

// standardScopes have a meaning of their own in a token request (OpenID Connect Core §5.4, §11).
var standardScopes = []string{"openid", "profile", "email", "phone", "address", "offline_access"}

// checkKey admits a role or permission: a scope-token of RFC 6749 §3.3 that means nothing else.
func checkKey(s string) error {
	if s == "" || len(s) > maxKey {
		return fmt.Errorf("expected a key of 1 to %d bytes, got %d bytes", maxKey, len(s))
	}
	if strings.IndexFunc(s, notScope) >= 0 {
		return fmt.Errorf(`expected visible ASCII characters without " and \, got %.64q`, s)
	}
	if slices.Contains(standardScopes, s) {
		return fmt.Errorf("expected a key of your own, got the standard scope %q", s)
	}
	if strings.HasPrefix(s, "urn:zitadel:") {
		return fmt.Errorf("expected a key that does not start with urn:zitadel:, got %.64q", s)
	}
	return nil
}

func notScope(c rune) bool { return c <= ' ' || c > '~' || c == '"' || c == '\\' }

// checkName admits a name for people: printable, so that it cannot fake a line of a log or a page.
func checkName(s string) error {
	if n := utf8.RuneCountInString(s); n == 0 || n > maxName {
		return fmt.Errorf("expected 1 to %d characters, got %d", maxName, n)
	}
	if strings.IndexFunc(s, func(c rune) bool { return !unicode.IsPrint(c) }) >= 0 {
		return fmt.Errorf("expected printable characters, got %.64q", s)
	}
	if s != strings.TrimSpace(s) {
		return fmt.Errorf("expected no space at the ends, got %.64q", s)
	}
	return nil
}

// checkTitle is checkName for a name that may be empty.
func checkTitle(s string) error {
	if s == "" {
		return nil
	}
	return checkName(s)
}

// checkID admits a username or client id. Its characters read the same raw and form-decoded, so that
// both readings of HTTP Basic (RFC 6749 §2.3.1) agree.
func checkID(s string) error {
	if s == "" || len(s) > maxID {
		return fmt.Errorf("expected 1 to %d bytes, got %d", maxID, len(s))
	}
	if strings.IndexFunc(s, notID) >= 0 {
		return fmt.Errorf("expected letters, digits and ._~@- alone, got %.64q", s)
	}
	return nil
}

func notID(c rune) bool {
	return !('0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || strings.ContainsRune("._~@-", c))
}

// checkIdentifier admits an audience.
func checkIdentifier(s string) error {
	if s == "" || len(s) > maxID {
		return fmt.Errorf("expected 1 to %d bytes, got %d", maxID, len(s))
	}
	if strings.IndexFunc(s, notScope) >= 0 {
		return fmt.Errorf(`expected visible ASCII characters without " and \, such as https://api.example.com, got %.64q`, s)
	}
	return nil
}

// checkPath admits the path of a file to write.
func checkPath(s string) error {
	if s == "" || len(s) > maxPath {
		return fmt.Errorf("expected a path of 1 to %d bytes, got %d bytes", maxPath, len(s))
	}
	if strings.IndexFunc(s, unicode.IsControl) >= 0 {
		return fmt.Errorf("expected a path without control characters, got %.64q", s)
	}
	switch base := filepath.Base(filepath.FromSlash(s)); {
	case strings.HasSuffix(s, "/"), base == ".", base == "..":
		return fmt.Errorf("expected the path of a file, got %.64q", s)
	case strings.HasSuffix(base, pendingSuffix):
		return fmt.Errorf("expected a path that does not end in %s, which names unfinished files; got %.64q", pendingSuffix, s)
	}
	return nil
}

// forms are the spellings of store.TokenForm in a document.
var forms = []string{"opaque", "jwt", "zitadel", "access_token", "access_token_authz", "rfc9068", "rfc9068_authz"}

func parseForm(s string) (store.TokenForm, error) {
	if !slices.Contains(forms, s) {
		return "", fmt.Errorf("expected one of %s, got %.64q", strings.Join(forms, ", "), s)
	}
	if s == "jwt" {
		return store.FormZITADEL, nil
	}
	return store.TokenForm(s), nil
}

func checkSigningAlgorithm(s string) error {
	if a := jws.Algorithm(s); a.Known() {
		return nil
	}
	return fmt.Errorf("expected one of %s, got %.64q", join(jws.Algorithms()), s)
}

// keyAlgorithms are the kinds of key that are made; each names the key's type.
var keyAlgorithms = []jws.Algorithm{jws.RS256, jws.ES256, jws.EdDSA}

func checkKeyAlgorithm(s string) error {
	if slices.Contains(keyAlgorithms, jws.Algorithm(s)) {
		return nil
	}
	return fmt.Errorf("expected one of %s, got %.64q", join(keyAlgorithms), s)
}

func join(algorithms []jws.Algorithm) string {
	var names []string
	for _, a := range algorithms {
		names = append(names, string(a))
	}
	return strings.Join(names, ", ")
}

func parseLifetime(s string) (time.Duration, error) {
	d, err := time.ParseDuration(s)
	if err != nil {
		return 0, fmt.Errorf("expected a duration such as 15m or 24h, got %.64q", s)
	}
	if d < time.Second || d > maxLifetime {
		return 0, fmt.Errorf("expected a duration from 1s to %dh, got %s", int(maxLifetime.Hours()), d)
	}
	return d.Truncate(time.Millisecond), nil
}

// parseExpiry reads a duration or a time. The time may be past: what has expired is still of use for
// trying how it is refused.
func parseExpiry(s string) (expiry, error) {
	if d, err := time.ParseDuration(s); err == nil {
		if d < time.Second {
			return expiry{}, fmt.Errorf("expected a duration of at least 1s, got %s; write a past time as 2020-01-01T00:00:00Z", d)
		}
		return expiry{after: d.Truncate(time.Millisecond)}, nil
	}
	at, err := time.Parse(time.RFC3339, s)
	if err != nil || at.Year() < 1970 {
		return expiry{}, fmt.Errorf("expected a duration such as 720h or a time such as 2030-01-01T00:00:00Z, got %.64q", s)
	}
	return expiry{at: at.UTC().Truncate(time.Millisecond)}, nil
}

package registry

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/postern-auth/postern/internal/jws"
	"github.com/postern-auth/postern/internal/scope"
	"github.com/postern-auth/postern/server/internal/keys"
	"github.com/postern-auth/postern/server/internal/oauth"
	"github.com/postern-auth/postern/server/store"
)

const (
	maxName = 200 // characters of a name for people
	maxID   = 256 // bytes of a name for programs
	maxKey  = 128 // bytes of a role or permission
)

// CheckKey admits the key of a role or permission: a scope-token of RFC 6749 §3.3 that means nothing else.
func CheckKey(s string) error {
	if s == "" || len(s) > maxKey {
		return fmt.Errorf("expected a key of 1 to %d bytes, got %d bytes", maxKey, len(s))
	}
	if !scope.IsToken(s) {
		return fmt.Errorf(`expected visible ASCII characters without " and \, got %.64q`, s)
	}
	if slices.Contains(oauth.StandardScopes, s) || s == oauth.ScopeOfflineAccess {
		return fmt.Errorf("expected a key of your own, got the standard scope %q", s)
	}
	if strings.HasPrefix(s, oauth.ReservedKeyPrefix) {
		return fmt.Errorf("expected a key that does not start with %s, got %.64q", oauth.ReservedKeyPrefix, s)
	}
	return nil
}

// CheckName admits a name for people: printable, so that it cannot fake a line of a log or a page.
func CheckName(s string) error {
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

// CheckTitle is CheckName for a name that may be empty.
func CheckTitle(s string) error {
	if s == "" {
		return nil
	}
	return CheckName(s)
}

// CheckID admits a username or client id. Its characters read the same raw and form-decoded, so that both
// readings of HTTP Basic (RFC 6749 §2.3.1) agree.
func CheckID(s string) error {
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

// CheckIdentifier admits an audience.
func CheckIdentifier(s string) error {
	if s == "" || len(s) > maxID {
		return fmt.Errorf("expected 1 to %d bytes, got %d", maxID, len(s))
	}
	if !scope.IsToken(s) {
		return fmt.Errorf(`expected visible ASCII characters without " and \, such as https://api.example.com, got %.64q`, s)
	}
	return nil
}

// Forms are the forms of tokens that can be asked for.
var Forms = []store.TokenForm{
	store.FormOpaque, store.FormZITADEL, store.FormAuth0, store.FormAuth0Permissions, store.FormRFC9068, store.FormRFC9068Permissions,
}

func checkForm(form store.TokenForm) error {
	if form == store.FormDefault || slices.Contains(Forms, form) {
		return nil
	}
	return fmt.Errorf("expected a form of token such as %s, got %.64q", store.FormOpaque, string(form))
}

// CheckSigningAlgorithm admits the algorithm of an API's JWTs.
func CheckSigningAlgorithm(s string) error {
	if jws.Algorithm(s).Known() {
		return nil
	}
	return fmt.Errorf("expected one of %s, got %.64q", join(jws.Algorithms()), s)
}

// KeyAlgorithms are the kinds of client key that are made; each names the key's type.
var KeyAlgorithms = []jws.Algorithm{jws.RS256, jws.ES256, jws.EdDSA}

// CheckKeyAlgorithm admits the algorithm of a client key.
func CheckKeyAlgorithm(s string) error {
	if slices.Contains(KeyAlgorithms, jws.Algorithm(s)) {
		return nil
	}
	return fmt.Errorf("expected one of %s, got %.64q", join(KeyAlgorithms), s)
}

func join(algorithms []jws.Algorithm) string {
	var names []string
	for _, a := range algorithms {
		names = append(names, string(a))
	}
	return strings.Join(names, ", ")
}

// CheckLifetime admits the life of an access token. It is bounded because to revoke a JWT takes remembering it
// for as long.
func CheckLifetime(d time.Duration) error {
	if d < time.Second || d > keys.MaxTokenLifetime {
		return fmt.Errorf("expected a duration from 1s to %dh, got %s", int(keys.MaxTokenLifetime.Hours()), d)
	}
	return nil
}

func checkRights(rights []store.Role) error {
	seen := make(map[string]bool, len(rights))
	for _, right := range rights {
		if err := CheckKey(right.Key); err != nil {
			return err
		}
		if err := CheckTitle(right.Name); err != nil {
			return err
		}
		if seen[right.Key] {
			return fmt.Errorf("expected each key once, got %q again", right.Key)
		}
		seen[right.Key] = true
	}
	return nil
}

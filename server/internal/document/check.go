package document

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/postern-auth/postern/server/store"
)

// PendingSuffix ends the names of files that are not finished.
const PendingSuffix = ".pending"

// maxPath bounds the path of a file.
const maxPath = 4096

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
	case strings.HasSuffix(base, PendingSuffix):
		return fmt.Errorf("expected a path that does not end in %s, which names unfinished files; got %.64q", PendingSuffix, s)
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

// lifetime returns what reads a duration that passes the check.
func lifetime(check func(time.Duration) error) func(string) (time.Duration, error) {
	return func(s string) (time.Duration, error) {
		d, err := time.ParseDuration(s)
		if err != nil {
			return 0, fmt.Errorf("expected a duration such as 15m or 24h, got %.64q", s)
		}
		return d.Truncate(time.Millisecond), check(d)
	}
}

// parseExpiry reads a duration or a time. The time may be past: what has expired is still of use for
// trying how it is refused.
func parseExpiry(s string) (Expiry, error) {
	if d, err := time.ParseDuration(s); err == nil {
		if d < time.Second {
			return Expiry{}, fmt.Errorf("expected a duration of at least 1s, got %s; write a past time as 2020-01-01T00:00:00Z", d)
		}
		return Expiry{after: d.Truncate(time.Millisecond)}, nil
	}
	at, err := time.Parse(time.RFC3339, s)
	if err != nil || at.Year() < 1970 {
		return Expiry{}, fmt.Errorf("expected a duration such as 720h or a time such as 2030-01-01T00:00:00Z, got %.64q", s)
	}
	return Expiry{at: at.UTC().Truncate(time.Millisecond)}, nil
}

package introspection

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/postern-auth/postern/clientauth"
)

// FuzzAnswer holds the reading of answers to its promise: whatever the server says, only an object whose
// active is true, whose audience is ours and whose exp lies ahead makes a token.
func FuzzAnswer(f *testing.F) {
	now := time.Unix(1_700_000_000, 0)
	verifier, err := NewVerifier(Config{
		Issuer:   "https://issuer.test",
		Audience: "api",
		Auth:     clientauth.SecretBasic("id", "secret"),
		Now:      func() time.Time { return now },
	})
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{
		`{"active":true,"aud":"api","exp":1700000060}`,
		`{"active":true,"aud":["api","b"],"exp":1700000060,"scope":"a b","cnf":{"jkt":"x"},"roles":{"a":{}}}`,
		`{"active":true,"aud":"api","exp":1700000060,"sub":null,"username":{"a":1},"jti":42,"auth_time":"x","scope":null,"iss":null}`,
		`{"active":true,"aud":"api","exp":1699999997,"roles":{"a":false,"b":true,"c":{}},"permissions":["x",null]}`,
		`{"active":true,"aud":"api","exp":1700000060,"iss":""}`, `{"active":false}`, `{"active":"true"}`, `{"active":1}`, `{"active":null}`, `{}`, `[]`, `null`, ``,
		`{"active":false,"active":true,"aud":"api","exp":1700000060}`,
		`{"Active":true,"aud":"api","exp":1700000060}`,
		`{"active":true,"aud":"api","exp":1700000060}{}`,
		`{"active":true,"aud":"api","exp":1e400}`, `{"active":true,"aud":null,"exp":1700000060}`,
		"\xef\xbb\xbf{\"active\":true}", "<html></html>",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		a, err := verifier.judge(body)
		if err != nil {
			if a.token != nil || a.err != nil {
				t.Fatalf("an unreadable answer says %v, %v", a.token, a.err)
			}
			return
		}
		if (a.token == nil) == (a.err == nil) {
			t.Fatalf("token %v, error %v", a.token, a.err)
		}
		if a.token == nil {
			return
		}
		// The standard library's reader is looser, so what ours accepts it must read the same way.
		var document map[string]any
		if err := json.Unmarshal([]byte(strings.TrimPrefix(body, "\ufeff")), &document); err != nil || document["active"] != true {
			t.Fatalf("accepted %q, which the standard library reads as %v, %v", body, document, err)
		}
		if !a.token.HasAudience("api") || !a.token.Expiry().Add(DefaultLeeway).After(now) || a.token.Issuer() != "https://issuer.test" {
			t.Fatalf("accepted %q: audience %q, exp %s, iss %q", body, slices.Collect(a.token.Audience()), a.token.Expiry(), a.token.Issuer())
		}
		if roles, ok := document["roles"].(map[string]any); ok {
			for role := range a.token.Roles() {
				if where, _ := roles[role].(map[string]any); roles[role] != true && len(where) == 0 {
					t.Fatalf("role %q is given by %v", role, roles[role])
				}
			}
		}
	})
}

// FuzzNotToken holds what is sent to the server to the syntax of RFC 6750 §2.1.
func FuzzNotToken(f *testing.F) {
	b64token := regexp.MustCompile(`^[A-Za-z0-9._~+/-]+=*$`)
	for _, seed := range []string{"", "=", "a", "a==", "a=b", "a,b", "\"", "é", "\t", "a\n", "-._~+/"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		i := notToken(raw)
		if want := b64token.MatchString(raw) && raw[len(raw)-1] != '\n'; (i < 0) != want || i > len(raw) {
			t.Fatalf("notToken(%q) = %d, want a token: %t", raw, i, want)
		}
	})
}

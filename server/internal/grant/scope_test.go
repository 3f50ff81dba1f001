package grant

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestProjectScopesNameProjects(t *testing.T) {
	for in, want := range map[string][]string{
		"urn:zitadel:iam:org:project:id:1:aud":                 {"1"},
		"urn:zitadel:iam:org:project:id:zitadel:aud":           nil,
		"urn:zitadel:iam:org:project:id:a:aud:aud":             {"a:aud"},
		"urn:zitadel:iam:org:project:id:1":                     nil,
		"urn:zitadel:iam:org:project:id:aud":                   nil,
		"x:urn:zitadel:iam:org:project:id:1:aud":               nil,
		"URN:zitadel:iam:org:project:id:1:aud":                 nil,
		"urn:zitadel:iam:org:project:id::aud":                  {""},
		"urn:zitadel:iam:org:projects:roles openid profile :a": nil,
	} {
		if diff := cmp.Diff(want, projectScopes(strings.Fields(in))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", in, diff)
		}
	}
}

// FuzzScope holds that what is accepted is a list of RFC 6749 scope tokens, each once, in the order of
// the text.
func FuzzScope(f *testing.F) {
	for _, seed := range []string{"", " ", "a b", "a  a", "a\tb", "\"", "\\", "é", "\x7f", "a\x00b", strings.Repeat("a ", 600)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		scopes, err := parseScope(text)
		if err != nil {
			return
		}
		at := 0
		for i, s := range scopes {
			if s == "" || strings.ContainsAny(s, " \"\\\x7f") || slices.Contains(scopes[:i], s) {
				t.Errorf("scope %q in %q", s, scopes)
			}
			next := strings.Index(text[at:], s)
			if next < 0 {
				t.Fatalf("%q is not behind the one before it", s)
			}
			at += next
		}
	})
}

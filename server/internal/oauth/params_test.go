package oauth

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func TestParamsAreReadByTheirRules(t *testing.T) {
	for _, row := range []struct {
		name, mediaType, body string
		want                  Params
	}{
		{"values are decoded once", "application/x-www-form-urlencoded", "token=a%2526b%2B+c", Params{"token": {"a%26b+ c"}}},
		{"an empty value counts as absent", "application/x-www-form-urlencoded", "token=&scope=a", Params{"scope": {"a"}}},
		{"unknown names are left out", "application/x-www-form-urlencoded", "x=1&token_type_hint=y&token=z", Params{"token": {"z"}}},
		{"names are not folded", "application/x-www-form-urlencoded", "Token=x", Params{}},
		{"audience and resource may be repeated", "application/x-www-form-urlencoded", "audience=a&audience=b&resource=c&resource=", Params{"audience": {"a", "b"}, "resource": {"c"}}},
		{"the media type is not folded away by its parameters", "Application/X-WWW-Form-URLEncoded; charset=UTF-8", "token=x", Params{"token": {"x"}}},
		{"JSON strings and arrays", "application/json", `{"audience":["a","b"],"scope":"s","x":{"y":1}}`, Params{"audience": {"a", "b"}, "scope": {"s"}}},
	} {
		t.Run(row.name, func(t *testing.T) {
			r := httptest.NewRequest("POST", "/", strings.NewReader(row.body))
			r.Header.Set("Content-Type", row.mediaType)
			got, err := parse(r)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(row.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestQuotePassesWhatAnErrorDescriptionMayHold(t *testing.T) {
	for in, want := range map[string]string{
		"https://x":              "'https://x'",
		"a\"b\\c'd\n\x00é":       "'a?b?c?d???'",
		strings.Repeat("a", 100): "'" + strings.Repeat("a", 64) + "'",
	} {
		if got := Quote(in); got != want {
			t.Errorf("Quote(%q) = %s, want %s", in, got, want)
		}
	}
}

// parse reads a request's parameters as an endpoint that takes JSON does.
func parse(r *http.Request) (Params, error) {
	b := received.begin(func() {})
	defer b.end()
	return parseParams(httptest.NewRecorder(), r, b, true)
}

// FuzzParams holds for every body: either a refusal of 400, or known names alone with values that the
// body's own decoder finds too.
func FuzzParams(f *testing.F) {
	for _, seed := range []string{"token=x&token=y", "audience=a&audience=b", "token=%00%0d%0a", "a;b", "%zz", "=", "&&", "\u212aey=1"} {
		f.Add(seed, false)
	}
	for _, seed := range []string{`{"token":"x"}`, `{"token":"x","token":"y"}`, `{"scope":null,"audience":["a"]}`, `[]`, `{"token":"\ud800"}`} {
		f.Add(seed, true)
	}
	f.Fuzz(func(t *testing.T, body string, asJSON bool) {
		r := httptest.NewRequest("POST", "/", strings.NewReader(body))
		r.Header.Set("Content-Type", map[bool]string{true: "application/json", false: "application/x-www-form-urlencoded"}[asJSON])
		params, err := parse(r)
		if err != nil {
			if e := asError(err); e.Status != http.StatusBadRequest && e.Status != http.StatusRequestEntityTooLarge {
				t.Errorf("status %d", e.Status)
			}
			return
		}
		decoded := make(map[string]any)
		form, _ := url.ParseQuery(body)
		if asJSON {
			if err := json.Unmarshal([]byte(body), &decoded); err != nil {
				t.Fatalf("accepted what is no JSON: %v", err)
			}
		}
		for name, values := range params {
			if !slices.Contains(known, name) || len(values) == 0 || slices.ContainsFunc(values, func(v string) bool { return v == "" || !utf8.ValidString(v) }) {
				t.Errorf("%q: %q", name, values)
			}
			if _, ok := decoded[name]; asJSON && !ok || !asJSON && !form.Has(name) {
				t.Errorf("%q is not in the body", name)
			}
			if len(values) > 1 && !slices.Contains(repeatable, name) {
				t.Errorf("%q has %d values", name, len(values))
			}
		}
	})
}

package endpoint

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

	"github.com/postern-auth/postern/server/internal/oauth"
)

func TestParamsAreReadByTheirRules(t *testing.T) {
	for _, row := range []struct {
		name, mediaType, body string
		want                  oauth.Params
	}{
		{"values are decoded once", "application/x-www-form-urlencoded", "token=a%2526b%2B+c", oauth.Params{"token": {"a%26b+ c"}}},
		{"an empty value counts as absent", "application/x-www-form-urlencoded", "token=&scope=a", oauth.Params{"scope": {"a"}}},
		{"unknown names are left out", "application/x-www-form-urlencoded", "x=1&token_type_hint=y&token=z", oauth.Params{"token": {"z"}}},
		{"names are not folded", "application/x-www-form-urlencoded", "Token=x", oauth.Params{}},
		{"audience and resource may be repeated", "application/x-www-form-urlencoded", "audience=a&audience=b&resource=c&resource=", oauth.Params{"audience": {"a", "b"}, "resource": {"c"}}},
		{"the media type is not folded away by its parameters", "Application/X-WWW-Form-URLEncoded; charset=UTF-8", "token=x", oauth.Params{"token": {"x"}}},
		{"JSON strings and arrays", "application/json", `{"audience":["a","b"],"scope":"s","x":{"y":1}}`, oauth.Params{"audience": {"a", "b"}, "scope": {"s"}}},
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

// known are the parameters of the tests' endpoint.
var known = []string{"audience", "resource", "scope", "token"}

// parse reads a request's parameters as an endpoint that takes JSON does.
func parse(r *http.Request) (oauth.Params, error) {
	b := received.begin(func() {})
	defer b.end()
	return parseParams(httptest.NewRecorder(), r, b, known, true)
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
			if s := status(oauth.AsError(err)); s != http.StatusBadRequest && s != http.StatusRequestEntityTooLarge {
				t.Errorf("status %d", s)
			}
			return
		}
		decoded := make(map[string]any)
		form, _ := url.ParseQuery(body)
		if asJSON {
			if err := json.Unmarshal([]byte(body), &decoded); err != nil {
				t.Fatalf("accepted what is not JSON: %v", err)
			}
		}
		for name, values := range params {
			if !slices.Contains(known, name) || len(values) == 0 || slices.ContainsFunc(values, func(v string) bool { return v == "" || !utf8.ValidString(v) }) {
				t.Errorf("%q: %q", name, values)
			}
			if _, ok := decoded[name]; asJSON && !ok || !asJSON && !form.Has(name) {
				t.Errorf("%q is not in the body", name)
			}
			if len(values) > 1 && !slices.Contains(oauth.Repeatable, name) {
				t.Errorf("%q has %d values", name, len(values))
			}
		}
	})
}

package inspect_test

import (
	"encoding/base64"
	"testing"
	"time"

	"github.com/postern-auth/postern/internal/inspect"
	"github.com/postern-auth/postern/internal/jws"
)

// No text makes it fail, and nothing passes whose signature nobody has checked.
func FuzzInspect(f *testing.F) {
	encode := base64.RawURLEncoding.EncodeToString
	for _, text := range []string{
		"", "Bearer x", `{"access_token":"a.b.c"}`, "https://a/#access_token=x", "eyJ.eyJ.", "a.b.c.d.e",
		encode([]byte(`{"alg":"none"}`)) + "." + encode([]byte(`{"iss":"a","aud":["b"],"exp":9999999999}`)) + ".",
		encode([]byte(`{"alg":"ES256","kid":"k","typ":"JWT"}`)) + "." + encode([]byte(`{"iss":"a/","aud":7,"exp":-1,"nbf":1e99}`)) + ".AAAA",
	} {
		f.Add(text)
	}
	want := inspect.Want{
		Issuers: []string{"a"}, Audience: []string{"b"}, Now: time.Unix(1e9, 0),
		Key: func(string) (*jws.Key, bool) { return nil, false },
	}
	f.Fuzz(func(t *testing.T, text string) {
		raw, _, err := inspect.Unwrap(text)
		if err != nil {
			return
		}
		content, err := inspect.Decode(raw)
		if err != nil {
			return
		}
		checks := inspect.JWT(raw, content, want)
		if len(checks) != 7 {
			t.Fatalf("%d checks, want 7", len(checks))
		}
		for _, check := range checks {
			if check.Name == inspect.Key && check.Outcome != inspect.Failed {
				t.Errorf("there is no key, and the check of it has %s", check.Outcome)
			}
			if (check.Outcome == inspect.Failed) != (check.Fault != "" && check.Outcome != inspect.Doubted) {
				t.Errorf("%+v", check)
			}
		}
	})
}

package serviceuser

import (
	"strings"
	"testing"
	"time"
)

// An answer that is accepted holds a token that a header can carry and an end within bounds; one that is
// refused is not quoted.
func FuzzParseToken(f *testing.F) {
	for _, text := range []string{
		`{"access_token":"t","token_type":"Bearer","expires_in":3600,"scope":"a b"}`,
		`{"access_token":"t","token_type":"bearer"}`,
		`{"access_token":"t","token_type":"Bearer","expires_in":1e400}`,
		`{"access_token":"t","token_type":"Bearer","expires_in":-1}`,
		`{"access_token":"t\n","token_type":"Bearer"}`,
		`{"access_token":"t","access_token":"u","token_type":"Bearer"}`,
		`{"access_token":"t","token_type":"N_A"}`, `{"access_token":["t"]}`, `[]`, ``, `<html>`,
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		asked := time.Unix(1_700_000_000, 0)
		token, err := parseToken(text, asked)
		if err != nil {
			if len(text) > 16 && strings.Contains(err.Error(), text) {
				t.Errorf("error quotes the answer: %v", err)
			}
			return
		}
		if strings.ContainsFunc(token.AccessToken, func(r rune) bool { return r <= ' ' || r > '~' }) || token.AccessToken == "" {
			t.Errorf("token %q does not fit into a header", token.AccessToken)
		}
		if !token.Expiry.After(asked) || token.Expiry.After(asked.Add(maxLife)) {
			t.Errorf("token ends at %s", token.Expiry)
		}
	})
}

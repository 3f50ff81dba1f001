package serviceuser

import (
	"strings"
	"testing"
	"time"

	"github.com/postern-auth/postern/internal/fetch"
	"golang.org/x/oauth2"
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
		`{"access_token":"t","token_type":"DPoP","expires_in":"3599"}`, "\ufeff" + `{"access_token":"t","expires_in":3599.5,"scope":["a","b"]}`,
		`{"access_token":"t","token_type":null,"expires_in":null,"scope":null,"error":null}`, `{"error":"invalid_client"}`,
		`{"access_token":"t","expires_in":"Inf"}`, `{"access_token":"t","expires_in":0.5}`,
		`{"access_token":"t","token_type":"N_A"}`, `{"access_token":["t"]}`, `[]`, ``, `<html>`,
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		asked := time.Unix(1_700_000_000, 0)
		set, err := readAnswer(fetch.Answer{Status: 200, Body: text})
		var token *oauth2.Token
		if err == nil {
			token, err = parseToken(set, asked, strings.Contains(text, "DPoP"))
		}
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

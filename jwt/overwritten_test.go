package jwt_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/postern-auth/postern"
	"github.com/postern-auth/postern/jwt"
	"github.com/postern-auth/postern/posterntest"
)

// everything is all that a Token or an error says.
func everything(t *testing.T, token *postern.Token, err error) string {
	t.Helper()
	if err != nil {
		return err.Error()
	}
	var org string
	if err := token.Claim("org", &org); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(token.Issuer(), token.Subject(), token.ClientID(), token.ID(), token.Username(), token.ACR(),
		token.IssuedAt(), token.NotBefore(), token.Expiry(), token.AuthTime(),
		slices.Collect(token.Audience()), slices.Collect(token.Scopes()), slices.Collect(token.Roles()),
		slices.Collect(token.Permissions()), maps.Collect(token.Confirmation()), org)
}

// Tokens are decoded one over the other. Nothing that outlives the decoding may be part of it.
func TestWhatOneTokenSaysIsNotWrittenOverByTheNext(t *testing.T) {
	issuer := posterntest.NewIssuer(t)
	longAgo := issuer.Clock.Now().Unix() - 3600
	other := posterntest.NewKey(t, jwt.ES256, issuer.Key().ID())
	// token returns one of tokens that have the same length and no text in common.
	token := func(c string, changes claims, options ...posterntest.Option) string {
		text := strings.Repeat(c, 40)
		set := claims{
			"sub": text, "client_id": text, "jti": text, "username": text, "acr": text, "org": text,
			"scope": text + " b", "roles": []string{text, "b"}, "permissions": claims{text: true}, "cnf": claims{"jkt": text, text: claims{c: 1}},
		}
		maps.Copy(set, changes)
		return issuer.Token(set, options...)
	}
	for _, test := range []struct {
		name    string
		changes claims
		options []posterntest.Option
		good    bool
	}{
		{name: "a good token", good: true},
		{name: "a token of another issuer", changes: claims{"iss": "https://" + strings.Repeat("x", 40) + ".test"}},
		{name: "a token for another audience", changes: claims{"aud": []string{strings.Repeat("y", 40)}}},
		{name: "a token with a name twice", options: []posterntest.Option{posterntest.Payload(`{"iss":"a","zzzzzzzz":1,"zzzzzzzz":2}`)}},
		{name: "a token of an algorithm that is not accepted", options: []posterntest.Option{posterntest.Algorithm("HS256zzzz")}},
		{name: "a token of another type", options: []posterntest.Option{posterntest.Type("zzzzzzz+jwt")}},
		{name: "a token with a date that is none", changes: claims{"exp": 99999999999999}},
		{name: "an expired token", changes: claims{"exp": longAgo}},
		{name: "a forged token", options: []posterntest.Option{posterntest.SignedBy(other)}},
	} {
		for _, cacheBytes := range []int64{0, -1} {
			t.Run(fmt.Sprintf("%s, cache of %d", test.name, cacheBytes), func(t *testing.T) {
				v := newVerifier(t, issuer, func(c *jwt.Config) { c.CacheBytes = cacheBytes })
				got, err := v.Verify(t.Context(), token("a", test.changes, test.options...))
				if (err == nil) != test.good {
					t.Fatalf("error %v", err)
				}
				// What the error says is not looked at before the next token has come.
				for n, c := range []string{"0", "1", "2", "3"} {
					next, nextErr := v.Verify(t.Context(), token(c, nil))
					if nextErr != nil {
						t.Fatal(n, nextErr)
					}
					if text := everything(t, next, nil); strings.Contains(text, "aaa") {
						t.Errorf("token %s says %s", c, text)
					}
				}
				text := everything(t, got, err)
				if fresh, freshErr := newVerifier(t, issuer, nil).Verify(t.Context(), token("a", test.changes, test.options...)); text != everything(t, fresh, freshErr) {
					t.Errorf("says %s after others have come, and %s alone", text, everything(t, fresh, freshErr))
				}
				for _, c := range []string{"00", "11", "22", "33"} {
					if strings.Contains(text, strings.Repeat(c, 5)) {
						t.Errorf("says what another token did: %s", text)
					}
				}
			})
		}
	}
}

package jwt_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/postern-auth/postern"
	"github.com/postern-auth/postern/jwt"
	"github.com/postern-auth/postern/posterntest"
)

func TestJ13_AMarkTellsAccessTokens(t *testing.T) {
	issuer := posterntest.NewIssuer(t)
	plain := func(set claims) string { return issuer.Token(set, posterntest.Type("JWT")) }
	values := func(c *jwt.Config) { c.AccessTokenMark = jwt.Mark{Claim: "use", Values: []string{"access", "bound"}} }
	judge(t, issuer, values, []verdict{
		{"the first value", plain(claims{"use": "access"}), nil},
		{"the second value", plain(claims{"use": "bound"}), nil},
		{"the mark says what nonce would leave open", plain(claims{"use": "access", "nonce": "n", "at_hash": "x"}), nil},
		{"another value", plain(claims{"use": "id"}), postern.ErrMalformed},
		{"another case", plain(claims{"use": "Access"}), postern.ErrMalformed},
		{"both values in one string", plain(claims{"use": "access bound"}), postern.ErrMalformed},
		{"absent", plain(nil), postern.ErrMalformed},
		{"empty", plain(claims{"use": ""}), postern.ErrMalformed},
		{"null", plain(claims{"use": json.RawMessage("null")}), postern.ErrMalformed},
		{"true", plain(claims{"use": true}), postern.ErrMalformed},
		{"an array that holds it", plain(claims{"use": []string{"access"}}), postern.ErrMalformed},
		{"deeper inside", plain(claims{"x": claims{"use": "access"}}), postern.ErrMalformed},
		{"at+jwt does not replace it", issuer.Token(nil), postern.ErrMalformed},
		{"at+jwt with it", issuer.Token(claims{"use": "access"}), nil},
		{"it does not replace typ", issuer.Token(claims{"use": "access"}, posterntest.Type("logout+jwt")), postern.ErrMalformed},
	})
	presence := func(c *jwt.Config) { c.AccessTokenMark = jwt.Mark{Claim: "cid"} }
	judge(t, issuer, presence, []verdict{
		{"any value", plain(claims{"cid": "c"}), nil},
		{"an ID token that has the claim, too", plain(claims{"cid": "c", "nonce": "n"}), postern.ErrMalformed},
		{"token_use id beside it", plain(claims{"cid": "c", "token_use": "id"}), postern.ErrMalformed},
		{"absent where any value would do", plain(nil), postern.ErrMalformed},
		{"a number where any string would do", plain(claims{"cid": 1}), postern.ErrMalformed},
		{"at+jwt without it", issuer.Token(nil), postern.ErrMalformed},
	})
	strict := func(c *jwt.Config) { values(c); c.RequireATJWT = true }
	judge(t, issuer, strict, []verdict{
		{"a mark where at+jwt is required", plain(claims{"use": "access"}), postern.ErrMalformed},
		{"a mark and at+jwt", issuer.Token(claims{"use": "access"}), nil},
	})
}

func TestAMarkNeedsAClaim(t *testing.T) {
	_, err := jwt.NewVerifier(jwt.Config{
		Issuer: "https://issuer.test", Audience: "a", AccessTokenMark: jwt.Mark{Values: []string{"access"}},
	})
	if err == nil || !strings.Contains(err.Error(), "Config.AccessTokenMark") {
		t.Errorf("error is %v, want one that names Config.AccessTokenMark", err)
	}
}

func TestChangingTheValuesOfAMarkAfterwardsChangesNothing(t *testing.T) {
	issuer := posterntest.NewIssuer(t)
	values := []string{"access"}
	verifier := newVerifier(t, issuer, func(c *jwt.Config) { c.AccessTokenMark = jwt.Mark{Claim: "use", Values: values} })
	values[0] = "id"
	if _, err := verifier.Verify(t.Context(), issuer.Token(claims{"use": "id"})); err == nil {
		t.Error("an ID token was accepted")
	}
}

func TestAudienceAndClientHaveOtherNames(t *testing.T) {
	issuer := posterntest.NewIssuer(t)
	named := func(c *jwt.Config) {
		c.ClaimNames = postern.ClaimNames{Audience: []string{"for", "/nested/for"}, ClientID: []string{"cid", "app"}}
	}
	aud := issuer.Audience
	judge(t, issuer, named, []verdict{
		{"the audience in the claim named", issuer.Token(claims{"aud": nil, "for": aud}), nil},
		{"as an array", issuer.Token(claims{"aud": nil, "for": []string{"other", aud}}), nil},
		{"in the second claim named", issuer.Token(claims{"aud": nil, "for": "other", "nested": claims{"for": aud}}), nil},
		{"in aud, which is not named", issuer.Token(nil), postern.ErrAudience},
		{"in aud, another in the claim named", issuer.Token(claims{"for": "other"}), postern.ErrAudience},
		{"nowhere", issuer.Token(claims{"aud": nil}), postern.ErrAudience},
		{"a number", issuer.Token(claims{"for": 1}), postern.ErrMalformed},
		{"null", issuer.Token(claims{"for": json.RawMessage("null")}), postern.ErrMalformed},
		{"a member name of an object, as roles may be", issuer.Token(claims{"for": claims{aud: true}}), postern.ErrMalformed},
	})
	verifier := newVerifier(t, issuer, named)
	for _, test := range []struct {
		name string
		set  claims
		want string
	}{
		{"the first name that is there", claims{"cid": "c", "app": "a"}, "c"},
		{"the second", claims{"app": "a"}, "a"},
		{"one that is not a string is passed over", claims{"cid": 1, "app": "a"}, "a"},
		{"client_id and azp are not named", claims{"azp": "z"}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.set["for"] = aud
			token, err := verifier.Verify(t.Context(), issuer.Token(test.set))
			if err != nil {
				t.Fatal(err)
			}
			if token.ClientID() != test.want || !slices.Equal(slices.Collect(token.Audience()), []string{aud}) {
				t.Errorf("client %q, audience %q; want %q and %q", token.ClientID(), slices.Collect(token.Audience()), test.want, aud)
			}
		})
	}
}

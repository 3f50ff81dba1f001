package preset

import (
	"github.com/postern-auth/postern"
	"github.com/postern-auth/postern/jwt"
)

// Google returns the Config for ID tokens that Google's service accounts send to services, as for Cloud
// Run and Cloud Functions: the audience is the URL of this service, chosen by the caller.
//
// It is an ID token in the place of an access token, because Google has no access tokens for other
// people's APIs: its own are opaque, are for Google's APIs, and cannot be introspected. So this preset
// says which service account calls, by sub and the claim email, and nothing about what it may do: there
// are no scopes and no roles. Ask for the caller in a Requirement:
//
//	caller := postern.RequirementFunc(func(_ context.Context, t *postern.Token) error {
//		if t.Subject() != "112233445566778899000" {
//			return postern.ErrInsufficient
//		}
//		return nil
//	})
//
// Any service account of any customer of Google can get a token for this audience, so a route without such
// a Requirement is open to all of them. ID tokens of people are for OAuth clients: never name an OAuth
// client id as audience here.
func Google(audience string) jwt.Config {
	return jwt.Config{
		Issuer:     "https://accounts.google.com",
		Audience:   audience,
		Algorithms: []string{jwt.RS256},
		ClaimNames: postern.ClaimNames{ClientID: []string{"azp"}},
	}
}

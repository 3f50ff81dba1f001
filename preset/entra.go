package preset

import (
	"github.com/postern-auth/postern"
	"github.com/postern-auth/postern/jwt"
)

// EntraID returns the Config for v2.0 access tokens of one Entra ID tenant (Azure AD). The tenant is its id, a
// GUID in lower case; "common" and "organizations" are no issuers. The audiences are the client id of the
// API's own registration, which v2.0 tokens have, and its api:// URI if tokens with that are to pass.
//
// Entra signs for all of its tenants with the same keys, so it is the issuer alone that keeps others out. An
// API that gets tokens of issuer https://sts.windows.net/… is registered for v1.0: set
// api.requestedAccessTokenVersion to 2 in its manifest.
//
// Scopes are those that a user has consented to (scp); roles are app roles of users and of daemons, which
// have no scopes. So protect what daemons call with roles, and never with the absence of a scope.
//
// The client is azp. An ID token has none, which is how the two are told apart when the API's registration
// logs people in, too. Tokens for Microsoft Graph, with a nonce in the header, can be verified by nobody but
// Graph: ask for a scope of your own API instead.
func EntraID(tenant string, audiences ...string) jwt.Config {
	issuer := ""
	if tenant != "" {
		issuer = "https://login.microsoftonline.com/" + tenant + "/v2.0"
	}
	return jwt.Config{
		Issuer:     issuer,
		Audiences:  audiences,
		Algorithms: []string{jwt.RS256},
		ClaimNames: postern.ClaimNames{
			Scopes:   []string{"scp"},
			ClientID: []string{"azp"},
		},
		AccessTokenMark: jwt.Mark{Claim: "azp"},
	}
}

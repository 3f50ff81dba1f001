package preset

import (
	"slices"
	"strings"

	"github.com/postern-auth/postern"
	"github.com/postern-auth/postern/jwt"
)

// EntraID returns the Config for v2.0 access tokens of one Entra ID tenant (Azure AD). The tenant is its id, a
// GUID in lower case; "common" and "organizations" are not issuers. The audiences are the client id of the
// API's own registration, which v2.0 tokens have, and its api:// URI if tokens with that are to pass.
//
// Entra signs for all of its tenants with the same keys, so it is the issuer alone that keeps others out. An
// API that gets tokens of issuer https://sts.windows.net/… is registered for v1.0: set
// api.requestedAccessTokenVersion to 2 in its manifest.
//
// Scopes are those that a user has consented to (scp); roles are app roles of users and of daemons, which
// have no scopes. So protect what daemons call with roles, and never with the absence of a scope.
//
// The client is azp. How it proved itself is azpacr, which an ID token does not have: that is how the two are
// told apart when the API's registration logs people in too. Tokens for Microsoft Graph, with a nonce in the
// header, can only be verified by Graph: ask for a scope of your own API instead.
func EntraID(tenant string, audiences ...string) jwt.Config {
	issuer := ""
	if tenant != "" {
		issuer = "https://login.microsoftonline.com/" + tenant + "/v2.0"
		if wrong := wrongTenant(tenant); wrong != "" {
			issuer = wrong // no URL, which the verifier's constructor says
		}
	}
	return jwt.Config{
		Issuer:     issuer,
		Audiences:  audiences,
		Algorithms: []string{jwt.RS256},
		ClaimNames: postern.ClaimNames{
			Scopes:   []string{"scp"},
			ClientID: []string{"azp"},
		},
		AccessTokenMark: jwt.Mark{Claim: "azpacr"},
	}
}

// wrongTenant says what is wrong with a tenant that no iss has.
func wrongTenant(tenant string) string {
	odd := func(r rune) bool { return !('a' <= r && r <= 'z' || '0' <= r && r <= '9' || r == '-') }
	switch {
	case slices.Contains([]string{"common", "organizations", "consumers"}, tenant):
		return "not one tenant: " + tenant
	case strings.ToLower(tenant) != tenant:
		return "tenant not in lower case: " + tenant
	case strings.ContainsFunc(tenant, odd):
		return "no tenant id, which is a GUID: " + tenant
	}
	return ""
}

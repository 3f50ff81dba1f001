package preset

import (
	"net/url"
	"strings"

	"github.com/postern-auth/postern"
	"github.com/postern-auth/postern/clientauth"
	"github.com/postern-auth/postern/introspection"
	"github.com/postern-auth/postern/jwt"
)

// Keycloak returns the Config for access tokens of a realm, for the API that is the client of the realm
// with the id given. The base is the server's URL, with /auth behind it where the server has that.
//
// Roles are those of the realm and those of this client; roles at other clients give nothing. A role of the
// realm and one of the client with the same name are one role here: name only one of the two claims in
// ClaimNames.Roles where that is wrong.
//
// Keycloak signs access, ID and logout tokens with one key and the header typ JWT, and older releases put
// nonce into access tokens. The claim typ tells them apart: Bearer or DPoP is an access token.
//
// Keycloak puts an API into aud when the client that asks has roles there, or by an audience mapper; aud
// "account", which its tokens have unasked, is for Keycloak itself and not an audience for an API.
func Keycloak(base, realm, client string) jwt.Config {
	return jwt.Config{
		Issuer:          keycloakIssuer(base, realm),
		Audience:        client,
		ClaimNames:      keycloakClaims(client),
		AccessTokenMark: jwt.Mark{Claim: "typ", Values: []string{"Bearer", "DPoP"}},
	}
}

// KeycloakIntrospection is Keycloak for an API that asks the realm about every token, so that a session
// that was ended counts. The method is that of the same client, which must be confidential.
func KeycloakIntrospection(base, realm, client string, method clientauth.Method) introspection.Config {
	return introspection.Config{
		Issuer:     keycloakIssuer(base, realm),
		Audience:   client,
		Auth:       method,
		ClaimNames: keycloakClaims(client),
	}
}

func keycloakIssuer(base, realm string) string {
	if base == "" || realm == "" {
		return ""
	}
	if _, path, found := strings.Cut(base, "/realms/"); found {
		return "a realm in the base already: " + path // no URL, which the verifier's constructor says
	}
	return origin(base) + "/realms/" + url.PathEscape(realm)
}

func keycloakClaims(client string) postern.ClaimNames {
	member := strings.NewReplacer("~", "~0", "/", "~1").Replace(client) // RFC 6901 §3
	return postern.ClaimNames{Roles: []string{"/realm_access/roles", "/resource_access/" + member + "/roles"}}
}

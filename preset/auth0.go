package preset

import "github.com/postern-auth/postern/jwt"

// Auth0 returns the Config for access tokens of an Auth0 tenant, by its domain or custom domain. The
// audience is the API's identifier, byte for byte: a trailing slash counts.
//
// The issuer has a trailing slash. Both token profiles pass, Auth0's own (typ JWT) and that of RFC 9068.
// With RBAC and "Add Permissions in the Access Token" the token holds what the user may do in permissions;
// the scopes are what the application asked for, and without RBAC nobody has checked that the user may.
//
// No claim holds roles unless an Action puts them into one: name it in ClaimNames.Roles. A token that was
// requested without an audience is opaque, for Auth0's own /userinfo, and Auth0 offers no introspection.
// APIs that sign with HS256 must change to RS256 or PS256.
func Auth0(domain, audience string) jwt.Config {
	issuer := site(domain)
	if issuer != "" {
		issuer += "/"
	}
	return jwt.Config{
		Issuer:     issuer,
		Audience:   audience,
		Algorithms: []string{jwt.RS256, jwt.PS256},
	}
}

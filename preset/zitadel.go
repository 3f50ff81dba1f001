package preset

import (
	"github.com/postern-auth/postern"
	"github.com/postern-auth/postern/clientauth"
	"github.com/postern-auth/postern/introspection"
	"github.com/postern-auth/postern/jwt"
)

const zitadelRoles = "urn:zitadel:iam:org:project:roles"

// zitadelProjectRoles returns the claim with the roles that the subject has in the project.
func zitadelProjectRoles(projectID string) string {
	return "urn:zitadel:iam:org:project:" + projectID + ":roles"
}

// ZITADEL returns the Config for JWT access tokens of a ZITADEL instance, for the API of a project. The
// client asks for the scope urn:zitadel:iam:org:project:id:{projectID}:aud to get the project into aud,
// and for urn:zitadel:iam:org:projects:roles to get the roles.
//
// Roles are read from the claim of this project alone. The claim without a project's id holds the roles of
// the project that the client belongs to, which may be another: read here, they would let an editor of one
// project edit in all. JWT access tokens have no scope; where scopes count, use ZITADELIntrospection.
func ZITADEL(domain, projectID string) jwt.Config {
	return jwt.Config{
		Issuer:     site(domain),
		Audience:   projectID,
		ClaimNames: postern.ClaimNames{Roles: []string{zitadelProjectRoles(projectID)}},
	}
}

// ZITADELIntrospection returns the Config for tokens of every kind of a ZITADEL instance, personal access
// tokens included. The method is that of an application of type API in the project.
//
// ZITADEL calls a token inactive unless it is meant for the application that asks or for its project, so no
// audience is needed here. Roles are those in the application's own project: here the claim without a
// project's id is about it, too.
func ZITADELIntrospection(domain, projectID string, method clientauth.Method) introspection.Config {
	return introspection.Config{
		Issuer:                  site(domain),
		Auth:                    method,
		AudienceCheckedByServer: true,
		ClaimNames:              postern.ClaimNames{Roles: []string{zitadelRoles, zitadelProjectRoles(projectID)}},
	}
}

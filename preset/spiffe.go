package preset

import "github.com/postern-auth/postern/jwt"

// SPIFFE returns the Config for JWT-SVIDs of a SPIFFE trust domain, by the URL of its OIDC discovery provider,
// where the keys are. The audience is the one that workloads of the trust domain ask for when they want to
// call this API.
//
// A JWT-SVID need not have iss, and here it must: what the discovery provider publishes belongs to an issuer,
// and a token that names none could be anybody's. SPIRE writes it when its server has jwt_issuer set to the
// URL given here. The typ may be JWT, JOSE or absent; aud and exp are required, as in every token.
//
// A JWT-SVID says who is calling, by sub, the SPIFFE ID, and nothing about what it may do: there are no scopes
// and no roles. Any workload of the trust domain can get one for this audience, so ask for the caller in a
// Requirement:
//
//	caller := postern.RequirementFunc(func(_ context.Context, t *postern.Token) error {
//		if t.Subject() != "spiffe://example.org/orders" {
//			return postern.ErrInsufficient
//		}
//		return nil
//	})
func SPIFFE(discovery, audience string) jwt.Config {
	return jwt.Config{
		Issuer:   origin(discovery),
		Audience: audience,
		Algorithms: []string{
			jwt.RS256, jwt.RS384, jwt.RS512, jwt.PS256, jwt.PS384, jwt.PS512, jwt.ES256, jwt.ES384, jwt.ES512,
		},
		Types: []string{"JOSE"},
	}
}

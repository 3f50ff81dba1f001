package grant

import (
	"github.com/postern-auth/postern/server/internal/endpoint"
	"github.com/postern-auth/postern/server/internal/oauth"
	"github.com/postern-auth/postern/server/store"
)

// bind decides to which key of its sender a token is bound: that of the proof, if there is one. It refuses a request
// that does not prove what the client's tokens have to be bound to.
func (g *Grants) bind(r *endpoint.Request, to *recipient) error {
	proved := r.Proof.Confirmation
	if to.constraint == store.ConstrainedByProof && proved == (oauth.Confirmation{}) {
		return oauth.Refuse(oauth.InvalidDPoPProof, "the access tokens of this client are bound to a key; send a DPoP proof (RFC 9449)", nil)
	}
	to.confirmation = proved
	return nil
}

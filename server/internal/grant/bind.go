package grant

import (
	"errors"

	"github.com/postern-auth/postern/server/internal/endpoint"
	"github.com/postern-auth/postern/server/internal/oauth"
	"github.com/postern-auth/postern/server/internal/sender"
	"github.com/postern-auth/postern/server/store"
)

// bind decides to which key of its sender a token is bound: that of the proof, if there is one, or of the certificate
// where the client is set so. It refuses a request that does not prove what the client's tokens have to be bound to.
func (g *Grants) bind(r *endpoint.Request, to *recipient) (err error) {
	proved := r.Proof.Confirmation != (oauth.Confirmation{})
	switch {
	case to.constraint == store.ConstrainedByCertificate && proved:
		return oauth.Refuse(oauth.InvalidRequest, "the access tokens of this client are bound to its TLS certificate, and to no other key; send no DPoP proof", nil)
	case to.constraint == store.ConstrainedByCertificate:
		to.confirmation, err = g.config.Certificates.Confirmation(r.Request)
		if errors.Is(err, sender.ErrNoCertificate) {
			return oauth.Refuse(oauth.InvalidRequest, "the access tokens of this client are bound to its TLS certificate; connect with one (RFC 8705)", err)
		}
		return err
	case to.constraint == store.ConstrainedByProof && !proved:
		return oauth.Refuse(oauth.InvalidDPoPProof, "the access tokens of this client are bound to a key; send a DPoP proof (RFC 9449)", nil)
	}
	to.confirmation = r.Proof.Confirmation
	return nil
}

package grant

import (
	"errors"
	"slices"
	"strings"

	"github.com/postern-auth/postern/internal/jws"
	"github.com/postern-auth/postern/server/internal/accesstoken"
	"github.com/postern-auth/postern/server/internal/endpoint"
	"github.com/postern-auth/postern/server/internal/oauth"
	"github.com/postern-auth/postern/server/internal/sender"
	"github.com/postern-auth/postern/server/store"
)

// constraintOf says to what the tokens of an application have to be bound. The FAPI profile wants them bound to
// something.
func constraintOf(app store.Application) store.SenderConstraint {
	if app.SenderConstraint == store.NotConstrained && app.Profile == oauth.ProfileFAPI2 {
		return store.ConstrainedByProof
	}
	return app.SenderConstraint
}

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

// keepFAPI has a JWT signed as FAPI 2.0 Security Profile §5.4.1 demands: by ES256, where the API names no other of those
// that it lets in.
func keepFAPI(d *accesstoken.Draft, targets targets) error {
	for _, t := range targets {
		if alg := t.algorithm(); alg != "" && !slices.Contains(oauth.AlgorithmsFAPI2, string(alg)) {
			return oauth.Refuse(oauth.InvalidTarget, "the API "+oauth.Quote(t.audience)+" wants tokens signed by "+string(alg)+
				", and this client keeps the FAPI profile, which has "+strings.Join(oauth.AlgorithmsFAPI2, ", "), nil)
		}
	}
	if !slices.Contains(oauth.AlgorithmsFAPI2, string(d.Algorithm)) {
		d.Algorithm = jws.ES256
	}
	return nil
}

// proves reports whether a request proves the key that a token is bound to; for one that is bound to none any does.
func (g *Grants) proves(r *endpoint.Request, bound oauth.Confirmation) bool {
	if bound.Member == oauth.ConfirmationCertificate {
		sent, err := g.config.Certificates.Confirmation(r.Request)
		return err == nil && sent == bound
	}
	return bound == (oauth.Confirmation{}) || bound == r.Proof.Confirmation
}

// Package sender finds out to which key the sender of a request holds, so that what is issued can be bound to it:
// whoever steals a token that is bound has to steal the key too.
//
// An endpoint that issues something takes the DPoP proof of the request (RFC 9449) in front of all else:
//
//	proofs := sender.New(sender.Config{Issuers: issuers, Store: s, Now: time.Now})
//	form := &endpoint.Form{Name: "token", Answer: proofs.Taken(answer), …}
//
// The answer finds it as Request.Proof, and uses it up in the transaction in which it writes what the proof serves,
// so that a request that is refused has used up nothing:
//
//	err := s.InTx(ctx, func(tx store.Tx) error {
//		if err := sender.Use(ctx, tx, r.Proof); err != nil {
//			return err
//		}
//		return tx.CreateToken(ctx, token)
//	})
//
// An endpoint that takes bound tokens, as userinfo does, has a postern.Guard with the Bindings of Proofs and of
// Certificates, which reads what the sender has shown over TLS (RFC 8705).
package sender

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/postern-auth/postern"
	"github.com/postern-auth/postern/dpop"
	"github.com/postern-auth/postern/server/internal/endpoint"
	"github.com/postern-auth/postern/server/internal/oauth"
	"github.com/postern-auth/postern/server/store"
)

// Algorithms are those of proofs, which all of their clients have. RS256 is not among them, for no profile of high
// security lets it in and nobody needs it here.
var Algorithms = []string{dpop.ES256, dpop.EdDSA, dpop.Ed25519, dpop.PS256}

// Metadata are the members that come with an endpoint that takes proofs (RFC 9449 §5.1).
func Metadata() map[string]any {
	return map[string]any{"dpop_signing_alg_values_supported": Algorithms}
}

// Config says for whom Proofs are made, and where they are remembered.
type Config struct {
	Issuers []string         // required
	Store   store.Assertions // required
	Now     func() time.Time // required
	// RequireNonce takes no proof without a nonce of the server's own, so that none is made ahead (RFC 9449 §8).
	RequireNonce bool
	// NonceKey makes the nonces. Replicas share it.
	NonceKey store.SharedKey
}

// Proofs verifies DPoP proofs. It is safe for concurrent use.
type Proofs struct {
	taken   map[oauth.Issuer]*dpop.Binding
	guarded map[oauth.Issuer]*dpop.Binding
}

// New returns Proofs.
func New(config Config) *Proofs {
	p := &Proofs{make(map[oauth.Issuer]*dpop.Binding), make(map[oauth.Issuer]*dpop.Binding)}
	for _, issuer := range config.Issuers {
		settings := dpop.Config{
			Algorithms: Algorithms, Now: config.Now, RequireNonce: config.RequireNonce, NonceKey: config.NonceKey[:],
			// A proof names the URL that clients know, however the request got here.
			Origin: strings.TrimSuffix(issuer, "/"),
		}
		settings.Replays = atOnce{config.Store}
		p.guarded[oauth.Issuer(issuer)] = dpop.New(settings)
		settings.Replays = later{}
		p.taken[oauth.Issuer(issuer)] = dpop.New(settings)
	}
	return p
}

// Binding returns that of a Guard in front of what an issuer serves.
func (p *Proofs) Binding(issuer oauth.Issuer) postern.Binding { return p.guarded[issuer] }

const (
	headerProof = "DPoP"
	headerNonce = "DPoP-Nonce"
)

// Taken returns the answer of an endpoint whose requests may carry a proof: a good one is Request.Proof, and another
// is refused before anything else is looked at. The errors of the proof are invalid_dpop_proof and use_dpop_nonce.
func (p *Proofs) Taken(answer func(context.Context, *endpoint.Request) (any, error)) func(context.Context, *endpoint.Request) (any, error) {
	return func(ctx context.Context, r *endpoint.Request) (any, error) {
		nonce, err := p.take(ctx, r)
		if err != nil {
			return nil, err
		}
		result, err := answer(ctx, r)
		if err == nil && nonce != "" {
			r.Reply.Set(headerNonce, nonce)
		}
		return result, err
	}
}

// take reads the proof of a request, and returns the nonce that the next one is to hold. Empty: none is needed.
func (p *Proofs) take(ctx context.Context, r *endpoint.Request) (nonce string, err error) {
	if len(r.Header.Values(headerProof)) == 0 {
		return "", nil
	}
	answer := make(http.Header)
	key, err := p.taken[r.Issuer].CheckKey(context.WithValue(ctx, proofKey{}, &r.Proof), r.Request, answer)
	switch {
	case errors.Is(err, postern.ErrNonce):
		r.Reply.Set(headerNonce, answer.Get(headerNonce))
		return "", oauth.Refuse(oauth.UseDPoPNonce, "the DPoP proof has to hold the nonce that is in the header DPoP-Nonce", err)
	case errors.Is(err, postern.ErrUnavailable):
		return "", err
	case err != nil:
		return "", oauth.Refuse(oauth.InvalidDPoPProof, "the DPoP proof is not accepted: it has to be one header with a JWT of typ dpop+jwt that the key in it has signed "+
			"with one of "+strings.Join(Algorithms, ", ")+", for the method and URL of this request (htm, htu), just now (iat), with a jti", err)
	}
	r.Proof.Confirmation = oauth.Confirmation{Member: oauth.ConfirmationKey, Thumbprint: key}
	return answer.Get(headerNonce), nil
}

// proofOwner is the issuer under which the ids of proofs are remembered beside those of assertions. No client has a
// space in its name.
const proofOwner = "DPoP proof"

// Use uses up a proof. Exactly one call for a proof succeeds, also among concurrent ones and other replicas.
// Errors: invalid_dpop_proof for the others, and outages.
func Use(ctx context.Context, s store.Assertions, p oauth.Proof) error {
	if p == (oauth.Proof{}) {
		return nil
	}
	err := s.UseAssertion(ctx, proofOwner, p.ID, p.Expires)
	if errors.Is(err, store.ErrExists) {
		return oauth.Refuse(oauth.InvalidDPoPProof, "the DPoP proof was used before; make one for each request", err)
	}
	if err != nil {
		return fmt.Errorf("sender: recording a proof: %w", err)
	}
	return nil
}

func idOf(key dpop.ReplayKey) string { return base64.RawURLEncoding.EncodeToString(key[:]) }

// later is a dpop.ReplayStore that leaves it to the endpoint to remember a proof.
type later struct{}

type proofKey struct{}

// Use writes down what is to be remembered.
func (later) Use(ctx context.Context, key dpop.ReplayKey, expires time.Time) (fresh bool, err error) {
	proof := ctx.Value(proofKey{}).(*oauth.Proof)
	proof.ID, proof.Expires = idOf(key), expires
	return true, nil
}

// atOnce is a dpop.ReplayStore for guards, behind which nothing is written.
type atOnce struct{ store.Assertions }

// Use remembers the proof.
func (s atOnce) Use(ctx context.Context, key dpop.ReplayKey, expires time.Time) (fresh bool, err error) {
	err = s.UseAssertion(ctx, proofOwner, idOf(key), expires)
	if errors.Is(err, store.ErrExists) {
		return false, nil
	}
	return err == nil, err
}

package postern

import (
	"context"
	"errors"
	"fmt"
	"maps"

	"github.com/postern-auth/postern/internal/claims"
	"github.com/postern-auth/postern/internal/jws"
)

// FirstOf returns a Verifier that asks each of the verifiers in turn until one claims the token, which
// is any answer but ErrNotMine. A token that nobody claims is refused. It panics when given none.
//
//	postern.FirstOf(jwtVerifier, introspectionVerifier) // JWTs of our issuer here, opaque tokens there
func FirstOf(verifiers ...Verifier) Verifier {
	if len(verifiers) == 0 {
		panic("postern: FirstOf needs verifiers")
	}
	for _, verifier := range verifiers {
		if verifier == nil {
			panic("postern: FirstOf got a nil Verifier")
		}
	}
	return firstOf(append([]Verifier(nil), verifiers...))
}

type firstOf []Verifier

func (f firstOf) Verify(ctx context.Context, raw string) (*Token, error) {
	var declined error
	for _, verifier := range f {
		token, err := verifier.Verify(ctx, raw)
		if !errors.Is(err, ErrNotMine) {
			return token, err
		}
		// The first to decline names the shape it wanted; the last is the one that a reader of the log
		// would take for the decider. Both are kept.
		declined = errors.Join(declined, err)
	}
	return nil, declined
}

// ByIssuer returns a Verifier that hands a JWT to the verifier of the issuer that it names, before any of
// it is trusted: the chosen Verifier checks everything, the issuer included. The keys are issuers, byte
// for byte. Anything else than a JWT of one of them is ErrNotMine. It panics when given none.
func ByIssuer(verifiers map[string]Verifier) Verifier {
	if len(verifiers) == 0 {
		panic("postern: ByIssuer needs verifiers")
	}
	for issuer, verifier := range verifiers {
		if issuer == "" || verifier == nil {
			panic("postern: ByIssuer got an empty issuer or a nil Verifier")
		}
	}
	return byIssuer(maps.Clone(verifiers))
}

type byIssuer map[string]Verifier

func (b byIssuer) Verify(ctx context.Context, raw string) (*Token, error) {
	message, err := jws.Parse(raw)
	if err != nil {
		return nil, fmt.Errorf("postern: no JWT: %w: %w: %w", err, ErrNotMine, ErrMalformed)
	}
	var set claims.Object
	if err := set.Parse(message.Payload); err != nil {
		return nil, fmt.Errorf("postern: no JWT: %w: %w: %w", err, ErrNotMine, ErrMalformed)
	}
	value, _ := set.Lookup("iss")
	issuer, _ := value.Text()
	verifier, ok := b[issuer]
	if !ok {
		return nil, fmt.Errorf("postern: token is from issuer %.64q, which is none of the %d configured: %w: %w", issuer, len(b), ErrNotMine, ErrIssuer)
	}
	return verifier.Verify(ctx, raw)
}

package postern

import (
	"context"
	"net/http"
)

// Binding ties a Token to its sender: it proves one member of the token's confirmation claim (cnf).
// Packages dpop and mtls hold the two that are standardised.
//
// A Guard refuses a token that has a confirmation member for which it has no Binding, so a bound token
// never passes as a bearer token. A Binding must be safe for concurrent use.
type Binding interface {
	// Member returns the confirmation member that Check proves, such as "jkt".
	Member() string
	// Check returns nil when the request proves that its sender is the one that the token is bound to.
	// Errors wrap ErrProof, ErrNonce, ErrBinding or ErrUnavailable.
	Check(context.Context, Presentation, *Token) error
}

// Challenger is a Binding that has an authentication scheme of its own, which clients are told of when
// they come without a token.
type Challenger interface {
	// Challenge returns a scheme and its parameters as they stand in WWW-Authenticate, such as
	// `DPoP algs="ES256 EdDSA"`.
	Challenge() string
}

// Presentation is how a token came: what a Binding needs of the request to check it.
type Presentation struct {
	Request *http.Request
	Scheme  string // "Bearer" or "DPoP"
	Raw     string // the raw token, as the Guard extracted it
	// Answer takes headers for the answer, whatever it will be; DPoP-Nonce also goes with a 200.
	Answer http.Header
}

const (
	schemeBearer = "Bearer"
	schemeDPoP   = "DPoP"
	memberJKT    = "jkt"
)

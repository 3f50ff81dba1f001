package postern

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// The reasons for which a request is refused. Verifiers, Bindings and Requirements return errors that
// wrap one of them; the Guard turns it into an Error.
var (
	ErrNoToken      = errors.New("no access token")
	ErrRequest      = errors.New("malformed request")
	ErrMalformed    = errors.New("malformed token")
	ErrSignature    = errors.New("signature does not verify")
	ErrUnknownKey   = errors.New("unknown key")
	ErrAlgorithm    = errors.New("signature algorithm is not accepted")
	ErrExpired      = errors.New("token has expired")
	ErrNotYetValid  = errors.New("token is not valid yet")
	ErrIssuer       = errors.New("wrong issuer")
	ErrAudience     = errors.New("wrong audience")
	ErrInactive     = errors.New("token is not active")
	ErrInsufficient = errors.New("insufficient rights")
	ErrStepUp       = errors.New("login too old or too weak")
	ErrProof        = errors.New("proof of possession does not hold")
	ErrNonce        = errors.New("proof needs a nonce")
	ErrUnavailable  = errors.New("could not decide")
	// ErrBinding says that a token's confirmation and the way it was presented do not go together. The
	// token is at fault (invalid_token, RFC 8705 §3), not a DPoP proof.
	ErrBinding = errors.New("token and its presentation do not go together")
	// ErrUnbound says that a token is not bound to a sender where it has to be: SenderConstrained's reason.
	ErrUnbound = errors.New("token is not bound to its sender")
	// ErrNotMine says that a Verifier does not serve tokens of this shape or issuer. It may come
	// together with ErrIssuer or ErrMalformed, in case no other Verifier claims the token either.
	ErrNotMine = errors.New("not for this verifier")
)

// ErrNoClaim says that a token has no claim with the name asked for.
var ErrNoClaim = errors.New("no such claim")

// ScopeError says which scopes would have sufficed. It wraps ErrInsufficient.
type ScopeError struct {
	Scopes []string
}

func (e *ScopeError) Error() string {
	return fmt.Sprintf("postern: token lacks scope %q", strings.Join(e.Scopes, " "))
}

// Unwrap returns ErrInsufficient.
func (e *ScopeError) Unwrap() error { return ErrInsufficient }

// StepUpError says what login would have sufficed (RFC 9470 §3). It wraps ErrStepUp.
type StepUpError struct {
	MaxAge time.Duration // zero: any age
	ACR    []string      // empty: any way
}

func (e *StepUpError) Error() string {
	return fmt.Sprintf("postern: login must be at most %s old and one of %q", e.MaxAge, e.ACR)
}

// Unwrap returns ErrStepUp.
func (e *StepUpError) Unwrap() error { return ErrStepUp }

// missing is a role or permission that the subject does not have.
type missing struct{ kind, name string }

func (e *missing) Error() string { return fmt.Sprintf("postern: subject lacks %s %q", e.kind, e.name) }
func (e *missing) Unwrap() error { return ErrInsufficient }

// Unavailable returns an error that wraps ErrUnavailable and cause, and that tells clients to come back
// after the time given. The wait is rounded up to whole seconds; it is at least one.
func Unavailable(cause error, retryAfter time.Duration) error {
	return &unavailable{cause, retryAfter}
}

type unavailable struct {
	cause      error
	retryAfter time.Duration
}

func (e *unavailable) Error() string   { return fmt.Sprintf("postern: could not decide: %v", e.cause) }
func (e *unavailable) Unwrap() []error { return []error{ErrUnavailable, e.cause} }

// Error is one refusal: what the client is told, and what only the operator sees. A Guard makes it; read
// one with errors.As.
type Error struct {
	// Status is the HTTP status: 400, 401, 403 or 503.
	Status int
	// Code is the error code of RFC 6750 §3.1, RFC 9449 §7.1 or RFC 9470 §3; empty where those want none.
	Code string
	// Description is a fixed sentence that is safe to show to the client.
	Description string
	// Reason is a stable word for what was wrong, finer than Code, such as "token-expired". It is listed
	// in Reasons and goes to logs and metrics.
	Reason string
	// ID names this refusal in the log and in the answer's Postern-Decision header.
	ID string
	// Scopes are the scopes that would have sufficed, if that is what was missing; without a token, those
	// that the route requires, as far as they are known.
	Scopes []string
	// StepUp is the login that would have sufficed, if that is what was missing.
	StepUp *StepUpError
	// RetryAfter is when a 503 is worth another try.
	RetryAfter time.Duration
	// Err is the cause, for the log alone: it may name internal addresses and values of the token.
	Err error

	scheme string // the challenge's scheme
	token  *Token // once verified, for the log
	usual  *usual // what is written for every refusal of this kind
}

func (e *Error) Error() string {
	if e.Err == nil {
		return "postern: refused: " + e.Reason
	}
	return fmt.Sprintf("postern: refused: %s: %v", e.Reason, e.Err)
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

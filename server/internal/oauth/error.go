package oauth

import (
	"errors"
	"fmt"
	"strings"
)

// Code is the error member of an answer.
type Code string

// Codes of RFC 6749 §5.2 and §4.1.2.1, of RFC 8707 §2, and of RFC 8628 §3.5.
const (
	InvalidRequest          Code = "invalid_request"
	InvalidClient           Code = "invalid_client"
	InvalidGrant            Code = "invalid_grant"
	InvalidScope            Code = "invalid_scope"
	InvalidTarget           Code = "invalid_target"
	UnauthorizedClient      Code = "unauthorized_client"
	UnsupportedGrantType    Code = "unsupported_grant_type"
	UnsupportedResponseType Code = "unsupported_response_type"
	AccessDenied            Code = "access_denied"
	TemporarilyUnavailable  Code = "temporarily_unavailable"
	AuthorizationPending    Code = "authorization_pending"
	SlowDown                Code = "slow_down"
	ExpiredToken            Code = "expired_token"

	InvalidDPoPProof Code = "invalid_dpop_proof" // RFC 9449 §5
	UseDPoPNonce     Code = "use_dpop_nonce"     // RFC 9449 §8
)

// Error is one refusal by an endpoint. Functions return it as a plain error, made by Refuse.
type Error struct {
	Status int    // of HTTP; 0: the one that belongs to the code
	Code   Code   // error
	Text   string // error_description: for the client, without anything secret
	Err    error  // the reason, for the log alone; may be nil
}

// Error returns the code with the reason, or with the description when there is no other reason.
func (e *Error) Error() string { return fmt.Sprintf("oauth: %s: %s", e.Code, e.Reason()) }

// Unwrap returns the reason.
func (e *Error) Unwrap() error { return e.Err }

// Reason returns what the log says of a refusal.
func (e *Error) Reason() string {
	if e.Err != nil {
		return e.Err.Error()
	}
	return e.Text
}

// Refuse returns an *Error. The description goes to the client and the reason, which may be nil, to the log.
func Refuse(code Code, description string, reason error) error {
	return &Error{Code: code, Text: description, Err: reason}
}

// AsError returns err as a refusal. An error that is not a refusal is an outage, and the client learns no more
// of it: it never becomes invalid_client or an inactive token, for clients throw good credentials away on those.
func AsError(err error) *Error {
	var refusal *Error
	if errors.As(err, &refusal) {
		return refusal
	}
	return &Error{
		Code: TemporarilyUnavailable, Err: err,
		Text: "the server cannot answer at the moment; try again in a few seconds",
	}
}

// Quote returns what a client sent in a form that an error_description may hold: in single quotes, cut
// at 64 bytes, and with a question mark for what RFC 6749 §5.2 does not let in.
func Quote(s string) string {
	const limit = 64
	if len(s) > limit {
		s = s[:limit]
	}
	return "'" + strings.Map(func(r rune) rune {
		if r < 0x20 || r > 0x7e || r == '"' || r == '\\' || r == '\'' {
			return '?'
		}
		return r
	}, s) + "'"
}

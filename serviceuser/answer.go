package serviceuser

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/postern-auth/postern/internal/claims"
	"github.com/postern-auth/postern/internal/fetch"
	"golang.org/x/oauth2"
)

// ErrUnavailable says that the authorization server gave no usable answer: it could not be reached, was
// out of order, or answered what is no token and no refusal. The same request may succeed later.
var ErrUnavailable = errors.New("no usable answer from the authorization server")

// Error is the answer of a token endpoint that is no token (RFC 6749 §5.2). It wraps ErrUnavailable when
// the server did not refuse but was out of order: a status of 500 and above, 408, 425, 429, a redirect, or
// one of the codes that say "later".
type Error struct {
	// Code (error) is one of the codes that RFC 6749 §5.2 and its extensions define, or empty when the
	// server sent none of them.
	Code string
	// Status is the HTTP status.
	Status int
}

// advice maps the codes that are known to what is to be done about them. A code that is not listed is
// the server's own text, which is not to be trusted with a log.
var advice = map[string]string{
	"invalid_request":         "the server wants another parameter or client authentication",
	"invalid_client":          "check the client id and its secret or key",
	"invalid_grant":           "check the key, that it is the service user's and has not ended, the issuer, and this machine's clock",
	"unauthorized_client":     "allow this grant for the client at the server",
	"unsupported_grant_type":  "choose another way to get a token",
	"invalid_scope":           "ask for fewer scopes, or grant them at the server",
	"invalid_target":          "check the audience or resource",
	"access_denied":           "allow the client to use the API at the server",
	"invalid_dpop_proof":      "the server wants bound tokens",
	"use_dpop_nonce":          "the server wants bound tokens",
	"temporarily_unavailable": "try again later",
	"server_error":            "try again later",
	"slow_down":               "try again later",
}

func (e *Error) Error() string {
	verb := "refused"
	if e.Unwrap() != nil {
		verb = "is out of order"
	}
	if e.Code == "" {
		return fmt.Sprintf("serviceuser: token endpoint %s: status %d without a known error code: check the URL", verb, e.Status)
	}
	return fmt.Sprintf("serviceuser: token endpoint %s: %s (status %d): %s", verb, e.Code, e.Status, advice[e.Code])
}

// Unwrap returns ErrUnavailable, or nil for a refusal.
func (e *Error) Unwrap() error {
	switch e.Code {
	case "temporarily_unavailable", "server_error", "slow_down":
		return ErrUnavailable
	}
	switch e.Status {
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
		return ErrUnavailable
	}
	if e.Status < 400 || e.Status >= 500 {
		return ErrUnavailable
	}
	return nil
}

func newError(answer fetch.Answer) error {
	e := &Error{Status: answer.Status}
	var set claims.Object
	if set.Parse(answer.Body) != nil {
		return e
	}
	value, _ := set.Lookup("error")
	if code, _ := value.Text(); advice[code] != "" {
		e.Code = code
	}
	return e
}

// unavailable marks the error as ErrUnavailable.
func unavailable(err error) error {
	return fmt.Errorf("serviceuser: %w: %w", ErrUnavailable, err)
}

const (
	// bearer is the one token type that is understood (RFC 6750).
	bearer = "Bearer"
	// assumedLife is that of a token whose answer does not say. RFC 6749 §5.1 leaves it open; a short one
	// costs a few calls, a long one would go on with a token that has ended.
	assumedLife = 5 * time.Minute
	// maxLife keeps sums of times in range. Renewing once a year hurts nobody.
	maxLife = 365 * 24 * time.Hour
)

// parseToken reads the answer to a request that was made at the time asked (RFC 6749 §5.1).
func parseToken(text string, asked time.Time) (*oauth2.Token, error) {
	var set claims.Object
	if err := set.Parse(text); err != nil {
		return nil, errors.New("answer is not a JSON object")
	}
	value, _ := set.Lookup("access_token")
	token, _ := value.Text()
	if !isToken(token) {
		return nil, errors.New("answer has no access_token that a header can carry")
	}
	value, _ = set.Lookup("token_type")
	if kind, _ := value.Text(); !strings.EqualFold(kind, bearer) {
		return nil, errors.New("token_type of the answer is not Bearer, the only one understood")
	}
	t := &oauth2.Token{AccessToken: token, TokenType: bearer}
	life := assumedLife
	if value, found := set.Lookup("expires_in"); found {
		var err error
		if life, err = lifetime(value); err != nil {
			return nil, err
		}
		t.ExpiresIn = int64(life / time.Second)
	}
	t.Expiry = asked.Add(life)
	value, found := set.Lookup("scope")
	scope, ok := value.Text()
	if !found {
		return t, nil
	}
	if !ok {
		return nil, errors.New("scope of the answer is not a string")
	}
	return t.WithExtra(map[string]any{"scope": scope}), nil
}

// lifetime reads expires_in.
func lifetime(value claims.Value) (time.Duration, error) {
	// Read as a date, seconds count from 1970: the same number, with the same strictness.
	end, err := value.Time()
	if err != nil || end.Unix() <= 0 {
		return 0, errors.New("expires_in of the answer is not a positive number of seconds")
	}
	return time.Duration(min(end.Unix(), int64(maxLife/time.Second))) * time.Second, nil
}

// maxToken bounds an access token: longer ones fit into no header.
const maxToken = 16 << 10

// isToken reports whether s is a token by the syntax of RFC 6749 §A.12 that a header can carry as well:
// visible ASCII.
func isToken(s string) bool {
	for _, c := range []byte(s) {
		if c <= ' ' || c > '~' {
			return false
		}
	}
	return s != "" && len(s) <= maxToken
}

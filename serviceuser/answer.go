package serviceuser

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"github.com/postern-auth/postern/internal/claims"
	"github.com/postern-auth/postern/internal/fetch"
)

// ErrUnavailable says that the authorization server gave no usable answer: it could not be reached, was
// out of order, or answered with neither a token nor a refusal. The same request may succeed later.
var ErrUnavailable = errors.New("no usable answer from the authorization server")

// Error is the answer of a token endpoint that is not a token (RFC 6749 §5.2). It wraps ErrUnavailable when
// the server did not refuse but was out of order: a status of 500 and above, 408, 425, 429, a redirect, or
// one of the codes that say "later".
type Error struct {
	// Code (error) is one of the codes that RFC 6749 §5.2 and its extensions define, or empty when the
	// server sent none of them.
	Code string
	// Status is the HTTP status. Some servers refuse with 200.
	Status int
	// Description (error_description) is the server's own text, or empty. It is not part of Error and not
	// formatted: show it, as string(Description), to whoever made the request, and never log it.
	Description Untold
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
	"invalid_dpop_proof":      "the server wants bound tokens: set HTTPClient to one whose Transport is a dpop.Transport, and check this machine's clock",
	"use_dpop_nonce":          "the server wants bound tokens: set HTTPClient to one whose Transport is a dpop.Transport",
	"temporarily_unavailable": "try again later",
	"server_error":            "try again later",
	"slow_down":               "try again later",
}

// Untold is text of a server that may repeat what was sent to it. Its String and every verb of fmt say no more
// than that there is some.
type Untold string

// Format implements fmt.Formatter.
func (u Untold) Format(f fmt.State, _ rune) { io.WriteString(f, u.String()) }

func (u Untold) String() string {
	if u == "" {
		return ""
	}
	return "(not shown)"
}

func (e *Error) Error() string {
	verb := "refused"
	if e.Unwrap() != nil {
		verb = "is out of order"
	}
	switch {
	case e.Code == "" && e.Status < 300:
		return fmt.Sprintf("serviceuser: token endpoint %s: status %d with an error that has no known code", verb, e.Status)
	case e.Code == "":
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
	if e.Status < 200 || e.Status >= 300 && e.Status < 400 || e.Status >= 500 {
		return ErrUnavailable
	}
	return nil
}

// readAnswer returns the answer's JSON object. The error is an *Error when the server says that there is no
// token, even under a status of success.
func readAnswer(answer fetch.Answer) (*claims.Object, error) {
	success := answer.Status >= 200 && answer.Status < 300
	e := &Error{Status: answer.Status}
	set := new(claims.Object)
	if set.Parse(answer.Body) != nil {
		if success {
			return nil, errors.New("answer is not a JSON object")
		}
		return nil, e
	}
	value, found := set.Lookup("error")
	code, ok := value.Text()
	if advice[code] != "" {
		e.Code = code
	}
	if !success || found && value.Kind() != claims.Null && !(ok && code == "") {
		description, _ := set.Lookup("error_description")
		text, _ := description.Text()
		e.Description = Untold(text)
		return nil, e
	}
	return set, nil
}

// unavailable marks the error as ErrUnavailable.
func unavailable(err error) error {
	return fmt.Errorf("serviceuser: %w: %w", ErrUnavailable, err)
}

const (
	// bearer and dpop are the token types that are understood (RFC 6750, RFC 9449 §5).
	bearer = "Bearer"
	dpop   = "DPoP"
	// assumedLife is that of a token whose answer does not say. RFC 6749 §5.1 leaves it open; a short one
	// costs a few calls, a long one would go on with a token that has ended.
	assumedLife = 5 * time.Minute
	// maxLife keeps sums of times in range. Renewing once a year hurts nobody.
	maxLife = 365 * 24 * time.Hour
)

// parseToken reads the answer to a request that was made at the time asked (RFC 6749 §5.1). What servers
// get wrong about everything but the token is taken as golang.org/x/oauth2 takes it. A bound token is wanted
// by a client that proves its key, and by no other: to present one takes the key.
func parseToken(set *claims.Object, asked time.Time, proves bool) (*oauth2.Token, error) {
	value, _ := set.Lookup("access_token")
	token, _ := value.Text()
	if !isToken(token) {
		return nil, errors.New("answer has no access_token that a header can carry")
	}
	kind, err := tokenType(set)
	switch {
	case err != nil:
		return nil, err
	case kind == dpop && !proves:
		return nil, errors.New("token_type of the answer is DPoP: the token is bound to a key; set HTTPClient to one whose Transport is a dpop.Transport")
	case kind == bearer && proves:
		return nil, errors.New("token_type of the answer is not DPoP: the server took no notice of the proof and did not bind the token")
	}
	life, err := lifetime(set)
	if err != nil {
		return nil, err
	}
	t := &oauth2.Token{AccessToken: token, TokenType: kind, Expiry: asked.Add(cmp.Or(life, assumedLife)), ExpiresIn: int64(life / time.Second)}
	value, _ = set.Lookup("scope")
	if list, err := value.Texts(nil); err == nil {
		return t.WithExtra(map[string]any{"scope": strings.Join(list, " ")}), nil
	}
	return t, nil
}

// tokenType returns which of the two known types the token has; one that is not said is Bearer.
func tokenType(set *claims.Object) (string, error) {
	value, found := set.Lookup("token_type")
	text, ok := value.Text()
	switch {
	case !found || value.Kind() == claims.Null || ok && text == "" || strings.EqualFold(text, bearer):
		return bearer, nil
	case strings.EqualFold(text, dpop):
		return dpop, nil
	}
	return "", errors.New("token_type of the answer is neither Bearer nor DPoP, the only ones understood")
}

// lifetime reads expires_in, a number or the text of one. Zero: the answer does not say.
func lifetime(set *claims.Object) (time.Duration, error) {
	value, found := set.Lookup("expires_in")
	if !found || value.Kind() == claims.Null {
		return 0, nil
	}
	number := value.JSON()
	if text, ok := value.Text(); ok {
		number = text
	}
	// JSON's syntax leaves out what ParseFloat takes besides: Inf, NaN, hexadecimal, underscores.
	seconds, err := strconv.ParseFloat(number, 64)
	if err != nil || claims.Check(number) != nil || strings.TrimSpace(number) != number || seconds < 1 {
		return 0, errors.New("expires_in of the answer is not a positive number of seconds")
	}
	return time.Duration(min(seconds, maxLife.Seconds())) * time.Second, nil
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

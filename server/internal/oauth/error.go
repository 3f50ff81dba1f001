package oauth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// Code is the error member of an answer.
type Code string

// Codes of RFC 6749 §5.2 and §4.1.2.1, and of RFC 8707 §2.
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
)

// Error is one refusal by an endpoint. Functions return it as a plain error, made by Refuse.
type Error struct {
	Status int    // of HTTP
	Code   Code   // error
	Text   string // error_description: for the client, without anything secret
	Err    error  // the reason, for the log alone; may be nil
}

// Error returns the code with the reason, or with the description when there is no other reason.
func (e *Error) Error() string { return fmt.Sprintf("oauth: %s: %s", e.Code, e.reason()) }

// Unwrap returns the reason.
func (e *Error) Unwrap() error { return e.Err }

func (e *Error) reason() string {
	if e.Err != nil {
		return e.Err.Error()
	}
	return e.Text
}

// Refuse returns an *Error with the status that belongs to the code. The description goes to the client
// and the reason, which may be nil, to the log.
func Refuse(code Code, description string, reason error) error {
	status := http.StatusBadRequest
	switch code {
	case InvalidClient:
		status = http.StatusUnauthorized
	case AccessDenied:
		status = http.StatusForbidden
	case TemporarilyUnavailable:
		status = http.StatusServiceUnavailable
	}
	return &Error{Status: status, Code: code, Text: description, Err: reason}
}

// asError returns err as a refusal. What is none is an outage, and the client learns no more of it.
func asError(err error) *Error {
	var refusal *Error
	if errors.As(err, &refusal) {
		return refusal
	}
	return &Error{
		Status: http.StatusServiceUnavailable, Code: TemporarilyUnavailable, Err: err,
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

// WriteError answers with the error of RFC 6749 §5.2. An error that Refuse did not make becomes 503.
func WriteError(w http.ResponseWriter, entry Entry, err error) {
	e := asError(err)
	switch e.Status {
	case http.StatusUnauthorized:
		w.Header().Set("WWW-Authenticate", fmt.Sprintf("Basic realm=%q", entry.Issuer))
	case http.StatusServiceUnavailable:
		w.Header().Set("Retry-After", "2")
	}
	writeJSON(w, e.Status, struct {
		Code Code   `json:"error"`
		Text string `json:"error_description"`
	}{e.Code, e.Text})
}

// WriteJSON answers 200 with v, which no cache may keep.
func WriteJSON(w http.ResponseWriter, v any) { writeJSON(w, http.StatusOK, v) }

func writeJSON(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		panic("oauth: answer is no JSON: " + err.Error()) // answers are built of our own plain types
	}
	noStore(w.Header())
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	w.Write(append(body, '\n')) // an error means that the client is gone: nobody is left to tell
}

// noStore keeps answers out of caches, as RFC 6749 §5.1 demands.
func noStore(h http.Header) {
	h.Set("Cache-Control", "no-store")
	h.Set("Pragma", "no-cache")
}

// gone reports whether the request ended because its client left.
func gone(ctx context.Context) bool { return errors.Is(ctx.Err(), context.Canceled) }

package sampleapi

import (
	"net/http"

	"github.com/postern-auth/postern"
)

// Refusal says how a refused request is answered: a sample's own status and body, where its callers rely
// on them.
type Refusal func(*http.Request, *postern.Error) (status int, body Body)

// Body is the body of an error. Each family of samples has members of its own; empty ones are left out.
type Body struct {
	Code             string `json:"code,omitempty"`
	Description      string `json:"description,omitempty"`
	Error            string `json:"error,omitempty"`
	ErrorDescription string `json:"error_description,omitempty"`
	Message          string `json:"message,omitempty"`
}

// TemporarilyUnavailable is the error code of the 503 that a Guard gives when it could not decide.
const TemporarilyUnavailable = "temporarily_unavailable"

// OAuth is the Refusal with the members error and error_description.
func OAuth(r *http.Request, e *postern.Error) (int, Body) {
	body := Body{Error: e.Code, ErrorDescription: e.Description}
	switch e.Reason {
	case "no-token":
		body = Body{Error: "missing_authorization", ErrorDescription: `Missing "Authorization" in headers.`}
		if r.Header.Get("Authorization") != "" {
			body = Body{Error: "unsupported_token_type", ErrorDescription: e.Description}
		}
	case "unavailable":
		body.Error = TemporarilyUnavailable
	}
	return e.Status, body
}

package tally

import (
	"net/http"
	"slices"
	"strings"

	"github.com/postern-auth/postern"
	"github.com/postern-auth/postern/server/internal/endpoint"
	"github.com/postern-auth/postern/server/internal/oauth"
	"github.com/postern-auth/postern/server/store"
)

// steps are answers that a client waits for, or goes on from: they refuse nothing.
var steps = []oauth.Code{oauth.AuthorizationPending, oauth.SlowDown, oauth.UseDPoPNonce}

// RefusedAt returns what an endpoint.Form of the name calls with its refusals. An outage is not one.
func (t *Tally) RefusedAt(name string) func(*endpoint.Request, *oauth.Error) string {
	return func(r *endpoint.Request, e *oauth.Error) string {
		if e.Code == oauth.TemporarilyUnavailable || e.Status >= 500 || slices.Contains(steps, e.Code) {
			return ""
		}
		return t.Refused(store.Refusal{Where: name, Reason: string(e.Code), Detail: e.Reason(), ClientID: r.ClientID}, "")
	}
}

// OnDecision returns what a Guard of the name calls with its decisions. An outage is not a refusal, nor is a DPoP proof
// that lacks a nonce, which its sender has then.
func (t *Tally) OnDecision(name string) func(*http.Request, *postern.Token, *postern.Error) {
	return func(r *http.Request, _ *postern.Token, e *postern.Error) {
		if e == nil || e.Status >= 500 || e.Reason == "nonce-required" {
			return
		}
		refusal := store.Refusal{Decision: e.ID, Where: name, Reason: e.Reason}
		if e.Err != nil {
			refusal.Detail = e.Err.Error()
		}
		_, raw, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		t.Refused(refusal, strings.TrimSpace(raw))
	}
}

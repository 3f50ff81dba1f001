package server_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/postern-auth/postern/server/store"
)

// sampleScope is what the samples' clients ask for.
const sampleScope = "openid profile email urn:zitadel:iam:org:project:id:P:aud read:messages"

func TestAServiceUserWithTheRoleGetsATokenThatIntrospectionExplains(t *testing.T) {
	w := newWorld(t)
	answer := w.issued(w.do(tokenCall("robot", "scope", sampleScope)))
	raw, _ := answer["access_token"].(string)
	delete(answer, "access_token")
	if diff := cmp.Diff(map[string]any{"token_type": "Bearer", "expires_in": 43200.0}, answer); diff != "" {
		t.Errorf("token response (-want +got):\n%s", diff)
	}
	got := w.introspect("samples", raw)
	jti := got["jti"]
	roles := map[string]any{"read:messages": map[string]any{"org": "example.com"}}
	want := map[string]any{
		"active": true, "scope": "openid profile email read:messages", "client_id": "robot", "username": "robot",
		"token_type": "Bearer", "iat": float64(start.Unix()), "nbf": float64(start.Unix()), "exp": float64(start.Unix() + 43200),
		"sub": "u-robot", "aud": []any{"P", "samples@P"}, "iss": w.issuer, "jti": jti,
		"urn:zitadel:iam:org:project:roles": roles, "urn:zitadel:iam:org:project:P:roles": roles,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("introspection (-want +got):\n%s", diff)
	}
}

func TestARoleTakenAwayIsGoneAtTheNextIntrospection(t *testing.T) {
	w := newWorld(t)
	raw := w.token("robot", "scope", sampleScope)
	w.must(w.store.PutAssignment(t.Context(), store.Assignment{SubjectID: "u-robot", ProjectID: "P"}))
	got := w.introspect("samples", raw)
	if got["active"] != true || got["scope"] != "openid profile email" {
		t.Errorf("got %v, want an active token without read:messages", got)
	}
	if diff := cmp.Diff(map[string]any{}, got["urn:zitadel:iam:org:project:roles"]); diff != "" {
		t.Errorf("roles (-want +got):\n%s", diff)
	}
}

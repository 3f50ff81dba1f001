// Package discovery tells clients and APIs what the server offers: the metadata document (RFC 8414, and
// OpenID Connect Discovery) and the key set that verifies its JWTs.
//
//	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, r *http.Request) {
//		discovery.Metadata(w, entry, grantTypes)
//	})
//
// The document names only what is there.
package discovery

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/postern-auth/postern/internal/jws"
	"github.com/postern-auth/postern/server/internal/keys"
	"github.com/postern-auth/postern/server/internal/oauth"
)

// document is the metadata of RFC 8414 §2.
type document struct {
	Issuer string `json:"issuer"`
	// AuthorizationEndpoint is there because clients refuse a document without it. It refuses every
	// response type, as ResponseTypes says.
	AuthorizationEndpoint string   `json:"authorization_endpoint"`
	TokenEndpoint         string   `json:"token_endpoint"`
	IntrospectionEndpoint string   `json:"introspection_endpoint"`
	RevocationEndpoint    string   `json:"revocation_endpoint"`
	KeysURL               string   `json:"jwks_uri"`
	Scopes                []string `json:"scopes_supported"`
	// ResponseTypes is required, and empty: nobody can log in.
	ResponseTypes []string `json:"response_types_supported"`
	GrantTypes    []string `json:"grant_types_supported"`

	TokenAuthMethods         []string        `json:"token_endpoint_auth_methods_supported"`
	TokenAuthAlgorithms      []jws.Algorithm `json:"token_endpoint_auth_signing_alg_values_supported"`
	IntrospectionAuthMethods []string        `json:"introspection_endpoint_auth_methods_supported"`
	IntrospectionAlgorithms  []jws.Algorithm `json:"introspection_endpoint_auth_signing_alg_values_supported"`
	RevocationAuthMethods    []string        `json:"revocation_endpoint_auth_methods_supported"`
	RevocationAlgorithms     []jws.Algorithm `json:"revocation_endpoint_auth_signing_alg_values_supported"`
}

// Metadata answers with the document of an entry. An issuer that ends in a slash is one that Auth0's
// programs use, so its endpoints have Auth0's paths; both families are served in any case.
func Metadata(w http.ResponseWriter, entry oauth.Entry, grantTypes []string) {
	methods := []string{oauth.MethodSecretBasic, oauth.MethodSecretPost, oauth.MethodPrivateKeyJWT}
	algorithms := jws.Algorithms()
	d := document{
		Issuer:                entry.Issuer,
		AuthorizationEndpoint: entry.URL(oauth.PathAuthorize),
		TokenEndpoint:         entry.URL(oauth.PathToken),
		IntrospectionEndpoint: entry.URL(oauth.PathIntrospect),
		RevocationEndpoint:    entry.URL(oauth.PathRevoke),
		KeysURL:               entry.URL(oauth.PathKeys),
		Scopes:                oauth.StandardScopes,
		ResponseTypes:         []string{},
		GrantTypes:            grantTypes,
		TokenAuthMethods:      methods, TokenAuthAlgorithms: algorithms,
		IntrospectionAuthMethods: methods, IntrospectionAlgorithms: algorithms,
		RevocationAuthMethods: methods, RevocationAlgorithms: algorithms,
	}
	if strings.HasSuffix(entry.Issuer, "/") {
		d.AuthorizationEndpoint = entry.URL(oauth.PathAuthorizeAuth0)
		d.TokenEndpoint = entry.URL(oauth.PathTokenAuth0)
		d.IntrospectionEndpoint = entry.URL(oauth.PathIntrospectAuth0)
		d.RevocationEndpoint = entry.URL(oauth.PathRevokeAuth0)
		d.KeysURL = entry.URL(oauth.PathKeysAuth0)
	}
	write(w, d)
}

// Keys answers with the key set (RFC 7517 §5).
func Keys(w http.ResponseWriter, set jws.KeySet) { write(w, set) }

func write(w http.ResponseWriter, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		panic("discovery: document is no JSON: " + err.Error()) // it is built of our own plain types
	}
	w.Header().Set("Cache-Control", fmt.Sprintf("public, max-age=%d", keys.MaxAge/time.Second))
	w.Header().Set("Content-Type", "application/json")
	w.Write(append(body, '\n')) // an error means that the client is gone: nobody is left to tell
}

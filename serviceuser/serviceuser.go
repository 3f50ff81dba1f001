// Package serviceuser gets access tokens for programs that act on their own behalf, and keeps them fresh.
//
//	key, err := clientauth.ReadKeyFile("service-user.json")
//	if err != nil {
//		log.Fatal(err)
//	}
//	source, err := serviceuser.JWTProfile{
//		Issuer: "https://login.example.com",
//		Key:    key,
//		Scopes: []string{"read:messages"},
//	}.Source()
//	if err != nil {
//		log.Fatal(err)
//	}
//	client := oauth2.NewClient(ctx, source)
//	answer, err := client.Get("https://api.example.com/api/private-scoped")
//
// There are three ways to a token. JWTProfile signs an assertion with the service user's key, so that no
// secret ever leaves the program: choose it where the server has it. ClientCredentials proves the client by
// a secret or a key. PersonalAccessToken is a token that a person made beforehand and that never renews.
//
// The first two return a Source. It makes no call before it is first asked for a token; then it asks the
// issuer's token endpoint once for all callers that wait. A token that nears its end is renewed while it
// still serves: a token endpoint that is down for a moment is felt by nobody.
//
// A token that is stolen is worth nothing when it is bound to a key (RFC 9449). The Source asks for such
// tokens when its HTTPClient proves the key, and another Transport with the same key presents them:
//
//	source, err := serviceuser.JWTProfile{
//		Issuer:     "https://login.example.com",
//		Key:        key,
//		HTTPClient: &http.Client{Transport: &dpop.Transport{Prover: prover}},
//	}.Source()
//	…
//	client := &http.Client{Transport: &dpop.Transport{Prover: prover, Token: source.AccessToken}}
//
// A token endpoint that says no is an *Error; one that gave no usable answer is an error that wraps
// ErrUnavailable, and trying again later may help. No error quotes what the server wrote.
package serviceuser

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/postern-auth/postern/clientauth"
	"github.com/postern-auth/postern/internal/fetch"
	"github.com/postern-auth/postern/internal/metadata"
	"github.com/postern-auth/postern/internal/scope"
)

// JWTProfile gets tokens for the owner of a key, by the grant
// urn:ietf:params:oauth:grant-type:jwt-bearer (RFC 7523 §2.1). Each request carries a new assertion that
// lives five minutes and has a jti.
type JWTProfile struct {
	// Issuer is the authorization server, byte for byte, and the aud of the assertions. Required.
	Issuer string
	// TokenURL is the token endpoint. Empty: where the issuer's metadata says.
	TokenURL string
	// Key is the service user's key, from clientauth.ReadKeyFile. Required.
	Key *clientauth.Key
	// Scopes (scope) are asked for; the server may grant fewer. Empty: what the server gives unasked.
	Scopes []string
	// Audience (audience) names the API that the token is for, at servers in the manner of Auth0.
	Audience string
	// Resources (resource) are the URIs of the APIs that the token is for, RFC 8707.
	Resources []string
	// HTTPClient makes the calls; its redirects are not followed. With a dpop.Transport the tokens are bound
	// to its key (RFC 9449 §5). Nil: http.DefaultClient's settings.
	HTTPClient *http.Client
	// Now is the clock. Nil: time.Now.
	Now func() time.Time
	// InsecureHTTP calls the server over http on other hosts than loopback: assertions and tokens can
	// then be read on the way.
	InsecureHTTP bool
}

// Source returns a Source of tokens. It makes no call. The error names the field that is wrong.
func (c JWTProfile) Source() (*Source, error) {
	switch {
	case c.Key == nil:
		return nil, errors.New("serviceuser: JWTProfile.Key is nil: read it with clientauth.ReadKeyFile")
	case c.Issuer == "":
		return nil, errors.New("serviceuser: JWTProfile.Issuer is empty: the assertions need it for their aud")
	}
	r := request{c.Issuer, c.TokenURL, c.Scopes, c.Audience, c.Resources, c.HTTPClient, c.Now, c.InsecureHTTP}
	source, err := r.source("urn:ietf:params:oauth:grant-type:jwt-bearer")
	if err != nil {
		return nil, fmt.Errorf("serviceuser: JWTProfile.%w", err)
	}
	key, issuer, now := c.Key, c.Issuer, source.now
	source.prove = func(_ http.Header, form url.Values) error {
		assertion, err := key.Assertion(issuer, now())
		form.Set("assertion", assertion)
		return err
	}
	return source, nil
}

// ClientCredentials gets tokens for a client itself, by the grant client_credentials (RFC 6749 §4.4).
type ClientCredentials struct {
	// Issuer is the authorization server, byte for byte. Required, unless TokenURL is set and Auth is a
	// secret.
	Issuer string
	// TokenURL is the token endpoint. Empty: where the issuer's metadata says.
	TokenURL string
	// Auth is how the client proves itself. Required.
	Auth clientauth.Method
	// Scopes (scope) are asked for; the server may grant fewer. Empty: what the server gives unasked.
	Scopes []string
	// Audience (audience) names the API that the token is for, at servers in the manner of Auth0.
	Audience string
	// Resources (resource) are the URIs of the APIs that the token is for, RFC 8707.
	Resources []string
	// HTTPClient makes the calls; its redirects are not followed. With a dpop.Transport the tokens are bound
	// to its key (RFC 9449 §5). Nil: http.DefaultClient's settings.
	HTTPClient *http.Client
	// Now is the clock. Nil: time.Now.
	Now func() time.Time
	// InsecureHTTP calls the server over http on other hosts than loopback: the secret and the tokens can
	// then be read on the way.
	InsecureHTTP bool
}

// Source returns a Source of tokens. It makes no call. The error names the field that is wrong.
func (c ClientCredentials) Source() (*Source, error) {
	if c.Auth == nil {
		return nil, errors.New("serviceuser: ClientCredentials.Auth is nil: set how the client proves itself")
	}
	r := request{c.Issuer, c.TokenURL, c.Scopes, c.Audience, c.Resources, c.HTTPClient, c.Now, c.InsecureHTTP}
	source, err := r.source("client_credentials")
	if err != nil {
		return nil, fmt.Errorf("serviceuser: ClientCredentials.%w", err)
	}
	auth, issuer := c.Auth, c.Issuer
	source.prove = func(header http.Header, form url.Values) error {
		return auth.Authenticate(header, form, issuer)
	}
	// Once in vain, so that an empty secret is found at the start and not at night.
	if err := source.prove(http.Header{}, url.Values{}); err != nil {
		return nil, fmt.Errorf("serviceuser: ClientCredentials.Auth cannot prove itself to issuer %q: %w", c.Issuer, err)
	}
	return source, nil
}

// request is what the ways of asking for a token have in common.
type request struct {
	issuer, tokenURL string
	scopes           []string
	audience         string
	resources        []string
	client           *http.Client
	now              func() time.Time
	insecureHTTP     bool
}

// source checks the fields. Its errors begin with the name of one.
func (r request) source(grantType string) (*Source, error) {
	if r.issuer == "" && r.tokenURL == "" {
		return nil, errors.New("Issuer is empty, and so is TokenURL: set one")
	}
	if r.tokenURL != "" {
		if err := fetch.CheckURL(r.tokenURL, r.insecureHTTP); err != nil {
			return nil, fmt.Errorf("TokenURL: %w", err)
		}
	} else if err := fetch.CheckURL(r.issuer, r.insecureHTTP); err != nil {
		return nil, fmt.Errorf("Issuer: %w", err)
	}
	form := url.Values{"grant_type": {grantType}}
	for _, name := range r.scopes {
		if !scope.IsToken(name) {
			return nil, fmt.Errorf("Scopes: %.64q is not a scope, which has no spaces, quotes or backslashes (RFC 6749 §3.3)", name)
		}
	}
	if len(r.scopes) > 0 {
		form.Set("scope", strings.Join(r.scopes, " "))
	}
	if r.audience != "" {
		form.Set("audience", r.audience)
	}
	for _, resource := range r.resources {
		// RFC 8707 §2: an absolute URI without a fragment.
		if u, err := url.Parse(resource); err != nil || !u.IsAbs() || strings.Contains(resource, "#") {
			return nil, fmt.Errorf("Resources: %.64q is not an absolute URI without fragment", resource)
		}
		form.Add("resource", resource)
	}
	s := &Source{issuer: r.issuer, tokenURL: r.tokenURL, form: form, client: fetch.New(r.client), proves: proves(r.client), now: r.now}
	if s.now == nil {
		s.now = time.Now
	}
	s.metadata = metadata.New(r.issuer, metadata.TokenEndpoint, s.client, r.insecureHTTP)
	return s, nil
}

// proves reports whether the client's requests carry proofs of a key, as a dpop.Transport makes them. It has
// the method by which such a Transport tells the key.
func proves(client *http.Client) bool {
	if client == nil {
		return false
	}
	_, ok := client.Transport.(interface{ Thumbprint() string })
	return ok
}

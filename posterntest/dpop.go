package posterntest

import (
	"maps"
	"net/http"
	"net/url"

	"github.com/postern-auth/postern/dpop"
)

// DPoPClient is a client whose tokens are bound to its key (RFC 9449). It is safe for concurrent use.
//
//	client := issuer.DPoPClient()
//	request := httptest.NewRequest("GET", "/api/messages", nil)
//	client.Present(request, client.Token(nil), "")
type DPoPClient struct {
	issuer *Issuer
	prover *dpop.Prover
}

// DPoPClient returns a client with a new key. Its proofs are dated by the issuer's clock, so the guard's
// dpop.Config must have that clock too.
func (i *Issuer) DPoPClient() *DPoPClient {
	i.t.Helper()
	key := NewKey(i.t, "ES256", "")
	prover, err := dpop.NewProver(key.private)
	if err != nil {
		i.t.Fatalf("posterntest: %v", err)
	}
	prover.Now = i.Clock.Now
	return &DPoPClient{i, prover}
}

// Thumbprint returns the thumbprint of the client's key, the jkt of its tokens.
func (c *DPoPClient) Thumbprint() string { return c.prover.Thumbprint() }

// Token is Issuer.Token for a token that is bound to the client's key (cnf.jkt), unless the changes say
// otherwise.
func (c *DPoPClient) Token(changes Claims, options ...Option) string {
	c.issuer.t.Helper()
	bound := Claims{"cnf": Claims{"jkt": c.Thumbprint()}}
	maps.Copy(bound, changes)
	return c.issuer.Token(bound, options...)
}

// Present puts the token and a new proof into the request, one for a server, as of httptest.NewRequest, or
// for a client. The nonce is the one that the server wants, or empty. What is sent is there to be changed:
// a proof taken from one request and put into another must be refused.
func (c *DPoPClient) Present(r *http.Request, raw, nonce string) {
	c.issuer.t.Helper()
	proof, err := c.prover.Proof(r.Method, target(r), raw, nonce)
	if err != nil {
		c.issuer.t.Fatalf("posterntest: %v", err)
	}
	r.Header.Set("Authorization", "DPoP "+raw)
	r.Header.Set("DPoP", proof)
}

// target returns the URL of the request; one for a server has its host beside it.
func target(r *http.Request) *url.URL {
	u := *r.URL
	if u.Host == "" {
		u.Scheme, u.Host = "http", r.Host
		if r.TLS != nil {
			u.Scheme = "https"
		}
	}
	return &u
}

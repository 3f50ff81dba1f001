package server

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"net/netip"

	"github.com/postern-auth/postern"
	"github.com/postern-auth/postern/mtls"
	"github.com/postern-auth/postern/server/internal/oauth"
	"github.com/postern-auth/postern/server/internal/sender"
	"github.com/postern-auth/postern/server/store"
)

// ClientCertificates say how the server learns the TLS certificates of its clients (RFC 8705), by which they prove who
// they are and to which their tokens are bound. The zero value takes them from the connection: the http.Server's
// tls.Config then has ClientAuth: tls.RequestClientCert, and lets the server decide what to make of them.
type ClientCertificates struct {
	// Authorities sign the certificates of clients that are known by a name in it (tls_client_auth). Default: none,
	// and every client registers its very certificate (self_signed_tls_client_auth).
	Authorities *x509.CertPool
	// Header is where TrustedProxies tell the certificate: mtls.ClientCert or mtls.XFCC, as in mtls.Config.
	Header         string
	TrustedProxies []netip.Prefix
}

func (c *ClientCertificates) check() error {
	switch {
	case c == nil:
		return nil
	case c.Header != "" && c.Header != mtls.ClientCert && c.Header != mtls.XFCC:
		return errors.New("server: Config.ClientCertificates.Header is neither " + mtls.ClientCert + " nor " + mtls.XFCC)
	case (c.Header == "") != (len(c.TrustedProxies) == 0):
		return errors.New("server: Config.ClientCertificates has one of Header and TrustedProxies, want both or none")
	}
	return nil
}

// newCertificates returns nil where the server sees no certificates.
func newCertificates(c Config) *sender.Certificates {
	if c.ClientCertificates == nil {
		return nil
	}
	config := mtls.Config{Header: c.ClientCertificates.Header, TrustedProxies: c.ClientCertificates.TrustedProxies}
	return sender.NewCertificates(config, c.ClientCertificates.Authorities, c.Now)
}

// newProofs makes what verifies DPoP proofs. The key of the nonces is in the store, so that every replica takes those
// of the others.
func newProofs(ctx context.Context, c Config) (*sender.Proofs, error) {
	config := sender.Config{Issuers: c.Issuers, Store: c.Store, Now: c.Now, RequireNonce: c.RequireDPoPNonce}
	if c.RequireDPoPNonce {
		var proposed store.SharedKey
		rand.Read(proposed[:]) // never fails
		key, err := c.Store.SharedKey(ctx, "DPoP nonces", proposed)
		if err != nil {
			return nil, err
		}
		config.NonceKey = key
	}
	return sender.New(config), nil
}

// bindings are those of tokens that are sent to an issuer.
func (s *Server) bindings(issuer oauth.Issuer) []postern.Binding {
	all := []postern.Binding{s.proofs.Binding(issuer)}
	if s.certificates != nil {
		all = append(all, s.certificates.Binding())
	}
	return all
}

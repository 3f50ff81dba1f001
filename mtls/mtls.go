// Package mtls ties access tokens to the TLS certificate of their sender (RFC 8705 §3). A token that is
// stolen is worth nothing without the certificate's key.
//
// An API adds the Binding to its Guard, and has its TLS server ask for a certificate:
//
//	guard := &postern.Guard{
//		Verifier: verifier,
//		Bindings: []postern.Binding{mtls.New(mtls.Config{})},
//	}
//	server := &http.Server{
//		Handler:   guard.Require()(handler),
//		TLSConfig: &tls.Config{ClientAuth: tls.RequestClientCert},
//	}
//
// Tokens that are bound to a certificate (cnf.x5t#S256) are then accepted over a connection with that
// certificate and refused over any other; tokens that are not bound pass as before, unless the route asks
// for postern.SenderConstrained.
//
// Where a proxy terminates TLS, it must say which certificate it saw. Such a header is only as good as its
// sender, so name both, header and proxies:
//
//	mtls.New(mtls.Config{
//		Header:         mtls.ClientCert,
//		TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/24")},
//	})
//
// What a Binding checks is that the certificate is the one whose hash the token has. What it does not
// check: names, issuer, dates and revocation of the certificate. RFC 8705 needs none of these,
// because the authorization server bound the token to this one certificate; tls.Config can ask for
// more.
package mtls

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"slices"

	"github.com/postern-auth/postern"
	"github.com/postern-auth/postern/internal/hops"
)

const memberX5T = "x5t#S256"

// The values of Config.Header.
const (
	// ClientCert is the header of RFC 9440: the certificate in DER, as a byte sequence (RFC 8941 §3.3.5).
	ClientCert = "Client-Cert"
	// XFCC is Envoy's header. Its element's Hash or Cert says which certificate; when it has both, they
	// must agree.
	XFCC = "X-Forwarded-Client-Cert"
)

// Config configures a Binding. The zero value takes the certificate from the TLS connection alone.
type Config struct {
	// Header is where TrustedProxies tell the certificate of their client: ClientCert or XFCC. Empty: TLS
	// alone counts.
	Header string
	// TrustedProxies are the addresses of the proxies that set Header, and delete the one that a client
	// sent. From them only the header counts, because the certificate of the connection would be their
	// own. From other peers the header is ignored. Of several elements the last counts: it is the
	// certificate that the nearest proxy saw, so in a chain of proxies the others must pass the header
	// on unchanged.
	TrustedProxies []netip.Prefix
}

// Binding is the postern.Binding for tokens with cnf.x5t#S256 (RFC 8705 §3.1). It is safe for concurrent
// use.
type Binding struct {
	header         string
	trustedProxies []netip.Prefix
}

// New returns a Binding. It panics when the Config names a header other than ClientCert or XFCC, or only
// one of Header and TrustedProxies: those are mistakes in the program.
func New(config Config) *Binding {
	if config.Header != "" && config.Header != ClientCert && config.Header != XFCC {
		panic(fmt.Sprintf("mtls: Config.Header is %q, want %q, %q or nothing", config.Header, ClientCert, XFCC))
	}
	if (config.Header == "") != (len(config.TrustedProxies) == 0) {
		panic("mtls: Config.Header and Config.TrustedProxies do nothing one without the other: set both or none")
	}
	return &Binding{header: config.Header, trustedProxies: slices.Clone(config.TrustedProxies)}
}

// Member returns "x5t#S256", the confirmation member of RFC 8705 §3.1.
func (*Binding) Member() string { return memberX5T }

// Check returns nil when the request came over TLS with the certificate that the token is bound to, or
// from a trusted proxy that saw it. Every error wraps postern.ErrBinding.
func (b *Binding) Check(_ context.Context, p postern.Presentation, token *postern.Token) error {
	want := ""
	for member, value := range token.Confirmation() {
		if member == memberX5T {
			want = value
		}
	}
	seen, err := b.Certificate(p.Request)
	if err != nil {
		return fmt.Errorf("%w: %w", err, postern.ErrBinding)
	}
	if subtle.ConstantTimeCompare([]byte(seen.Thumbprint), []byte(want)) != 1 {
		return fmt.Errorf("mtls: SHA-256 of the client certificate is %q, want %.64q as in the token's cnf: %w", seen.Thumbprint, want, postern.ErrBinding)
	}
	return nil
}

// ErrNoCertificate says that a request came without a client certificate.
var ErrNoCertificate = errors.New("no client certificate")

// Certificate is the certificate of which the sender of a request holds the key.
type Certificate struct {
	// Thumbprint (x5t#S256) is its SHA-256, in base64url: what a token can be bound to.
	Thumbprint string
	// X509 is the certificate, as its sender has made it: neither names, issuer nor dates have been checked. Nil when
	// a proxy has told its hash alone.
	X509 *x509.Certificate
	// Chain is what came with it over TLS to lead to its authority. A proxy tells none.
	Chain []*x509.Certificate
}

// Certificate returns the certificate with which a request came, for an authorization server that authenticates its
// clients by it, or binds tokens to it (RFC 8705 §2, §3). An error wraps ErrNoCertificate when there is none; any
// other says that a trusted proxy's header cannot be read.
func (b *Binding) Certificate(r *http.Request) (Certificate, error) {
	if !hops.Trusted(b.trustedProxies, r.RemoteAddr) {
		if r.TLS == nil || len(r.TLS.PeerCertificates) == 0 {
			return Certificate{}, fmt.Errorf("mtls: connection has %w", ErrNoCertificate)
		}
		certificates := r.TLS.PeerCertificates
		return Certificate{encode(sha256.Sum256(certificates[0].Raw)), certificates[0], certificates[1:]}, nil
	}
	values := r.Header.Values(b.header)
	switch {
	case len(values) == 0:
		return Certificate{}, fmt.Errorf("mtls: trusted proxy sent no header %s: %w", b.header, ErrNoCertificate)
	case len(values) > 1:
		return Certificate{}, fmt.Errorf("mtls: %d headers %s, want one", len(values), b.header)
	case len(values[0]) > maxHeader:
		return Certificate{}, fmt.Errorf("mtls: header %s has %d bytes, want at most %d", b.header, len(values[0]), maxHeader)
	}
	parse := parseClientCert
	if b.header == XFCC {
		parse = parseXFCC
	}
	sum, certificate, err := parse(values[0])
	if err != nil {
		return Certificate{}, fmt.Errorf("mtls: header %s: %w", b.header, err)
	}
	return Certificate{Thumbprint: encode(sum), X509: certificate}, nil
}

type thumbprint [sha256.Size]byte

func encode(sum thumbprint) string { return base64.RawURLEncoding.EncodeToString(sum[:]) }

package sender

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"time"

	"github.com/postern-auth/postern"
	"github.com/postern-auth/postern/mtls"
	"github.com/postern-auth/postern/server/internal/oauth"
	"github.com/postern-auth/postern/server/store"
)

// Certificates reads the TLS certificates of senders (RFC 8705). A nil one sees none. It is safe for concurrent use.
type Certificates struct {
	binding     *mtls.Binding
	authorities *x509.CertPool
	now         func() time.Time
}

// NewCertificates returns Certificates that come as the config of package mtls says. Names count in those that one of
// the authorities has signed; nil: no names count.
func NewCertificates(config mtls.Config, authorities *x509.CertPool, now func() time.Time) *Certificates {
	return &Certificates{mtls.New(config), authorities, now}
}

// ErrNoCertificate says that a request came without a certificate that can be read.
var ErrNoCertificate = errors.New("sender: no TLS client certificate")

// Of returns the certificate with which a request came. Errors wrap ErrNoCertificate.
func (c *Certificates) Of(r *http.Request) (mtls.Certificate, error) {
	if c == nil {
		return mtls.Certificate{}, ErrNoCertificate
	}
	certificate, err := c.binding.Certificate(r)
	if err != nil {
		return mtls.Certificate{}, fmt.Errorf("%w: %w", ErrNoCertificate, err)
	}
	return certificate, nil
}

// Confirmation returns what a token is bound to that only the sender of the request may use. Errors wrap
// ErrNoCertificate.
func (c *Certificates) Confirmation(r *http.Request) (oauth.Confirmation, error) {
	certificate, err := c.Of(r)
	if err != nil {
		return oauth.Confirmation{}, err
	}
	return oauth.Confirmation{Member: oauth.ConfirmationCertificate, Thumbprint: certificate.Thumbprint}, nil
}

// Binding returns that of a Guard in front of what the server serves. It must not be nil.
func (c *Certificates) Binding() postern.Binding { return c.binding }

// Methods returns the ways in which a client can prove itself by a certificate (RFC 8705 §2.1.1, §2.2.1).
func (c *Certificates) Methods() []string {
	switch {
	case c == nil:
		return nil
	case c.authorities == nil:
		return []string{oauth.MethodSelfSignedTLS}
	}
	return []string{oauth.MethodTLS, oauth.MethodSelfSignedTLS}
}

// Match returns nil when a certificate is one of those that a client has registered: the very same, which need not be
// signed by anybody else, or one that an authority has signed for the name.
func (c *Certificates) Match(got mtls.Certificate, registered []store.ClientCertificate) error {
	if len(registered) == 0 {
		return errors.New("the client has registered no certificate")
	}
	named := false
	for _, want := range registered {
		switch {
		case want.Thumbprint == (store.Digest{}):
			named = named || hasName(got.X509, want)
		case got.Thumbprint == base64.RawURLEncoding.EncodeToString(want.Thumbprint[:]):
			return nil
		}
	}
	if !named {
		return fmt.Errorf("certificate with x5t#S256 %q is none of those that the client has registered", got.Thumbprint)
	}
	return c.signed(got)
}

// hasName reports whether a certificate holds the name. A name is compared as a whole: nothing in a certificate is a
// pattern.
func hasName(got *x509.Certificate, want store.ClientCertificate) bool {
	if got == nil || want.Name == "" {
		return false
	}
	switch want.NameType {
	case store.SubjectName:
		return subject(got) == want.Name
	case store.DNSName:
		return slices.Contains(got.DNSNames, want.Name)
	case store.EmailName:
		return slices.Contains(got.EmailAddresses, want.Name)
	case store.URIName:
		for _, uri := range got.URIs {
			if uri.String() == want.Name {
				return true
			}
		}
	case store.IPName:
		for _, ip := range got.IPAddresses {
			if address, ok := netip.AddrFromSlice(ip); ok && address.Unmap().String() == want.Name {
				return true
			}
		}
	}
	return false
}

// subject returns the distinguished name as RFC 4514 writes it, in the order of the certificate.
func subject(certificate *x509.Certificate) string {
	var name pkix.RDNSequence
	if rest, err := asn1.Unmarshal(certificate.RawSubject, &name); err != nil || len(rest) > 0 {
		return ""
	}
	return name.String()
}

// signed checks that one of the authorities has signed a certificate, for clients and for now.
func (c *Certificates) signed(got mtls.Certificate) error {
	if c.authorities == nil {
		return errors.New("no authorities of client certificates are configured")
	}
	between := x509.NewCertPool()
	for _, certificate := range got.Chain {
		between.AddCert(certificate)
	}
	_, err := got.X509.Verify(x509.VerifyOptions{
		Roots: c.authorities, Intermediates: between, CurrentTime: c.now(), KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
	return err
}

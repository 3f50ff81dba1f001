package registry

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"github.com/postern-auth/postern/server/internal/secret"
	"github.com/postern-auth/postern/server/store"
)

// CreateClientCertificate has a certificate prove who its owner is, and returns its row.
func (r *Registry) CreateClientCertificate(ctx context.Context, c store.ClientCertificate) (store.ClientCertificate, error) {
	if err := r.keepsCredentials(ctx, c.Owner); err != nil {
		return c, err
	}
	if err := about("certificate", CertificateTitle(c), checkCertificate(c)); err != nil {
		return c, err
	}
	c.ID, c.CreatedAt = secret.NewID(), r.now
	err := r.put(ctx, object{"certificate", c.ID, CertificateTitle(c)}, false, ClientCertificateFields(store.ClientCertificate{}, c), func() error {
		return r.tx.CreateClientCertificate(ctx, c)
	})
	return c, err
}

// DeleteClientCertificate ends a certificate.
func (r *Registry) DeleteClientCertificate(ctx context.Context, c store.ClientCertificate) error {
	return r.remove(ctx, object{"certificate", c.ID, CertificateTitle(c)}, func() error { return r.tx.DeleteClientCertificate(ctx, c.ID) })
}

// CertificateTitle is what people call a certificate.
func CertificateTitle(c store.ClientCertificate) string {
	if c.Name != "" {
		return string(c.NameType) + " " + c.Name
	}
	return encodeThumbprint(c.Thumbprint)
}

func encodeThumbprint(d store.Digest) string {
	if d == (store.Digest{}) {
		return ""
	}
	return base64.RawURLEncoding.EncodeToString(d[:])
}

// ParseThumbprint reads the SHA-256 of a certificate: in base64url as x5t#S256 has it (RFC 8705 §3.1), or in
// hexadecimal, also with colons, as openssl x509 -fingerprint -sha256 prints it.
func ParseThumbprint(s string) (store.Digest, error) {
	for _, decode := range []func(string) ([]byte, error){base64.RawURLEncoding.Strict().DecodeString, hex.DecodeString} {
		bytes, err := decode(strings.ReplaceAll(s, ":", ""))
		if err == nil && len(bytes) == len(store.Digest{}) {
			return store.Digest(bytes), nil
		}
	}
	return store.Digest{}, fmt.Errorf("expected the SHA-256 of a certificate, 43 characters of base64url or 64 hexadecimal digits, got %.64q", s)
}

// CheckCertificateName admits the name that certificates of a client have (RFC 8705 §2.1.2). It is compared as a whole:
// nothing in it is a pattern.
func CheckCertificateName(kind store.CertificateName, name string) error {
	if err := CheckName(name); err != nil {
		return err
	}
	switch kind {
	case store.SubjectName:
		if !strings.Contains(name, "=") {
			return fmt.Errorf("expected a distinguished name such as CN=robot,O=Example, got %.64q", name)
		}
	case store.DNSName, store.EmailName, store.URIName:
		if strings.ContainsAny(name, "* ") {
			return fmt.Errorf("expected a name without spaces and wild cards, got %.64q", name)
		}
	case store.IPName:
		if ip, err := netip.ParseAddr(name); err != nil || ip.String() != name || ip.Zone() != "" {
			return fmt.Errorf("expected an IP address in its usual spelling, got %.64q", name)
		}
	default:
		return oneOf(string(kind), []store.CertificateName{store.SubjectName, store.DNSName, store.URIName, store.EmailName, store.IPName})
	}
	return nil
}

func checkCertificate(c store.ClientCertificate) error {
	switch {
	case (c.Thumbprint == store.Digest{}) == (c.Name == ""):
		return errors.New("expected either a thumbprint or a name")
	case c.Name == "":
		return nil
	}
	return CheckCertificateName(c.NameType, c.Name)
}

package mtls_test

import (
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"math/big"
	"net/url"
	"testing"
	"time"

	"github.com/postern-auth/postern"
)

// newCertificate returns a client certificate that signs itself, the same one for the same name: fuzzing
// runs in several processes.
func newCertificate(tb testing.TB, name string) tls.Certificate {
	tb.Helper()
	seed := sha256.Sum256([]byte(name))
	key := ed25519.NewKeyFromSeed(seed[:])
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: name},
		DNSNames:     []string{"client.example.com"},
		NotAfter:     time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC),
	}
	der, err := x509.CreateCertificate(nil, template, template, key.Public(), key)
	if err != nil {
		tb.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func der(c tls.Certificate) []byte { return c.Certificate[0] }

func x5t(c tls.Certificate) string {
	sum := sha256.Sum256(der(c))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

func boundTo(x5t string) *postern.Token {
	return postern.NewToken(postern.TokenData{Confirmation: map[string]string{"x5t#S256": x5t}})
}

// clientCert returns the value of RFC 9440.
func clientCert(der []byte) string { return ":" + base64.StdEncoding.EncodeToString(der) + ":" }

// hash returns the value of XFCC's Hash.
func hash(c tls.Certificate) string {
	sum := sha256.Sum256(der(c))
	return hex.EncodeToString(sum[:])
}

// cert returns the value of XFCC's Cert, as Envoy writes it.
func cert(blocks ...[]byte) string {
	var text []byte
	for _, der := range blocks {
		text = append(text, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	}
	return `"` + url.PathEscape(string(text)) + `"`
}

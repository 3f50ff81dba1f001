// Package localca is a certificate authority for one machine's own programs, so that what is developed
// over https is also developed offline.
//
//	ca, err := localca.Open(dir)
//	if err != nil {
//		return err
//	}
//	config := &tls.Config{GetCertificate: ca.Certificate}
//	fmt.Println("CA_FILE=" + ca.File())
//
// The authority can vouch for localhost, 127.0.0.1 and ::1 and for nothing else: its certificate says so
// (RFC 5280 §4.2.1.10), so that a stolen key opens no other site. It belongs into the variable CA_FILE of a
// program, never into a trust store.
package localca

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"
)

const (
	caLife   = 10 * 365 * 24 * time.Hour
	leafLife = 30 * 24 * time.Hour
	// renewBefore is how long before its end a certificate is replaced.
	renewBefore = 24 * time.Hour
)

// CA is a certificate authority. It is safe for concurrent use.
type CA struct {
	file string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey

	mu   sync.Mutex
	leaf *tls.Certificate
}

// Open returns the authority whose files are in the folder, making one when there is none or when it
// ends within a day. The folder must exist and belong to the caller alone.
func Open(dir string) (*CA, error) {
	file := filepath.Join(dir, "ca.pem")
	ca, err := read(file, filepath.Join(dir, "ca-key.pem"))
	if errors.Is(err, fs.ErrNotExist) || err == nil && time.Until(ca.cert.NotAfter) < renewBefore {
		return create(file, filepath.Join(dir, "ca-key.pem"))
	}
	return ca, err
}

// File returns the path of the authority's certificate in PEM, which is not a secret.
func (ca *CA) File() string { return ca.file }

// Certificate returns a certificate for the hosts that the authority vouches for. It is made for
// tls.Config.GetCertificate and lives in memory; a new one takes over before the old one ends.
func (ca *CA) Certificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	ca.mu.Lock()
	defer ca.mu.Unlock()
	if ca.leaf != nil && time.Until(ca.leaf.Leaf.NotAfter) > renewBefore {
		return ca.leaf, nil
	}
	leaf, err := ca.issue()
	if err == nil {
		ca.leaf = leaf
	}
	return leaf, err
}

func read(certFile, keyFile string) (*CA, error) {
	certPEM, err := os.ReadFile(certFile)
	if err != nil {
		return nil, fmt.Errorf("localca: %w", err)
	}
	keyPEM, err := os.ReadFile(keyFile)
	if err != nil {
		return nil, fmt.Errorf("localca: %w", err)
	}
	pair, err := tls.X509KeyPair(certPEM, keyPEM)
	if err != nil {
		return nil, fmt.Errorf("localca: %s and %s are not a certificate and its key; remove both to have new ones made", certFile, keyFile)
	}
	key, ok := pair.PrivateKey.(*ecdsa.PrivateKey)
	if !ok || !pair.Leaf.IsCA {
		return nil, fmt.Errorf("localca: %s is not a certificate authority that Postern made; remove it and %s to have new ones made", certFile, keyFile)
	}
	return &CA{file: certFile, cert: pair.Leaf, key: key}, nil
}

func create(certFile, keyFile string) (*CA, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("localca: %w", err)
	}
	template := &x509.Certificate{
		Subject:               pkix.Name{CommonName: "Postern development CA (this machine only)"},
		NotBefore:             time.Now().Add(-time.Minute),
		NotAfter:              time.Now().Add(caLife),
		KeyUsage:              x509.KeyUsageCertSign,
		BasicConstraintsValid: true,
		IsCA:                  true,
		MaxPathLenZero:        true,

		PermittedDNSDomainsCritical: true,
		PermittedDNSDomains:         []string{"localhost"},
		PermittedIPRanges: []*net.IPNet{
			{IP: net.IPv4(127, 0, 0, 1).To4(), Mask: net.CIDRMask(32, 32)},
			{IP: net.IPv6loopback, Mask: net.CIDRMask(128, 128)},
		},
	}
	cert, der, err := sign(template, template, key, key)
	if err != nil {
		return nil, err
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("localca: %w", err)
	}
	// The key first: a certificate without its key would look finished and be of no use.
	if err := writePEM(keyFile, "PRIVATE KEY", keyDER); err != nil {
		return nil, err
	}
	if err := writePEM(certFile, "CERTIFICATE", der); err != nil {
		return nil, err
	}
	return &CA{file: certFile, cert: cert, key: key}, nil
}

func (ca *CA) issue() (*tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("localca: %w", err)
	}
	template := &x509.Certificate{
		Subject:     pkix.Name{CommonName: "localhost"},
		NotBefore:   time.Now().Add(-time.Minute),
		NotAfter:    time.Now().Add(leafLife),
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames:    []string{"localhost"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
	}
	cert, der, err := sign(template, ca.cert, key, ca.key)
	if err != nil {
		return nil, err
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: cert}, nil
}

func sign(template, parent *x509.Certificate, key, parentKey *ecdsa.PrivateKey) (*x509.Certificate, []byte, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, nil, fmt.Errorf("localca: %w", err)
	}
	template.SerialNumber = serial
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), parentKey)
	if err != nil {
		return nil, nil, fmt.Errorf("localca: %w", err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, nil, fmt.Errorf("localca: %w", err)
	}
	return cert, der, nil
}

func writePEM(path, block string, der []byte) error {
	text := pem.EncodeToMemory(&pem.Block{Type: block, Bytes: der})
	if err := os.WriteFile(path, text, 0o600); err != nil {
		return fmt.Errorf("localca: %w", err)
	}
	return nil
}

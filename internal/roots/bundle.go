package roots

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// systemFiles are where systems keep their roots in one file of PEM, the usual place first.
var systemFiles = []string{
	"/etc/ssl/certs/ca-certificates.crt",                // Debian, Ubuntu, Alpine, Arch, Gentoo
	"/etc/pki/tls/certs/ca-bundle.crt",                  // Fedora, RHEL
	"/etc/ssl/ca-bundle.pem",                            // openSUSE
	"/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", // CentOS
	"/etc/pki/tls/cacert.pem",
	"/etc/ssl/cert.pem", // macOS, the BSDs
	"/usr/local/etc/ssl/cert.pem",
}

// bundleVariables name files that a user's shell may trust instead of the system's roots.
var bundleVariables = []string{"SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"}

// Bundle returns, in PEM, the certificates of the file own, those of the system, and those that the shell
// trusts already by SSL_CERT_FILE, REQUESTS_CA_BUNDLE and CURL_CA_BUNDLE, each once. It is for programs in
// other languages, to which such a variable names all that they trust: with own alone they would reach
// nothing else any more.
//
// The second result says what could not be had, in words for the user, or is empty. The file that the bundle
// is to be written to is path: a shell that names it already adds nothing.
func Bundle(getenv func(string) string, own, path string) ([]byte, string, error) {
	b := bundle{seen: make(map[string]bool)}
	if n, err := b.add(own); err != nil {
		return nil, "", fmt.Errorf("roots: %w", err)
	} else if n == 0 {
		return nil, "", fmt.Errorf("roots: %s holds no certificate, want one or more in PEM", own)
	}
	system := slices.ContainsFunc(systemFiles, func(name string) bool {
		n, _ := b.add(name)
		return n > 0
	})
	var lacking []string
	if !system {
		lacking = append(lacking, "no readable file with the system's roots, such as "+systemFiles[0])
	}
	for _, variable := range bundleVariables {
		name := getenv(variable)
		if name == "" || sameFile(name, path) || sameFile(name, own) {
			continue
		}
		if n, err := b.add(name); err != nil {
			lacking = append(lacking, fmt.Sprintf("%s: %v", variable, err))
		} else if n == 0 {
			lacking = append(lacking, fmt.Sprintf("%s: %s holds no certificate", variable, name))
		}
	}
	return b.text.Bytes(), strings.Join(lacking, "; "), nil
}

func sameFile(a, b string) bool {
	x, err := os.Stat(a)
	if err != nil {
		return filepath.Clean(a) == filepath.Clean(b)
	}
	y, err := os.Stat(b)
	return err == nil && os.SameFile(x, y)
}

type bundle struct {
	text bytes.Buffer
	seen map[string]bool // by DER
}

// add adds the certificates of a file and returns how many it holds. What is not a certificate stays out.
func (b *bundle) add(name string) (n int, err error) {
	rest, err := os.ReadFile(name)
	if err != nil {
		return 0, err
	}
	for {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			return n, nil
		}
		if block.Type != "CERTIFICATE" {
			continue
		}
		if _, err := x509.ParseCertificate(block.Bytes); err != nil {
			continue
		}
		n++
		if !b.seen[string(block.Bytes)] {
			b.seen[string(block.Bytes)] = true
			block.Headers = nil
			if err := pem.Encode(&b.text, block); err != nil {
				return n, err
			}
		}
	}
}

// Package roots decides which certificate authorities our programs trust: the system's, and beside them
// those in the files that CA_FILE and SSL_CERT_FILE name.
//
//	client, err := roots.Client(getenv)
//	if err != nil {
//		return err // names the variable and the file
//	}
//	verifier, err := jwt.NewVerifier(jwt.Config{Issuer: issuer, Audience: audience, HTTPClient: client})
//
// The standard library looks at SSL_CERT_FILE on some systems and not on others; here it counts on all.
// So an issuer with a certificate of its own making is trusted by one program for as long as it runs, and
// nobody need touch the system's store.
package roots

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"os"
)

// variables name the files that Pool adds.
var variables = [...]string{"CA_FILE", "SSL_CERT_FILE"}

// Pool returns the system's roots together with the certificates of the PEM files that CA_FILE and
// SSL_CERT_FILE name. A file that cannot be read or holds no certificate is an error, never passed over:
// the calls that need it would fail later with a reason that is harder to find.
func Pool(getenv func(string) string) (*x509.CertPool, error) {
	var files [][]byte
	for _, variable := range variables {
		path := getenv(variable)
		if path == "" {
			continue
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("roots: %s: %w", variable, err)
		}
		if !x509.NewCertPool().AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("roots: %s: %s holds no certificate, want one or more in PEM", variable, path)
		}
		files = append(files, text)
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		return nil, fmt.Errorf("roots: certificates of the system: %w", err)
	}
	for _, text := range files {
		pool.AppendCertsFromPEM(text)
	}
	return pool, nil
}

// Client returns an http.Client that trusts the certificates of Pool and otherwise works like
// http.DefaultClient, with connections of its own.
func Client(getenv func(string) string) (*http.Client, error) {
	pool, err := Pool(getenv)
	if err != nil {
		return nil, err
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	return &http.Client{Transport: transport}, nil
}

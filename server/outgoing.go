package server

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"

	"github.com/postern-auth/postern/internal/fetch"
)

// Outgoing says how the server calls the URLs of applications: documents in which they describe themselves, and
// addresses that are told of logouts. The zero value is the safe default: https, and for what no operator has written
// public addresses alone.
type Outgoing struct {
	// Roots verify the certificates of who is called. Default: the system's.
	Roots *x509.CertPool
	// InsecureLoopback lets loopback addresses be called too, also by http. It is for development: whoever names a URL
	// reaches the programs of this machine.
	InsecureLoopback bool
}

// strangers returns the client for URLs that anybody may have written.
func (o Outgoing) strangers() *fetch.Client {
	return fetch.NewUntrusted(fetch.Untrusted{Roots: o.Roots, InsecureLoopback: o.InsecureLoopback})
}

// operator returns the client for URLs that an operator has written: any address may be called.
func (o Outgoing) operator() *fetch.Client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = &tls.Config{RootCAs: o.Roots, MinVersion: tls.VersionTLS12}
	return fetch.New(&http.Client{Transport: transport})
}

package mtls_test

import (
	"crypto/tls"
	"log"
	"net/http"
	"net/netip"

	"github.com/postern-auth/postern"
	"github.com/postern-auth/postern/mtls"
)

func ExampleNew() {
	var verifier postern.Verifier // such as jwt.NewVerifier returns
	guard := &postern.Guard{
		Verifier: verifier,
		Bindings: []postern.Binding{mtls.New(mtls.Config{})},
	}
	server := &http.Server{
		Handler:   guard.Require()(http.NotFoundHandler()),
		TLSConfig: &tls.Config{ClientAuth: tls.RequestClientCert},
	}
	log.Fatal(server.ListenAndServeTLS("server.crt", "server.key"))
}

func ExampleConfig() {
	// Envoy at these addresses ends TLS.
	mtls.New(mtls.Config{
		Header:         mtls.XFCC,
		TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/24")},
	})
}

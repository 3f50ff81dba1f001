package mtls_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"

	"github.com/postern-auth/postern"
	"github.com/postern-auth/postern/mtls"
)

const rawToken = "a-token-that-is-bound"

func parsed(c tls.Certificate) ([]*x509.Certificate, error) {
	leaf, err := x509.ParseCertificate(der(c))
	return []*x509.Certificate{leaf}, err
}

// verifier knows one token.
type verifier struct{ token *postern.Token }

func (v verifier) Verify(context.Context, string) (*postern.Token, error) { return v.token, nil }

// never is a Binding for jkt that no request satisfies.
type never struct{}

func (never) Member() string { return "jkt" }

func (never) Check(context.Context, postern.Presentation, *postern.Token) error {
	return errors.Join(postern.ErrProof)
}

// serve starts an API over TLS that asks for certificates.
func serve(t *testing.T, token *postern.Token, bindings ...postern.Binding) *httptest.Server {
	t.Helper()
	guard := &postern.Guard{Verifier: verifier{token}, Bindings: bindings}
	server := httptest.NewUnstartedServer(guard.Require(postern.SenderConstrained())(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})))
	server.TLS = &tls.Config{ClientAuth: tls.RequestClientCert}
	server.StartTLS()
	t.Cleanup(server.Close)
	return server
}

// call makes a request with the certificates over a connection of its own.
func call(t *testing.T, server *httptest.Server, scheme string, header http.Header, certificates ...tls.Certificate) (status int, challenge string) {
	t.Helper()
	transport := server.Client().Transport.(*http.Transport).Clone()
	transport.TLSClientConfig.Certificates = certificates
	defer transport.CloseIdleConnections()
	r, err := http.NewRequest("GET", server.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, values := range header {
		r.Header[name] = values
	}
	r.Header.Set("Authorization", scheme+" "+rawToken)
	response, err := (&http.Client{Transport: transport}).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	return response.StatusCode, response.Header.Get("WWW-Authenticate")
}

func TestP4_ABoundTokenPassesWithItsCertificateAlone(t *testing.T) {
	ours, other := newCertificate(t, "ours"), newCertificate(t, "other")
	loopback := []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}
	plain := mtls.New(mtls.Config{})
	byHeader := mtls.New(mtls.Config{Header: mtls.XFCC, TrustedProxies: loopback})
	foreign := mtls.New(mtls.Config{Header: mtls.XFCC, TrustedProxies: proxies})
	forged := http.Header{mtls.XFCC: {"Hash=" + hash(ours)}, mtls.ClientCert: {clientCert(der(ours))}}
	both := postern.NewToken(postern.TokenData{Confirmation: map[string]string{"x5t#S256": x5t(ours), "jkt": "k"}})
	bound := boundTo(x5t(ours))
	const mismatch = `Bearer error="invalid_token", error_description="The access token is bound to its sender, and the request does not prove to come from there."`
	rows := []struct {
		name         string
		token        *postern.Token
		bindings     []postern.Binding
		scheme       string
		header       http.Header
		certificates []tls.Certificate
		status       int
		challenge    string
	}{
		{"with its certificate", bound, []postern.Binding{plain}, "Bearer", nil, []tls.Certificate{ours}, 200, ""},
		{"with another certificate", bound, []postern.Binding{plain}, "Bearer", nil, []tls.Certificate{other}, 401, mismatch},
		{"with no certificate", bound, []postern.Binding{plain}, "Bearer", nil, nil, 401, mismatch},
		{"with headers that nobody asked for", bound, []postern.Binding{plain}, "Bearer", forged, nil, 401, mismatch},
		{"with headers from no trusted proxy", bound, []postern.Binding{foreign}, "Bearer", forged, nil, 401, mismatch},
		{"with headers from no trusted proxy, and another certificate", bound, []postern.Binding{foreign}, "Bearer", forged, []tls.Certificate{other}, 401, mismatch},
		{"with the header of a trusted proxy", bound, []postern.Binding{byHeader}, "Bearer", forged, nil, 200, ""},
		{"with the proxy's own certificate", bound, []postern.Binding{byHeader}, "Bearer", nil, []tls.Certificate{ours}, 401, mismatch},
		{"where nobody knows bindings", bound, nil, "Bearer", nil, []tls.Certificate{ours}, 401, mismatch},
		{"under scheme DPoP", bound, []postern.Binding{plain}, "DPoP", nil, []tls.Certificate{ours}, 401, mismatch},
		{"bound to a key as well, and that binding is not there", both, []postern.Binding{plain}, "DPoP", nil, []tls.Certificate{ours}, 401, mismatch},
		{"bound to a key as well, and that proof fails", both, []postern.Binding{plain, never{}}, "DPoP", nil, []tls.Certificate{ours}, 401,
			`DPoP error="invalid_dpop_proof", error_description="The DPoP proof does not hold."`},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			status, challenge := call(t, serve(t, row.token, row.bindings...), row.scheme, row.header, row.certificates...)
			if status != row.status || challenge != row.challenge {
				t.Errorf("%d %q, want %d %q", status, challenge, row.status, row.challenge)
			}
		})
	}
}

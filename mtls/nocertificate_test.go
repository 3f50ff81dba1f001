package mtls_test

import (
	"crypto/tls"
	"slices"
	"testing"

	"github.com/postern-auth/postern/mtls"
)

// A hash that fits is not enough: what a proxy reports must be a certificate, or it saw no TLS client.
func TestP4_BytesThatAreNoCertificateBindNothing(t *testing.T) {
	ours := der(newCertificate(t, "ours"))
	for _, row := range []struct {
		name   string
		bytes  []byte
		passes bool
	}{
		{"a certificate", ours, true},
		{"text", []byte("client"), false},
		{"a certificate and a byte", append(slices.Clone(ours), 0), false},
		{"two certificates", append(slices.Clone(ours), der(newCertificate(t, "other"))...), false},
		{"a certificate that is cut off", ours[:len(ours)-1], false},
	} {
		bound := tls.Certificate{Certificate: [][]byte{row.bytes}}
		t.Run(row.name+", Client-Cert", func(t *testing.T) {
			config := mtls.Config{Header: mtls.ClientCert, TrustedProxies: proxies}
			checkError(t, check(t, config, proxy, bound, clientCert(row.bytes)), row.passes)
		})
		t.Run(row.name+", XFCC", func(t *testing.T) {
			config := mtls.Config{Header: mtls.XFCC, TrustedProxies: proxies}
			checkError(t, check(t, config, proxy, bound, "Cert="+cert(row.bytes)), row.passes)
		})
	}
}

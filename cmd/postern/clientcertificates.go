package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/netip"
	"os"

	"github.com/postern-auth/postern/server"
	"github.com/spf13/pflag"
)

// certificateFlags say how the server learns the TLS certificates of its clients.
type certificateFlags struct {
	seen        bool
	authorities string
	header      string
	proxies     []string
}

func (f *certificateFlags) add(flags *pflag.FlagSet) {
	flags.BoolVar(&f.seen, "client-certificates", false, "ask TLS clients for a certificate, by which they prove who they are and to which tokens are bound; browsers that have some ask their people which to show")
	flags.StringVar(&f.authorities, "client-ca", "", "`file` in PEM with the authorities of client certificates that are known by a name; without it each client registers its own certificate")
	flags.StringVar(&f.header, "client-certificate-header", "", "take client certificates from a proxy's header: the `name` Client-Cert or X-Forwarded-Client-Cert")
	flags.StringArrayVar(&f.proxies, "client-certificate-proxy", nil, "`address` or network, such as 10.0.0.0/24, of a proxy that sets the header and deletes that of clients; may be given again")
}

// config returns nil when no certificates are seen.
func (f *certificateFlags) config(listener *tls.Config) (*server.ClientCertificates, error) {
	switch {
	case f.seen && f.header != "":
		return nil, usage("--client-certificates and --client-certificate-header contradict each other: either the server ends TLS, or a proxy does")
	case (f.header == "") != (len(f.proxies) == 0):
		return nil, usage("--client-certificate-header and --client-certificate-proxy go together")
	case f.seen && listener == nil:
		return nil, usage("--client-certificates needs --tls-cert and --tls-key; behind a proxy that ends TLS give --client-certificate-header")
	case !f.seen && f.header == "" && f.authorities != "":
		return nil, usage("--client-ca needs --client-certificates, or --client-certificate-header")
	case !f.seen && f.header == "":
		return nil, nil
	}
	config := &server.ClientCertificates{Header: f.header}
	for _, text := range f.proxies {
		network, err := parseNetwork(text)
		if err != nil {
			return nil, usage("--client-certificate-proxy: expected an address, or a network such as 10.0.0.0/24, got %q", text)
		}
		config.TrustedProxies = append(config.TrustedProxies, network)
	}
	if f.authorities != "" {
		text, err := os.ReadFile(f.authorities)
		if err != nil {
			return nil, fmt.Errorf("--client-ca: %w", err)
		}
		config.Authorities = x509.NewCertPool()
		if !config.Authorities.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("--client-ca: expected certificates in PEM in %s, found none", f.authorities)
		}
	}
	if f.seen {
		listener.ClientAuth = tls.RequestClientCert // what it proves is for the server to say
	}
	return config, nil
}

func parseNetwork(text string) (netip.Prefix, error) {
	if address, err := netip.ParseAddr(text); err == nil {
		return netip.PrefixFrom(address, address.BitLen()), nil
	}
	return netip.ParsePrefix(text)
}

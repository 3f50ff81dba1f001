package main

import (
	"crypto/tls"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestCertificateFlagsThatContradictEachOther(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	proxies := []string{"10.0.0.0/24"}
	for name, row := range map[string]struct {
		flags    certificateFlags
		listener *tls.Config
		want     string
	}{
		"both ways":                   {certificateFlags{seen: true, header: "Client-Cert", proxies: proxies}, new(tls.Config), "contradict each other"},
		"a header from everybody":     {certificateFlags{header: "Client-Cert"}, nil, "go together"},
		"proxies without a header":    {certificateFlags{proxies: proxies}, nil, "go together"},
		"without TLS":                 {certificateFlags{seen: true}, nil, "needs --tls-cert"},
		"authorities of nothing":      {certificateFlags{authorities: empty}, new(tls.Config), "--client-ca needs"},
		"a name for a proxy":          {certificateFlags{header: "Client-Cert", proxies: []string{"proxy"}}, nil, `got "proxy"`},
		"a file without certificates": {certificateFlags{seen: true, authorities: empty}, new(tls.Config), "expected certificates in PEM"},
		"a file that is not there":    {certificateFlags{seen: true, authorities: empty + "x"}, new(tls.Config), "--client-ca"},
	} {
		config, err := row.flags.config(row.listener)
		if config != nil || err == nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%s: got %v, %v", name, config, err)
		}
	}
}

func TestCertificateFlags(t *testing.T) {
	if config, err := new(certificateFlags).config(new(tls.Config)); config != nil || err != nil {
		t.Errorf("without flags: %v, %v", config, err)
	}
	listener := new(tls.Config)
	if config, err := (&certificateFlags{seen: true}).config(listener); config == nil || err != nil || listener.ClientAuth != tls.RequestClientCert {
		t.Errorf("over TLS: %v, %v, %v", config, err, listener.ClientAuth)
	}
	config, err := (&certificateFlags{header: "Client-Cert", proxies: []string{"10.0.0.1", "fd00::/8"}}).config(nil)
	if err != nil || len(config.TrustedProxies) != 2 || config.TrustedProxies[0].String() != "10.0.0.1/32" {
		t.Errorf("behind a proxy: %v, %v", config, err)
	}
}

package localca

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestCertificateIsTrustedByWhoTrustsTheAuthority(t *testing.T) {
	ca := open(t, t.TempDir())
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{GetCertificate: ca.Certificate})
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.NotFoundHandler(), ErrorLog: log.New(io.Discard, "", 0)}
	go server.Serve(listener)
	defer server.Close()
	_, port, _ := net.SplitHostPort(listener.Addr().String())

	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool(t, ca)}}}
	for _, host := range []string{"localhost", "127.0.0.1"} {
		response, err := client.Get("https://" + host + ":" + port)
		if err != nil {
			t.Errorf("%s: %v", host, err)
			continue
		}
		response.Body.Close()
	}
	if _, err := http.Get("https://localhost:" + port); err == nil {
		t.Error("a client that does not trust the authority got through")
	}
}

func TestAuthorityVouchesForThisMachineOnly(t *testing.T) {
	ca := open(t, t.TempDir())
	for _, host := range []string{"example.com", "10.0.0.1", "127.0.0.2"} {
		template, err := ca.issue()
		if err != nil {
			t.Fatal(err)
		}
		forged := *template.Leaf
		forged.DNSNames, forged.IPAddresses = nil, nil
		if ip := net.ParseIP(host); ip != nil {
			forged.IPAddresses = []net.IP{ip}
		} else {
			forged.DNSNames = []string{host}
		}
		cert, _, err := sign(&forged, ca.cert, ca.key, ca.key)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := cert.Verify(x509.VerifyOptions{Roots: pool(t, ca), DNSName: host}); err == nil {
			t.Errorf("a certificate for %s verifies", host)
		}
	}
}

func TestSecondOpenReturnsTheSameAuthority(t *testing.T) {
	dir := t.TempDir()
	first := open(t, dir)
	if second := open(t, dir); !first.cert.Equal(second.cert) {
		t.Error("a second Open made another authority")
	}
	for _, name := range []string{"ca.pem", "ca-key.pem"} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %o, want 600", name, info.Mode().Perm())
		}
	}
}

func TestBrokenFilesAreNamed(t *testing.T) {
	dir := t.TempDir()
	open(t, dir)
	if err := os.WriteFile(filepath.Join(dir, "ca-key.pem"), []byte("junk"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Open(dir)
	if err == nil || !strings.Contains(err.Error(), "ca-key.pem") || !strings.Contains(err.Error(), "remove both") {
		t.Errorf("Open says %v, want the file's name and what to do", err)
	}
}

func open(t *testing.T, dir string) *CA {
	t.Helper()
	ca, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return ca
}

func pool(t *testing.T, ca *CA) *x509.CertPool {
	t.Helper()
	text, err := os.ReadFile(ca.File())
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		t.Fatal("ca.pem holds no certificate")
	}
	return pool
}

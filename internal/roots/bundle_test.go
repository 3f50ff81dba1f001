package roots

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/postern-auth/postern/internal/localca"
)

// authority returns a certificate authority's file.
func authority(t *testing.T) string {
	t.Helper()
	ca, err := localca.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return ca.File()
}

func certificates(t *testing.T, text []byte) map[string]int {
	t.Helper()
	all := map[string]int{}
	for {
		var block *pem.Block
		if block, text = pem.Decode(text); block == nil {
			return all
		}
		if block.Type != "CERTIFICATE" {
			t.Errorf("a block of type %s", block.Type)
		}
		all[string(block.Bytes)]++
	}
}

func content(t *testing.T, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func setSystemFiles(t *testing.T, files ...string) {
	t.Helper()
	before := systemFiles
	systemFiles = files
	t.Cleanup(func() { systemFiles = before })
}

func TestFindingD4_BundleHoldsTheSystemsRootsAndOurs(t *testing.T) {
	own, first, second, shell := authority(t), authority(t), authority(t), authority(t)
	system := write(t, bytes.Join([][]byte{
		[]byte("# a comment\n"), content(t, first), content(t, second), content(t, first),
		[]byte("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
		[]byte("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"),
	}, nil))
	empty := write(t, []byte("nothing here\n"))
	absent := filepath.Join(t.TempDir(), "absent")
	written := filepath.Join(t.TempDir(), "ca-bundle.pem")
	tests := []struct {
		name    string
		system  []string
		env     map[string]string
		want    []string
		lacking string
	}{
		{"the usual place", []string{system}, nil, []string{own, first, second}, ""},
		{"another place, the usual one absent or empty", []string{absent, empty, system}, nil, []string{own, first, second}, ""},
		{"a file that the shell trusts beside", []string{system}, map[string]string{"REQUESTS_CA_BUNDLE": shell}, []string{own, first, second, shell}, ""},
		{"a shell that trusts ours already", []string{system}, map[string]string{"SSL_CERT_FILE": own, "CURL_CA_BUNDLE": written}, []string{own, first, second}, ""},
		{"no system's roots", []string{absent}, nil, []string{own}, "no readable file with the system's roots, such as " + absent},
		{"a shell's file that is absent", []string{system}, map[string]string{"SSL_CERT_FILE": absent}, []string{own, first, second}, "SSL_CERT_FILE: open " + absent + ": no such file or directory"},
		{"a shell's file without certificates", []string{system}, map[string]string{"CURL_CA_BUNDLE": empty}, []string{own, first, second}, "CURL_CA_BUNDLE: " + empty + " holds no certificate"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			setSystemFiles(t, test.system...)
			text, lacking, err := Bundle(lookup(test.env), own, written)
			if err != nil {
				t.Fatal(err)
			}
			if lacking != test.lacking {
				t.Errorf("lacking %q, want %q", lacking, test.lacking)
			}
			got := certificates(t, text)
			for _, path := range test.want {
				block, _ := pem.Decode(content(t, path))
				if got[string(block.Bytes)] != 1 {
					t.Errorf("%s is there %d times, want once", path, got[string(block.Bytes)])
				}
			}
			if len(got) != len(test.want) {
				t.Errorf("%d certificates, want %d", len(got), len(test.want))
			}
		})
	}
}

// A program that is given the bundle trusts what the system trusts: here, a server with a root of the system.
func TestBundleIsTakenByAVerifier(t *testing.T) {
	server := httptest.NewTLSServer(nil)
	defer server.Close()
	setSystemFiles(t, write(t, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})))
	text, _, err := Bundle(lookup(nil), authority(t), "")
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		t.Fatal("the bundle holds nothing")
	}
	if _, err := server.Certificate().Verify(x509.VerifyOptions{Roots: pool, DNSName: "example.com"}); err != nil {
		t.Error(err)
	}
}

func TestBundleWithoutAFileOfOursIsAnError(t *testing.T) {
	if _, _, err := Bundle(lookup(nil), filepath.Join(t.TempDir(), "none"), ""); err == nil || !strings.HasPrefix(err.Error(), "roots: ") {
		t.Errorf("error is %v", err)
	}
}

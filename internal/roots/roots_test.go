package roots

import (
	"crypto/tls"
	"encoding/pem"
	"errors"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
)

func write(t *testing.T, text []byte) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func lookup(variables map[string]string) func(string) string {
	return func(name string) string { return variables[name] }
}

func TestFilesThatHoldNoRoots(t *testing.T) {
	tests := []struct {
		name string
		text []byte
	}{
		{"an empty file", nil},
		{"a file that is not PEM", []byte("hello")},
		{"a certificate in DER", []byte{0x30, 0x03, 0x02, 0x01, 0x01}},
		{"a private key", []byte("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")},
		{"a certificate that is not one", []byte("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")},
	}
	for _, variable := range variables {
		for _, test := range tests {
			t.Run(variable+" is "+test.name, func(t *testing.T) {
				path := write(t, test.text)
				_, err := Client(lookup(map[string]string{variable: path}))
				want := "roots: " + variable + ": " + path + " holds no certificate, want one or more in PEM"
				if err == nil || err.Error() != want {
					t.Errorf("got  %v\nwant %s", err, want)
				}
			})
		}
		t.Run(variable+" is not there", func(t *testing.T) {
			_, err := Client(lookup(map[string]string{variable: filepath.Join(t.TempDir(), "none")}))
			if !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("got %v, want fs.ErrNotExist", err)
			}
		})
	}
}

func TestClientTrustsTheFiles(t *testing.T) {
	server := httptest.NewTLSServer(http.NotFoundHandler())
	defer server.Close()
	path := write(t, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}))
	for _, variable := range variables {
		client, err := Client(lookup(map[string]string{variable: path}))
		if err != nil {
			t.Fatal(err)
		}
		answer, err := client.Get(server.URL)
		if err != nil {
			t.Fatalf("%s: %v", variable, err)
		}
		answer.Body.Close()
	}
	client, err := Client(lookup(nil))
	if err != nil {
		t.Fatal(err)
	}
	_, err = client.Get(server.URL)
	var unknown *tls.CertificateVerificationError
	if !errors.As(err, &unknown) {
		t.Errorf("without the file: got %v, want a verification error", err)
	}
}

func TestSystemRootsStay(t *testing.T) {
	server := httptest.NewTLSServer(nil)
	defer server.Close()
	path := write(t, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}))
	system, err := Pool(lookup(nil))
	if err != nil {
		t.Fatal(err)
	}
	both, err := Pool(lookup(map[string]string{"CA_FILE": path}))
	if err != nil {
		t.Fatal(err)
	}
	if system.Equal(both) {
		t.Fatal("the file added nothing")
	}
	system.AddCert(server.Certificate())
	if !system.Equal(both) {
		t.Error("the pool is not the system's roots and the file's")
	}
}

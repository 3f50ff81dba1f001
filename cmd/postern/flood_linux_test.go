package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// flooded is a "postern serve" over TLS in a process of its own, and those who stall at it.
type flooded struct {
	*served
	address string
	config  *tls.Config
	honest  *http.Client
	strangers
}

// strangers are what is to be closed when the flood is over.
type strangers struct {
	mu    sync.Mutex
	close []func()
	open  int // connections that were made
}

func (s *strangers) add(close func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.close = append(s.close, close)
	s.open++
}

func (s *strangers) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, close := range s.close {
		close()
	}
	s.close = nil
}

// certify writes a certificate for 127.0.0.1 and its key, and returns what trusts it.
func certify(t *testing.T, dir string) *tls.Config {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	key, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	for name, text := range map[string][]byte{"cert.pem": certificate, "key.pem": pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(certificate)
	return &tls.Config{RootCAs: pool}
}

func startFlooded(t *testing.T) *flooded {
	t.Helper()
	dir := t.TempDir()
	config := certify(t, dir)
	program := filepath.Join(dir, "postern")
	if out, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	document := filepath.Join(dir, "setup.yaml")
	if err := os.WriteFile(document, []byte(killDocument), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(program, "apply", "--data", filepath.Join(dir, "data"), "-f", document).CombinedOutput(); err != nil {
		t.Fatalf("apply: %v\n%s", err, out)
	}
	address := freeAddress(t)
	s := &served{t: t, dir: dir, url: "https://" + address}
	s.start(exec.Command(program, "serve", "--data", filepath.Join(dir, "data"), "--issuer", s.url, "--listen", address,
		"--tls-cert", filepath.Join(dir, "cert.pem"), "--tls-key", filepath.Join(dir, "key.pem")))
	f := &flooded{served: s, address: address, config: config}
	f.honest = &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{TLSClientConfig: config, ForceAttemptHTTP2: true}}
	t.Cleanup(f.leave)
	return f
}

// memory returns a line of the server's /proc/…/status in MB: VmRSS, or VmHWM for the most there was.
func (s *served) memory(name string) int {
	s.t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.proc.Process.Pid))
	if err != nil {
		s.t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), name+":")
	var kilobytes int
	if _, err := fmt.Sscan(rest, &kilobytes); err != nil {
		s.t.Fatal(err)
	}
	return kilobytes >> 10
}

// ask gets a token so many times and returns how long each took, sorted, and how many were refused.
func (f *flooded) ask(times int) (took []time.Duration, refused int) {
	f.t.Helper()
	secret := f.secret("robot-secret")
	for range times {
		r, err := http.NewRequest(http.MethodPost, f.url+"/oauth/v2/token", strings.NewReader("grant_type=client_credentials"))
		if err != nil {
			f.t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.SetBasicAuth("robot", secret)
		began := time.Now()
		answer, err := f.honest.Do(r)
		took = append(took, time.Since(began))
		if err != nil || answer.StatusCode != http.StatusOK {
			f.t.Logf("refused: %v %v", answer, err)
			refused++
		}
		if err == nil {
			io.Copy(io.Discard, answer.Body)
			answer.Body.Close()
		}
	}
	slices.Sort(took)
	return took, refused
}

func p99(took []time.Duration) time.Duration { return took[len(took)*99/100] }

// stall is nearly all of a body of the greatest length.
var stall = "client_assertion=" + strings.Repeat("a", 63<<10)

// stalled is a body that does not end until its request does.
type stalled struct {
	io.Reader
	ctx context.Context
}

func (s *stalled) Read(p []byte) (int, error) {
	n, err := s.Reader.Read(p)
	if err == io.EOF {
		<-s.ctx.Done()
		err = s.ctx.Err()
	}
	return n, err
}

// overHTTP2 makes connections with so many requests each.
func (f *flooded) overHTTP2(connections, requests int) {
	for range connections {
		transport := &http.Transport{TLSClientConfig: f.config.Clone(), ForceAttemptHTTP2: true, MaxConnsPerHost: 1}
		ctx, cancel := context.WithCancel(context.Background())
		f.add(func() { cancel(); transport.CloseIdleConnections() })
		for range requests {
			r, err := http.NewRequestWithContext(ctx, http.MethodPost, f.url+"/oauth/v2/token", &stalled{strings.NewReader(stall), ctx})
			if err != nil {
				f.t.Fatal(err)
			}
			r.ContentLength = 64 << 10
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			go transport.RoundTrip(r)
		}
	}
}

// overHTTP1 makes so many connections with a request each, and returns when all were tried.
func (f *flooded) overHTTP1(connections int) {
	var wg sync.WaitGroup
	turns := make(chan struct{}, 64)
	config := f.config.Clone()
	config.ServerName, config.ClientSessionCache = "127.0.0.1", tls.NewLRUClientSessionCache(4)
	for range connections {
		turns <- struct{}{}
		wg.Go(func() {
			defer func() { <-turns }()
			c, err := tls.DialWithDialer(&net.Dialer{Timeout: 10 * time.Second}, "tcp", f.address, config)
			if err != nil {
				return
			}
			f.add(func() { c.Close() })
			fmt.Fprintf(c, "POST /oauth/v2/token HTTP/1.1\r\nHost: %s\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 65536\r\n\r\n%s", f.address, stall)
		})
	}
	wg.Wait()
}

// flood floods a server and returns how long honest requests take before, meanwhile and afterwards.
func flood(t *testing.T, http2, http1 int) (before, meanwhile, after time.Duration) {
	const honest = 300
	f := startFlooded(t)
	f.ask(50)
	quiet, refused := f.ask(honest)
	if refused > 0 {
		t.Fatalf("%d honest requests refused before any flood", refused)
	}
	f.overHTTP2(http2, 240)
	f.overHTTP1(http1)
	loud, refused := f.ask(honest)
	if refused > 0 {
		t.Errorf("%d of %d honest requests refused meanwhile", refused, honest)
	}
	most := f.memory("VmHWM")
	if most > 128 {
		t.Errorf("the server took %d MB, want at most 128", most)
	}
	made := f.open
	f.leave()
	quietAgain, refused := f.ask(honest)
	if refused > 0 {
		t.Errorf("%d of %d honest requests refused afterwards", refused, honest)
	}
	t.Logf("%d connections made; the most memory %d MB, %d MB afterwards; p99 %s before, %s meanwhile, %s afterwards",
		made, most, f.memory("VmRSS"), p99(quiet), p99(loud), p99(quietAgain))
	return p99(quiet), p99(loud), p99(quietAgain)
}

func TestFindingS1_StalledBodiesCostLittleAndRefuseNobody(t *testing.T) {
	flood(t, 4, 1000)
}

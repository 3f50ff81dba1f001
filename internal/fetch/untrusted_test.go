package fetch_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/postern-auth/postern/internal/fetch"
)

func TestOnlyAddressesOfThePublicInternetArePublic(t *testing.T) {
	for address, want := range map[string]bool{
		"1.1.1.1": true, "9.255.255.255": true, "11.0.0.0": true, "100.63.255.255": true, "100.128.0.0": true,
		"172.15.255.255": true, "172.32.0.0": true, "223.255.255.255": true, "2600::1": true, "2a00:1450::1": true, "2001:200::1": true,

		"0.0.0.0": false, "0.1.2.3": false, "10.0.0.1": false, "100.64.0.1": false, "127.0.0.1": false, "127.9.9.9": false,
		"169.254.169.254": false, "172.16.0.1": false, "172.31.255.255": false, "192.0.0.170": false, "192.0.2.1": false,
		"192.88.99.1": false, "192.168.1.1": false, "198.18.0.1": false, "198.19.255.255": false, "198.51.100.1": false,
		"203.0.113.1": false, "224.0.0.1": false, "239.255.255.255": false, "240.0.0.1": false, "255.255.255.255": false,
		"::": false, "::1": false, "::127.0.0.1": false, "::ffff:127.0.0.1": false, "::ffff:8.8.8.8": false, "::ffff:0:8.8.8.8": false,
		"64:ff9b::7f00:1": false, "64:ff9b::808:808": false, "64:ff9b:1::1": false, "100::1": false, "2001::1": false,
		"2001:10::1": false, "2001:20::1": false, "2001:db8::1": false, "2002:7f00:1::1": false, "3fff::1": false,
		"5f00::1": false, "fc00::1": false, "fd12::1": false, "fe80::1": false, "fe80::1%eth0": false, "2600::1%eth0": false, "fec0::1": false, "ff02::1": false,
	} {
		if got := fetch.Public(netip.MustParseAddr(address)); got != want {
			t.Errorf("%s: %v, want %v", address, got, want)
		}
	}
	if fetch.Public(netip.Addr{}) {
		t.Error("no address is public")
	}
}

// stranger is a server with a certificate for stranger.example, to which every address leads that is dialled.
type stranger struct {
	*httptest.Server
	dialled  atomic.Value // the last address
	resolves map[string][]string
}

func newStranger(t *testing.T, handler http.HandlerFunc) *stranger {
	s := &stranger{resolves: map[string][]string{"example.com": {"93.184.215.14"}}}
	s.Server = httptest.NewUnstartedServer(handler)
	s.TLS = &tls.Config{MaxVersion: tls.VersionTLS13}
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

func (s *stranger) client(change ...func(*fetch.Untrusted)) *fetch.Client {
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate()) // it is for example.com, 127.0.0.1 and ::1
	u := fetch.Untrusted{
		Roots: roots,
		Lookup: func(_ context.Context, host string) (list []netip.Addr, err error) {
			for _, a := range s.resolves[host] {
				list = append(list, netip.MustParseAddr(a))
			}
			if list == nil {
				err = errors.New("no such host")
			}
			return list, err
		},
		Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
			s.dialled.Store(address)
			if strings.HasPrefix(address, "1.2.3.4:") {
				return nil, errors.New("connection refused")
			}
			return new(net.Dialer).DialContext(ctx, network, s.Listener.Addr().String())
		},
	}
	for _, f := range change {
		f(&u)
	}
	return fetch.NewUntrusted(u)
}

func TestS9_AStrangersURLIsCalledAtAPublicAddressAlone(t *testing.T) {
	s := newStranger(t, func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "{}") })
	s.resolves["mapped.example.com"] = []string{"::ffff:10.0.0.1"}
	s.resolves["private.example.com"] = []string{"10.0.0.1"}
	s.resolves["metadata.example.com"] = []string{"169.254.169.254", "fe80::1"}
	s.resolves["mixed.example.com"] = []string{"127.0.0.1", "::1", "64:ff9b::7f00:1", "93.184.215.14"}
	s.resolves["dead.example.com"] = []string{"1.2.3.4", "93.184.215.14"}
	s.resolves["localhost"] = []string{"127.0.0.1"}
	s.resolves["evil.localhost"] = []string{"93.184.215.14"}
	s.resolves["127.1"] = []string{"127.0.0.1"} // as the C library reads it
	for _, row := range []struct {
		name, url string
		dialled   string // empty: nobody
		forbidden bool
	}{
		{"a name", "https://example.com/a", "93.184.215.14:443", false},
		{"a name with a port", "https://example.com:8443/a", "93.184.215.14:8443", false},
		{"a public address", "https://93.184.215.14/", "93.184.215.14:443", false},
		{"a name with an address that does not answer", "https://dead.example.com/", "93.184.215.14:443", false},
		{"a name with private addresses beside a public one", "https://mixed.example.com/", "93.184.215.14:443", false},
		{"http", "http://example.com/", "", true},
		{"http of the loopback", "http://127.0.0.1/", "", true},
		{"http of a name that is this machine's elsewhere", "http://evil.localhost/", "", true},
		{"the loopback", "https://127.0.0.1/", "", true},
		{"the loopback by name", "https://localhost/", "", true},
		{"the loopback, shortened", "https://127.1/", "", true},
		{"the loopback of IPv6", "https://[::1]/", "", true},
		{"a mapped address", "https://[::ffff:93.184.215.14]/", "", true},
		{"a mapped private address of a name", "https://mapped.example.com/", "", true},
		{"a zone", "https://[fe80::1%25eth0]/", "", true},
		{"a private address of a name", "https://private.example.com/", "", true},
		{"the addresses of a cloud's metadata", "https://metadata.example.com/", "", true},
		{"a decimal address", "https://2130706433/", "", false}, // a name that nobody has
		{"a user name", "https://a@example.com/", "", true},
		{"a fragment", "https://example.com/#a", "", true},
		{"no host", "https:///a", "", true},
		{"another scheme", "gopher://example.com/", "", true},
		{"no URL", "%", "", true},
	} {
		t.Run(row.name, func(t *testing.T) {
			s.dialled.Store("")
			_, err := s.client().Get(t.Context(), row.url, 10)
			if got := s.dialled.Load(); got != row.dialled {
				t.Errorf("dialled %q, want %q (%v)", got, row.dialled, err)
			}
			if errors.Is(err, fetch.ErrForbidden) != row.forbidden {
				t.Errorf("%v, want forbidden %v", err, row.forbidden)
			}
		})
	}
}

func TestAStrangerIsHeldToTLSSizeAndItsOwnHost(t *testing.T) {
	t.Setenv("HTTPS_PROXY", "http://127.0.0.1:1")
	s := newStranger(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/redirect":
			http.Redirect(w, r, "https://127.0.0.1/secret", http.StatusFound)
		case "/header":
			w.Header().Set("X", strings.Repeat("x", 17<<10))
		case "/compressed":
			w.Header().Set("Content-Encoding", "gzip")
			fmt.Fprint(w, r.Header.Get("Accept-Encoding"))
		default:
			fmt.Fprint(w, "12345678901")
		}
	})
	client := s.client()
	if a, err := client.Get(t.Context(), "https://example.com/redirect", 100); err != nil || a.Status != 302 || s.dialled.Load() != "93.184.215.14:443" {
		t.Errorf("redirect: %+v, %v, dialled %v", a, err, s.dialled.Load())
	}
	if a, err := client.Get(t.Context(), "https://example.com/compressed", 100); err != nil || a.Body != "" {
		t.Errorf("compression was asked for: %+v, %v", a, err)
	}
	for _, path := range []string{"header", "long"} {
		if _, err := client.Get(t.Context(), "https://example.com/"+path, 10); err == nil {
			t.Errorf("%s: accepted", path)
		}
	}
	unknown := s.client(func(u *fetch.Untrusted) { u.Roots = x509.NewCertPool() })
	if _, err := unknown.Get(t.Context(), "https://example.com/", 100); err == nil {
		t.Error("a certificate of nobody is accepted")
	}
	old := newStranger(t, nil)
	old.TLS.MaxVersion = tls.VersionTLS11
	if _, err := old.client().Get(t.Context(), "https://example.com/", 100); err == nil || !strings.Contains(err.Error(), "version") {
		t.Errorf("TLS 1.1: %v", err)
	}
}

func TestCallsToStrangersAreBoundedInNumber(t *testing.T) {
	called, goOn := make(chan struct{}), make(chan struct{})
	s := newStranger(t, func(w http.ResponseWriter, r *http.Request) {
		called <- struct{}{}
		<-goOn
	})
	client := s.client(func(u *fetch.Untrusted) { u.AtOnce = 2 })
	done := make(chan error)
	for range 2 {
		go func() {
			_, err := client.Get(context.Background(), "https://example.com/", 10)
			done <- err
		}()
		<-called
	}
	if _, err := client.Get(t.Context(), "https://example.com/", 10); !errors.Is(err, fetch.ErrBusy) {
		t.Errorf("a third call at once: %v, want ErrBusy", err)
	}
	close(goOn)
	for range 2 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	go func() { <-called }()
	if _, err := client.Get(t.Context(), "https://example.com/", 10); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

func TestInsecureLoopbackOpensThisMachineAndNothingElse(t *testing.T) {
	s := newStranger(t, func(w http.ResponseWriter, r *http.Request) {})
	s.resolves["localhost"] = []string{"127.0.0.1"}
	s.resolves["rebound.example.com"] = []string{"127.0.0.1"}
	client := s.client(func(u *fetch.Untrusted) { u.InsecureLoopback = true })
	for target, want := range map[string]string{
		"https://127.0.0.1/": "127.0.0.1:443", "http://localhost:4040/": "127.0.0.1:4040", "https://[::1]/": "[::1]:443", "https://example.com/": "93.184.215.14:443",
		"https://rebound.example.com/": "", "https://10.0.0.1/": "", "http://example.com/": "", "https://0.0.0.0/": "", "https://[::ffff:127.0.0.1]/": "",
	} {
		s.dialled.Store("")
		_, err := client.Get(t.Context(), target, 10)
		if got := s.dialled.Load(); got != want || errors.Is(err, fetch.ErrForbidden) != (want == "") {
			t.Errorf("%s: dialled %q, want %q: %v", target, got, want, err)
		}
	}
}

func FuzzPublic(f *testing.F) {
	for _, seed := range []string{"127.0.0.1", "::1", "64:ff9b::1", "8.8.8.8", "2600::1", "fe80::1%a"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		a, err := netip.ParseAddr(text)
		if err != nil || !fetch.Public(a) {
			return
		}
		if a.IsPrivate() || a.IsLoopback() || a.IsLinkLocalUnicast() || a.IsMulticast() || a.IsUnspecified() || !a.IsGlobalUnicast() || a.Is4In6() || a.Zone() != "" {
			t.Errorf("%s is public", a)
		}
	})
}

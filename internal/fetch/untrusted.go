package fetch

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"
)

// ErrBusy says that as many calls are under way as may be at once. Nobody has been called.
var ErrBusy = errors.New("fetch: too many calls to strangers at once")

// ErrForbidden says that a URL must not be called. Nobody has been called.
var ErrForbidden = errors.New("fetch: forbidden")

const (
	// atOnce is how many calls an untrusted Client makes at once where it is not told.
	atOnce = 8
	// maxHeader bounds the header of a stranger's answer in bytes.
	maxHeader = 16 << 10
	// maxAddresses bounds how many addresses of one host are tried.
	maxAddresses = 3
	// dialTimeout bounds the try of one address, so that a dead one leaves time for the next.
	dialTimeout = 2 * time.Second
)

// Untrusted is how URLs are called that strangers have written: a server that does so must not become their way into
// its own network (CWE-918). The zero value is ready and the strictest:
//
//	client := fetch.NewUntrusted(fetch.Untrusted{})
//	answer, err := client.Get(ctx, url, 5<<10)
//
// Only https goes out, and only to addresses of the public Internet. It is the address of the connection that is
// checked and not a name, so that no answer of a name server can change between the check and the call. No proxy of the
// environment is used, no redirect is followed, no connection is kept.
type Untrusted struct {
	// Roots verify certificates. Default: the system's.
	Roots *x509.CertPool
	// AtOnce bounds the calls under way. Default: 8.
	AtOnce int
	// InsecureLoopback lets localhost and loopback addresses be called too, also by http. It is for development: whoever
	// writes a URL reaches every program on this machine.
	InsecureLoopback bool

	// Lookup finds the addresses of a host. Default: the system's resolver.
	Lookup func(ctx context.Context, host string) ([]netip.Addr, error)
	// Dial connects to an address that has been checked. Default: that of a net.Dialer.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// NewUntrusted returns a Client for URLs of strangers. What it refuses to call is ErrForbidden; ErrBusy is for calls
// beyond those that it makes at once.
func NewUntrusted(u Untrusted) *Client {
	if u.AtOnce <= 0 {
		u.AtOnce = atOnce
	}
	if u.Lookup == nil {
		u.Lookup = func(ctx context.Context, host string) ([]netip.Addr, error) {
			return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
		}
	}
	if u.Dial == nil {
		u.Dial = (&net.Dialer{}).DialContext
	}
	c := New(&http.Client{Transport: &http.Transport{
		Proxy:                  nil,
		DialContext:            u.dial,
		TLSClientConfig:        &tls.Config{RootCAs: u.Roots, MinVersion: tls.VersionTLS12},
		DisableKeepAlives:      true,
		DisableCompression:     true,
		MaxResponseHeaderBytes: maxHeader,
	}})
	c.check, c.slots = u.check, make(chan struct{}, u.AtOnce)
	return c
}

// check refuses a URL that is not https to a host with at most a port.
func (u *Untrusted) check(target string) error {
	if err := CheckURL(target, false); err != nil {
		return fmt.Errorf("%w: %w", ErrForbidden, err)
	}
	if strings.HasPrefix(target, "https://") || u.InsecureLoopback {
		return nil
	}
	return fmt.Errorf("%w: %.64q is not https", ErrForbidden, target)
}

// dial connects to an address of a host that may be called.
func (u *Untrusted) dial(ctx context.Context, network, address string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrForbidden, err)
	}
	allowed, err := u.addresses(ctx, host)
	if err != nil {
		return nil, err
	}
	for _, a := range allowed[:min(len(allowed), maxAddresses)] {
		var conn net.Conn
		if conn, err = u.try(ctx, network, net.JoinHostPort(a.String(), port)); err == nil {
			return conn, nil
		}
	}
	return nil, err
}

func (u *Untrusted) try(ctx context.Context, network, address string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	return u.Dial(ctx, network, address)
}

// addresses returns the addresses of a host that may be called, and an error when there is none.
func (u *Untrusted) addresses(ctx context.Context, host string) ([]netip.Addr, error) {
	may := func(a netip.Addr) bool {
		return Public(a) || u.InsecureLoopback && Loopback(host) && a.IsLoopback() && !a.Is4In6()
	}
	if literal, err := netip.ParseAddr(host); err == nil {
		if !may(literal) {
			return nil, fmt.Errorf("%w: %s is not an address of the public Internet", ErrForbidden, literal)
		}
		return []netip.Addr{literal}, nil
	}
	found, err := u.Lookup(ctx, host)
	if err != nil {
		return nil, err
	}
	var allowed []netip.Addr
	for _, a := range found {
		if a = a.Unmap(); may(a) { // Go's resolver writes what an A record says as a mapped address
			allowed = append(allowed, a)
		}
	}
	if len(allowed) == 0 {
		return nil, fmt.Errorf("%w: no address of %.64q is one of the public Internet", ErrForbidden, host)
	}
	return allowed, nil
}

// Public reports whether an address is one of the public Internet and of nothing else: not of this machine, of a local
// or private network or of a carrier's, not multicast, reserved or for documentation, and none that stands for an IPv4
// address, by which a translator (6to4, Teredo, NAT64) would reach one of those.
func Public(a netip.Addr) bool {
	if a.Zone() != "" || !a.IsValid() {
		return false
	}
	if a.Is6() && !globalUnicast.Contains(a) { // mapped addresses, too
		return false
	}
	for _, p := range special {
		if p.Contains(a) {
			return false
		}
	}
	return true
}

// globalUnicast holds all of IPv6 that is routed on the Internet (RFC 4291 §2.4, IANA's registry of global unicast
// addresses).
var globalUnicast = netip.MustParsePrefix("2000::/3")

// special are IANA's special-purpose addresses (RFC 6890) within what is not refused otherwise.
var special = prefixes(
	"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
	"192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
	"224.0.0.0/4", "240.0.0.0/4",
	"2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20",
)

func prefixes(list ...string) []netip.Prefix {
	all := make([]netip.Prefix, len(list))
	for i, s := range list {
		all[i] = netip.MustParsePrefix(s)
	}
	return all
}

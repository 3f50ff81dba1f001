package redirect

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// Check reports why uri cannot be registered, or nil. It admits what every URL parser reads alike: https,
// http for the loopback, and private schemes with a dot, such as com.example.app:/callback (RFC 8252 §7.1).
// There is no fragment (RFC 6749 §3.1.2), no user information, no wildcard, and no parameter that the answer
// appends.
func Check(uri string) error {
	if len(uri) > MaxLength {
		return fmt.Errorf("redirect: URI is longer than %d bytes", MaxLength)
	}
	if err := checkText(uri); err != nil {
		return fmt.Errorf("redirect: %.64q: %w", uri, err)
	}
	u, err := url.Parse(uri)
	if err != nil {
		return fmt.Errorf("redirect: %.64q is not a URI", uri) // the parser's text repeats the whole of it
	}
	if err := checkParts(u, uri); err != nil {
		return fmt.Errorf("redirect: %.64q: %w", uri, err)
	}
	return nil
}

// checkText looks at the bytes alone, for parsers differ most about those that do not belong into a URI.
func checkText(uri string) error {
	for i := range len(uri) {
		switch c := uri[i]; {
		case c == '*':
			return errors.New("a star is not a wildcard here; register each URI as it is sent")
		case c == '#':
			return errors.New("a redirect URI has no fragment (RFC 6749, section 3.1.2)")
		case c <= ' ' || c > '~' || strings.IndexByte("\"<>\\^`{|}", c) >= 0:
			return fmt.Errorf("the character %q does not belong into a URI; percent-encode it, or write the host in its ASCII form", c)
		}
	}
	return nil
}

func checkParts(u *url.URL, uri string) error {
	scheme, _, _ := strings.Cut(uri, ":")
	switch {
	case u.Scheme == "":
		return errors.New("a redirect URI is absolute: it begins with https://, or another scheme")
	case scheme != u.Scheme: // the parser lowers it
		return errors.New("write the scheme in lower case")
	case u.User != nil:
		return errors.New("a redirect URI holds no user name")
	case slices.ContainsFunc(strings.Split(u.Path, "/"), isDots):
		return errors.New("a browser takes the segments . and .. out of a path; leave them out")
	}
	if err := checkQuery(u.RawQuery); err != nil {
		return err
	}
	switch {
	case scheme == "https":
		return checkHost(u, uri)
	case scheme == "http" && IsLoopback(uri):
		return nil
	case scheme == "http":
		return errors.New("http is for 127.0.0.1, [::1] and localhost; use https")
	case !strings.Contains(scheme, "."):
		return errors.New("a private scheme is a domain of yours turned round, such as com.example.app (RFC 8252, section 7.1)")
	case len(uri) == len(scheme)+1:
		return errors.New("nothing follows the scheme")
	}
	return nil
}

func isDots(segment string) bool { return segment == "." || segment == ".." }

// answered are the parameters of the answer, which would come twice.
var answered = []string{"code", "state", "iss", "error", "error_description", "error_uri", "response"}

func checkQuery(raw string) error {
	query, err := url.ParseQuery(raw)
	if err != nil {
		return errors.New("the query is malformed")
	}
	for _, name := range answered {
		if query.Has(name) {
			return fmt.Errorf("the query holds the parameter %s, which the answer appends", name)
		}
	}
	return nil
}

// checkHost admits a host in the one spelling that a browser would give it.
func checkHost(u *url.URL, uri string) error {
	host, port := u.Hostname(), u.Port()
	written := host
	if strings.Contains(host, ":") {
		written = "[" + host + "]"
	}
	if port != "" {
		written += ":" + port
	}
	rest, _ := strings.CutPrefix(uri, "https://"+written)
	switch {
	case len(rest) == len(uri) || rest != "" && rest[0] != '/' && rest[0] != '?':
		return errors.New("the part between https:// and the path is not a host with at most a port")
	case port != "" && (!isPort(port) || port == "443"):
		return errors.New("the port is not a number from 1 to 65535, or is 443, which goes without saying")
	case !isHost(host):
		return errors.New("the host is neither a name in lower-case ASCII nor an address in its usual form")
	}
	return nil
}

func isHost(host string) bool {
	if address, err := netip.ParseAddr(host); err == nil {
		return address.Zone() == "" && !address.Is4In6() && address.String() == host
	}
	labels := strings.Split(host, ".")
	// A browser takes a name whose last label is a number for an address: 127.1, 0x7f.1.
	if last := labels[len(labels)-1]; last == "" || last[0] >= '0' && last[0] <= '9' {
		return false
	}
	return len(host) <= 253 && !slices.ContainsFunc(labels, func(label string) bool { return !isLabel(label) })
}

func isLabel(label string) bool {
	if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
		return false
	}
	return strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-_") == ""
}

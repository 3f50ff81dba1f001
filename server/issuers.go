package server

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/postern-auth/postern/internal/ascii"
	"github.com/postern-auth/postern/server/internal/oauth"
)

// issuers are those that the server answers as, by the host of a request: the only thing that
// chooses, for anything else would let a client mix issuers.
type issuers struct {
	byHost map[string]oauth.Issuer
	hosts  []string // sorted, for people
}

func newIssuers(names []string, insecureHTTP bool) (issuers, error) {
	if len(names) == 0 {
		return issuers{}, errors.New("server: Config.Issuers is empty, want at least one such as https://login.example.com")
	}
	all := issuers{byHost: make(map[string]oauth.Issuer)}
	for _, name := range names {
		u, err := parseIssuer(name, insecureHTTP)
		if err != nil {
			return issuers{}, err
		}
		for _, host := range spellings(u) {
			if other, ok := all.byHost[host]; ok {
				return issuers{}, fmt.Errorf("server: issuers %q and %q have the same host %q, which alone chooses between them; give one of them another host name or port", other, name, host)
			}
			all.byHost[host] = oauth.Issuer(name)
		}
		all.hosts = append(all.hosts, u.Host)
	}
	slices.Sort(all.hosts)
	return all, nil
}

// parseIssuer checks what RFC 8414 §2 requires of an issuer, and that there is no path: clients
// append well-known paths to it in more than one way.
func parseIssuer(issuer string, insecureHTTP bool) (*url.URL, error) {
	u, err := url.Parse(issuer)
	if err != nil {
		return nil, fmt.Errorf("server: issuer %.64q is not a URL", issuer)
	}
	reason := ""
	switch {
	case u.Scheme != "https" && u.Scheme != "http":
		reason = "has another scheme than https, or http on a loopback host"
	case u.User != nil:
		reason = "must not hold a user or password"
	case u.Hostname() == "":
		reason = "has no host"
	case u.Scheme == "http" && !insecureHTTP && !loopback(u.Hostname()):
		reason = "is http on a host that is not loopback; want https://"
	case u.Path != "" && u.Path != "/":
		reason = "has a path; want none, or a single slash"
	case strings.ContainsAny(issuer, "?#"):
		reason = "has a query or fragment"
	case !goodPort(u):
		reason = "has no valid port behind the colon"
	case strings.ContainsFunc(u.Host, func(r rune) bool { return r > '~' }):
		return nil, fmt.Errorf("server: issuer %.64q has letters that hosts have not: write it as %s", issuer, asciiSpelling(u))
	case u.String() != issuer || strings.ContainsFunc(u.Host, func(r rune) bool { return r <= ' ' || r > '~' || r == '%' }):
		reason = "is not in the usual spelling " + strconv.Quote(u.String())
	}
	if reason != "" {
		return nil, fmt.Errorf("server: issuer %.64q %s", u.Redacted(), reason)
	}
	return u, nil
}

// asciiSpelling returns the URL with its host in the letters of DNS (RFC 5890 §2.3.2.1), such as
// xn--bcher-kva.example. The standard library does not export the conversion, and shows it in the Host of a
// request. It does not compose marks with their letters, so that for a host that has some there is an example.
func asciiSpelling(u *url.URL) string {
	const example = "https://xn--…, in punycode"
	host := strings.ToLower(u.Host)
	if strings.ContainsFunc(host, unicode.IsMark) {
		return example
	}
	var text strings.Builder
	request := http.Request{Method: http.MethodGet, URL: &url.URL{Scheme: u.Scheme, Host: host}}
	if err := request.Write(&text); err != nil {
		return example
	}
	sent, err := http.ReadRequest(bufio.NewReader(strings.NewReader(text.String())))
	if err != nil {
		return example
	}
	ascii := *u
	ascii.Host = sent.Host
	return ascii.String()
}

func goodPort(u *url.URL) bool {
	if u.Port() == "" {
		return !strings.HasSuffix(u.Host, ":")
	}
	n, err := strconv.ParseUint(u.Port(), 10, 16)
	return err == nil && n > 0
}

func loopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}

// spellings returns the Host headers that mean the issuer: lower case, and where the port is the
// scheme's own, with it and without.
func spellings(u *url.URL) []string {
	host := ascii.Lower(u.Host)
	standard := map[string]string{"https": "443", "http": "80"}[u.Scheme]
	switch u.Port() {
	case "":
		return []string{host, host + ":" + standard}
	case standard:
		bare := ascii.Lower(u.Hostname())
		if strings.Contains(bare, ":") {
			bare = "[" + bare + "]"
		}
		return []string{bare, net.JoinHostPort(ascii.Lower(u.Hostname()), standard)}
	}
	return []string{host}
}

// of returns the issuer that a Host header means.
func (all *issuers) of(host string) (oauth.Issuer, bool) {
	issuer, ok := all.byHost[ascii.Lower(host)]
	return issuer, ok
}

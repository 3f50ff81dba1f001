package dpop

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
)

// maxForwarded bounds a header that proxies add to, hop by hop.
const maxForwarded = 4 << 10

// target returns the normalised URL of the request as its client sees it. The path is the one of the
// request line, which a router may have cut since; Request.URL has it where there is no request line.
func (b *Binding) target(r *http.Request) (string, error) {
	u := r.URL
	if r.RequestURI != "" {
		var err error
		if u, err = url.ParseRequestURI(r.RequestURI); err != nil {
			return "", errors.New("request line has no URL")
		}
	}
	path := u.EscapedPath()
	if r.Method == http.MethodConnect || path != "" && path[0] != '/' {
		return "", errors.New("request has no path")
	}
	if len(path) > maxURL {
		return "", fmt.Errorf("path has %d bytes, want at most %d", len(path), maxURL)
	}
	origin, err := b.requestOrigin(r)
	if err != nil {
		return "", err
	}
	path, err = normalizePath(path)
	if err != nil {
		return "", err
	}
	return origin + path, nil
}

func (b *Binding) requestOrigin(r *http.Request) (string, error) {
	if b.origin != "" {
		return b.origin, nil
	}
	scheme, host := "http", r.Host
	if r.TLS != nil {
		scheme = "https"
	}
	if !trusted(b.trustedProxies, r.RemoteAddr) {
		return normalizeOrigin(scheme, host)
	}
	forwardedScheme, forwardedHost := last(r.Header["X-Forwarded-Proto"]), last(r.Header["X-Forwarded-Host"])
	if b.useForwarded {
		var err error
		forwardedScheme, forwardedHost, err = parseForwarded(strings.Join(r.Header["Forwarded"], ","))
		if err != nil {
			return "", err
		}
	}
	if forwardedScheme != "" {
		scheme = forwardedScheme
	}
	if forwardedHost != "" {
		host = forwardedHost
	}
	return normalizeOrigin(scheme, host)
}

// trusted reports whether the peer's address lies in one of the networks. An address that is none, as of
// a Unix socket, lies in no network.
func trusted(networks []netip.Prefix, remote string) bool {
	if len(networks) == 0 {
		return false
	}
	peer, err := netip.ParseAddrPort(remote)
	if err != nil {
		return false
	}
	addr := peer.Addr().Unmap().WithZone("")
	for _, network := range networks {
		if network.Contains(addr) {
			return true
		}
	}
	return false
}

// last returns the last of the values of a header that is a list: the one that the nearest proxy wrote.
func last(values []string) string {
	if len(values) == 0 {
		return ""
	}
	value := values[len(values)-1]
	return strings.Trim(value[strings.LastIndexByte(value, ',')+1:], " \t")
}

// parseForwarded returns proto and host of the last element of a Forwarded header, the nearest proxy's
// (RFC 7239 §4).
func parseForwarded(s string) (proto, host string, err error) {
	if s == "" {
		return "", "", nil
	}
	if len(s) > maxForwarded {
		return "", "", fmt.Errorf("header Forwarded has %d bytes, want at most %d", len(s), maxForwarded)
	}
	elements, ok := split(s, ',')
	if !ok {
		return "", "", errors.New("header Forwarded has an open quote")
	}
	pairs, _ := split(elements[len(elements)-1], ';')
	for _, pair := range pairs {
		name, value, ok := strings.Cut(strings.Trim(pair, " \t"), "=")
		if ok {
			value, ok = unquote(value)
		}
		if !ok {
			return "", "", errors.New("header Forwarded is not made of name=value pairs")
		}
		field := &host
		switch lower(name) {
		case "proto":
			field = &proto
		case "host":
		default:
			continue
		}
		if *field != "" || value == "" {
			return "", "", fmt.Errorf("header Forwarded has %s twice or empty in one element", lower(name))
		}
		*field = value
	}
	return proto, host, nil
}

// split cuts s at each separator that stands outside of quoted strings (RFC 9110 §5.6.4). It is false
// when a quoted string does not end.
func split(s string, separator byte) (parts []string, ok bool) {
	start, quoted := 0, false
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '"':
			quoted = !quoted
		case s[i] == '\\' && quoted:
			i++
		case s[i] == separator && !quoted:
			parts = append(parts, s[start:i])
			start = i + 1
		}
	}
	return append(parts, s[start:]), !quoted
}

// unquote returns what a token or a quoted string stands for, and false for what is neither.
func unquote(s string) (string, bool) {
	inner, quoted := strings.CutPrefix(s, `"`)
	if !quoted {
		return s, strings.IndexByte(s, '"') < 0
	}
	var b strings.Builder
	for i := 0; i < len(inner); i++ {
		switch inner[i] {
		case '"':
			return b.String(), i == len(inner)-1
		case '\\':
			if i++; i == len(inner) {
				return "", false
			}
		}
		b.WriteByte(inner[i])
	}
	return "", false
}

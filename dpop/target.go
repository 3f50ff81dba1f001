package dpop

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/postern-auth/postern/internal/ascii"
	"github.com/postern-auth/postern/internal/hops"
)

// maxForwarded bounds a header that proxies add to, hop by hop.
const maxForwarded = 4 << 10

// target returns the normalised URL of the request as its client sees it.
func (b *Binding) target(r *http.Request) (string, error) {
	path, err := requestPath(r)
	if err != nil {
		return "", err
	}
	origin, err := b.requestOrigin(r)
	if err != nil {
		return "", err
	}
	prefix, err := b.requestPrefix(r)
	if err != nil {
		return "", err
	}
	return origin + prefix + path, nil
}

// requestPath returns the normalised path of the request line, which a router may have cut since;
// Request.URL has it where there is no request line.
func requestPath(r *http.Request) (string, error) {
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
	return normalizePath(path)
}

// requestPrefix returns the path that a proxy stripped from the request's.
func (b *Binding) requestPrefix(r *http.Request) (string, error) {
	if b.usePrefix && hops.Trusted(b.trustedProxies, r.RemoteAddr) {
		if value := last(r.Header["X-Forwarded-Prefix"]); value != "" {
			prefix, err := normalizePrefix(value)
			if err != nil {
				return "", fmt.Errorf("header X-Forwarded-Prefix: %w", err)
			}
			return prefix, nil
		}
	}
	return b.prefix, nil
}

// atPrefix reports whether the request is for the very path that a proxy stripped: whether that had a slash
// at its end can no longer be seen.
func (b *Binding) atPrefix(r *http.Request) bool {
	path, _ := requestPath(r)
	prefix, _ := b.requestPrefix(r)
	return path == "/" && prefix != ""
}

func (b *Binding) requestOrigin(r *http.Request) (string, error) {
	if b.origin != "" {
		return b.origin, nil
	}
	scheme, host := "http", r.Host
	if r.TLS != nil {
		scheme = "https"
	}
	if !hops.Trusted(b.trustedProxies, r.RemoteAddr) {
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
	elements, ok := hops.Split(s, ',')
	if !ok {
		return "", "", errors.New("header Forwarded has an open quote")
	}
	pairs, _ := hops.Split(elements[len(elements)-1], ';')
	for _, pair := range pairs {
		name, value, ok := strings.Cut(strings.Trim(pair, " \t"), "=")
		if ok {
			value, ok = hops.Unquote(value)
		}
		// A quote within a name would hide separators behind it from Split.
		if !ok || strings.IndexByte(name, '"') >= 0 {
			return "", "", errors.New("header Forwarded is not made of name=value pairs")
		}
		field := &host
		switch ascii.Lower(name) {
		case "proto":
			field = &proto
		case "host":
		default:
			continue
		}
		if *field != "" || value == "" {
			return "", "", fmt.Errorf("header Forwarded has %s twice or empty in one element", ascii.Lower(name))
		}
		*field = value
	}
	return proto, host, nil
}

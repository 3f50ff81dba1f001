package dpop

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/postern-auth/postern/internal/ascii"
)

// maxURL bounds the URLs that are looked at.
const maxURL = 4 << 10

// normalizeURL returns the one spelling of an http or https URL that stands for all that mean the same by
// syntax and scheme (RFC 3986 §6.2.2, §6.2.3), without query and fragment (RFC 9449 §4.3).
func normalizeURL(s string) (string, error) {
	if len(s) > maxURL {
		return "", fmt.Errorf("URL has %d bytes, want at most %d", len(s), maxURL)
	}
	scheme, rest, ok := strings.Cut(s, "://")
	if !ok {
		return "", fmt.Errorf("URL %.64q is not absolute", s)
	}
	if end := strings.IndexAny(rest, "?#"); end >= 0 {
		rest = rest[:end]
	}
	authority, path := rest, ""
	if slash := strings.IndexByte(rest, '/'); slash >= 0 {
		authority, path = rest[:slash], rest[slash:]
	}
	origin, err := normalizeOrigin(scheme, authority)
	if err != nil {
		return "", err
	}
	path, err = normalizePath(path)
	if err != nil {
		return "", err
	}
	return origin + path, nil
}

func normalizeOrigin(scheme, authority string) (string, error) {
	scheme = ascii.Lower(scheme)
	if scheme != "http" && scheme != "https" {
		return "", fmt.Errorf("scheme is %.64q, want http or https", scheme)
	}
	if strings.IndexByte(authority, '@') >= 0 {
		return "", errors.New("URL has user information")
	}
	host, port := authority, ""
	// The colons of an IPv6 address stand within brackets.
	if colon := strings.LastIndexByte(authority, ':'); colon > strings.IndexByte(authority, ']') {
		host, port = authority[:colon], authority[colon+1:]
	}
	host, err := normalizeHost(host)
	if err != nil {
		return "", err
	}
	port, err = normalizePort(scheme, port)
	if err != nil {
		return "", err
	}
	return scheme + "://" + host + port, nil
}

func normalizeHost(host string) (string, error) {
	if inner, ok := strings.CutPrefix(host, "["); ok {
		inner, closed := strings.CutSuffix(inner, "]")
		addr, err := netip.ParseAddr(inner)
		if err != nil || !closed || !addr.Is6() || addr.Zone() != "" {
			return "", fmt.Errorf("host %.64q is not an IPv6 address", host)
		}
		return "[" + addr.String() + "]", nil
	}
	if host == "" {
		return "", errors.New("URL has no host")
	}
	for i := range len(host) {
		if c := host[i]; !isAlphanumeric(c) && c != '-' && c != '.' && c != '_' {
			return "", fmt.Errorf("host %.64q has other characters than letters, digits, hyphens and dots", host)
		}
	}
	return ascii.Lower(host), nil
}

// normalizePort returns the port with a colon before it, or nothing for the scheme's own.
func normalizePort(scheme, port string) (string, error) {
	if port == "" {
		return "", nil
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || port[0] == '+' {
		return "", fmt.Errorf("port %.64q is not a number from 0 to 65535", port)
	}
	if scheme == "http" && n == 80 || scheme == "https" && n == 443 {
		return "", nil
	}
	return ":" + strconv.FormatUint(n, 10), nil
}

// normalizePath writes each character of a path in the one way that RFC 3986 prefers, encoded or not, and
// resolves dot segments. An encoded delimiter stays what it is: %2F is not a slash (§2.2).
func normalizePath(path string) (string, error) {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := 0; i < len(path); i++ {
		c, encoded := path[i], false
		switch {
		case c == '%':
			n, err := strconv.ParseUint(path[i+1:min(i+3, len(path))], 16, 8)
			if err != nil || i+3 > len(path) || path[i+1] == '+' {
				return "", fmt.Errorf("path %.64q has a broken percent-encoding", path)
			}
			c, encoded = byte(n), true
			i += 2
		case c <= ' ' || c == 0x7f:
			return "", fmt.Errorf("path %.64q has a space or control character", path)
		}
		if isUnreserved(c) || !encoded && strings.IndexByte("/:@!$&'()*+,;=", c) >= 0 {
			b.WriteByte(c)
			continue
		}
		b.WriteByte('%')
		b.WriteByte(hex[c>>4])
		b.WriteByte(hex[c&15])
	}
	if b.Len() == 0 {
		return "/", nil
	}
	return resolveDots(b.String()), nil
}

// normalizePrefix returns the path in its one spelling, without the slash at its end; that of the root is
// empty.
func normalizePrefix(prefix string) (string, error) {
	switch {
	case prefix == "":
		return "", nil
	case prefix[0] != '/' || strings.HasPrefix(prefix, "//"):
		return "", fmt.Errorf("path %.64q does not begin with one slash", prefix)
	case strings.ContainsAny(prefix, "?#"):
		return "", fmt.Errorf("path %.64q has a query or a fragment", prefix)
	case len(prefix) > maxURL:
		return "", fmt.Errorf("path has %d bytes, want at most %d", len(prefix), maxURL)
	}
	path, err := normalizePath(prefix)
	return strings.TrimRight(path, "/"), err
}

// resolveDots removes the segments "." and ".." from a path that begins with a slash (RFC 3986 §5.2.4).
func resolveDots(path string) string {
	if !strings.Contains(path, "/.") {
		return path
	}
	segments := strings.Split(path[1:], "/")
	var kept []string
	for _, segment := range segments {
		switch segment {
		case ".":
		case "..":
			kept = kept[:max(0, len(kept)-1)]
		default:
			kept = append(kept, segment)
		}
	}
	if last := segments[len(segments)-1]; last == "." || last == ".." {
		kept = append(kept, "")
	}
	return "/" + strings.Join(kept, "/")
}

func isUnreserved(c byte) bool {
	return isAlphanumeric(c) || c == '-' || c == '.' || c == '_' || c == '~'
}

func isAlphanumeric(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}

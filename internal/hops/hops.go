// Package hops reads what proxies say about a request: who of them is trusted, and the lists of pairs that
// their headers are made of.
//
//	if hops.Trusted(networks, r.RemoteAddr) {
//		elements, ok := hops.Split(r.Header.Get("Forwarded"), ',')
//		…
//	}
package hops

import (
	"net/netip"
	"strings"
)

// Trusted reports whether the address of a request's peer lies in one of the networks. An address that is
// none, as of a Unix socket, lies in no network.
func Trusted(networks []netip.Prefix, remote string) bool {
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

// Split cuts s at each separator that stands outside of quoted strings (RFC 9110 §5.6.4). It is false
// when a quoted string does not end.
func Split(s string, separator byte) (parts []string, ok bool) {
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

// Unquote returns what a token or a quoted string stands for, and false for what is neither.
func Unquote(s string) (string, bool) {
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

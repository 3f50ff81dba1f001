package main

import (
	"net"
	"strings"
)

// withPort adds the usual port to an address that has none.
func withPort(address, port string) string {
	if address == "" {
		return address
	}
	if _, _, err := net.SplitHostPort(address); err == nil {
		return address
	}
	host := strings.TrimSuffix(strings.TrimPrefix(address, "["), "]")
	if strings.Contains(host, ":") && net.ParseIP(host) == nil {
		return address // neither a name nor an address, for the listener to say
	}
	return net.JoinHostPort(host, port)
}

//go:build !unix

package httpd

// fileLimit returns how many files the system lets this program have open.
func fileLimit() uint64 { return 2 * maxConns }

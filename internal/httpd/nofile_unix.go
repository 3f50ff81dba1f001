//go:build unix

package httpd

import "syscall"

// fileLimit returns how many files the system lets this program have open.
func fileLimit() uint64 {
	var limit syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit) != nil {
		return 2 * maxConns
	}
	return uint64(limit.Cur)
}

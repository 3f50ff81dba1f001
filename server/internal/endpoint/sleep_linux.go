package endpoint

import (
	"syscall"
	"time"
)

// sleep is time.Sleep to some 50 µs. The runtime's own timers end whole milliseconds after a thread went
// idle, which is when the work was done that a tick is to hide.
func sleep(d time.Duration) {
	if d > 0 {
		left := syscall.NsecToTimespec(d.Nanoseconds())
		for syscall.Nanosleep(&left, &left) == syscall.EINTR {
		}
	}
}

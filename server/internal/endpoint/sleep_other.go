//go:build !linux

package endpoint

import "time"

// sleep is time.Sleep, which is exact enough where the runtime waits in nanoseconds.
func sleep(d time.Duration) { time.Sleep(d) }

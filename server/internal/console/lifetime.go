package console

import (
	"strconv"
	"strings"
	"time"
)

// units are those in which people write how long something lives, the longest first.
var units = []struct {
	sign string
	is   time.Duration
}{{"d", 24 * time.Hour}, {"h", time.Hour}, {"min", time.Minute}, {"s", time.Second}}

// most is the largest number with which no unit overflows.
const most = 100_000

// parseLifetime reads a number with its unit, such as 90 min or 30d, far beyond what any token may live; empty is zero. false: it is none.
func parseLifetime(text string) (time.Duration, bool) {
	text = strings.TrimSpace(text)
	if text == "" {
		return 0, true
	}
	digits := strings.TrimRight(text, "abcdefghijklmnopqrstuvwxyz ")
	n, err := strconv.ParseUint(digits, 10, 32)
	if err != nil || n == 0 || n > most {
		return 0, false
	}
	for _, unit := range units {
		if strings.TrimSpace(text[len(digits):]) == unit.sign {
			return time.Duration(n) * unit.is, true
		}
	}
	return 0, false
}

// writeLifetime is the reverse, in the longest unit that needs no fraction.
func writeLifetime(d time.Duration) string {
	if d == 0 {
		return ""
	}
	for _, unit := range units {
		if d%unit.is == 0 {
			return strconv.FormatInt(int64(d/unit.is), 10) + " " + unit.sign
		}
	}
	return d.String()
}

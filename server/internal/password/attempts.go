package password

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/netip"
	"strings"
	"time"

	"golang.org/x/text/unicode/norm"
)

// What is counted of failures. The store counts a try before it is compared, in one conditional update, and
// takes it back when the password was right.
const (
	// FreeFailures is how many failures of one counter in a row delay nobody.
	FreeFailures = 5
	// MaxDelay is the longest that a counter's failures have it wait.
	MaxDelay = 15 * time.Minute
	// PerAddress is how many tries one AddressPrefix has a minute.
	PerAddress = 30
)

// Delay returns how long after its latest failure a counter with so many is not compared: nothing up to
// FreeFailures, then 1 s, doubling up to MaxDelay.
func Delay(failures int) time.Duration {
	beyond := failures - FreeFailures
	switch {
	case beyond <= 0:
		return 0
	case beyond > 10: // 2^10 s are more than MaxDelay
		return MaxDelay
	}
	return min(time.Second<<(beyond-1), MaxDelay)
}

// NameCounter returns the counter of a name that no user has, so that unknown names are delayed as users are.
// The key keeps what people typed, which is now and then a password, from being guessed out of the store.
func NameCounter(key []byte, name string) string {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(strings.ToLower(norm.NFC.String(name))))
	return "name:" + hex.EncodeToString(mac.Sum(nil))
}

// AddressPrefix returns what counts as one address: an IPv4 address, also when it is written as IPv6, or the
// /64 of an IPv6 address, which is what one customer has. An invalid address is an empty string.
func AddressPrefix(address netip.Addr) string {
	address = address.Unmap().WithZone("")
	switch {
	case !address.IsValid():
		return ""
	case address.Is4():
		return netip.PrefixFrom(address, 32).String()
	}
	return netip.PrefixFrom(address, 64).Masked().String()
}

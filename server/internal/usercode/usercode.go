// Package usercode makes and reads the codes that devices show to people (RFC 8628 §6.1): eight letters, all
// consonants so that they spell nothing, which is 34 bits.
//
//	code := usercode.New()          // WDJBMJHT
//	usercode.Show(code)             // WDJB-MJHT
//	usercode.Read(" wdjb mjht")     // WDJBMJHT, true
//
// So few can be guessed at, and whoever compares one bounds how often.
package usercode

import (
	"crypto/rand"
	"strings"
)

const (
	letters = "BCDFGHJKLMNPQRSTVWXZ"
	length  = 8
	// maxTyped bounds what is read, in bytes.
	maxTyped = 64
)

// New returns a new code.
func New() string {
	// Bytes from the last whole multiple of the alphabet on would make its first letters likelier.
	const whole = 256 - 256%len(letters)
	code := make([]byte, 0, length)
	var b [2 * length]byte
	for len(code) < length {
		rand.Read(b[:])
		for _, v := range b {
			if int(v) < whole && len(code) < length {
				code = append(code, letters[int(v)%len(letters)])
			}
		}
	}
	return string(code)
}

// Show returns a code in two groups, as it is shown and typed.
func Show(code string) string { return code[:len(code)/2] + "-" + code[len(code)/2:] }

// Read returns the code that somebody has typed, in letters of any case and whatever they put between them; ok is
// false for what is no code.
func Read(typed string) (code string, ok bool) {
	if len(typed) > maxTyped {
		return "", false
	}
	var b strings.Builder
	for _, r := range strings.ToUpper(typed) {
		switch {
		case strings.ContainsRune(letters, r):
			b.WriteRune(r)
		case !strings.ContainsRune(" \t-_.\u00a0\u2010\u2011\u2012\u2013\u2014\u2212", r):
			return "", false
		}
	}
	return b.String(), b.Len() == length
}

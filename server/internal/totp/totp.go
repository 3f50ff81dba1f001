// Package totp makes and checks the second factor of people: time-based one-time passwords (RFC 6238) and
// recovery codes. It keeps nothing: what has been used is the store's to know.
//
//	secret := totp.NewSecret()
//	show(secret.URI("Example", "anna@example.com")) // as a QR code
//	…
//	step, ok := secret.Check(form.Get("code"), time.Now(), user.LastStep)
//	if ok {
//		ok = store.RaiseStep(user, step) // UPDATE … SET last_step = ? WHERE last_step < ?, and one row
//	}
//
// A code is good only when both say so: of two uses at one moment, on whatever replicas, one raises the step.
package totp

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1"
	"crypto/subtle"
	"encoding/base32"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"time"
)

// What every app that shows codes can do, and some of them nothing else: HMAC-SHA-1, six digits, 30 seconds.
const (
	SecretBytes = 20 // RFC 4226 §4 R6 recommends 160 bits
	Digits      = 6
	Period      = 30 * time.Second

	// Sealed is the purpose for which a secret is sealed.
	Sealed = "totp"

	window = 1 // steps before and after, for clocks that differ and fingers that take their time
)

// A Secret is what an app and the server share. It does not print itself. The zero value is nobody's secret
// and checks nothing.
type Secret struct{ key [SecretBytes]byte }

// NewSecret returns a new secret.
func NewSecret() (s Secret) {
	rand.Read(s.key[:])
	return s
}

// ErrSecret says that bytes are not those of a Secret.
var ErrSecret = errors.New("totp: want a secret of 20 bytes, not all of them zero")

// FromBytes returns the secret that Bytes gave.
func FromBytes(b []byte) (Secret, error) {
	if len(b) != SecretBytes {
		return Secret{}, ErrSecret
	}
	s := Secret{[SecretBytes]byte(b)}
	if s == (Secret{}) {
		return Secret{}, ErrSecret
	}
	return s, nil
}

// Bytes returns the secret for the store, which seals it.
func (s Secret) Bytes() []byte { return s.key[:] }

// Text returns the secret as a person types it into an app that has no camera: base32 without padding.
func (s Secret) Text() string {
	return base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(s.key[:])
}

// URI returns what a QR code for apps holds: the secret, the issuer's name as people know it, and the account.
// Like the secret it is shown once, and belongs into no log. A colon separates the two names, so that those
// of the issuer become spaces.
func (s Secret) URI(issuer, account string) string {
	issuer = strings.Join(strings.FieldsFunc(issuer, func(r rune) bool { return r == ':' || r == ' ' }), " ")
	// Apps take a plus sign for itself, so a space is %20 in the query, too.
	escape := func(text string) string { return strings.ReplaceAll(url.QueryEscape(text), "+", "%20") }
	return fmt.Sprintf("otpauth://totp/%s:%s?secret=%s&issuer=%s&algorithm=SHA1&digits=%d&period=%d",
		escape(issuer), escape(account), s.Text(), escape(issuer), Digits, Period/time.Second)
}

// Step returns the number of the 30 seconds that a moment lies in, counted from 1970.
func Step(now time.Time) int64 {
	seconds := now.Unix()
	if seconds < 0 {
		return 0
	}
	return seconds / int64(Period/time.Second)
}

// Check reports whether typed is the code of the step of now, of the one before or of the one after, and of a
// step above last, which is the latest that was accepted (0: none). It returns that step. Spaces in what was
// typed do not count. The time taken depends on neither secret nor code.
func (s Secret) Check(typed string, now time.Time, last int64) (step int64, ok bool) {
	code, ok := parseCode(typed)
	if !ok || s == (Secret{}) {
		return 0, false
	}
	current := Step(now)
	found := 0
	for n := current + window; n >= current-window; n-- {
		// The earliest step that fits remains: the later ones stay good.
		fits := subtle.ConstantTimeEq(int32(s.code(n)), int32(code)) & above(n, last)
		step = int64(subtle.ConstantTimeSelect(fits, int(n), int(step)))
		found |= fits
	}
	return step, found == 1
}

func above(step, last int64) int {
	if step > last {
		return 1
	}
	return 0
}

// Code returns the code of a step, as an app shows it.
func (s Secret) Code(step int64) string { return fmt.Sprintf("%0*d", Digits, s.code(step)) }

func (s Secret) code(step int64) uint32 { return truncate(s.key[:], step) % 1_000_000 }

// truncate is RFC 4226 §5.3 up to the 31 bits that the digits are taken from.
func truncate(key []byte, step int64) uint32 {
	mac := hmac.New(sha1.New, key)
	binary.Write(mac, binary.BigEndian, step)
	sum := mac.Sum(nil)
	offset := sum[len(sum)-1] & 0xf
	return binary.BigEndian.Uint32(sum[offset:]) & (1<<31 - 1)
}

// parseCode reads six ASCII digits, among which there may be spaces: apps show "123 456".
func parseCode(typed string) (code uint32, ok bool) {
	if len(typed) > 4*Digits {
		return 0, false
	}
	digits := 0
	for _, c := range []byte(typed) {
		switch {
		case c == ' ':
			continue
		case c < '0' || c > '9':
			return 0, false
		}
		code = 10*code + uint32(c-'0')
		digits++
	}
	return code, digits == Digits
}

const redacted = "[redacted]"

// Format implements fmt.Formatter: no verb shows the secret.
func (Secret) Format(f fmt.State, _ rune) { f.Write([]byte(redacted)) }

// LogValue implements slog.LogValuer.
func (Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

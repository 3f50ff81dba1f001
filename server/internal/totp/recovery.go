package totp

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"log/slog"
	"strings"
)

// RecoveryCodes is how many a person gets at a time.
const RecoveryCodes = 10

const (
	recoveryBytes   = 10
	recoveryLetters = 16
)

// The alphabet leaves out the letters that people read as others.
var recovery = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

// A RecoveryCode takes the place of a one-time password once. It has 80 random bits, so one SHA-256 is a
// sufficient hash. It does not print itself: Text is for the page that shows it.
type RecoveryCode struct{ letters string }

// NewRecoveryCodes returns a new set. The store keeps their digests; the codes are shown once.
func NewRecoveryCodes() (codes [RecoveryCodes]RecoveryCode) {
	for i := range codes {
		var b [recoveryBytes]byte
		rand.Read(b[:])
		codes[i] = RecoveryCode{recovery.EncodeToString(b[:])}
	}
	return codes
}

// ParseRecoveryCode reads what a person typed or pasted. Capitals, spaces, line ends, hyphens and dashes do
// not count; o is read as 0, i and l as 1. It is false for what cannot be a code.
func ParseRecoveryCode(typed string) (code RecoveryCode, ok bool) {
	if len(typed) > 16*recoveryLetters {
		return RecoveryCode{}, false
	}
	letters := strings.Map(letter, typed)
	if len(letters) != recoveryLetters {
		return RecoveryCode{}, false
	}
	if _, err := recovery.DecodeString(letters); err != nil {
		return RecoveryCode{}, false
	}
	return RecoveryCode{letters}, true
}

func letter(r rune) rune {
	switch r {
	case ' ', '\t', '\r', '\n', '\u00a0', '-', '\u2010', '\u2011', '\u2012', '\u2013', '\u2014':
		return -1
	case 'o', 'O':
		return '0'
	case 'i', 'I', 'l', 'L':
		return '1'
	}
	if 'A' <= r && r <= 'Z' {
		return r - 'A' + 'a'
	}
	return r
}

// Text returns the code as it is shown: xxxx-xxxx-xxxx-xxxx.
func (c RecoveryCode) Text() string {
	if len(c.letters) != recoveryLetters {
		return ""
	}
	return c.letters[:4] + "-" + c.letters[4:8] + "-" + c.letters[8:12] + "-" + c.letters[12:]
}

// Digest returns what the store keeps. Which of a user's digests it is, and that it is used once, is for one
// conditional update to say.
func (c RecoveryCode) Digest() [sha256.Size]byte { return sha256.Sum256([]byte(c.letters)) }

// Format implements fmt.Formatter: no verb shows the code.
func (RecoveryCode) Format(f fmt.State, _ rune) { f.Write([]byte(redacted)) }

// LogValue implements slog.LogValuer.
func (RecoveryCode) LogValue() slog.Value { return slog.StringValue(redacted) }

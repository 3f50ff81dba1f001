// Package password keeps people's passwords as argon2id hashes and compares them within bounds of time and
// memory.
//
// A login waits for its turn, counts the try, compares, and gives the try back when the password was right:
//
//	typed, err := password.Typed(form.Get("password")) // refused above 1 KiB, before any work
//	turn, err := hasher.Wait(ctx, counter)              // ErrBusy: answer 503 and Retry-After
//	defer turn.Done()
//	…                                                   // count the try; delayed: stored = ""
//	right, err := turn.Check(stored, typed)             // "" for an unknown user: the same work, never right
//	if right && hasher.NeedsRehash(stored) {
//		stored = turn.Hash(typed).PHC()
//	}
//
// Every way through costs one hash: an unknown user, a wrong password, a user who may not log in, a string
// of the store that cannot be read. To count within the turn is what makes both bounds hold: one counter has
// one turn at a time, so two hundred guesses at once are not compared before the first of them is counted,
// and twenty right logins at once do not use up the failures that are free.
//
// A new password passes Choose, which looks at its length and at whether it would be guessed; it has no rules
// about kinds of characters.
package password

import (
	"errors"
	"fmt"
	"log/slog"

	"golang.org/x/text/unicode/norm"
)

// MaxTyped is how many bytes a form may hold as password. More is refused before anything is computed.
const MaxTyped = 1 << 10

// ErrTooLong says that a typed password has more than MaxTyped bytes. It is no password of any user, and
// says nothing of any user.
var ErrTooLong = errors.New("password: longer than 1 KiB")

// A Password is a password as a person typed it, in Unicode's normal form C, so that it is the same from
// every keyboard. It does not print itself. The zero value is the empty password, which is nobody's.
type Password struct{ text string }

// Typed returns the password of a form. The only error is ErrTooLong.
func Typed(text string) (Password, error) {
	if len(text) > MaxTyped {
		return Password{}, ErrTooLong
	}
	return Password{norm.NFC.String(text)}, nil
}

// Format implements fmt.Formatter: no verb shows the password.
func (Password) Format(f fmt.State, _ rune) { f.Write([]byte(redacted)) }

// LogValue implements slog.LogValuer.
func (Password) LogValue() slog.Value { return slog.StringValue(redacted) }

package password

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// A new password has this many bytes in UTF-8 and normal form C.
const (
	MinBytes = 12
	MaxBytes = 256
)

// Reason says why a password cannot be somebody's.
type Reason string

const (
	TooShort Reason = "too-short" // fewer than MinBytes
	TooLong  Reason = "too-long"  // more than MaxBytes
	NotText  Reason = "not-text"  // not UTF-8, or with control characters, which no keyboard types again
	Common   Reason = "common"    // made of few words and runs that everybody uses
	Own      Reason = "own"       // made of the user's own names or address
)

// A ChoiceError says that a new password is refused. It quotes nothing of the password.
type ChoiceError struct{ Reason Reason }

func (e *ChoiceError) Error() string {
	switch e.Reason {
	case TooShort:
		return fmt.Sprintf("password: shorter than %d bytes", MinBytes)
	case TooLong:
		return fmt.Sprintf("password: longer than %d bytes", MaxBytes)
	case NotText:
		return "password: not UTF-8 text without control characters"
	case Own:
		return "password: made of the user's own name or address"
	}
	return "password: made of words that everybody uses"
}

// Choose returns a new password if it may be one: long enough, and not put together of few pieces that a
// guesser tries first. own are the user's names and addresses, as they are kept. The errors are ChoiceErrors.
func Choose(text string, own ...string) (Password, error) {
	typed, err := Typed(text)
	if err != nil {
		return Password{}, &ChoiceError{TooLong}
	}
	if reason := refuse(typed.text, own); reason != "" {
		return Password{}, &ChoiceError{reason}
	}
	return typed, nil
}

func refuse(text string, own []string) Reason {
	switch {
	case !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl):
		return NotText
	case len(text) < MinBytes:
		return TooShort
	case len(text) > MaxBytes:
		return TooLong
	case pieces(text, nil) <= few:
		return Common
	case pieces(text, ownWords(own)) <= few:
		return Own
	}
	return ""
}

// ownWords are the names and addresses, whole and in their parts. Parts of one or two letters are in
// everything.
func ownWords(own []string) (words [][]rune) {
	for _, name := range own {
		if len(name) > MaxTyped {
			continue
		}
		name = strings.ToLower(norm.NFC.String(name))
		parts := strings.FieldsFunc(name, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
		local, _, _ := strings.Cut(name, "@")
		for _, word := range append(parts, name, local) {
			if runes := []rune(word); len(runes) > 2 {
				words = append(words, runes)
			}
		}
	}
	return words
}

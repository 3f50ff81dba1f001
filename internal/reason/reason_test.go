package reason_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/postern-auth/postern/internal/reason"
)

var (
	errOne   = errors.New("one")
	errTwo   = errors.New("two")
	errCause = errors.New("cause")
)

// spoken counts how often it is put into words.
type spoken struct{ times int }

func (s *spoken) String() string {
	s.times++
	return "words"
}

func TestARefusalIsItsReasonsAndItsCause(t *testing.T) {
	for _, test := range []struct {
		name string
		err  error
		text string
		is   []error
	}{
		{"one reason", reason.New(errOne, "jwt: exp is absent"), "jwt: exp is absent", []error{errOne}},
		{"a reason with arguments", reason.New(errOne, "jwt: %.3q, %d, %s", "abcdef", 2, "c"), `jwt: "abc", 2, c`, []error{errOne}},
		{"a reason with its cause", reason.New(errOne, "jwt: kid %q: %w", "k", errCause), `jwt: kid "k": cause`, []error{errOne, errCause}},
		{"two reasons", reason.Both(errOne, errTwo, "jwt: aud is absent"), "jwt: aud is absent", []error{errOne, errTwo}},
		{"two reasons with their cause", reason.Both(errOne, errTwo, "jwt: %w", errCause), "jwt: cause", []error{errOne, errTwo, errCause}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := test.err.Error(); got != test.text {
				t.Errorf("reads %q, want %q", got, test.text)
			}
			for _, err := range []error{errOne, errTwo, errCause, errors.ErrUnsupported, nil} {
				if got := errors.Is(test.err, err); got != slices.Contains(test.is, err) {
					t.Errorf("is %v: %t", err, got)
				}
			}
		})
	}
}

func TestARefusalIsPutIntoWordsWhenItIsRead(t *testing.T) {
	words := new(spoken)
	err := reason.New(errOne, "jwt: %s", words)
	if errors.Is(err, errOne); words.times != 0 {
		t.Errorf("put into words %d times before it was read", words.times)
	}
	if got := err.Error(); got != "jwt: words" || words.times != 1 {
		t.Errorf("reads %q after %d times", got, words.times)
	}
}

package posterntest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/postern-auth/postern"
)

// Sample holds tokens for TestVerifier to try on a Verifier.
type Sample struct {
	// Good are tokens that the Verifier must accept. At least one is required.
	Good []string
	// Bad are tokens of the Verifier's own shape and issuer that it must refuse: expired, revoked, with a
	// changed signature. At least one is required.
	Bad []string
	// Strangers are tokens that the Verifier must leave to others. Empty for one that takes all tokens.
	Strangers []string
}

// TestVerifier checks what every Verifier promises: that it answers with a token or an error and never
// with neither or both; that good tokens pass and bad ones are refused for a reason that package postern
// knows; that a stranger's token is ErrNotMine and nothing else is; that a caller who has gone away is told
// so and never that its token is bad; that no error holds the raw token; and that all of that holds under
// concurrent use, for which the race detector should be on.
func TestVerifier(t *testing.T, verifier postern.Verifier, sample Sample) {
	if len(sample.Good) == 0 || len(sample.Bad) == 0 {
		t.Fatal("posterntest: Sample needs a good and a bad token at least")
	}
	for _, c := range sample.cases() {
		t.Run(c.name, func(t *testing.T) {
			if err := c.try(t.Context(), verifier); err != nil {
				t.Error(err)
			}
			if err := c.tryCancelled(verifier); err != nil {
				t.Errorf("with a cancelled context: %v", err)
			}
		})
	}
	t.Run("concurrent use changes no decision", func(t *testing.T) {
		var group sync.WaitGroup
		for range 8 {
			group.Go(func() {
				for _, c := range sample.cases() {
					if err := c.try(t.Context(), verifier); err != nil {
						t.Errorf("%s: %v", c.name, err)
					}
				}
			})
		}
		group.Wait()
	})
}

type verdict int

const (
	refused verdict = iota // any error
	good
	bad
	notMine
)

type sampleCase struct {
	name string
	raw  string
	want verdict
}

func (s Sample) cases() []sampleCase {
	var list []sampleCase
	for _, group := range []struct {
		name string
		raw  []string
		want verdict
	}{
		{"good token", s.Good, good},
		{"bad token", s.Bad, bad},
		{"stranger's token", s.Strangers, notMine},
		{"hostile text", hostile(s.Good[0]), refused},
	} {
		for n, raw := range group.raw {
			list = append(list, sampleCase{fmt.Sprintf("%s %d", group.name, n), raw, group.want})
		}
	}
	return list
}

// hostile returns texts that are not tokens of anybody.
func hostile(good string) []string {
	return []string{
		"", ".", "..", "...", "=", "\x00", "\xff\xfe", "a b", "{}", "null",
		good + "A", good[:len(good)-1], " " + good, good + "\n", good + " " + good,
		strings.Repeat(".", 1<<20), strings.Repeat("A", 1<<20),
	}
}

func (c sampleCase) try(ctx context.Context, verifier postern.Verifier) error {
	token, err := verifier.Verify(ctx, c.raw)
	switch {
	case token == nil && err == nil:
		return errors.New("neither a token nor an error")
	case token != nil && err != nil:
		return fmt.Errorf("a token and an error: %w", err)
	case c.want == good:
		return err
	case err == nil:
		return errors.New("accepted")
	case len(c.raw) > 8 && strings.Contains(err.Error(), c.raw):
		return errors.New("the error holds the raw token")
	case c.want == notMine && !errors.Is(err, postern.ErrNotMine):
		return fmt.Errorf("want ErrNotMine, got: %w", err)
	case c.want == bad && errors.Is(err, postern.ErrNotMine):
		return fmt.Errorf("a token of its own is ErrNotMine: %w", err)
	case c.want == bad && !decided(err):
		return fmt.Errorf("the error wraps no reason to refuse: %w", err)
	}
	return nil
}

// tryCancelled asks on behalf of a caller who has gone away: a good token may pass, but must not be called
// bad.
func (c sampleCase) tryCancelled(verifier postern.Verifier) error {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	token, err := verifier.Verify(ctx, c.raw)
	switch {
	case token == nil && err == nil:
		return errors.New("neither a token nor an error")
	case c.want == good && err != nil && (decided(err) || errors.Is(err, postern.ErrNotMine)):
		return fmt.Errorf("a good token is refused: %w", err)
	case c.want != good && err == nil:
		return errors.New("accepted")
	}
	return nil
}

// decided reports whether an error is a decision against a token.
func decided(err error) bool {
	for _, reason := range []error{
		postern.ErrMalformed, postern.ErrSignature, postern.ErrExpired, postern.ErrNotYetValid,
		postern.ErrIssuer, postern.ErrAudience, postern.ErrInactive,
	} {
		if errors.Is(err, reason) {
			return !errors.Is(err, postern.ErrUnavailable)
		}
	}
	return false
}

package posterntest

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/postern-auth/postern"
)

// TestTheSuiteFindsWhatVerifiersDoWrong breaks each promise of a Verifier in turn: a suite that nothing fails
// would prove nothing.
func TestTheSuiteFindsWhatVerifiersDoWrong(t *testing.T) {
	sample := Sample{Good: []string{"good-token"}, Bad: []string{"bad-token"}, Strangers: []string{"strange-token"}}
	token := postern.NewToken(postern.TokenData{})
	right := func(ctx context.Context, raw string) (*postern.Token, error) {
		switch {
		case raw == "good-token":
			return token, nil
		case raw == "strange-token":
			return nil, postern.ErrNotMine
		}
		return nil, postern.ErrInactive
	}
	for _, test := range []struct {
		name   string
		verify postern.VerifierFunc
		wrong  bool
	}{
		{"does everything right", right, false},
		{"answers with nothing", func(context.Context, string) (*postern.Token, error) { return nil, nil }, true},
		{"answers with both", func(context.Context, string) (*postern.Token, error) { return token, postern.ErrExpired }, true},
		{"accepts everything", func(context.Context, string) (*postern.Token, error) { return token, nil }, true},
		{"accepts nothing", func(context.Context, string) (*postern.Token, error) { return nil, postern.ErrInactive }, true},
		{"calls a stranger's token bad", func(ctx context.Context, raw string) (*postern.Token, error) {
			if raw == "strange-token" {
				return nil, postern.ErrSignature
			}
			return right(ctx, raw)
		}, true},
		{"leaves its own bad token to others", func(ctx context.Context, raw string) (*postern.Token, error) {
			if raw == "bad-token" {
				return nil, fmt.Errorf("%w: %w", postern.ErrNotMine, postern.ErrExpired)
			}
			return right(ctx, raw)
		}, true},
		{"refuses for no reason that is known", func(ctx context.Context, raw string) (*postern.Token, error) {
			if raw == "bad-token" {
				return nil, errors.New("no")
			}
			return right(ctx, raw)
		}, true},
		{"tells the raw token", func(ctx context.Context, raw string) (*postern.Token, error) {
			if raw == "bad-token" {
				return nil, fmt.Errorf("%s: %w", raw, postern.ErrExpired)
			}
			return right(ctx, raw)
		}, true},
		{"blames the token when the caller has gone away", func(ctx context.Context, raw string) (*postern.Token, error) {
			if ctx.Err() != nil {
				return nil, postern.ErrInactive
			}
			return right(ctx, raw)
		}, true},
		{"tells the caller who has gone away", func(ctx context.Context, raw string) (*postern.Token, error) {
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			return right(ctx, raw)
		}, false},
		{"forgives a longer token", func(ctx context.Context, raw string) (*postern.Token, error) {
			if len(raw) > len("good-token") {
				raw = raw[:len("good-token")]
			}
			return right(ctx, raw)
		}, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			var found error
			for _, c := range sample.cases() {
				found = errors.Join(found, c.try(t.Context(), test.verify), c.tryCancelled(test.verify))
			}
			if (found != nil) != test.wrong {
				t.Errorf("the suite says %v", found)
			}
		})
	}
}

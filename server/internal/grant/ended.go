package grant

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/postern-auth/postern/server/internal/oauth"
	"github.com/postern-auth/postern/server/store"
)

// afterEnd has a request come again while the end of what was issued before lies ahead: a token would be dead. It
// looks at the subject, and at the client.
func (g *Grants) afterEnd(ctx context.Context, to recipient) error {
	subject, err := g.config.Store.Subject(ctx, to.subject.ID)
	if errors.Is(err, store.ErrNotFound) {
		return oauth.Refuse(oauth.InvalidGrant, "the user is gone", err)
	}
	if err != nil {
		return fmt.Errorf("grant: reading the subject: %w", err)
	}
	notBefore := subject.NotBefore
	client, err := g.config.Store.Client(ctx, to.clientID)
	if err != nil && !errors.Is(err, store.ErrNotFound) { // a renamed one is its subject alone
		return fmt.Errorf("grant: reading the client: %w", err)
	}
	if client.NotBefore.After(notBefore) {
		notBefore = client.NotBefore
	}
	left := notBefore.Sub(g.config.Mint.Now())
	if left <= 0 {
		return nil
	}
	return oauth.Refuse(oauth.TemporarilyUnavailable,
		fmt.Sprintf("all tokens were ended a moment ago; new ones are issued in %d seconds", (left+time.Second-1)/time.Second), nil)
}

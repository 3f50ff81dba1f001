package registry

import (
	"context"
	"fmt"
	"time"

	"github.com/postern-auth/postern/server/internal/keys"
	"github.com/postern-auth/postern/server/store"
)

// TooEarly says that a key cannot be put in the place of one that does not sign yet: who has the key set in a cache
// would know neither.
type TooEarly struct {
	ID                   string // of the key that waits
	Published, SignsFrom time.Time
}

// Error says which key waits, and until when.
func (e *TooEarly) Error() string {
	return fmt.Sprintf("registry: key %s was published at %s and signs from %s on; rotate after that",
		e.ID, e.Published.UTC().Format(time.RFC3339), e.SignsFrom.UTC().Format(time.RFC3339))
}

// RotateKey puts a key, such as Ring.Next makes one, in the place of those of its algorithm, which stay published for
// as long as their tokens live. Errors: *TooEarly.
func (r *Registry) RotateKey(ctx context.Context, next store.SigningKey) error {
	rows, err := r.tx.SigningKeys(ctx)
	if err != nil {
		return err
	}
	for _, row := range rows {
		if row.Algorithm == next.Algorithm && keys.StateOf(row, r.now) == keys.Waiting {
			return &TooEarly{row.ID, row.CreatedAt, row.SignsFrom}
		}
	}
	if err := keys.Succeed(ctx, r.tx, rows, next); err != nil {
		return err
	}
	return r.record(ctx, created, object{"signing key", next.ID, next.Algorithm}, nil)
}

// ResealKey keeps a key whose private part was sealed anew, such as Ring.Reseal makes one.
func (r *Registry) ResealKey(ctx context.Context, row store.SigningKey) error {
	if err := r.tx.PutSigningKey(ctx, row); err != nil {
		return err
	}
	return r.record(ctx, changed, object{"signing key", row.ID, row.Algorithm}, nil)
}

// WithdrawKey removes a key at once and puts another, such as Ring.Replacement makes one, in its place. Errors:
// store.ErrNotFound.
func (r *Registry) WithdrawKey(ctx context.Context, id string, next store.SigningKey) error {
	if err := keys.Replace(ctx, r.tx, id, next); err != nil {
		return err
	}
	if err := r.record(ctx, deleted, object{"signing key", id, next.Algorithm}, nil); err != nil {
		return err
	}
	return r.record(ctx, created, object{"signing key", next.ID, next.Algorithm}, nil)
}

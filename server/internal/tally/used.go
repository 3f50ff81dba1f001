package tally

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/postern-auth/postern/server/store"
)

const (
	// fine is how exactly the time of the last use is kept: what is used a thousand times a second is written once in
	// that time.
	fine = time.Minute
	// mostUsed is how many uses are written together. What is beyond it is told again by its next use.
	mostUsed = 1000
)

// used names what was used, by the method of a store.Tx that keeps it.
type used struct {
	noun noun
	id   string
}

type noun int

const (
	secretNoun noun = iota
	keyNoun
	tokenNoun
)

// UsedSecret remembers that a client has proved itself by a secret.
func (t *Tally) UsedSecret(s store.Secret) { t.used(used{secretNoun, s.ID}, s.UsedAt) }

// UsedKey remembers that a client has signed with a key.
func (t *Tally) UsedKey(k store.ClientKey) { t.used(used{keyNoun, k.ID}, k.UsedAt) }

// UsedToken remembers that the personal access token with the id was found good; before is its last use until then.
func (t *Tally) UsedToken(id string, before time.Time) { t.used(used{tokenNoun, id}, before) }

func (t *Tally) used(what used, before time.Time) {
	now := t.Now()
	if now.Sub(before) < fine {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, known := t.uses[what]; !known && len(t.uses) >= mostUsed {
		return
	}
	t.uses[what] = now
	t.awake()
}

// mark writes the uses. What has been deleted since is of no interest.
func mark(ctx context.Context, tx store.Tx, uses map[used]time.Time) error {
	for what, at := range uses {
		var err error
		switch what.noun {
		case secretNoun:
			err = tx.MarkSecretUsed(ctx, what.id, at)
		case keyNoun:
			err = tx.MarkClientKeyUsed(ctx, what.id, at)
		case tokenNoun:
			err = tx.MarkTokenUsed(ctx, what.id, at)
		}
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return fmt.Errorf("marking what was used: %w", err)
		}
	}
	return nil
}

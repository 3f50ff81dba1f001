package setup

import (
	"context"
	"crypto"
	"errors"
	"fmt"

	"github.com/postern-auth/postern/server/internal/document"
	"github.com/postern-auth/postern/server/internal/registry"
	"github.com/postern-auth/postern/server/store"
)

// Apply makes the store what the document says and writes the new files. It returns the Plan of what it
// did, which is not p where the store has changed since: Apply compares again within its transaction.
// Every change is made or none, also when the process is killed; a server on the same store sees all of
// them at once. Applying twice does nothing the second time.
//
// Errors: as Compare; store.ErrExists when an object outside the document has a name that the document
// gives to another. With a Plan that is not nil the rows are committed and a file could not take its
// name: it waits beside it, and applying again finishes the work.
func (p *Plan) Apply(ctx context.Context) (*Plan, error) {
	if p.Empty() {
		return p, nil
	}
	w := &work{fresh: map[*document.ClientKey]crypto.Signer{}}
	if err := w.prepare(ctx, p.keyed()); err != nil {
		return nil, err
	}
	for _, change := range p.Changes {
		if change.password != nil {
			if _, err := p.options.passwords.fresh(ctx, change.password); err != nil {
				return nil, fmt.Errorf("setup: nothing is changed: %w", err)
			}
		}
	}
	var done *Plan
	err := p.store.InTx(ctx, func(tx store.Tx) (err error) {
		done, err = p.applyIn(ctx, tx, w)
		return err
	})
	if err != nil && done != nil {
		return nil, fmt.Errorf("setup: the commit failed, all is changed or nothing; apply again: %w", err)
	}
	if err != nil {
		return nil, fmt.Errorf("setup: nothing is changed: %w", err)
	}
	return done, w.publish()
}

func (p *Plan) applyIn(ctx context.Context, tx store.Tx, w *work) (*Plan, error) {
	if err := queue(ctx, tx); err != nil {
		return nil, err
	}
	plan, err := compare(ctx, p.store, tx, p.doc, p.options)
	if err != nil {
		return nil, err
	}
	w.registry, w.pending, w.written = registry.In(tx, actor, plan.now), nil, nil // anew, for an engine may run this again
	for _, change := range plan.Changes {
		if err := change.do(ctx, w); err != nil {
			return nil, errors.Join(describeFailure(change, err), w.discard())
		}
	}
	return plan, nil
}

// keyed returns the entries that need a new key.
func (p *Plan) keyed() []*document.ClientKey {
	var entries []*document.ClientKey
	for _, change := range p.Changes {
		if change.keyed != nil {
			entries = append(entries, change.keyed)
		}
	}
	return entries
}

// actor is who the events of a document name.
const actor = "apply"

// queue makes those that apply at the same time wait for each other: by writing one row they all know,
// which any engine lets one transaction do at a time. What comes behind it sees all that they did, so
// that a pending file without a row is certainly a leftover.
func queue(ctx context.Context, tx store.Tx) error {
	organization, err := organizationOf(ctx, tx)
	if err != nil {
		return err
	}
	return tx.PutOrganization(ctx, organization)
}

func describeFailure(change Change, err error) error {
	err = fmt.Errorf("%s %s %q: %w", change.Action, change.Object, change.Name, err)
	if errors.Is(err, store.ErrExists) {
		return fmt.Errorf("%w: the document does not name that object; name it, rename one, or prune", err)
	}
	return err
}

package setup

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"sync"

	"github.com/postern-auth/postern/internal/jws"
	"github.com/postern-auth/postern/server/registry"
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
	w := &work{fresh: map[*ClientKey]crypto.Signer{}}
	if err := w.prepare(ctx, p.Changes); err != nil {
		return nil, err
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

// work is what one Apply has at hand.
type work struct {
	registry *registry.Registry
	fresh    map[*ClientKey]crypto.Signer
	written  []target // pending files of rows that are not committed yet
	pending  []target // files to publish after the commit
}

// prepare makes the keys that the changes need, side by side: RSA keys take long to find. It does so
// before the transaction, for which a running server would have to wait. When ctx ends it returns at once,
// and w is of no use any more.
func (w *work) prepare(ctx context.Context, changes []Change) error {
	var running sync.WaitGroup
	var mu sync.Mutex
	var failed error
	for _, change := range changes {
		if change.keyed == nil {
			continue
		}
		running.Go(func() {
			private, err := jws.GenerateKey(change.keyed.Algorithm)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				failed = fmt.Errorf("setup: make a key: %w", err)
				return
			}
			w.fresh[change.keyed] = private
		})
	}
	made := make(chan struct{})
	go func() { running.Wait(); close(made) }()
	select {
	case <-made:
		return failed
	case <-ctx.Done():
		return fmt.Errorf("setup: nothing is changed: %w", ctx.Err())
	}
}

// key returns the new key for an entry, made once.
func (w *work) key(e *ClientKey) (crypto.Signer, error) {
	if private, ok := w.fresh[e]; ok {
		return private, nil
	}
	private, err := jws.GenerateKey(e.Algorithm)
	if err != nil {
		return nil, fmt.Errorf("setup: make a key: %w", err)
	}
	w.fresh[e] = private
	return private, nil
}

func (w *work) write(path target, content []byte) error {
	if err := path.writePending(content); err != nil {
		return err
	}
	w.written = append(w.written, path)
	w.pending = append(w.pending, path)
	return nil
}

// discard removes what was written for rows that will not be. It runs within the transaction: behind it
// the pending names may be another's. Where the commit itself fails nobody knows whether it happened, and
// the files stay for the next Apply, which can tell.
func (w *work) discard() error {
	var errs []error
	for _, path := range w.written {
		errs = append(errs, path.discard())
	}
	return errors.Join(errs...)
}

func (w *work) publish() error {
	var errs []error
	for _, path := range w.pending {
		errs = append(errs, path.publish())
	}
	return errors.Join(errs...)
}

package setup

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"sync"

	"github.com/postern-auth/postern/internal/jws"
	"github.com/postern-auth/postern/server/internal/document"
	"github.com/postern-auth/postern/server/internal/registry"
)

// work is what one Apply has at hand.
type work struct {
	registry *registry.Registry
	fresh    map[*document.ClientKey]crypto.Signer
	written  []target // pending files of rows that are not committed yet
	pending  []target // files to publish after the commit
}

// prepare makes keys for the entries, side by side: RSA keys take long to find. It does so before the
// transaction, for which a running server would have to wait. When ctx ends it returns at once, and w is of no
// use any more.
func (w *work) prepare(ctx context.Context, entries []*document.ClientKey) error {
	var running sync.WaitGroup
	var mu sync.Mutex
	var failed error
	for _, e := range entries {
		running.Go(func() {
			private, err := jws.GenerateKey(e.Algorithm)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				failed = fmt.Errorf("setup: make a key: %w", err)
				return
			}
			w.fresh[e] = private
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
func (w *work) key(e *document.ClientKey) (crypto.Signer, error) {
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

package keys

import (
	"context"
	"crypto/x509"
	"fmt"
	"slices"
	"time"

	"github.com/postern-auth/postern/internal/jws"
	"github.com/postern-auth/postern/server/internal/secret"
	"github.com/postern-auth/postern/server/store"
)

// Ensure makes a key for each algorithm that has none which may sign. A new key signs at once: without
// an earlier one there is no cache that could lack it.
func (r *Ring) Ensure(ctx context.Context, algs ...jws.Algorithm) error {
	r.reading.Lock()
	defer r.reading.Unlock()
	current, err := r.read(ctx)
	if err != nil {
		return err
	}
	for _, alg := range algs {
		now := r.config.Now()
		if current.signing(alg, now) != nil {
			continue
		}
		row, err := r.generate(alg, now, now)
		if err != nil {
			return err
		}
		made, err := r.putFirst(ctx, row)
		if err != nil {
			return fmt.Errorf("keys: keeping a new %s key: %w", alg, err)
		}
		if made {
			r.config.Logger.InfoContext(ctx, "signing key made", "kid", row.ID, "alg", row.Algorithm)
		}
		if current, err = r.read(ctx); err != nil {
			return err
		}
	}
	return nil
}

// putFirst keeps a key unless another server has made one for the algorithm meanwhile, and reports whether it did: of
// servers that start at once one makes the keys.
func (r *Ring) putFirst(ctx context.Context, row store.SigningKey) (made bool, err error) {
	err = r.config.Store.InTx(ctx, func(s store.Tx) error {
		rows, err := s.SigningKeys(ctx)
		if err != nil {
			return err
		}
		soon := later(row.SignsFrom, r.config.Now()).Add(ClockBound) // theirs may begin to sign a moment after ours
		made = !slices.ContainsFunc(rows, func(other store.SigningKey) bool {
			return other.Algorithm == row.Algorithm && (&key{SigningKey: other}).signs(soon)
		})
		if !made {
			return nil
		}
		return s.PutSigningKey(ctx, row)
	})
	return made, err
}

// Rotate makes a new key for the algorithm and retires those before it. The new one is published now and
// signs as soon as every cache has seen it; the old ones sign until then and stay published for as long
// as their tokens live.
func (r *Ring) Rotate(ctx context.Context, alg jws.Algorithm) error {
	next, err := r.Next(alg, r.config.Now())
	if err != nil {
		return err
	}
	err = r.change(ctx, func(s store.Tx, rows []store.SigningKey) error { return Succeed(ctx, s, rows, next) })
	if err != nil {
		return fmt.Errorf("keys: rotating %s: %w", alg, err)
	}
	r.config.Logger.InfoContext(ctx, "signing key rotated", "kid", next.ID, "alg", next.Algorithm, "signs_from", next.SignsFrom)
	return nil
}

// Next returns a new key that signs as soon as every cache of the key set has seen it. It takes long: it is made
// outside of any transaction.
func (r *Ring) Next(alg jws.Algorithm, now time.Time) (store.SigningKey, error) {
	return r.generate(alg, now, now.Add(publishAhead))
}

// Succeed puts the next key in the place of those of its algorithm among the rows, in a transaction.
func Succeed(ctx context.Context, s store.SigningKeys, rows []store.SigningKey, next store.SigningKey) error {
	for _, row := range rows {
		if row.Algorithm != next.Algorithm || !row.RetiredAt.IsZero() {
			continue
		}
		row.RetiredAt = later(next.SignsFrom, row.SignsFrom)
		row.VerifiesUntil = row.RetiredAt.Add(MaxTokenLifetime + MaxAge)
		if err := s.PutSigningKey(ctx, row); err != nil {
			return err
		}
	}
	return s.PutSigningKey(ctx, next)
}

// Withdraw removes a key at once and puts a new one in its place: every token that it signed is refused
// from now on, by verifiers elsewhere as soon as they read the key set again. It is for a key that
// somebody else may hold. Errors: store.ErrNotFound.
func (r *Ring) Withdraw(ctx context.Context, id string) error {
	next, err := r.replacement(ctx, id)
	if err != nil {
		return fmt.Errorf("keys: withdrawing %.64q: %w", id, err)
	}
	err = r.change(ctx, func(s store.Tx, _ []store.SigningKey) error { return Replace(ctx, s, id, next) })
	if err != nil {
		return fmt.Errorf("keys: withdrawing %.64q: %w", id, err)
	}
	r.config.Logger.WarnContext(ctx, "signing key withdrawn", "kid", id, "replacement", next.ID)
	return nil
}

// Replacement returns a new key that signs at once. It takes long: it is made outside of any transaction.
func (r *Ring) Replacement(alg jws.Algorithm, now time.Time) (store.SigningKey, error) {
	return r.generate(alg, now, now)
}

// Replace removes a key and puts the next one in its place, in a transaction. Errors: store.ErrNotFound.
func Replace(ctx context.Context, s store.SigningKeys, id string, next store.SigningKey) error {
	if err := s.DeleteSigningKey(ctx, id); err != nil {
		return err
	}
	return s.PutSigningKey(ctx, next)
}

// replacement returns a new key of the same algorithm that signs at once. It is made outside of any
// transaction, for that takes long and writers would wait.
func (r *Ring) replacement(ctx context.Context, id string) (store.SigningKey, error) {
	rows, err := r.config.Store.SigningKeys(ctx)
	if err != nil {
		return store.SigningKey{}, err
	}
	now := r.config.Now()
	for _, row := range rows {
		if row.ID == id {
			return r.Replacement(jws.Algorithm(row.Algorithm), now)
		}
	}
	return store.SigningKey{}, store.ErrNotFound
}

// DeleteExpired removes the keys that are neither published nor needed for hints any more.
func (r *Ring) DeleteExpired(ctx context.Context) error {
	now := r.config.Now()
	err := r.change(ctx, func(s store.Tx, rows []store.SigningKey) error {
		for _, row := range rows {
			if row.VerifiesUntil.IsZero() || now.Before(keptUntil(row)) {
				continue
			}
			if err := s.DeleteSigningKey(ctx, row.ID); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("keys: deleting expired ones: %w", err)
	}
	return nil
}

// change runs f in a transaction over the keys there are, and then reads the list again.
func (r *Ring) change(ctx context.Context, f func(store.Tx, []store.SigningKey) error) error {
	r.reading.Lock()
	defer r.reading.Unlock()
	err := r.config.Store.InTx(ctx, func(s store.Tx) error {
		rows, err := s.SigningKeys(ctx)
		if err != nil {
			return err
		}
		return f(s, rows)
	})
	if err != nil {
		return err
	}
	_, err = r.read(ctx)
	return err
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func (r *Ring) generate(alg jws.Algorithm, now, from time.Time) (store.SigningKey, error) {
	private, err := jws.GenerateKey(alg)
	if err != nil {
		return store.SigningKey{}, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return store.SigningKey{}, fmt.Errorf("keys: encoding a new %s key: %w", alg, err)
	}
	return r.seal(store.SigningKey{
		ID: secret.NewID(), Algorithm: string(alg), PrivateKey: der, CreatedAt: now, SignsFrom: from,
	}), nil
}

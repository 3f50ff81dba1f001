package server

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/postern-auth/postern/internal/jws"
	"github.com/postern-auth/postern/server/internal/keys"
	"github.com/postern-auth/postern/server/internal/registry"
	"github.com/postern-auth/postern/server/internal/seal"
	"github.com/postern-auth/postern/server/store"
)

// SigningKeys are the signing keys in a store, for programs that look after a server and need not be it, such as
// 'postern keys'. Servers of the store know of a change within a second. It is safe for concurrent use.
type SigningKeys struct {
	// Store holds the keys. Required.
	Store store.Store
	// DataKeys are those of Config.
	DataKeys [][]byte
	// Actor is named in the events. Required.
	Actor string
	// Now is the clock. Default: time.Now.
	Now func() time.Time
}

// SigningKey is one of them, without its private part.
type SigningKey struct {
	ID        string `json:"kid"`
	Algorithm string `json:"alg"`
	// State is waiting (published, and signs soon), signing, verifying (published for the tokens that it signed) or ended
	// (not published any more).
	State     string    `json:"state"`
	CreatedAt time.Time `json:"created_at,omitzero"`
	SignsFrom time.Time `json:"signs_from,omitzero"`
	// RetiredAt is when it signs no more, and VerifiesUntil when it is not published any more. Zero: it has not been
	// rotated.
	RetiredAt     time.Time `json:"retired_at,omitzero"`
	VerifiesUntil time.Time `json:"verifies_until,omitzero"`
	// Sealed reports whether a copy of the store keeps its private part from whoever has no data key.
	Sealed bool `json:"sealed"`
}

// LongestTokenLifetime is how long a token lives at most that one of the server's keys has signed.
const LongestTokenLifetime = 30 * 24 * time.Hour

// KeySetMaxAge is how long others may cache the published key set, and so go on with a key that has been withdrawn.
const KeySetMaxAge = time.Minute

// ErrUnreadableKey says that a signing key in the store cannot be read: none of the data keys opens it, or it is damaged.
var ErrUnreadableKey = errors.New("server: a signing key cannot be read")

// unreadableKey is the error of a key that is ErrUnreadableKey.
type unreadableKey struct{ error }

func (unreadableKey) Is(target error) bool { return target == ErrUnreadableKey }
func (e unreadableKey) Unwrap() error      { return e.error }

// List returns all keys, oldest first.
func (k SigningKeys) List(ctx context.Context) ([]SigningKey, error) {
	rows, err := k.Store.SigningKeys(ctx)
	if err != nil {
		return nil, fmt.Errorf("server: %w", err)
	}
	all := make([]SigningKey, len(rows))
	for i, row := range rows {
		all[i] = k.shown(row)
	}
	return all, nil
}

// Rotate is Server.RotateKey. It returns the new key. Errors besides: one while a key of the algorithm waits to sign.
func (k SigningKeys) Rotate(ctx context.Context, alg string) (SigningKey, error) {
	if !jws.Algorithm(alg).Known() {
		return SigningKey{}, unknownAlgorithm(alg)
	}
	ring, err := k.ring()
	if err != nil {
		return SigningKey{}, err
	}
	next, err := ring.Next(jws.Algorithm(alg), k.now())
	if err != nil {
		return SigningKey{}, fmt.Errorf("server: %w", err)
	}
	return k.shown(next), k.change(ctx, func(r *registry.Registry, _ store.Tx) error { return r.RotateKey(ctx, next) })
}

// Withdraw is Server.WithdrawKey. It returns the key that takes its place. The private part of the key that goes need not
// be readable.
func (k SigningKeys) Withdraw(ctx context.Context, id string) (SigningKey, error) {
	ring, err := k.ring()
	if err != nil {
		return SigningKey{}, err
	}
	alg := ""
	all, err := k.List(ctx)
	for _, key := range all {
		if key.ID == id {
			alg = key.Algorithm
		}
	}
	if err == nil && alg == "" {
		err = fmt.Errorf("server: signing key %.64q: %w", id, store.ErrNotFound)
	}
	if err != nil {
		return SigningKey{}, err
	}
	next, err := ring.Replacement(jws.Algorithm(alg), k.now())
	if err != nil {
		return SigningKey{}, fmt.Errorf("server: %w", err)
	}
	return k.shown(next), k.change(ctx, func(r *registry.Registry, _ store.Tx) error { return r.WithdrawKey(ctx, id, next) })
}

// Reseal seals by the first data key all keys that are not, in one transaction, and returns how many those were. All
// servers of the store need to have that data key before. Errors name a key that none of the data keys opens.
func (k SigningKeys) Reseal(ctx context.Context) (int, error) {
	ring, err := k.ring()
	if err != nil {
		return 0, err
	}
	n := 0
	err = k.change(ctx, func(r *registry.Registry, tx store.Tx) error {
		rows, err := tx.SigningKeys(ctx)
		if err != nil {
			return err
		}
		if rows, err = ring.Reseal(rows); err != nil {
			return err
		}
		n = len(rows)
		for _, row := range rows {
			if err := r.ResealKey(ctx, row); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	return n, nil
}

func (k SigningKeys) change(ctx context.Context, f func(*registry.Registry, store.Tx) error) error {
	err := k.Store.InTx(ctx, func(tx store.Tx) error { return f(registry.In(tx, k.Actor, k.now()), tx) })
	if err != nil {
		return fmt.Errorf("server: %w", err)
	}
	return nil
}

func (k SigningKeys) ring() (*keys.Ring, error) {
	sealing, err := seal.New(k.DataKeys...)
	if err != nil {
		return nil, fmt.Errorf("server: DataKeys: %w", err)
	}
	return keys.New(keys.Config{Store: k.Store, Sealing: sealing, Now: k.now}), nil
}

func (k SigningKeys) now() time.Time {
	if k.Now == nil {
		return time.Now()
	}
	return k.Now()
}

func (k SigningKeys) shown(row store.SigningKey) SigningKey {
	return SigningKey{
		ID: row.ID, Algorithm: row.Algorithm, State: string(keys.StateOf(row, k.now())), CreatedAt: row.CreatedAt,
		SignsFrom: row.SignsFrom, RetiredAt: row.RetiredAt, VerifiesUntil: row.VerifiesUntil, Sealed: keys.Sealed(row),
	}
}

func unknownAlgorithm(alg string) error {
	return fmt.Errorf("server: no keys are made for the algorithm %.64q, want one of %v", alg, jws.Algorithms())
}

// rotateDue rotates the keys that have signed for as long as they may. Of servers that do so at once one makes the new
// key: the others find it waiting.
func (s *Server) rotateDue(ctx context.Context) error {
	if s.config.RotateKeysEvery == 0 {
		return nil
	}
	rows, err := s.config.Store.SigningKeys(ctx)
	if err != nil {
		return fmt.Errorf("server: %w", err)
	}
	for _, alg := range keys.Due(rows, s.config.Now(), s.config.RotateKeysEvery) {
		next, err := s.keys.Next(jws.Algorithm(alg), s.config.Now())
		if err != nil {
			return fmt.Errorf("server: %w", err)
		}
		err = s.config.Store.InTx(ctx, func(tx store.Tx) error {
			rows, err := tx.SigningKeys(ctx)
			if err != nil || !slices.Contains(keys.Due(rows, s.config.Now(), s.config.RotateKeysEvery), alg) {
				return err
			}
			s.config.Logger.InfoContext(ctx, "signing key rotated", "kid", next.ID, "alg", next.Algorithm, "signs_from", next.SignsFrom)
			return registry.In(tx, "schedule", s.config.Now()).RotateKey(ctx, next)
		})
		if err != nil {
			return fmt.Errorf("server: rotating keys: %w", err)
		}
	}
	return nil
}

// Package keys keeps the authorization server's signing keys: it makes, publishes, rotates and withdraws
// them, and signs with the one whose turn it is.
//
//	ring := keys.New(keys.Config{Store: s})
//	if err := ring.Ensure(ctx, jws.ES256, jws.RS256); err != nil {
//		return err
//	}
//	signer, err := ring.Signer(ctx, jws.ES256)
//	…
//	raw, err := signer.Sign("at+jwt", payload)
//
// A rotation is never visible as a refused token. The new key is published before it signs, so that
// verifiers which cache the key set know it in time; the old one stays published until the last token
// that it signed has expired, and is kept for hints for longer:
//
//	err = ring.Rotate(ctx, jws.ES256)
//
// Only Withdraw, for a key that somebody else may hold, is abrupt.
package keys

import (
	"context"
	"crypto"
	"crypto/x509"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/postern-auth/postern/internal/jws"
	"github.com/postern-auth/postern/server/internal/seal"
	"github.com/postern-auth/postern/server/store"
)

const (
	// MaxAge is how long others may cache the published key set.
	MaxAge = time.Minute
	// MaxTokenLifetime is the longest life of a token; an old key stays published for so long.
	MaxTokenLifetime = 30 * 24 * time.Hour
	// HintLifetime is how long an ID token may come back as a hint, counted from when its key was retired. It is
	// much longer than its key is published: applications keep ID tokens for as long as their own sessions last.
	HintLifetime = 90 * 24 * time.Hour

	// publishAhead is how long a key is published before it signs: two rounds of any cache.
	publishAhead = 2 * MaxAge
	// freshness is how long the list of keys is used before it is read again, so that a key made or
	// withdrawn by another process is known soon.
	freshness = 500 * time.Millisecond
	// ClockBound is by how much the clocks of two servers may differ.
	ClockBound = 5 * time.Second
)

// Config says where a Ring keeps its keys.
type Config struct {
	Store Store // required
	// Sealing keeps the keys from whoever copies the store. Nil, or without a key: new keys are kept as they are.
	Sealing *seal.Keys
	Now     func() time.Time // default time.Now
	Logger  *slog.Logger     // default: silent
}

// Store is what a Ring needs of a store.Store.
type Store interface {
	store.SigningKeys
	InTx(context.Context, func(store.Tx) error) error
}

// Ring is the set of signing keys. It is safe for concurrent use. Every method with an error may return
// one that wraps store.ErrUnavailable.
type Ring struct {
	config  Config
	reading sync.Mutex // held by whoever reads the list again
	current atomic.Pointer[list]
}

// list is what the store held at a time, with the keys parsed.
type list struct {
	keys []*key
	read time.Time
}

type key struct {
	store.SigningKey
	signer *jws.Signer
}

// New returns a Ring. It does no I/O.
func New(config Config) *Ring {
	if config.Now == nil {
		config.Now = time.Now
	}
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
	}
	return &Ring{config: config}
}

// Signer returns the signer for the algorithm: of the keys whose turn it is, the newest. An algorithm
// that has no key yet gets one. While the store cannot be read it goes on for as long as others may cache what is
// published: after that all but this server may know that the key was withdrawn.
func (r *Ring) Signer(ctx context.Context, alg jws.Algorithm) (*jws.Signer, error) {
	current, err := r.list(ctx)
	if err != nil {
		return nil, err
	}
	if !r.younger(current, MaxAge) {
		return nil, fmt.Errorf("keys: not read since %s, and a key may have been withdrawn: %w", current.read.UTC().Format(time.RFC3339), store.ErrUnavailable)
	}
	if k := current.signing(alg, r.config.Now()); k != nil {
		return k.signer, nil
	}
	if err := r.Ensure(ctx, alg); err != nil {
		return nil, err
	}
	if k := r.current.Load().signing(alg, r.config.Now()); k != nil {
		return k.signer, nil
	}
	return nil, fmt.Errorf("keys: no key signs with %s; rotate it", alg)
}

// Key returns the published key with the id, and false when there is none. An id that is not known
// causes no read of the store, so strangers cannot cause one.
func (r *Ring) Key(ctx context.Context, id string) (*jws.Key, bool, error) {
	return r.find(ctx, id, (*key).published)
}

// HintKey is Key for ID tokens that come back as hints: it also returns keys that were published once. One that has
// been withdrawn is gone for hints too.
func (r *Ring) HintKey(ctx context.Context, id string) (*jws.Key, bool, error) {
	return r.find(ctx, id, (*key).verifiesHints)
}

func (r *Ring) find(ctx context.Context, id string, serves func(*key, time.Time) bool) (*jws.Key, bool, error) {
	current, err := r.list(ctx)
	if err != nil {
		return nil, false, err
	}
	now := r.config.Now()
	for _, k := range current.keys {
		if k.ID == id && serves(k, now) {
			return k.signer.Key(), true, nil
		}
	}
	return nil, false, nil
}

// Published returns the key set for others to verify with.
func (r *Ring) Published(ctx context.Context) (jws.KeySet, error) {
	current, err := r.list(ctx)
	if err != nil {
		return jws.KeySet{}, err
	}
	var set jws.KeySet
	now := r.config.Now()
	for _, k := range current.keys {
		if k.published(now) {
			set.Keys = append(set.Keys, k.signer.Key())
		}
	}
	return set, nil
}

func (k *key) published(now time.Time) bool {
	return k.VerifiesUntil.IsZero() || now.Before(k.VerifiesUntil)
}

func (k *key) verifiesHints(now time.Time) bool {
	return now.Before(keptUntil(k.SigningKey)) || k.published(now)
}

// keptUntil returns when a retired key is of no use any more.
func keptUntil(row store.SigningKey) time.Time {
	return later(row.VerifiesUntil, row.RetiredAt.Add(HintLifetime))
}

func (k *key) signs(now time.Time) bool {
	return !now.Before(k.SignsFrom) && (k.RetiredAt.IsZero() || now.Before(k.RetiredAt)) && k.published(now)
}

func (l *list) signing(alg jws.Algorithm, now time.Time) (newest *key) {
	for _, k := range l.keys {
		if k.Algorithm != string(alg) || !k.signs(now) {
			continue
		}
		if newest == nil || k.SignsFrom.After(newest.SignsFrom) {
			newest = k
		}
	}
	return newest
}

// list returns the keys, read again when they are no longer fresh. While the store cannot be read the last list goes on:
// a verifier that starts meanwhile needs the keys, and every token still meets other checks.
func (r *Ring) list(ctx context.Context) (*list, error) {
	if current := r.current.Load(); r.fresh(current) {
		return current, nil
	}
	r.reading.Lock()
	defer r.reading.Unlock()
	current := r.current.Load()
	if r.fresh(current) {
		return current, nil
	}
	next, err := r.read(ctx)
	if err == nil || current == nil {
		return next, err
	}
	r.config.Logger.WarnContext(ctx, "signing keys not read; using those known", "reason", err.Error())
	return current, nil
}

func (r *Ring) fresh(l *list) bool {
	return l != nil && r.younger(l, freshness)
}

// younger reports whether a list was read within the time. A clock that was set back must not keep a list for ever.
func (r *Ring) younger(l *list, than time.Duration) bool {
	age := r.config.Now().Sub(l.read)
	return age >= 0 && age < than
}

// read replaces the list by the store's. The caller holds reading.
func (r *Ring) read(ctx context.Context) (*list, error) {
	now := r.config.Now()
	rows, err := r.config.Store.SigningKeys(ctx)
	if err != nil {
		return nil, fmt.Errorf("keys: reading: %w", err)
	}
	next := &list{read: now}
	parsed := r.current.Load().byID()
	for _, row := range rows {
		k := &key{SigningKey: row}
		if old := parsed[row.ID]; old != nil && old.Algorithm == row.Algorithm {
			k.signer = old.signer // parsing an RSA key costs more than using it
		} else if k.signer, err = r.parse(row); err != nil {
			return nil, err
		}
		k.PrivateKey = nil // the signer holds it
		next.keys = append(next.keys, k)
	}
	r.current.Store(next)
	return next, nil
}

func (l *list) byID() map[string]*key {
	if l == nil {
		return nil
	}
	m := make(map[string]*key, len(l.keys))
	for _, k := range l.keys {
		m[k.ID] = k
	}
	return m
}

func (r *Ring) parse(row store.SigningKey) (*jws.Signer, error) {
	der, err := r.open(row)
	if err != nil {
		return nil, err
	}
	private, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		// The parser's own text may quote key material.
		return nil, fmt.Errorf("keys: key %q in the store is not PKCS #8", row.ID)
	}
	signer, ok := private.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("keys: key %q in the store cannot sign", row.ID)
	}
	s, err := jws.NewSigner(jws.Algorithm(row.Algorithm), row.ID, signer)
	if err != nil {
		return nil, fmt.Errorf("keys: key %q in the store: %w", row.ID, err)
	}
	return s, nil
}

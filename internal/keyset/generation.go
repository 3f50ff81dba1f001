package keyset

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/postern-auth/postern/internal/jws"
)

// maxCandidates bounds how many signature checks a token without a key id can cause.
const maxCandidates = 16

// generation is the outcome of one good fetch. It does not change.
type generation struct {
	list    []*Key // in the issuer's order
	byID    map[string][]*Key
	leftOut []jws.LeftOut
	reasons map[string]error // why keys are left out, by id
	fetched time.Time        // when the fetch began: what it says is at least that fresh
	renew   time.Duration
}

// newGeneration takes over from the generation before, which may be nil, the keys that are still there.
func newGeneration(loaded jws.KeySet, fetched time.Time, before *generation) *generation {
	g := &generation{
		byID:    make(map[string][]*Key, len(loaded.Keys)),
		leftOut: loaded.LeftOut,
		reasons: make(map[string]error, len(loaded.LeftOut)),
		fetched: fetched,
		renew:   renewAfter + rand.N(renewJitter),
	}
	for _, key := range loaded.Keys {
		k := before.same(key)
		g.list = append(g.list, k)
		g.byID[key.ID] = append(g.byID[key.ID], k)
	}
	for _, out := range loaded.LeftOut {
		if out.ID != "" && g.reasons[out.ID] == nil {
			g.reasons[out.ID] = out.Reason
		}
	}
	return g
}

// same returns the Key that g has for this key, or a new one.
func (g *generation) same(key *jws.Key) *Key {
	if g != nil {
		for _, old := range g.byID[key.ID] {
			if old.Equal(key) {
				return old
			}
		}
	}
	return &Key{Key: key}
}

// find returns the keys that the id and the algorithm mean. An id may stand for several keys, each for
// another algorithm (RFC 7517 §4.5); package jws leaves out those that nothing tells apart.
func (g *generation) find(id string, alg jws.Algorithm) ([]*Key, error) {
	if id == "" {
		return g.fitting(alg)
	}
	keys := g.byID[id]
	var mismatch error = ErrUnknown
	for i, key := range keys {
		err := key.Accepts(alg)
		if err == nil {
			return keys[i : i+1 : i+1], nil
		}
		mismatch = err
	}
	if reason := g.reasons[id]; reason != nil {
		return nil, &unusable{"it is left out", reason}
	}
	return nil, mismatch
}

// others is find without the keys that were tried.
func (g *generation) others(id string, alg jws.Algorithm, tried []*Key) ([]*Key, error) {
	keys, err := g.find(id, alg)
	if err != nil || len(tried) == 0 {
		return keys, err
	}
	keys = slices.DeleteFunc(slices.Clone(keys), func(key *Key) bool { return slices.Contains(tried, key) })
	if len(keys) == 0 {
		return nil, ErrUnknown
	}
	return keys, nil
}

// fitting returns every key that fits, for a token that names none.
func (g *generation) fitting(alg jws.Algorithm) ([]*Key, error) {
	var candidates []*Key
	for _, key := range g.list {
		if key.Accepts(alg) == nil {
			candidates = append(candidates, key)
		}
	}
	switch {
	case len(candidates) == 0:
		return nil, ErrUnknown
	case len(candidates) > maxCandidates:
		return nil, &unusable{"which one is not said", fmt.Errorf(
			"token names no key (kid) and %d keys fit %s, of which at most %d would be tried: have the issuer name the key", len(candidates), alg, maxCandidates)}
	}
	return candidates, nil
}

// unusable is an ErrUnknown that a fetch would not change soon: there is a key, and why it is not used.
type unusable struct {
	what  string
	cause error
}

func (e *unusable) Error() string {
	return fmt.Sprintf("keyset: issuer's key is not used: %s: %v", e.what, e.cause)
}

func (e *unusable) Unwrap() []error { return []error{ErrUnknown, e.cause} }

// isFinal reports whether an error of find is the answer at once. The next renewal may bring another.
func isFinal(err error) bool {
	var u *unusable
	return errors.As(err, &u)
}

package clients

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"

	"github.com/postern-auth/postern/internal/jws"
	"github.com/postern-auth/postern/server/store"
)

// registeredKeys returns those of the keys that a client has registered of itself which an assertion of its may be
// signed with. Such keys have the ids that their client chose, so they are found by whose they are, and nobody's id is
// in the way of another's.
func (a *Authenticator) registeredKeys(ctx context.Context, message *jws.Message, e expected) ([]store.ClientKey, error) {
	c, err := parseClaims(message.Payload)
	if err != nil || c.selfIssued() != nil || len(c.issuer) > maxID {
		return nil, nil // refused where everybody's assertions are
	}
	owner, err := e.owner(ctx, c.issuer)
	if err != nil {
		return nil, err
	}
	keys, err := a.registeredKeysOf(ctx, owner)
	return slices.DeleteFunc(keys, func(k store.ClientKey) bool { return k.ID != message.Header.KeyID }), err
}

// registeredKeysOf returns the keys that a client has registered of itself; none for one that an operator has set up.
func (a *Authenticator) registeredKeysOf(ctx context.Context, owner store.Owner) ([]store.ClientKey, error) {
	if owner.Kind != store.ApplicationClient {
		return nil, nil
	}
	registration, err := a.store.Registration(ctx, owner.ID)
	if errors.Is(err, store.ErrNotFound) || registration.Keys == "" && err == nil {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("clients: reading a registration: %w", err)
	}
	set, err := jws.ParseKeySet(registration.Keys)
	if err != nil {
		return nil, fmt.Errorf("clients: keys of application %q in the store: %w", owner.ID, err)
	}
	var keys []store.ClientKey
	for _, key := range set.Keys {
		public, err := x509.MarshalPKIXPublicKey(key.Public())
		if err != nil {
			return nil, fmt.Errorf("clients: keys of application %q in the store: %w", owner.ID, err)
		}
		keys = append(keys, store.ClientKey{ID: key.ID, Owner: owner, PublicKey: public})
	}
	return keys, nil
}

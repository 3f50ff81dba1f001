package server

import (
	"context"
	"crypto/rand"

	"github.com/postern-auth/postern/server/internal/sender"
	"github.com/postern-auth/postern/server/store"
)

// newProofs makes what verifies DPoP proofs. The key of the nonces is in the store, so that every replica takes those
// of the others.
func newProofs(ctx context.Context, c Config) (*sender.Proofs, error) {
	config := sender.Config{Issuers: c.Issuers, Store: c.Store, Now: c.Now, RequireNonce: c.RequireDPoPNonce}
	if c.RequireDPoPNonce {
		var proposed store.SharedKey
		rand.Read(proposed[:]) // never fails
		key, err := c.Store.SharedKey(ctx, "DPoP nonces", proposed)
		if err != nil {
			return nil, err
		}
		config.NonceKey = key
	}
	return sender.New(config), nil
}

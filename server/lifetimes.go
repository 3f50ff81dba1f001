package server

import (
	"fmt"
	"time"

	"github.com/postern-auth/postern/server/internal/keys"
	"github.com/postern-auth/postern/server/store"
)

// Lifetimes are how long tokens live where their API does not say, by form. A zero one is the default,
// and
// none is longer than 30 days.
type Lifetimes struct {
	Opaque  time.Duration // default 12 h
	ZITADEL time.Duration // default 12 h
	Auth0   time.Duration // default 24 h
	RFC9068 time.Duration // default 1 h: verifiers elsewhere do not hear of a revocation
}

func (l Lifetimes) of(form store.TokenForm) time.Duration {
	lifetime, standard := l.Opaque, 12*time.Hour
	switch form {
	case store.FormZITADEL:
		lifetime = l.ZITADEL
	case store.FormAuth0, store.FormAuth0Permissions:
		lifetime, standard = l.Auth0, 24*time.Hour
	case store.FormRFC9068, store.FormRFC9068Permissions:
		lifetime, standard = l.RFC9068, time.Hour
	}
	if lifetime == 0 {
		return standard
	}
	return lifetime
}

func (l Lifetimes) check() error {
	for _, lifetime := range []time.Duration{l.Opaque, l.ZITADEL, l.Auth0, l.RFC9068} {
		if lifetime < 0 || lifetime > keys.MaxTokenLifetime || lifetime%time.Second != 0 {
			return fmt.Errorf("server: Config.Lifetimes has %s, want whole seconds from 0 to %s", lifetime, keys.MaxTokenLifetime)
		}
	}
	return nil
}

// Package backchannel tells applications that a login has ended (OpenID Connect Back-Channel Logout 1.0): each that
// holds tokens of the session and has named an address for it gets a logout token there.
//
// Whoever ends a session writes down who is to be told, in the same transaction, and goes on:
//
//	err := backchannel.Tell(ctx, tx, session.ID, now)
//
// The outbox then has Sender.Deliver tell them, again and again for a day. So no application can delay a log-out, and
// none that was down for an hour misses it.
package backchannel

import (
	"context"
	"errors"
	"time"

	"github.com/postern-auth/postern/server/internal/outbox"
	"github.com/postern-auth/postern/server/store"
)

// Payload is what is to be told, and to whom. It holds nothing secret.
type Payload struct {
	Application string // its ID in the store
	Issuer      string // that the application knows
	Subject     string // sub
	Session     string // sid
}

// Tx is what Tell needs of a transaction.
type Tx interface {
	store.Families
	store.Applications
	store.Outbox
}

// Tell writes down the applications that are to be told that a session has ended. It is for within the transaction that
// ends it. When the outbox is full nobody is told: a log-out does not fail because others do not listen.
func Tell(ctx context.Context, tx Tx, sessionID string, now time.Time) error {
	families, err := tx.FamiliesOfSession(ctx, sessionID)
	if err != nil {
		return err
	}
	told := make(map[Payload]bool)
	for _, family := range families {
		app, err := tx.ApplicationByClientID(ctx, family.ClientID)
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		payload := Payload{Application: app.ID, Issuer: family.Issuer, Subject: family.SubjectID, Session: sessionID}
		if app.BackchannelLogoutURI == "" || family.Issuer == "" || told[payload] {
			continue
		}
		told[payload] = true
		if err := outbox.Add(ctx, tx, outbox.BackChannelLogout, payload, now); err != nil && !errors.Is(err, outbox.ErrFull) {
			return err
		}
	}
	return nil
}

// TellAll is Tell for the sessions of a user, but for the one with the digest, if there is such a one.
func TellAll(ctx context.Context, tx interface {
	Tx
	store.Sessions
}, userID string, but store.Digest, now time.Time) error {
	sessions, err := tx.SessionsOf(ctx, userID)
	if err != nil {
		return err
	}
	for _, s := range sessions {
		if s.Digest == but {
			continue
		}
		if err := Tell(ctx, tx, s.ID, now); err != nil {
			return err
		}
	}
	return nil
}

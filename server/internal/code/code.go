// Package code keeps what a person allowed a client as an authorization code (RFC 6749 §4.1.2), from the moment
// the person has answered to the moment the client comes for it.
//
//	err := s.InTx(ctx, func(tx store.Tx) (err error) {
//		raw, err = code.Issue(ctx, tx, code.Allowed{Request: request, Issue: issue, SessionID: sid}, now)
//		return err
//	})
//	…
//	found, err := code.Find(ctx, s, raw) // it is not used yet
//
// A code begins a family: all that is issued for it lives and is revoked with it. What the client asked stays
// with the code, so that its use can be held to that.
package code

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/postern-auth/postern/server/internal/authorize"
	"github.com/postern-auth/postern/server/internal/secret"
	"github.com/postern-auth/postern/server/store"
)

// Lifetime is how long a code may wait for its client.
const Lifetime = time.Minute

// Allowed is what a person has allowed a client.
type Allowed struct {
	Request authorize.Request
	Issue   authorize.Issue
	// SessionID is the sid of the session that the person is logged in by.
	SessionID string
	// EndsWithSession says that the tokens end when the person logs out.
	EndsWithSession bool
}

// Issue makes a code and the family that it begins, and returns the code. Errors: store.ErrNotFound when the
// person or the client is gone meanwhile.
func Issue(ctx context.Context, tx store.Tx, a Allowed, now time.Time) (raw string, err error) {
	raw = secret.New()
	return raw, keep(ctx, tx, secret.Digest(raw), store.CodeFamily, a, now, now.Add(Lifetime))
}

// LetIn makes the code of a device (RFC 8628), which has it already: the digest is that of its device code. Errors
// are those of Issue.
func LetIn(ctx context.Context, tx store.Tx, device store.Digest, a Allowed, now, expires time.Time) error {
	return keep(ctx, tx, device, store.DeviceFamily, a, now, expires)
}

func keep(ctx context.Context, tx store.Tx, d store.Digest, kind store.FamilyKind, a Allowed, now, expires time.Time) error {
	request, err := a.Request.Marshal()
	if err != nil {
		return fmt.Errorf("code: %w", err)
	}
	family := store.Family{
		ID: secret.NewID(), SubjectID: a.Issue.User, ClientID: a.Request.ClientID, SessionID: a.SessionID,
		Issuer: string(a.Request.Issuer), Kind: kind,
		Scopes: a.Request.Scopes.List(), Targets: a.Request.Targets.List(),
		AuthTime: a.Issue.AuthTime, ACR: a.Issue.ACR, AMR: a.Issue.AMR, EndsWithSession: a.EndsWithSession,
		CreatedAt: now, ExpiresAt: expires,
	}
	if err := tx.CreateFamily(ctx, family); err != nil {
		return fmt.Errorf("code: keeping a family: %w", err)
	}
	err = tx.CreateCode(ctx, store.Code{Digest: d, FamilyID: family.ID, Request: string(request), ExpiresAt: expires})
	if err != nil {
		return fmt.Errorf("code: keeping a code: %w", err)
	}
	return nil
}

// ErrUnknown says that there is no such code, or none that can be read any more.
var ErrUnknown = errors.New("code: unknown")

// Found is a code that a client has brought.
type Found struct {
	Digest  store.Digest
	Family  store.Family
	Request authorize.Request
}

// Find returns what a code stands for, whether it was used or not. Errors: ErrUnknown, and outages.
func Find(ctx context.Context, s store.Families, raw string) (Found, error) {
	digest := secret.Digest(raw)
	row, err := s.Code(ctx, digest)
	if err == nil {
		var family store.Family
		if family, err = s.Family(ctx, row.FamilyID); err == nil {
			return found(digest, family, row)
		}
	}
	if errors.Is(err, store.ErrNotFound) {
		return Found{}, ErrUnknown
	}
	return Found{}, fmt.Errorf("code: reading a code: %w", err)
}

func found(digest store.Digest, family store.Family, row store.Code) (Found, error) {
	request, err := authorize.Unmarshal([]byte(row.Request))
	if err != nil {
		return Found{}, fmt.Errorf("%w: %w", ErrUnknown, err)
	}
	return Found{digest, family, request}, nil
}

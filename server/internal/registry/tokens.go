package registry

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/postern-auth/postern/server/internal/keys"
	"github.com/postern-auth/postern/server/store"
)

// What ends tokens that somebody else may have obtained: whatever was issued before a moment is dead, and stays so. The
// moment lies ahead by as much as the clock of another server may, which may have issued one just before.

// ended is why families end with all other tokens.
const ended = "ended by an administrator"

// EndsBefore returns the moment before which EndTokensOf and its like end what has been issued. Until then nothing new
// is issued, for it would be dead.
func (r *Registry) EndsBefore() time.Time { return r.now.Add(keys.ClockBound) }

// EndTokensOf ends what has been issued about a subject, personal access tokens included, and the sessions of a person.
func (r *Registry) EndTokensOf(ctx context.Context, s store.Subject) error {
	if err := r.tx.EndSubject(ctx, s.ID, r.EndsBefore()); err != nil {
		return err
	}
	if err := r.endLogins(ctx, s.ID, ended); err != nil { // a program has none, and exchanged tokens
		return err
	}
	return r.record(ctx, deleted, object{"tokens", s.ID, s.Username}, nil)
}

// EndTokensOfClient ends what has been issued to a client, about whomever; what has been issued about a service user was
// issued to it. Errors: ErrRefused for an API, to which no tokens are issued.
func (r *Registry) EndTokensOfClient(ctx context.Context, c store.Client) error {
	if c.Kind == store.APIClient {
		return fmt.Errorf("%w: client %.64q is an API, to which no tokens are issued: name who calls it", ErrRefused, c.ClientID)
	}
	if err := r.endIssued(ctx, c.Owner, c.ClientID, ended, r.EndsBefore()); err != nil {
		return err
	}
	return r.record(ctx, deleted, object{"tokens", c.ID, c.ClientID}, nil)
}

// endIssued ends what was issued to a client before a moment.
func (r *Registry) endIssued(ctx context.Context, owner store.Owner, clientID, reason string, at time.Time) error {
	if _, err := r.tx.RevokeFamiliesOfClient(ctx, clientID, r.now, reason); err != nil {
		return err
	}
	if err := r.tx.EndClient(ctx, owner, at); err != nil {
		return err
	}
	if owner.Kind != store.ServiceUserClient {
		return nil
	}
	return r.tx.EndSubject(ctx, owner.ID, at)
}

// EndTokensOfAll is EndTokensOf for the subjects whose ids follow the given one, at most limit of them, so that whoever
// ends all holds nobody up for long. It returns the last of them, and how many they were; none: there are no more.
func (r *Registry) EndTokensOfAll(ctx context.Context, after string, limit int) (last string, n int, err error) {
	last, n, err = r.tx.EndSubjects(ctx, after, limit, r.EndsBefore())
	if err != nil || after != "" {
		return last, n, err
	}
	return last, n, r.record(ctx, deleted, object{"tokens", "", everybody}, nil)
}

// everybody is whose tokens end in the event of EndTokensOfAll.
const everybody = "everybody"

// SubjectOrServiceUser returns the subject with the id, or the service user with the username. Errors: store.ErrNotFound.
func (r *Registry) SubjectOrServiceUser(ctx context.Context, name string) (store.Subject, error) {
	s, err := r.tx.Subject(ctx, name)
	if !errors.Is(err, store.ErrNotFound) {
		return s, err
	}
	u, err := r.tx.ServiceUserByUsername(ctx, name)
	if err != nil {
		return store.Subject{}, err
	}
	return r.tx.Subject(ctx, u.ID)
}

// Package registry is the only writer of what an operator sets up: organizations, projects, APIs, applications,
// service users, people, their assignments, secrets, keys, personal access tokens and passwords. Whoever calls, a document, a command or a
// page, meets the same checks, and leaves an event for each change in the same transaction.
//
//	err := s.InTx(ctx, func(tx store.Tx) error {
//		r := registry.In(tx, "apply", time.Now())
//		if err := r.PutProject(ctx, project); err != nil {
//			return err
//		}
//		return r.PutAPI(ctx, api)
//	})
//
// A Put of what is there already changes nothing and leaves no event. Errors that wrap store.ErrExists say who
// has the name that was wanted; ErrRefused says what an object may not be.
package registry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/postern-auth/postern/server/internal/secret"
	"github.com/postern-auth/postern/server/store"
)

// ErrRefused says that an object is not as the registry has objects be: a name that is too long, a key that
// means something else.
var ErrRefused = errors.New("registry: refused")

// Registry is the registry within one transaction. It is for one goroutine.
type Registry struct {
	tx     store.Tx
	actor  string
	now    time.Time
	id     string // of the transaction, which begins those of its events
	events int
}

// In returns the registry within a transaction. The actor, who is named in the events, is a command's name or
// the id of a subject or client.
func In(tx store.Tx, actor string, now time.Time) *Registry {
	return &Registry{tx: tx, actor: actor, now: now, id: secret.NewID()}
}

// Actions of events.
const (
	created = "create"
	changed = "change"
	deleted = "delete"
)

// object is what an event is about.
type object struct{ kind, id, name string }

// record leaves an event. Of a deletion, what went is in the events before.
func (r *Registry) record(ctx context.Context, action string, o object, fields Fields) error {
	r.events++ // the events of a transaction are in the order of its changes
	event := store.Event{
		ID: fmt.Sprintf("%s-%06d", r.id, r.events), At: r.now, Actor: r.actor, Action: action, Object: o.kind, ObjectID: o.id, Name: o.name,
	}
	if len(fields) > 0 {
		detail, err := json.Marshal(fields.byName())
		if err != nil {
			return fmt.Errorf("registry: writing an event: %w", err)
		}
		event.Detail = string(detail)
	}
	return r.tx.AddEvent(ctx, event)
}

// put writes an object and its event, unless it is there as it should be.
func (r *Registry) put(ctx context.Context, o object, found bool, fields Fields, write func() error) error {
	if found && len(fields) == 0 {
		return nil
	}
	if err := write(); err != nil {
		return err
	}
	action := changed
	if !found {
		action = created
	}
	return r.record(ctx, action, o, fields)
}

// remove deletes an object and leaves the event.
func (r *Registry) remove(ctx context.Context, o object, write func() error) error {
	if err := write(); err != nil {
		return err
	}
	return r.record(ctx, deleted, o, nil)
}

// look turns a read that may find nothing into a question.
func look[T any](found T, err error) (T, bool, error) {
	if errors.Is(err, store.ErrNotFound) {
		return found, false, nil
	}
	return found, err == nil, err
}

// PutOrganization creates the organization or replaces the one with its ID.
func (r *Registry) PutOrganization(ctx context.Context, o store.Organization) error {
	if err := about("organization", o.Name, CheckName(o.Name), CheckID(o.PrimaryDomain)); err != nil {
		return err
	}
	before, found, err := look(r.tx.Organization(ctx, o.ID))
	if err != nil {
		return err
	}
	return r.put(ctx, object{"organization", o.ID, o.Name}, found, OrganizationFields(before, o), func() error {
		return r.tx.PutOrganization(ctx, o)
	})
}

// about returns the first of the errors as one that says which object it is about.
func about(kind, name string, errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return fmt.Errorf("%w: %s %.64q: %w", ErrRefused, kind, name, err)
		}
	}
	return nil
}

package store

import (
	"context"
	"time"
)

// Event is one change of what the operator sets up, for those who ask later who did what. It holds nothing
// secret.
type Event struct {
	ID     string // time-ordered
	At     time.Time
	Actor  string // who changed it: a command's name, or the id of a subject or client
	Action string // create, change or delete
	Object string // the kind of object, such as project or secret
	// ObjectID and Name are what the object is known by. The name is that of the time.
	ObjectID string
	Name     string
	// Detail is a JSON object of what was set, by field; empty when there is nothing to say.
	Detail string
}

// Events keeps the trail of changes. Nothing alters or removes what is in it.
type Events interface {
	// AddEvent adds an event. Errors: ErrExists for its ID.
	AddEvent(context.Context, Event) error
	// EventsBefore returns at most limit events older than the one with the ID, newest first.
	EventsBefore(ctx context.Context, id string, limit int) ([]Event, error)
	// LatestEvents returns the newest events, at most limit, newest first.
	LatestEvents(ctx context.Context, limit int) ([]Event, error)
}

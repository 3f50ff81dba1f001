package store

import (
	"context"
	"time"
)

// Refusal is what is kept of a token that was refused, or of a request for one: never the token itself.
type Refusal struct {
	ID       string // time-ordered
	Decision string // the id by which the answer and the log know it
	At       time.Time
	// Where it was refused: an endpoint of this server, or the name of an API in the same program.
	Where  string
	Reason string // a word that never changes its meaning, such as audience-mismatch
	Detail string // what was expected and what came, as the log has it

	APIID    string // the API that asked, where one did
	ClientID string // of the request, once it is known
	// Issuer, Audience and KeyID are what the token says of itself, whoever wrote it.
	Issuer   string
	Audience []string
	KeyID    string
	Subject  string // once the token is known to be genuine
}

// Count is how many tokens were issued, or refused for one reason, within an hour.
type Count struct {
	Hour   time.Time // its beginning
	Reason string    // empty: they were issued
	Number int
}

// Refusals keeps what was refused, and how much.
type Refusals interface {
	// AddRefusal adds a refusal. Errors: ErrExists for its ID.
	AddRefusal(context.Context, Refusal) error
	// RefusalByDecision returns the newest refusal with the id of a decision.
	RefusalByDecision(ctx context.Context, decision string) (Refusal, error)
	// RefusalsBefore returns at most limit refusals for a reason that are older than the one with the ID, newest
	// first. An empty reason is any, and an empty ID the end.
	RefusalsBefore(ctx context.Context, reason, id string, limit int) ([]Refusal, error)
	// AddCount adds to the number of what happened for a reason in an hour.
	AddCount(context.Context, Count) error
	// CountsSince returns the counts of hours that begin at a time or later, in their order.
	CountsSince(ctx context.Context, from time.Time) ([]Count, error)
	// PruneRefusals removes counts and refusals from before a time, and of the refusals in one place for one reason
	// all but the newest, of which as many stay as keep says: a crowd pushes out nobody's but its own.
	PruneRefusals(ctx context.Context, before time.Time, keep int) error
}

package store

import (
	"context"
	"time"
)

// Delivery is something for somebody else that is still to be sent: a mail, a logout token. It is written in the
// transaction of what causes it, so that neither is there without the other.
type Delivery struct {
	ID   string // time-ordered
	Kind string // what it is; whoever delivers that kind reads the Payload
	// Payload is JSON and holds nothing secret: what is secret is made when it is sent.
	Payload string
	// Tries is how often it has been claimed.
	Tries int
	// NextTryAt is when it is due. Not zero.
	NextTryAt time.Time
	// ExpiresAt is when it is of no use any more. Not zero.
	ExpiresAt time.Time
}

// Outbox keeps deliveries until they are made or have expired.
type Outbox interface {
	// AddDelivery adds a delivery, unless as many as most of its kind are kept. It reports whether it did. Errors:
	// ErrExists for its ID.
	AddDelivery(ctx context.Context, d Delivery, most int) (bool, error)
	// ClaimDeliveries returns deliveries of the kind that are due, at most limit, those due first before others,
	// ordered by ID, and lets each be due again at the time of the lease, when whoever claimed it must have died. Of
	// claims at once one gets a delivery. The Tries count this one.
	ClaimDeliveries(ctx context.Context, kind string, now, lease time.Time, limit int) ([]Delivery, error)
	// PostponeDelivery has a delivery be due at another time. Errors: ErrNotFound when it is gone, or has been
	// claimed by somebody else since, which the tries tell.
	PostponeDelivery(ctx context.Context, id string, tries int, next time.Time) error
	// DeleteDelivery removes a delivery that was made, or given up. Errors: ErrNotFound.
	DeleteDelivery(ctx context.Context, id string) error
}

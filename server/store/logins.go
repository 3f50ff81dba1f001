package store

import (
	"context"
	"time"
)

// PendingRequest is an authorization request that waits for a person.
type PendingRequest struct {
	Digest  Digest // of the value that its pages carry
	Browser Digest // of the cookie that marks the browser in which it began
	Request string // what the client asked, as JSON
	Facts   string // what the person did in this request, as JSON
	// ExpiresAt is not zero.
	ExpiresAt time.Time
}

// PendingRequests keeps requests while a person answers them. Those that have expired are returned until
// DeleteExpiredTokens has removed them.
type PendingRequests interface {
	PendingRequest(context.Context, Digest) (PendingRequest, error)
	// CreatePendingRequest adds a request. Errors: ErrExists for its Digest.
	CreatePendingRequest(context.Context, PendingRequest) error
	// ChangeFacts replaces the facts, provided that they are still the former ones and that the request has not
	// expired; otherwise ErrNotFound, and the caller reads again.
	ChangeFacts(ctx context.Context, d Digest, former, facts string, now time.Time) error
	// DeletePendingRequest removes the request. Of several calls one succeeds and the others get ErrNotFound:
	// the one that may answer the client.
	DeletePendingRequest(context.Context, Digest) error
}

// PushedRequest is an authorization request that a client has handed in before (RFC 9126).
type PushedRequest struct {
	Digest   Digest // of the request_uri
	ClientID string
	Request  string // what the client asked, as JSON
	// ExpiresAt is not zero.
	ExpiresAt time.Time
	UsedAt    time.Time // zero: not used
}

// PushedRequests keeps pushed requests until they have expired, the used ones too.
type PushedRequests interface {
	PushedRequest(context.Context, Digest) (PushedRequest, error)
	// CreatePushedRequest adds a request, provided that fewer than limit of the client's are neither used nor
	// expired. Errors: ErrFull when there are that many, ErrExists for its Digest.
	CreatePushedRequest(ctx context.Context, r PushedRequest, now time.Time, limit int) error
	// ExtendPushedRequest moves the expiry forward, to that of the pending request that came of it. Errors:
	// ErrNotFound when it has expired or been used.
	ExtendPushedRequest(ctx context.Context, d Digest, now, expires time.Time) error
	// UsePushedRequest marks the request as used. Exactly one call succeeds, also among concurrent ones; the
	// others, and any when it has expired, get ErrNotFound.
	UsePushedRequest(ctx context.Context, d Digest, now time.Time) error
}

// AttemptPolicy bounds how often something may be guessed.
type AttemptPolicy struct {
	Free     int           // how many failures have no consequence; at least 1
	Delay    time.Duration // how long the failure that uses up the free ones shuts out; each later one doubles it
	MaxDelay time.Duration // the longest it gets
	// Hold is how long an attempt may take. One without an outcome by then has failed.
	Hold time.Duration
	// Memory is how long after the last failure, or after the delay that follows it, failures count.
	Memory time.Duration
}

// Permit says whether an attempt may be made. The zero value says no.
type Permit struct {
	Allowed bool
	// Busy says that attempts under way have taken what was free: how they end decides, so ask again shortly.
	Busy bool
	// Wait is how long no attempt is allowed; zero when Allowed or Busy.
	Wait time.Duration
}

// Attempts counts guesses by whatever the key stands for. An attempt is counted before its outcome is known,
// so that guesses at once cannot pass the bound, and given back when it succeeds, so that people who are right
// are not shut out by each other.
//
//	permit, err := s.Attempt(ctx, key, now, policy)
//	if err != nil || !permit.Allowed {
//		…
//	}
//	right := …
//	err = s.EndAttempt(ctx, key, right, now, policy)
type Attempts interface {
	// Attempt asks for one attempt and counts it when it is allowed. Exactly as many are allowed as the policy
	// says, also among concurrent ones.
	Attempt(ctx context.Context, key string, now time.Time, policy AttemptPolicy) (Permit, error)
	// EndAttempt says how an attempt that was allowed has ended. One that succeeded no longer counts; earlier
	// failures do. An attempt that is not there is ignored.
	EndAttempt(ctx context.Context, key string, succeeded bool, now time.Time, policy AttemptPolicy) error
	// Failures returns how many failures of the key count, without those of attempts that nobody has ended.
	Failures(ctx context.Context, key string, now time.Time) (int, error)
}

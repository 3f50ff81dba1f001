package store

import (
	"context"
	"time"
)

// DeviceCode is a device that asks to be let in (RFC 8628), and waits for a person to answer elsewhere. When they
// let it in it gets a Code of the same Digest, which begins its Family.
type DeviceCode struct {
	Digest   Digest // of what the device keeps to itself
	UserCode string // what the person types. Unique
	ClientID string
	Request  string // what the device asked, as JSON
	Address  string // from where, for the person to see; empty: not known
	// CreatedAt is when it asked.
	CreatedAt time.Time
	Wait      time.Duration // how long it has to let pass between two polls
	PolledAt  time.Time     // when it polled last; zero: not yet
	// AnsweredAt is when a person has answered, and Allowed what. Zero: nobody has.
	AnsweredAt time.Time
	Allowed    bool
	// ExpiresAt is not zero.
	ExpiresAt time.Time
}

// DeviceCodes keeps device codes until an hour after they have expired, the answered ones too.
type DeviceCodes interface {
	DeviceCode(context.Context, Digest) (DeviceCode, error)
	// DeviceCodeByUserCode returns the one with what a person has typed. An empty one finds nothing.
	DeviceCodeByUserCode(ctx context.Context, userCode string) (DeviceCode, error)
	// CreateDeviceCode adds a code, provided that fewer than limit of the client's are neither answered nor
	// expired. Errors: ErrFull when there are that many, ErrExists for its Digest or UserCode, ErrNotFound when
	// the client is not there.
	CreateDeviceCode(ctx context.Context, d DeviceCode, now time.Time, limit int) error
	// PollDeviceCode notes that the device polls, and reports whether it has waited as it has to. Where it has
	// not, it has to wait longer from now on. Of polls at once one has waited.
	PollDeviceCode(ctx context.Context, d Digest, now time.Time, longer time.Duration) (waited bool, err error)
	// AnswerDeviceCode keeps what a person has answered. Exactly one call succeeds, also among concurrent ones; the
	// others, and any when it has expired, get ErrNotFound.
	AnswerDeviceCode(ctx context.Context, d Digest, allowed bool, now time.Time) error
}

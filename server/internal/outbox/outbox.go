// Package outbox sends what requests leave to be sent: mails, logout tokens. A request writes it down in the
// transaction of what causes it, and answers; here it is sent afterwards, and again when that fails.
//
//	err := s.InTx(ctx, func(tx store.Tx) error {
//		…
//		return outbox.Add(ctx, tx, outbox.Mail, payload, now)
//	})
//	box.Wake(outbox.Mail)
//
// A delivery is claimed for a while by one process at a time. It may be made twice, by a process that died, or lost
// its answer, between sending and writing that down; so whoever receives it has to bear that.
package outbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/postern-auth/postern/server/internal/secret"
	"github.com/postern-auth/postern/server/store"
)

// Kinds of deliveries.
const (
	Mail              = "mail"
	BackChannelLogout = "back-channel logout"
)

const (
	// Lifetime is how long a delivery is tried.
	Lifetime = 24 * time.Hour
	// Most is how many deliveries of one kind may wait.
	Most = 10_000

	// tryTime is how long one try may take; a claim lasts longer, so that it ends first.
	tryTime = time.Minute
	lease   = 2 * tryTime

	firstPause = 10 * time.Second
	maxPause   = time.Hour

	// look is how often it is looked for what other processes have written, and for what is due again.
	look = 5 * time.Second
	// atOnce is how many deliveries of a kind are made at once.
	atOnce = 8
)

// ErrFull says that as many deliveries of the kind wait as may. It is an outage, and wraps store.ErrUnavailable.
var ErrFull = fmt.Errorf("outbox: as many deliveries wait as may: %w", store.ErrUnavailable)

// Add writes down what is to be sent. The payload becomes JSON and must hold nothing secret, for it is kept as it
// is. Errors: ErrFull, or those of the store.
func Add(ctx context.Context, tx store.Outbox, kind string, payload any, now time.Time) error {
	text, err := json.Marshal(payload)
	if err != nil {
		return fmt.Errorf("outbox: %w", err)
	}
	added, err := tx.AddDelivery(ctx, store.Delivery{
		ID: secret.NewID(), Kind: kind, Payload: string(text), NextTryAt: now, ExpiresAt: now.Add(Lifetime),
	}, Most)
	if err != nil {
		return fmt.Errorf("outbox: %w", err)
	}
	if !added {
		return ErrFull
	}
	return nil
}

// ErrNever says that a delivery would fail however often it is tried. Whoever delivers wraps it.
var ErrNever = errors.New("will never be delivered")

// A Deliver sends what a payload says. nil: it is done, or there is nothing to do any more. Any error but ErrNever
// has it tried again later. It is called by several goroutines at once, and has a minute.
type Deliver func(ctx context.Context, payload []byte) error

// Outbox makes deliveries. Make it with New. It is safe for concurrent use.
type Outbox struct {
	Config
	wake map[string]chan struct{}
}

// Config is what an Outbox works with. Every field is required.
type Config struct {
	Store  store.Outbox
	Kinds  map[string]Deliver
	Now    func() time.Time
	Logger *slog.Logger
}

// New returns an Outbox that makes nothing yet: see Run.
func New(c Config) *Outbox {
	o := &Outbox{Config: c, wake: make(map[string]chan struct{})}
	for kind := range c.Kinds {
		o.wake[kind] = make(chan struct{}, 1)
	}
	return o
}

// Wake has the deliveries of a kind made now instead of within a few seconds. It is for after the transaction that
// added one, and need not be called.
func (o *Outbox) Wake(kind string) {
	select {
	case o.wake[kind] <- struct{}{}:
	default: // it is awake, or nobody makes this kind
	}
}

// Run makes deliveries until ctx ends, and then waits for those under way, which end with it. A kind that is slow
// holds up no other.
func (o *Outbox) Run(ctx context.Context) {
	var kinds sync.WaitGroup
	for kind := range o.Kinds {
		kinds.Go(func() { o.run(ctx, kind) })
	}
	kinds.Wait()
}

func (o *Outbox) run(ctx context.Context, kind string) {
	ticker := time.NewTicker(look)
	defer ticker.Stop()
	for ctx.Err() == nil {
		if _, err := o.DeliverDue(ctx, kind); err != nil && ctx.Err() == nil {
			o.Logger.WarnContext(ctx, "outbox cannot be read", "kind", kind, "reason", err.Error())
		}
		select {
		case <-ctx.Done():
		case <-ticker.C:
		case <-o.wake[kind]:
		}
	}
}

// DeliverDue makes what is due of a kind, and returns how many it tried. Errors are those of the store.
func (o *Outbox) DeliverDue(ctx context.Context, kind string) (int, error) {
	tried := 0
	for {
		now := o.Now()
		claimed, err := o.Store.ClaimDeliveries(ctx, kind, now, now.Add(lease), atOnce)
		if err != nil {
			return tried, fmt.Errorf("outbox: %w", err)
		}
		if len(claimed) == 0 {
			return tried, nil
		}
		tried += len(claimed)
		var tries sync.WaitGroup
		errs := make([]error, len(claimed))
		for i, d := range claimed {
			tries.Go(func() { errs[i] = o.try(ctx, d) })
		}
		tries.Wait()
		if err := errors.Join(errs...); err != nil {
			return tried, fmt.Errorf("outbox: %w", err)
		}
	}
}

// try makes one delivery and writes down what came of it.
func (o *Outbox) try(ctx context.Context, d store.Delivery) error {
	bounded, cancel := context.WithTimeout(ctx, tryTime)
	defer cancel()
	failure := o.deliver(bounded, d)
	if failure == nil {
		// What was sent has to be written down also when the server stops meanwhile.
		return lost(o.Store.DeleteDelivery(context.WithoutCancel(ctx), d.ID))
	}
	if ctx.Err() != nil {
		return nil // it is due again when the claim ends
	}
	next := o.Now().Add(pause(d.Tries))
	given := errors.Is(failure, ErrNever) || !next.Before(d.ExpiresAt)
	o.Logger.WarnContext(ctx, "delivery failed", "kind", d.Kind, "delivery", d.ID, "tries", d.Tries, "given_up", given, "reason", failure.Error())
	if given {
		return lost(o.Store.DeleteDelivery(ctx, d.ID))
	}
	return lost(o.Store.PostponeDelivery(ctx, d.ID, d.Tries, next))
}

// deliver turns a panic into an error: one payload that nobody thought of must not stop the rest.
func (o *Outbox) deliver(ctx context.Context, d store.Delivery) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return o.Kinds[d.Kind](ctx, []byte(d.Payload))
}

// pause is how long after so many tries the next one is.
func pause(tries int) time.Duration {
	if tries > 10 {
		return maxPause
	}
	return min(firstPause<<max(tries-1, 0), maxPause)
}

// lost returns nil for a delivery that another process has taken over, or has made.
func lost(err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	return err
}

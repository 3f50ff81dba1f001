// Package tally counts the tokens that are issued and refused, keeps what is worth knowing of a refusal, and when
// secrets, keys and personal access tokens were last used, so that the console can say how all goes, why a token was
// refused, and what nobody would miss.
//
//	t := tally.New(tally.Config{Store: s, Now: now, Logger: logger})
//	go t.Run(ctx)
//	t.Issued()
//	id := t.Refused(store.Refusal{Where: "introspection", Reason: "token-expired"}, raw)
//	t.UsedSecret(row)
//
// No request waits for it: what happens is written within a second, together. A process that dies loses that second.
// All is counted, and a crowd is kept in samples: of one place and reason a few refusals a second, and of those the
// newest. Of a token nothing is kept but what it says of itself.
package tally

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/postern-auth/postern/internal/inspect"
	"github.com/postern-auth/postern/server/internal/secret"
	"github.com/postern-auth/postern/server/store"
)

const (
	// Kept is for how long refusals and counts are kept.
	Kept = 90 * 24 * time.Hour
	// newest is how many refusals in one place for one reason are kept.
	newest = 2000
	// every is how often is written.
	every = time.Second
	// sample is how many refusals in one place for one reason are kept of those that are written together, and most
	// how many in all: more than strangers can fill with every reason that they know.
	sample, most = 10, 200
	// writeTime is how long one writing may take.
	writeTime = 5 * time.Second
	// long is the length in bytes beyond which what a token says is cut, and manyAudiences the number of them.
	long, manyAudiences = 256, 8
	// readable is the length in bytes beyond which a token is not read: none of ours is as long.
	readable = 16 << 10
)

// Config is what a Tally works with. All fields but OnRefusal are required.
type Config struct {
	Store  store.Store
	Now    func() time.Time
	Logger *slog.Logger
	// OnRefusal is told where each refusal was, and its reason. Nil: nobody is told.
	OnRefusal func(where, reason string)
}

// Tally counts. It is safe for concurrent use.
type Tally struct {
	Config
	issued  atomic.Int64
	wake    chan struct{}
	writing sync.Mutex // held while what was taken is written

	mu       sync.Mutex
	counts   map[count]int
	refusals []store.Refusal
	samples  map[kind]int // of refusals
	kept     int          // sum of samples
	uses     map[used]time.Time
}

type (
	count struct {
		hour   int64 // Unix
		reason string
	}
	kind struct{ where, reason string }
)

// New returns a Tally that has counted nothing.
func New(config Config) *Tally {
	return &Tally{Config: config, wake: make(chan struct{}, 1), counts: make(map[count]int), samples: make(map[kind]int), uses: make(map[used]time.Time)}
}

// Issued counts a token that was issued.
func (t *Tally) Issued() {
	if t.issued.Add(1) == 1 {
		t.awake()
	}
}

// Refused counts a refusal and keeps it, with what the raw token says of itself where it is a JWT. It returns the id of
// the decision, which it makes where there is none; ID and At are filled in.
func (t *Tally) Refused(r store.Refusal, raw string) string {
	if r.Decision == "" {
		r.Decision = rand.Text()[:16]
	}
	if t.OnRefusal != nil {
		t.OnRefusal(r.Where, r.Reason)
	}
	r.ID, r.At = secret.NewID(), t.Now()
	if !t.sampled(r) {
		return r.Decision
	}
	r = bounded(told(r, raw))
	t.mu.Lock()
	defer t.mu.Unlock()
	t.refusals = append(t.refusals, r)
	return r.Decision
}

// sampled counts a refusal, and reports whether it is one of those that are kept.
func (t *Tally) sampled(r store.Refusal) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	defer t.awake()
	t.counts[count{r.At.Truncate(time.Hour).Unix(), r.Reason}]++
	of := kind{r.Where, r.Reason}
	if t.samples[of] >= sample || t.kept >= most {
		return false
	}
	t.samples[of]++
	t.kept++
	return true
}

func (t *Tally) awake() {
	select {
	case t.wake <- struct{}{}:
	default:
	}
}

// told fills in what a JWT says of itself, whoever wrote it. Of another token there is nothing to be told.
func told(r store.Refusal, raw string) store.Refusal {
	if len(raw) > readable {
		return r
	}
	content, err := inspect.Decode(raw)
	if err != nil {
		return r
	}
	r.Issuer = content.Claim("iss")
	if value, ok := content.Header.Lookup("kid"); ok {
		r.KeyID, _ = value.Text()
	}
	if value, ok := content.Claims.Lookup("aud"); ok {
		r.Audience, _ = value.Texts(nil)
	}
	return r
}

// bounded is a refusal whose texts every store keeps, cut.
func bounded(r store.Refusal) store.Refusal {
	for _, text := range []*string{&r.Decision, &r.Where, &r.Detail, &r.Issuer, &r.KeyID, &r.ClientID, &r.Subject} {
		*text = plain(*text)
	}
	r.Audience = slices.Clone(r.Audience[:min(len(r.Audience), manyAudiences)])
	for i, name := range r.Audience {
		r.Audience[i] = plain(name)
	}
	return r
}

func plain(text string) string {
	text = text[:min(len(text), long)]
	return strings.ReplaceAll(strings.ToValidUTF8(text, "\ufffd"), "\x00", "\ufffd")
}

// Run writes what happens until ctx ends, and then once more.
func (t *Tally) Run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
		case <-t.wake:
			select {
			case <-ctx.Done():
			case <-time.After(every):
			}
		}
		if err := t.Write(context.WithoutCancel(ctx)); err != nil {
			t.Logger.DebugContext(ctx, "counts and refusals not written; trying again", "reason", err.Error())
			t.awake()
		}
		if ctx.Err() != nil {
			return
		}
	}
}

// Write writes what has happened, so that whoever reads the store afterwards sees it. What cannot be written is
// counted the next time. Errors wrap store.ErrUnavailable.
func (t *Tally) Write(ctx context.Context) error {
	t.writing.Lock()
	defer t.writing.Unlock()
	counts, refusals, uses := t.take()
	if len(counts) == 0 && len(uses) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, writeTime)
	defer cancel()
	err := t.Store.InTx(ctx, func(tx store.Tx) error {
		for of, n := range counts {
			if err := tx.AddCount(ctx, store.Count{Hour: time.Unix(of.hour, 0), Reason: of.reason, Number: n}); err != nil {
				return err
			}
		}
		for _, r := range refusals {
			if err := tx.AddRefusal(ctx, r); err != nil {
				return err
			}
		}
		return mark(ctx, tx, uses)
	})
	if err != nil {
		if !errors.Is(err, store.ErrUnavailable) {
			refusals = nil // one of them would be refused for ever, such as one that had been written all the same
		}
		t.giveBack(counts, refusals) // what was used is told again by its next use
		return fmt.Errorf("tally: %w", err)
	}
	return nil
}

// take returns what has happened, and forgets it.
func (t *Tally) take() (map[count]int, []store.Refusal, map[used]time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if n := t.issued.Swap(0); n > 0 {
		t.counts[count{t.Now().Truncate(time.Hour).Unix(), ""}] += int(n)
	}
	counts, refusals, uses := t.counts, t.refusals, t.uses
	t.counts, t.refusals, t.samples, t.uses = make(map[count]int), nil, make(map[kind]int), make(map[used]time.Time)
	t.kept = 0
	return counts, refusals, uses
}

func (t *Tally) giveBack(counts map[count]int, refusals []store.Refusal) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for of, n := range counts {
		t.counts[of] += n
	}
	t.refusals = append(refusals, t.refusals...)
	t.refusals = t.refusals[:min(len(t.refusals), most)]
}

// Prune removes what is old, and of crowds all but the newest.
func (t *Tally) Prune(ctx context.Context) error {
	if err := t.Store.PruneRefusals(ctx, t.Now().Add(-Kept), newest); err != nil {
		return fmt.Errorf("tally: %w", err)
	}
	return nil
}

package outbox_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/postern-auth/postern/server/internal/outbox"
	"github.com/postern-auth/postern/server/store"
	"github.com/postern-auth/postern/server/store/sqlite"
)

// box is an outbox on SQLite with a clock, whose deliveries are what was sent.
type box struct {
	t     *testing.T
	store store.Store
	out   *outbox.Outbox
	logs  bytes.Buffer

	mu    sync.Mutex
	clock time.Time
	sent  []string
	fault map[string]error // by payload
}

func newBox(t *testing.T) *box {
	t.Helper()
	s, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "postern.db"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	b := &box{t: t, store: s, clock: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), fault: make(map[string]error)}
	b.out = b.another()
	return b
}

// another returns the outbox of another process on the same store.
func (b *box) another() *outbox.Outbox {
	return outbox.New(outbox.Config{
		Store: b.store, Kinds: map[string]outbox.Deliver{outbox.Mail: b.deliver}, Now: b.now,
		Logger: slog.New(slog.NewTextHandler(&b.logs, nil)),
	})
}

func (b *box) now() time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.clock
}

func (b *box) pass(d time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.clock = b.clock.Add(d)
}

func (b *box) deliver(_ context.Context, payload []byte) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.fault[string(payload)]; err != nil {
		return err
	}
	b.sent = append(b.sent, string(payload))
	return nil
}

func (b *box) add(payload string) {
	b.t.Helper()
	if err := outbox.Add(b.t.Context(), b.store, outbox.Mail, payload, b.now()); err != nil {
		b.t.Fatal(err)
	}
}

// due makes what is due, and checks how many were tried.
func (b *box) due(want int) {
	b.t.Helper()
	if tried, err := b.out.DeliverDue(b.t.Context(), outbox.Mail); err != nil || tried != want {
		b.t.Fatalf("expected %d tries, got %d and %v", want, tried, err)
	}
}

func (b *box) wasSent(want ...string) {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	if fmt.Sprint(b.sent) != fmt.Sprint(want) {
		b.t.Fatalf("expected %q to be sent, got %q", want, b.sent)
	}
}

func TestDeliveriesAreMadeOnceEach(t *testing.T) {
	b := newBox(t)
	for i := range 30 {
		b.add(fmt.Sprint(i))
	}
	b.due(30)
	b.due(0)
	b.pass(time.Hour)
	b.due(0)
	if len(b.sent) != 30 {
		t.Errorf("expected 30 to be sent, got %d", len(b.sent))
	}
}

func TestWhatFailsIsTriedAgainAtGrowingIntervalsAndGivenUpAfterADay(t *testing.T) {
	b := newBox(t)
	b.fault[`"x"`] = errors.New("mail server is down")
	b.add("x")
	began := b.now()
	for _, seconds := range []int{10, 20, 40, 80, 160, 320, 640, 1280, 2560, 3600, 3600} {
		b.due(1)
		b.pass(time.Duration(seconds)*time.Second - time.Millisecond)
		b.due(0)
		b.pass(time.Millisecond)
	}
	tries := 11
	for b.now().Sub(began) < 48*time.Hour {
		n, err := b.out.DeliverDue(t.Context(), outbox.Mail)
		if err != nil {
			t.Fatal(err)
		}
		tries += n
		b.pass(time.Hour)
	}
	if tries < 30 || tries > 34 || !strings.Contains(b.logs.String(), "given_up=true") {
		t.Errorf("expected about 32 tries in a day and a line when it was given up, got %d\n%s", tries, b.logs.String())
	}
	b.wasSent()
}

func TestWhatSucceedsLaterIsSentOnce(t *testing.T) {
	b := newBox(t)
	b.fault[`"x"`] = errors.New("mail server is down")
	b.add("x")
	b.due(1)
	delete(b.fault, `"x"`)
	b.pass(10 * time.Second)
	b.due(1)
	b.pass(24 * time.Hour)
	b.due(0)
	b.wasSent(`"x"`)
}

func TestWhatNeverSucceedsIsGivenUpAtOnce(t *testing.T) {
	b := newBox(t)
	b.fault[`"x"`] = fmt.Errorf("no such mailbox: %w", outbox.ErrNever)
	b.add("x")
	b.due(1)
	b.pass(23 * time.Hour)
	b.due(0)
}

func TestAPanicCostsOneTry(t *testing.T) {
	b := newBox(t)
	out := outbox.New(outbox.Config{Store: b.store, Now: b.now, Logger: slog.New(slog.DiscardHandler), Kinds: map[string]outbox.Deliver{
		outbox.Mail: func(_ context.Context, payload []byte) error {
			if string(payload) == `"x"` {
				panic("nobody thought of this")
			}
			return b.deliver(t.Context(), payload)
		},
	}})
	b.add("x")
	b.add("y")
	if tried, err := out.DeliverDue(t.Context(), outbox.Mail); err != nil || tried != 2 {
		t.Fatalf("expected 2 tries, got %d and %v", tried, err)
	}
	b.wasSent(`"y"`)
}

func TestTwoProcessesDoNotSendTwice(t *testing.T) {
	b := newBox(t)
	for i := range 100 {
		b.add(fmt.Sprint(i))
	}
	var processes sync.WaitGroup
	for range 2 {
		out := b.another()
		processes.Go(func() {
			if _, err := out.DeliverDue(t.Context(), outbox.Mail); err != nil {
				t.Error(err)
			}
		})
	}
	processes.Wait()
	if len(b.sent) != 100 {
		t.Errorf("expected 100 to be sent, got %d", len(b.sent))
	}
}

func TestWhatAProcessThatDiedHadClaimedIsMadeByAnother(t *testing.T) {
	b := newBox(t)
	b.add("x")
	ctx, cancel := context.WithCancel(t.Context())
	dying := outbox.New(outbox.Config{Store: b.store, Now: b.now, Logger: slog.New(slog.DiscardHandler), Kinds: map[string]outbox.Deliver{
		outbox.Mail: func(ctx context.Context, _ []byte) error { cancel(); return ctx.Err() },
	}})
	dying.DeliverDue(ctx, outbox.Mail)
	b.due(0)
	b.pass(2 * time.Minute)
	b.due(1)
	b.wasSent(`"x"`)
}

func TestAClockThatJumpsSendsNothingTwice(t *testing.T) {
	b := newBox(t)
	b.add("x")
	b.pass(-time.Hour)
	b.due(0)
	b.pass(time.Hour)
	b.due(1)
	b.pass(-time.Hour)
	b.due(0)
	b.pass(100 * time.Hour)
	b.due(0)
	b.wasSent(`"x"`)
}

// full is a store whose outbox takes nothing more.
type full struct{ store.Outbox }

func (full) AddDelivery(context.Context, store.Delivery, int) (bool, error) { return false, nil }

func TestAFullOutboxIsAnOutage(t *testing.T) {
	err := outbox.Add(t.Context(), full{}, outbox.Mail, "x", time.Now())
	if !errors.Is(err, outbox.ErrFull) || !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("expected ErrFull as an outage, got %v", err)
	}
}

func TestAnOutageIsSaidAndNotForgotten(t *testing.T) {
	b := newBox(t)
	b.add("x")
	b.store.Close()
	if _, err := b.out.DeliverDue(t.Context(), outbox.Mail); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("expected an outage, got %v", err)
	}
}

// memory is an outbox that is one slice, for synctest, which does not see what waits in a driver.
type memory struct {
	store.Outbox
	mu   sync.Mutex
	list []store.Delivery
}

func (m *memory) AddDelivery(_ context.Context, d store.Delivery, _ int) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.list = append(m.list, d)
	return true, nil
}

func (m *memory) ClaimDeliveries(context.Context, string, time.Time, time.Time, int) ([]store.Delivery, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	list := m.list
	m.list = nil
	return list, nil
}

func (m *memory) DeleteDelivery(context.Context, string) error { return nil }

func TestRunSendsAtOnceWhenItIsWokenAndSoonOtherwise(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := new(memory)
		var at []time.Duration
		began := time.Now()
		out := outbox.New(outbox.Config{Store: m, Now: time.Now, Logger: slog.New(slog.DiscardHandler), Kinds: map[string]outbox.Deliver{
			outbox.Mail: func(context.Context, []byte) error { at = append(at, time.Since(began)); return nil },
		}})
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { out.Run(ctx) })
		synctest.Wait()
		for _, woken := range []bool{true, false} {
			if err := outbox.Add(ctx, m, outbox.Mail, "x", time.Now()); err != nil {
				t.Fatal(err)
			}
			if woken {
				out.Wake(outbox.Mail)
				out.Wake(outbox.Mail)
				out.Wake("what nobody makes")
			} else {
				time.Sleep(6 * time.Second)
			}
			synctest.Wait()
		}
		if fmt.Sprint(at) != "[0s 5s]" {
			t.Errorf("expected one delivery at once and one after 5 s, got %v", at)
		}
		cancel()
		running.Wait()
	})
}

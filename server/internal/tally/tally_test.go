package tally_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/postern-auth/postern/server/internal/tally"
	"github.com/postern-auth/postern/server/store"
	"github.com/postern-auth/postern/server/store/sqlite"
)

var noon = time.Date(2026, 3, 1, 12, 30, 0, 0, time.UTC)

// failing is a store that does not write while it is told so, or that answers so once it has written.
type failing struct {
	store.Store
	down, unsure bool
}

func (s *failing) InTx(ctx context.Context, f func(store.Tx) error) error {
	if s.down {
		return store.ErrUnavailable
	}
	err := s.Store.InTx(ctx, f)
	if s.unsure {
		return store.ErrUnavailable
	}
	return err
}

func newTally(t *testing.T) (*tally.Tally, *failing) {
	t.Helper()
	s, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "postern.db"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	f := &failing{Store: s}
	return tally.New(tally.Config{Store: f, Now: func() time.Time { return noon }, Logger: slog.New(slog.DiscardHandler)}), f
}

func counts(t *testing.T, s store.Store) string {
	t.Helper()
	all, err := s.CountsSince(t.Context(), noon.Add(-time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	var text []string
	for _, c := range all {
		text = append(text, fmt.Sprintf("%s %q %d", c.Hour.Format("15:04"), c.Reason, c.Number))
	}
	return strings.Join(text, ", ")
}

func refusals(t *testing.T, s store.Store) []store.Refusal {
	t.Helper()
	all, err := s.RefusalsBefore(t.Context(), "", "", 1000)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestWhatCannotBeWrittenIsWrittenTheNextTime(t *testing.T) {
	y, s := newTally(t)
	y.Issued()
	id := y.Refused(store.Refusal{Where: "token", Reason: "invalid_client"}, "")
	s.down = true
	if err := y.Write(t.Context()); !errors.Is(err, store.ErrUnavailable) {
		t.Fatalf("writing to a store that is down: %v", err)
	}
	y.Issued()
	y.Refused(store.Refusal{Where: "token", Reason: "invalid_client"}, "")
	s.down = false
	if err := y.Write(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got, want := counts(t, s), `12:00 "" 2, 12:00 "invalid_client" 2`; got != want {
		t.Errorf("counted: %s, want %s", got, want)
	}
	if all := refusals(t, s); len(all) != 2 || all[1].Decision != id {
		t.Errorf("kept: %+v", all)
	}
	if err := y.Write(t.Context()); err != nil || counts(t, s) != `12:00 "" 2, 12:00 "invalid_client" 2` {
		t.Errorf("written twice: %s, %v", counts(t, s), err)
	}
}

func TestWhileTheStoreIsDownMemoryIsBounded(t *testing.T) {
	y, s := newTally(t)
	s.down = true
	for i := range 100 {
		for range 30 {
			y.Refused(store.Refusal{Where: fmt.Sprint("API ", i), Reason: "token-expired"}, "")
		}
		if err := y.Write(t.Context()); err == nil {
			t.Fatal("written to a store that is down")
		}
	}
	s.down = false
	if err := y.Write(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := counts(t, s); got != `12:00 "token-expired" 3000` {
		t.Errorf("counted: %s", got)
	}
	if n := len(refusals(t, s)); n != 200 {
		t.Errorf("%d refusals are kept, want 200", n)
	}
}

// A store that has written and says that it has not makes the next writing meet what is there: that costs those
// refusals, and never what comes after.
func TestWhatWasWrittenAllTheSameStopsNothing(t *testing.T) {
	y, s := newTally(t)
	y.Refused(store.Refusal{Where: "token", Reason: "invalid_client"}, "")
	s.unsure = true
	if err := y.Write(t.Context()); err == nil {
		t.Fatal("the store was sure")
	}
	s.unsure = false
	y.Write(t.Context()) // meets the first again
	last := y.Refused(store.Refusal{Where: "token", Reason: "invalid_grant"}, "")
	if err := y.Write(t.Context()); err != nil {
		t.Fatalf("writing goes on failing: %v", err)
	}
	if all := refusals(t, s); len(all) != 2 || all[0].Decision != last {
		t.Errorf("kept: %+v", all)
	}
}

// Every reason that strangers can cause, all at once, leaves room for the one that somebody asks about.
func TestACrowdWithEveryReasonLeavesRoom(t *testing.T) {
	y, s := newTally(t)
	for _, place := range []string{"token", "userinfo"} {
		for reason := range 9 {
			for range 100 {
				y.Refused(store.Refusal{Where: place, Reason: fmt.Sprint("reason ", reason)}, "")
			}
		}
	}
	honest := y.Refused(store.Refusal{Where: "introspection", Reason: "token-expired"}, "")
	if err := y.Write(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := s.RefusalByDecision(t.Context(), honest); err != nil {
		t.Errorf("the honest one is not kept: %v", err)
	}
}

// A token longer than any of ours is not read.
func TestATokenThatIsTooLongIsNotRead(t *testing.T) {
	y, s := newTally(t)
	part := func(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }
	for _, row := range []struct {
		filler int
		issuer string
	}{{100, "https://a"}, {40_000, ""}} {
		raw := part(`{"alg":"ES256","kid":"k"}`) + "." + part(`{"iss":"https://a","x":"`+strings.Repeat("x", row.filler)+`"}`) + ".c2ln"
		y.Refused(store.Refusal{Where: "token", Reason: "token-unknown"}, raw)
		if err := y.Write(t.Context()); err != nil {
			t.Fatal(err)
		}
		if r := refusals(t, s)[0]; r.Issuer != row.issuer {
			t.Errorf("%d bytes: the issuer is %q, want %q", len(raw), r.Issuer, row.issuer)
		}
	}
}

// Two processes over one store add up.
func TestTwoTalliesAddUp(t *testing.T) {
	one, s := newTally(t)
	other := tally.New(tally.Config{Store: s, Now: func() time.Time { return noon }, Logger: slog.New(slog.DiscardHandler)})
	var wg sync.WaitGroup
	for _, y := range []*tally.Tally{one, other} {
		wg.Go(func() {
			for range 50 {
				y.Issued()
				y.Refused(store.Refusal{Where: "token", Reason: "invalid_grant"}, "")
				if err := y.Write(t.Context()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if got := counts(t, s); got != `12:00 "" 100, 12:00 "invalid_grant" 100` {
		t.Errorf("counted: %s", got)
	}
}

func TestRunWritesAtItsEnd(t *testing.T) {
	y, s := newTally(t)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); y.Run(ctx) }()
	y.Issued()
	cancel()
	<-done
	if got := counts(t, s); got != `12:00 "" 1` {
		t.Errorf("counted: %s", got)
	}
}

// A token may hold anything: what is kept of it is short text that every store takes.
func TestWhatATokenSaysIsCut(t *testing.T) {
	y, s := newTally(t)
	y.Refused(store.Refusal{
		Where: "a", Reason: "token-unknown", Detail: "é" + strings.Repeat("é", 400), Issuer: "a\x00b\xff", KeyID: strings.Repeat("k", 5000),
		Audience: strings.Split(strings.Repeat("aud ", 500), " "),
	}, "no JWT")
	if err := y.Write(t.Context()); err != nil {
		t.Fatal(err)
	}
	r := refusals(t, s)[0]
	for _, text := range append([]string{r.Detail, r.Issuer, r.KeyID}, r.Audience...) {
		if len(text) > 260 || !utf8.ValidString(text) || strings.Contains(text, "\x00") {
			t.Errorf("kept %q", text)
		}
	}
	if len(r.Audience) > 8 {
		t.Errorf("%d audiences are kept", len(r.Audience))
	}
	if len(r.Decision) != 16 {
		t.Errorf("the decision is %q", r.Decision)
	}
}

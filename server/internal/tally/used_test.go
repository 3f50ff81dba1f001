package tally_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/postern-auth/postern/server/internal/tally"
	"github.com/postern-auth/postern/server/store"
)

// withToken is a store that holds a personal access token.
func withToken(t *testing.T) (*tally.Tally, *failing) {
	t.Helper()
	y, s := newTally(t)
	for _, err := range []error{
		s.PutServiceUser(t.Context(), store.ServiceUser{ID: "u", Username: "u", Active: true}),
		s.CreateToken(t.Context(), store.Token{ID: "p", Kind: store.PersonalAccessToken, SubjectID: "u", ClientID: "u"}),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return y, s
}

func used(t *testing.T, s store.Store) time.Time {
	t.Helper()
	token, err := s.Token(t.Context(), "p")
	if err != nil {
		t.Fatal(err)
	}
	return token.UsedAt
}

func TestAUseIsWrittenOnceAMinute(t *testing.T) {
	y, s := withToken(t)
	for _, row := range []struct {
		before time.Time
		writes bool
	}{
		{time.Time{}, true}, {noon.Add(-time.Minute), true}, {noon.Add(-59 * time.Second), false}, {noon, false},
		{noon.Add(time.Hour), false}, // by a server whose clock is ahead
	} {
		if err := s.DeleteSubject(t.Context(), "u"); err != nil {
			t.Fatal(err)
		}
		if err := s.PutServiceUser(t.Context(), store.ServiceUser{ID: "u", Username: "u"}); err != nil {
			t.Fatal(err)
		}
		if err := s.CreateToken(t.Context(), store.Token{ID: "p", Kind: store.PersonalAccessToken, SubjectID: "u"}); err != nil {
			t.Fatal(err)
		}
		y.UsedToken("p", row.before)
		if err := y.Write(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := used(t, s); got.Equal(noon) != row.writes {
			t.Errorf("used before at %v: kept is %v", row.before, got)
		}
	}
}

// What was deleted in the meantime takes nothing else with it, and a crowd of uses is bounded.
func TestUsesOfWhatIsGoneHarmNoOther(t *testing.T) {
	y, s := withToken(t)
	y.UsedToken("p", time.Time{})
	y.Issued()
	for i := range 3000 {
		y.UsedSecret(store.Secret{ID: fmt.Sprint(i)})
		y.UsedKey(store.ClientKey{ID: fmt.Sprint(i)})
	}
	if err := y.Write(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := used(t, s); !got.Equal(noon) {
		t.Errorf("kept is %v", got)
	}
	if got := counts(t, s); got != `12:00 "" 1` {
		t.Errorf("counted: %s", got)
	}
}

func TestAnOutageLosesTheUseAndNothingElse(t *testing.T) {
	y, s := withToken(t)
	y.UsedToken("p", time.Time{})
	y.Issued()
	s.down = true
	if err := y.Write(t.Context()); !errors.Is(err, store.ErrUnavailable) {
		t.Fatalf("writing to a store that is down: %v", err)
	}
	s.down = false
	y.UsedToken("p", time.Time{})
	if err := y.Write(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := used(t, s); !got.Equal(noon) || counts(t, s) != `12:00 "" 1` {
		t.Errorf("kept is %v, counted %s", got, counts(t, s))
	}
}

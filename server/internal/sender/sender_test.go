package sender

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/postern-auth/postern/server/internal/oauth"
	"github.com/postern-auth/postern/server/store"
)

// answering is a store of used ids that answers every use alike.
type answering struct {
	err  error
	uses int
}

func (a *answering) UseAssertion(context.Context, string, string, time.Time) error {
	a.uses++
	return a.err
}

func TestAnOutageIsNoBadProof(t *testing.T) {
	proof := oauth.Proof{Confirmation: oauth.Confirmation{Member: oauth.ConfirmationKey, Thumbprint: "x"}, ID: "id", Expires: time.Unix(1, 0)}
	for name, row := range map[string]struct {
		err  error
		want oauth.Code
	}{
		"used before":  {fmt.Errorf("engine: %w", store.ErrExists), oauth.InvalidDPoPProof},
		"an outage":    {fmt.Errorf("engine: %w", store.ErrUnavailable), oauth.TemporarilyUnavailable},
		"one who left": {context.Canceled, oauth.TemporarilyUnavailable},
	} {
		err := Use(t.Context(), &answering{err: row.err}, proof)
		if code := oauth.AsError(err).Code; code != row.want || !errors.Is(err, row.err) {
			t.Errorf("%s: %s, %v", name, code, err)
		}
	}
}

func TestNoProofUsesNothingUp(t *testing.T) {
	s := new(answering)
	if err := Use(t.Context(), s, oauth.Proof{}); err != nil || s.uses != 0 {
		t.Errorf("%d uses, %v", s.uses, err)
	}
	if err := Use(t.Context(), s, oauth.Proof{ID: "id"}); err != nil || s.uses != 1 {
		t.Errorf("%d uses, %v", s.uses, err)
	}
}

package postern_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/postern-auth/postern"
)

// A form that breaks off may hold a second token in the part that did not come.
func TestG1_AFormThatCannotBeReadIsRefused(t *testing.T) {
	guard := &postern.Guard{Verifier: postern.VerifierFunc(func(context.Context, string) (*postern.Token, error) {
		return postern.NewToken(postern.TokenData{Subject: "alice"}), nil
	})}
	r := httptest.NewRequest(http.MethodPost, "/", io.MultiReader(strings.NewReader("a=1&acc"), iotest.ErrReader(io.ErrUnexpectedEOF)))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Authorization", "Bearer a")
	_, err := guard.Check(r)
	var refusal *postern.Error
	if !errors.As(err, &refusal) || refusal.Status != http.StatusBadRequest || !errors.Is(err, postern.ErrRequest) {
		t.Errorf("%v, want a refusal with status 400 that wraps ErrRequest", err)
	}
}

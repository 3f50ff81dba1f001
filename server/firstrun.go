package server

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/postern-auth/postern/server/internal/console"
	"github.com/postern-auth/postern/server/store"
)

// FirstRunLink returns a link to the console at an issuer's host, by which whoever opens it first becomes the first
// administrator. It works once and for 15 minutes, and any that was made before does not work any more. It is empty
// when there is an administrator. It is a secret: hand it over, and log it nowhere. Errors wrap store.ErrUnavailable.
func FirstRunLink(ctx context.Context, s store.Store, issuer string) (string, error) {
	path, ok, err := console.FirstRun(ctx, s, time.Now())
	if err != nil {
		return "", fmt.Errorf("server: %w", err)
	}
	if !ok {
		return "", nil
	}
	return strings.TrimSuffix(issuer, "/") + path, nil
}

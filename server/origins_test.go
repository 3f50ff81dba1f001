package server_test

import (
	"context"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/postern-auth/postern/server"
	"github.com/postern-auth/postern/server/store"
)

// slowOutage is a store whose applications cannot be read, which it takes a while to say.
type slowOutage struct {
	store.Store
	asked atomic.Int64
}

func (s *slowOutage) Applications(context.Context) ([]store.Application, error) {
	s.asked.Add(1)
	time.Sleep(50 * time.Millisecond)
	return nil, store.ErrUnavailable
}

func TestInAnOutageBrowsersDoNotWaitOneAfterTheOther(t *testing.T) {
	down := new(slowOutage)
	w := newWorld(t, func(c *server.Config) { down.Store = c.Store; c.Store = down })
	preflight := call{method: http.MethodOptions, path: "/oauth/v2/token", header: http.Header{
		"Origin": {"https://app.example.com"}, "Access-Control-Request-Method": {"POST"}}}
	for range 30 {
		if a := w.do(preflight); a.status != 204 || a.header.Get("Access-Control-Allow-Origin") != "" {
			t.Fatalf("a preflight in an outage: %d %v", a.status, a.header)
		}
	}
	if asked := down.asked.Load(); asked > 2 {
		t.Errorf("the store was asked %d times by 30 browsers, want once in two seconds", asked)
	}
}

package httpd

import (
	"context"
	"net"
	"net/http"
	"sync"
	"time"
)

// maxConns bounds the connections of a Group, where the system lets a program have as many files.
const maxConns = 2048

// conns are the open connections of a Group. When there is one too many, the one is closed that has kept
// its client's side of the work waiting the longest: a header or a body that does not come; if there is
// none, the one that has been idle the longest; and if all are being answered, the one that has just come.
type conns struct {
	max int

	mu   sync.Mutex
	open map[net.Conn]*conn
}

// conn is one connection. The lock of conns guards it.
type conn struct {
	since    time.Time // of its last change
	idle     bool      // between two requests
	requests int       // being answered
	unread   int       // of these, with a body that has not come
}

func newConns(max int) *conns { return &conns{max: max, open: make(map[net.Conn]*conn)} }

type connKey struct{}

// context is http.Server's ConnContext.
func (all *conns) context(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, c)
}

// state is http.Server's ConnState.
func (all *conns) state(c net.Conn, state http.ConnState) {
	all.mu.Lock()
	defer all.mu.Unlock()
	switch state {
	case http.StateNew:
		all.open[c] = &conn{since: time.Now()}
		if len(all.open) > all.max {
			victim := all.victim(c)
			delete(all.open, victim)
			// Closing may take as long as a goodbye over TLS does.
			go victim.Close()
		}
	case http.StateClosed, http.StateHijacked:
		delete(all.open, c)
	default:
		if known := all.open[c]; known != nil {
			known.since, known.idle = time.Now(), state == http.StateIdle
		}
	}
}

// victim returns which connection to close for the one that has just come.
func (all *conns) victim(latest net.Conn) net.Conn {
	var waiting, idle net.Conn
	older := func(c *conn, than net.Conn) bool { return than == nil || c.since.Before(all.open[than].since) }
	for c, known := range all.open {
		switch {
		case c == latest || known.requests > known.unread:
		case known.idle && older(known, idle):
			idle = c
		case !known.idle && older(known, waiting):
			waiting = c
		}
	}
	switch {
	case waiting != nil:
		return waiting
	case idle != nil:
		return idle
	}
	return latest
}

// change notes that so many requests, and so many bodies that have not come, are more or fewer.
func (all *conns) change(ctx context.Context, requests, unread int) {
	c, _ := ctx.Value(connKey{}).(net.Conn)
	all.mu.Lock()
	defer all.mu.Unlock()
	if known := all.open[c]; known != nil {
		known.requests += requests
		known.unread += unread
	}
}

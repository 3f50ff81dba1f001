package httpd

import (
	"net"
	"net/http"
	"sync"
	"time"
)

// settle is how long the last bytes of an answer may take to leave once its connection counts as quiet.
const settle = 50 * time.Millisecond

// followQuiet follows which connections of a server wait for nothing. It is called before the server serves.
func followQuiet(server *http.Server) *quiet {
	q := &quiet{conns: make(map[net.Conn]bool)}
	next := server.ConnState
	server.ConnState = func(c net.Conn, state http.ConnState) {
		q.state(c, state)
		if next != nil {
			next(c, state)
		}
	}
	return q
}

// quiet is the set of connections that have no request: those that have had none yet, for which Shutdown would
// wait seconds, since one may be on its way, and idle ones, of which it gives those of HTTP/2 a second.
type quiet struct {
	mu    sync.Mutex
	conns map[net.Conn]bool
}

func (q *quiet) state(c net.Conn, state http.ConnState) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if state == http.StateNew || state == http.StateIdle {
		q.conns[c] = true
		return
	}
	delete(q.conns, c)
}

// end closes them.
func (q *quiet) end() {
	time.Sleep(settle)
	q.mu.Lock()
	defer q.mu.Unlock()
	for c := range q.conns {
		go c.Close() // over TLS a goodbye may take a while
	}
}

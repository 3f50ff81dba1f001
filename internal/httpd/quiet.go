package httpd

import (
	"net"
	"net/http"
	"sync"
	"time"
)

// settle is how long the last bytes of an answer may take to leave once its connection counts as quiet.
const settle = 50 * time.Millisecond

// endQuiet makes Shutdown end at once the connections that wait for nothing: those without a request yet, for
// which net/http would wait seconds, since one may be on its way, and the idle ones of HTTP/2, which it gives
// a second. It is called before the server serves.
func endQuiet(server *http.Server) {
	q := quiet{conns: make(map[net.Conn]bool)}
	next := server.ConnState
	server.ConnState = func(c net.Conn, state http.ConnState) {
		q.state(c, state)
		if next != nil {
			next(c, state)
		}
	}
	server.RegisterOnShutdown(q.end)
}

// quiet is the set of connections that have no request.
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

func (q *quiet) end() {
	time.Sleep(settle)
	q.mu.Lock()
	defer q.mu.Unlock()
	for c := range q.conns {
		go c.Close() // over TLS a goodbye may take a while
	}
}

package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/zitadel/zitadel-go/v3/pkg/authorization"
	"github.com/zitadel/zitadel-go/v3/pkg/authorization/oauth"
	"github.com/zitadel/zitadel-go/v3/pkg/http/middleware"
	"github.com/zitadel/zitadel-go/v3/pkg/zitadel"

	"github.com/postern-auth/postern"
)

const (
	nameUnprotected   = "unprotected"
	nameFloor         = "unprotected, bare crypto in the handler"
	nameRefusedOld    = "refused: expired"
	nameRefusedFlood  = "refused: expired, each another"
	nameRefusedOpaque = "refused: opaque garbage"
	nameRefusedForged = "refused: forged signature"
	nameRefusedFast   = "refused: forged signature, fastrsa"
)

var answer = []byte("ok\n")

// handler is the API behind every guard: it writes three bytes.
var handler = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write(answer) })

// loops returns the subjects of the server loop: one request with the token each, through net/http's own
// server, to a handler behind each guard. The handler without a guard gets the same request.
func loops(i *issuer, raw string) ([]subject, error) {
	hot, err := posternVerifier(i, rs256, 0)
	if err != nil {
		return nil, err
	}
	cold, err := posternVerifier(i, rs256, -1)
	if err != nil {
		return nil, err
	}
	guard := &postern.Guard{Verifier: hot}
	auth0, err := middlewareHandler(i)
	if err != nil {
		return nil, err
	}
	interceptor, err := zitadelInterceptor(i)
	if err != nil {
		return nil, err
	}
	bare := i.bare(raw)
	guarded := []struct {
		name    string
		handler http.Handler
	}{
		{nameUnprotected, handler},
		{nameFloor, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if err := bare(); err != nil {
				panic(err)
			}
			handler(w, r)
		})},
		{nameHot, guard.Require()(handler)},
		{"postern hot, Check alone", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if _, err := guard.Check(r); err != nil {
				guard.Refuse(w, r, err)
				return
			}
			handler(w, r)
		})},
		{nameCold, (&postern.Guard{Verifier: cold}).Require()(handler)},
		{nameZitadel, interceptor(handler)},
		{nameMiddleware, auth0(handler)},
	}
	var subjects []subject
	for _, g := range guarded {
		l := newLoop(g.handler, raw)
		if err := l.check(g.name != nameUnprotected && g.name != nameFloor); err != nil {
			return nil, fmt.Errorf("%s: %w", g.name, err)
		}
		subjects = append(subjects, subject{name: g.name, run: l.run})
	}
	refused, err := refusedLoops(i, hot, raw)
	return append(subjects, refused...), err
}

// refusedLoops returns the subjects of the server loop for requests that are refused.
func refusedLoops(i *issuer, hot postern.Verifier, raw string) ([]subject, error) {
	fast, err := fastVerifier(i, 0)
	if err != nil {
		return nil, err
	}
	var subjects []subject
	for _, refused := range []struct {
		name     string
		verifier postern.Verifier
		raw      []string
	}{
		{nameRefusedOld, hot, i.expired(1)},
		{nameRefusedFlood, hot, i.expired(2000)},
		{nameRefusedOpaque, hot, []string{opaqueToken}},
		{nameRefusedForged, hot, []string{forged(raw)}},
		{nameRefusedFast, fast, []string{forged(raw)}},
	} {
		l := newLoop((&postern.Guard{Verifier: refused.verifier}).Require()(handler), refused.raw...)
		if got := l.status(l.requests[0]); got != "401" {
			return nil, fmt.Errorf("bench: %s: answered %q, expected 401", refused.name, got)
		}
		subjects = append(subjects, subject{name: refused.name, run: l.run})
	}
	return subjects, nil
}

func middlewareHandler(i *issuer) (func(http.Handler) http.Handler, error) {
	m, err := newJWTMiddleware(i, rs256)
	if err != nil {
		return nil, err
	}
	return m.CheckJWT, nil
}

func zitadelInterceptor(i *issuer) (func(http.Handler) http.Handler, error) {
	silent := authorization.WithLogger[*oauth.IntrospectionContext](slog.New(slog.DiscardHandler))
	authorizer, err := authorization.New(context.Background(), zitadel.New("login.example.com"), zitadelVerifier(i, rs256), silent)
	if err != nil {
		return nil, err
	}
	return middleware.New(authorizer).RequireAuthorization(), nil
}

// loop is net/http's server with one connection in memory, whose client sends the next request when it has
// read the answer to the last one.
type loop struct {
	server   http.Server
	requests [][]byte // in turn
}

func newLoop(h http.Handler, tokens ...string) *loop {
	l := &loop{server: http.Server{Handler: h}}
	for _, raw := range tokens {
		l.requests = append(l.requests, []byte("GET /api/private HTTP/1.1\r\nHost: hello-world.example.com\r\nUser-Agent: curl/8.9.1\r\n"+
			"Accept: */*\r\nAuthorization: Bearer "+raw+"\r\n\r\n"))
	}
	return l
}

// run sends n requests over one connection and returns when the server has closed it.
func (l *loop) run(n int) {
	c := newConn(l.requests, n)
	l.server.Serve(&listener{conn: c})
	<-c.closed
}

// check sends a request with the token and one whose token is a letter too long. The handler must answer the
// first; a guard must refuse the second.
func (l *loop) check(guarded bool) error {
	if got := l.status(l.requests[0]); got != "200" {
		return fmt.Errorf("bench: a good token was answered %q, expected 200", got)
	}
	long := bytes.Replace(l.requests[0], []byte("\r\n\r\n"), []byte("x\r\n\r\n"), 1)
	if got := l.status(long); guarded && got != "401" {
		return fmt.Errorf("bench: a bad token was answered %q, expected 401", got)
	}
	return nil
}

// status returns the status code of the answer to one request.
func (l *loop) status(request []byte) string {
	c := newConn([][]byte{request}, 1)
	c.keep = true
	l.server.Serve(&listener{conn: c})
	<-c.closed
	_, rest, _ := strings.Cut(string(c.written), " ")
	code, _, _ := strings.Cut(rest, " ")
	return code
}

// listener accepts one connection.
type listener struct{ conn *conn }

func (l *listener) Accept() (net.Conn, error) {
	if l.conn == nil {
		return nil, io.EOF
	}
	c := l.conn
	l.conn = nil
	return c, nil
}

func (*listener) Close() error   { return nil }
func (*listener) Addr() net.Addr { return memoryAddr{} }

type memoryAddr struct{}

func (memoryAddr) Network() string { return "memory" }
func (memoryAddr) String() string  { return "127.0.0.1:1" }

// conn is the server's end of a connection to a client that sends requests in turn.
type conn struct {
	requests [][]byte
	closed   chan struct{}
	keep     bool // the answers

	mu      sync.Mutex
	wake    sync.Cond // for Read: an answer, a deadline or the end
	left    int       // requests to send after this one
	rest    []byte    // of the request being read
	expired bool      // the read deadline has passed
	done    bool
	written []byte
}

func newConn(requests [][]byte, n int) *conn {
	c := &conn{requests: requests, closed: make(chan struct{}), left: n - 1, rest: requests[0]}
	c.wake.L = &c.mu
	return c
}

func (c *conn) Read(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		switch {
		case c.done:
			return 0, net.ErrClosed
		case c.expired:
			return 0, os.ErrDeadlineExceeded
		case len(c.rest) > 0:
			n := copy(p, c.rest)
			c.rest = c.rest[n:]
			return n, nil
		case c.left < 0:
			return 0, io.EOF
		}
		c.wake.Wait()
	}
}

// Write takes an answer, which net/http writes in one piece, and so lets the client send again.
func (c *conn) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.keep {
		c.written = append(c.written, p...)
	}
	if c.left > 0 {
		c.rest = c.requests[c.left%len(c.requests)]
	}
	c.left--
	c.wake.Broadcast()
	return len(p), nil
}

func (c *conn) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.done {
		c.done = true
		close(c.closed)
		c.wake.Broadcast()
	}
	return nil
}

// SetReadDeadline knows deadlines that have passed, which is how net/http interrupts a Read, and none.
func (c *conn) SetReadDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.expired = !t.IsZero() && t.Before(time.Now())
	c.wake.Broadcast()
	return nil
}

func (*conn) SetWriteDeadline(time.Time) error { return nil }
func (c *conn) SetDeadline(t time.Time) error  { return c.SetReadDeadline(t) }
func (*conn) LocalAddr() net.Addr              { return memoryAddr{} }
func (*conn) RemoteAddr() net.Addr             { return memoryAddr{} }

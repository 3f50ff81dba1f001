// Package httpd serves HTTP for our programs: with bounds on everything that a client decides, and an end
// that lets requests under way finish.
//
//	listener, err := httpd.Listen("127.0.0.1:8080", "--listen", nil)
//	if err != nil {
//		return err // names the address and the flag
//	}
//	var servers httpd.Group
//	servers.Serve(listener, handler)
//	return servers.Wait(ctx)
//
// Opening every socket before serving the first means that a program that cannot start does nothing.
package httpd

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"syscall"
	"time"
)

const (
	// maxHeader bounds a request's header: a token has at most 16 KB.
	maxHeader = 32 << 10
	// maxStreams bounds the requests at a time of one HTTP/2 connection. A client that has more to ask opens
	// another.
	maxStreams = 32
	// grace is how long requests under way may take to end.
	grace = 10 * time.Second
)

// ErrInUse says that another program listens at an address.
var ErrInUse = errors.New("in use by another program")

// Listener is a socket that is open and not served yet.
type Listener struct {
	net.Listener
	tls *tls.Config // nil: plain HTTP
}

// Listen opens the address, for HTTPS when there is a configuration. Errors name the address and the flag
// that chooses another; that of an address that is taken wraps ErrInUse.
func Listen(address, flag string, config *tls.Config) (*Listener, error) {
	l, err := net.Listen("tcp", address)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		_, port, _ := net.SplitHostPort(address)
		return nil, fmt.Errorf("port %s (%s) is %w: stop that one, or choose another address with %s", port, address, ErrInUse, flag)
	case err != nil:
		return nil, fmt.Errorf("cannot listen on %s, as %s says: %w", address, flag, err)
	}
	return &Listener{l, config}, nil
}

// URL returns the origin that clients reach the listener by, under a host name of this machine.
func (l *Listener) URL(host string) string {
	if l.tls != nil {
		return "https://" + l.Host(host)
	}
	return "http://" + l.Host(host)
}

// Host returns a host name with the listener's port.
func (l *Listener) Host(name string) string {
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return net.JoinHostPort(name, port)
}

// Group is a set of HTTP servers that end together. The zero value is empty. Its methods are called by
// one goroutine.
type Group struct {
	// Logger gets a line at Error for each panic of a handler, without anything that a client sent. Default:
	// slog.Default(), for a panic is never to pass unseen.
	Logger *slog.Logger
	// Answered is told of each request once it has been answered, also by 500 for a handler that panicked. The pattern
	// of the request is then that of the http.ServeMux that found its handler. Nil: nobody is told.
	Answered func(*http.Request, Answered)

	servers []*http.Server
	conns   *conns
	quiet   []*quiet
	running sync.WaitGroup
	once    sync.Once
	failed  chan error
}

// Answered is how a request was answered.
type Answered struct {
	Status   int
	Bytes    int64 // of the body that were written
	Duration time.Duration
}

func (g *Group) begin() {
	g.failed = make(chan error, 1)
	if g.Logger == nil {
		g.Logger = slog.Default()
	}
	// A quarter of the files is left to the rest of the program.
	g.conns = newConns(int(min(maxConns, fileLimit()/4*3)))
}

// Serve serves the handler on the listener until Wait ends it. Headers, bodies, each write of an answer and
// idle connections have an end, and so has the number of connections; a handler that streams may go on.
func (g *Group) Serve(l *Listener, handler http.Handler) {
	g.once.Do(g.begin)
	server := &http.Server{
		Handler:           &bounded{handler, g.conns, g.Logger, g.Answered},
		TLSConfig:         l.tls,
		MaxHeaderBytes:    maxHeader,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		ConnState:         g.conns.state,
		ConnContext:       g.conns.context,
		HTTP2: &http.HTTP2Config{
			MaxConcurrentStreams:          maxStreams,
			MaxReceiveBufferPerConnection: 128 << 10,
			MaxReceiveBufferPerStream:     64 << 10,
			// The other end has to take what a write has for it.
			WriteByteTimeout: writeTime,
		},
		ErrorLog: log.New(ourErrors{g.Logger}, "", 0),
	}
	g.servers = append(g.servers, server)
	g.quiet = append(g.quiet, followQuiet(server))
	g.running.Go(func() {
		if err := serve(server, l); !errors.Is(err, http.ErrServerClosed) {
			select {
			case g.failed <- err:
			default: // the first failure ends them all
			}
		}
	})
}

func serve(server *http.Server, l *Listener) error {
	if l.tls != nil {
		return server.ServeTLS(l.Listener, "", "")
	}
	return server.Serve(l.Listener)
}

// Wait returns when ctx has ended, which is how programs are told to stop, or a server has failed, and
// requests under way have finished or had time to.
func (g *Group) Wait(ctx context.Context) error {
	var failure error
	select {
	case <-ctx.Done():
	case failure = <-g.failed:
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	for _, server := range g.servers {
		g.running.Go(func() {
			if server.Shutdown(ctx) != nil {
				server.Close()
			}
		})
	}
	for _, q := range g.quiet {
		g.running.Go(q.end)
	}
	g.running.Wait()
	return failure
}

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"strings"
	"sync/atomic"

	"github.com/postern-auth/postern/cmd/postern/internal/metrics"
	"github.com/postern-auth/postern/internal/httpd"
	"github.com/postern-auth/postern/server"
	"github.com/spf13/pflag"
)

// adminFlags say where operators and their programs ask how a server is.
type adminFlags struct {
	address  string
	pprof    bool
	insecure bool
}

func (f *adminFlags) add(flags *pflag.FlagSet) {
	flags.StringVar(&f.address, "admin-listen", "", "`address` of a listener for operators, such as 127.0.0.1:9090, with /livez, /readyz and /metrics (default: there is none); it must be of this machine alone unless --insecure-admin-listen is given")
	flags.BoolVar(&f.pprof, "admin-pprof", false, "let the listener for operators serve profiles of the running program at /debug/pprof/: they show parts of its memory")
	flags.BoolVar(&f.insecure, "insecure-admin-listen", false, "let --admin-listen be an address that others reach, in plain HTTP: whoever does reads all that it serves")
}

// listen opens the listener; nil: there is to be none.
func (f *adminFlags) listen() (*admin, error) {
	switch {
	case f.address == "" && (f.pprof || f.insecure):
		return nil, usage("--admin-pprof and --insecure-admin-listen go with --admin-listen, such as 127.0.0.1:9090")
	case f.address == "":
		return nil, nil
	}
	l, err := httpd.Listen(withPort(f.address, "9090"), "--admin-listen", nil)
	if err != nil {
		return nil, err
	}
	if tcp, ok := l.Addr().(*net.TCPAddr); !f.insecure && (!ok || !tcp.IP.IsLoopback()) {
		l.Close()
		return nil, usage("--admin-listen %s is an address that others reach, and what it serves is for operators: "+
			"give 127.0.0.1:9090, or --insecure-admin-listen if the network keeps others away", f.address)
	}
	return &admin{Listener: l, metrics: metrics.New(), pprof: f.pprof}, nil
}

// admin is the listener for operators. A nil one does nothing.
type admin struct {
	*httpd.Listener
	metrics *metrics.Metrics
	pprof   bool
}

// Close closes the listener.
func (a *admin) Close() {
	if a != nil {
		a.Listener.Close()
	}
}

// watch has what a server does counted.
func (a *admin) watch(config *server.Config, servers *httpd.Group) {
	if a != nil {
		config.OnIssue, config.OnRefusal, servers.Answered = a.metrics.Issued, a.metrics.Refused, a.metrics.Answered
	}
}

// serve answers operators until the function that it returns is called, and so also while a server stops, which it does
// once ctx has ended.
func (a *admin) serve(ctx context.Context, logger *slog.Logger, store func(context.Context) error) (end func()) {
	if a == nil {
		return func() {}
	}
	h := &health{store: store}
	context.AfterFunc(ctx, func() { h.stopping.Store(true) })
	servers := httpd.Group{Logger: logger}
	servers.Serve(a.Listener, a.handler(h))
	logger.Info("serving operators", "address", a.Addr().String())
	return func() {
		ended, end := context.WithCancel(context.WithoutCancel(ctx))
		end()
		servers.Wait(ended)
	}
}

// health is what probes are told.
type health struct {
	stopping atomic.Bool
	store    func(context.Context) error // why it cannot be used; nil: it can
}

// A check is one thing that a server must be to be ready.
type check struct {
	name string
	run  func(context.Context) error
}

func (h *health) checks() []check {
	return []check{
		{"serving", func(context.Context) error {
			if h.stopping.Load() {
				return errors.New("the server is stopping")
			}
			return nil
		}},
		{"store", h.store},
	}
}

// ready answers whether requests are to be sent here, as Kubernetes' servers do: with a line for each check when there is
// verbose in the query, or one has failed.
func (h *health) ready(w http.ResponseWriter, r *http.Request) {
	var lines strings.Builder
	status := http.StatusOK
	for _, c := range h.checks() {
		if err := c.run(r.Context()); err != nil {
			status = http.StatusServiceUnavailable
			fmt.Fprintf(&lines, "[-]%s failed: %s\n", c.name, strings.ReplaceAll(err.Error(), "\n", " "))
			continue
		}
		fmt.Fprintf(&lines, "[+]%s ok\n", c.name)
	}
	switch {
	case status != http.StatusOK:
		lines.WriteString("not ready\n")
	case r.URL.Query().Has("verbose"):
		lines.WriteString("ready\n")
	default:
		lines.Reset()
		lines.WriteString("ready\n")
	}
	w.WriteHeader(status)
	io.WriteString(w, lines.String())
}

// handler serves what operators ask.
func (a *admin) handler(h *health) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "alive\n") })
	mux.HandleFunc("GET /readyz", h.ready)
	mux.Handle("GET /metrics", a.metrics)
	if a.pprof {
		mux.HandleFunc("GET /debug/pprof/", pprof.Index)
		mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
		mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
		mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
		mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		mux.ServeHTTP(w, r)
	})
}

package sampleapi

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/postern-auth/postern/internal/environ"
)

const (
	maxHeader     = 32 << 10
	shutdownGrace = 10 * time.Second
)

// NewServer returns a server whose limits leave no client a way to hold it up. What goes wrong with
// connections is written to errors.
func NewServer(handler http.Handler, errors io.Writer) *http.Server {
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          log.New(errors, "", 0),
	}
}

// Serve serves a sample at an address until ctx ends, and then lets requests under way finish. It writes
// one line to messages once it listens.
func Serve(ctx context.Context, name, listen string, handler http.Handler, messages io.Writer) error {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", listen)
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("%s: port of %s is in use: stop the program that listens there, or choose another address with --listen", name, listen)
	}
	if err != nil {
		return fmt.Errorf("%s: cannot listen on --listen %s: %w", name, listen, err)
	}
	fmt.Fprintf(messages, "%s listens on http://%s\n", name, listener.Addr())
	server := NewServer(handler, messages)
	stopped := make(chan error, 1)
	unhook := context.AfterFunc(ctx, func() {
		// ctx has ended; what is under way gets a time of its own.
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownGrace)
		defer cancel()
		stopped <- server.Shutdown(grace)
	})
	defer unhook()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("%s: serving: %w", name, err)
	}
	if err := <-stopped; err != nil {
		return fmt.Errorf("%s: requests under way did not end within %s: %w", name, shutdownGrace, err)
	}
	return nil
}

// Local returns the address at which a sample listens on this machine alone: with the port that the
// variable PORT holds, or else with the one given.
func Local(getenv func(string) string, port string) string {
	if set := getenv("PORT"); set != "" {
		port = set
	}
	return net.JoinHostPort("127.0.0.1", port)
}

// Main runs a sample as a program, until it is interrupted: with variables from the environment or .env,
// at the address that listen returns, unless the flag --listen names another.
func Main(name string, listen func(getenv func(string) string) string, handler func(getenv func(string) string) (http.Handler, error)) {
	address := flag.String("listen", "", "the `address` to listen on, such as 127.0.0.1:8000")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	getenv, err := environ.Read("", os.LookupEnv)
	if err != nil {
		exit(2, err)
	}
	h, err := handler(getenv)
	if err != nil {
		exit(2, err)
	}
	if *address == "" {
		*address = listen(getenv)
	}
	if err := Serve(ctx, name, *address, h, os.Stderr); err != nil {
		exit(1, err)
	}
}

func exit(code int, err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(code)
}

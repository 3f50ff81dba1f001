package sampleapi

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"

	"github.com/postern-auth/postern/internal/environ"
	"github.com/postern-auth/postern/internal/httpd"
)

// Serve serves a sample at an address until ctx ends, and then lets requests under way finish. It writes
// one line to messages once it listens. The error for an address that is in use names it and the flag
// --listen.
func Serve(ctx context.Context, name, listen string, handler http.Handler, messages io.Writer) error {
	listener, err := httpd.Listen(listen, "--listen", nil)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	fmt.Fprintf(messages, "%s listens on http://%s\n", name, listener.Addr())
	var servers httpd.Group
	servers.Serve(listener, handler)
	return servers.Wait(ctx)
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
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends a program that does not heed the first
	if err := Serve(ctx, name, *address, h, os.Stderr); err != nil {
		exit(1, err)
	}
}

func exit(code int, err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(code)
}

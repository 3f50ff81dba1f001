// Command hello-world serves the sample API of package helloworld.
//
//	go run ./examples/cmd/hello-world
package main

import (
	"flag"
	"log/slog"
	"net/http"

	"github.com/postern-auth/postern/examples/helloworld"
	"github.com/postern-auth/postern/examples/sampleapi"
)

func main() {
	options := helloworld.Options{Options: sampleapi.Options{Logger: slog.Default()}}
	flag.BoolVar(&options.InsecureAnyTokenIsAdmin, "insecure-any-token-is-admin", false, "let any good token into /api/messages/admin")
	sampleapi.Main("hello-world", helloworld.Listen, func(getenv func(string) string) (http.Handler, error) {
		return options.New(getenv) // when the flags are parsed
	})
}

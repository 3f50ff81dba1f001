// Command hello-world serves the sample API of package helloworld.
//
//	go run ./examples/cmd/hello-world
package main

import (
	"log/slog"

	"github.com/postern-auth/postern/examples/helloworld"
	"github.com/postern-auth/postern/examples/sampleapi"
)

func main() {
	options := helloworld.Options{Options: sampleapi.Options{Logger: slog.Default()}}
	sampleapi.Main("hello-world", helloworld.Listen, options.New)
}

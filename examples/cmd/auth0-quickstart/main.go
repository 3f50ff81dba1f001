// Command auth0-quickstart serves the sample API of package auth0quickstart.
//
//	go run ./examples/cmd/auth0-quickstart
package main

import (
	"log/slog"

	"github.com/postern-auth/postern/examples/auth0quickstart"
	"github.com/postern-auth/postern/examples/sampleapi"
)

func main() {
	options := auth0quickstart.Options{Options: sampleapi.Options{Logger: slog.Default()}}
	sampleapi.Main("auth0-quickstart", auth0quickstart.Listen, options.New)
}

// Command zitadel-api serves the sample API of package zitadelapi.
//
//	go run ./examples/cmd/zitadel-api
package main

import (
	"log/slog"

	"github.com/postern-auth/postern/examples/sampleapi"
	"github.com/postern-auth/postern/examples/zitadelapi"
)

func main() {
	options := zitadelapi.Options{Options: sampleapi.Options{Logger: slog.Default()}}
	sampleapi.Main("zitadel-api", zitadelapi.Listen, options.New)
}

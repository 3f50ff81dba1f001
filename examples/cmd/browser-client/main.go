// Command browser-client serves the single-page application of package browserclient.
//
//	go run ./examples/cmd/browser-client
package main

import (
	"github.com/postern-auth/postern/examples/browserclient"
	"github.com/postern-auth/postern/examples/sampleapi"
)

func main() { sampleapi.Main("browser-client", browserclient.Listen, browserclient.New) }

// Command mcpserver is an MCP server whose one tool says who calls. Variables: ISSUER, AUDIENCE, which is
// the URL that clients call, SCOPE, LISTEN, and STATELESS=true for one that keeps no sessions.
package main

import (
	"context"
	"log"
	"net/http"
	"os"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	posternmcp "github.com/postern-auth/postern/adapters/mcp"
	"github.com/postern-auth/postern/interop/go/serving"
)

// caller is the answer of the tool.
type caller struct {
	Client string   `json:"client"`
	User   string   `json:"user"`
	Scopes []string `json:"scopes"`
}

func main() {
	server := mcp.NewServer(&mcp.Implementation{Name: "interop", Version: "1.0.0"}, nil)
	mcp.AddTool(server, &mcp.Tool{Name: "whoami", Description: "Says who calls."}, whoami)
	handler := mcp.NewStreamableHTTPHandler(func(*http.Request) *mcp.Server { return server },
		&mcp.StreamableHTTPOptions{Stateless: os.Getenv("STATELESS") == "true"})
	protected := posternmcp.Protect(handler, posternmcp.Config{
		Issuer:   os.Getenv("ISSUER"),
		Resource: os.Getenv("AUDIENCE"),
		Scopes:   []string{os.Getenv("SCOPE")},
	})
	log.Fatal(http.Serve(serving.Listen("http://"), protected))
}

func whoami(_ context.Context, req *mcp.CallToolRequest, _ struct{}) (*mcp.CallToolResult, caller, error) {
	var seen caller
	if token, ok := posternmcp.TokenFrom(req); ok {
		seen.Client, seen.User = token.ClientID(), token.Subject()
		for scope := range token.Scopes() {
			seen.Scopes = append(seen.Scopes, scope)
		}
	}
	return nil, seen, nil
}

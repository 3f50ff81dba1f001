// Command mcpclient is the MCP SDK for Go as a service: it goes to an MCP server without a token, finds out
// where to get one, gets it, and calls the tool whoami twice. It prints the answers, or the error, as JSON.
// Its argument is a JSON file: {"url", "issuer", "id", "secret"}.
package main

import (
	"context"
	"encoding/json"
	"log"
	"os"
	"time"

	"github.com/modelcontextprotocol/go-sdk/auth/extauth"
	"github.com/modelcontextprotocol/go-sdk/mcp"
	"github.com/modelcontextprotocol/go-sdk/oauthex"
)

type given struct {
	URL, Issuer, ID, Secret string
}

func main() {
	text, err := os.ReadFile(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	var g given
	if err := json.Unmarshal(text, &g); err != nil {
		log.Fatal(err)
	}
	printed := make(map[string]any)
	if calls, err := call(g); err != nil {
		printed["error"] = err.Error()
	} else {
		printed["calls"] = calls
	}
	json.NewEncoder(os.Stdout).Encode(printed)
}

func call(g given) (calls []any, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	handler, err := extauth.NewClientCredentialsHandler(&extauth.ClientCredentialsHandlerConfig{
		Credentials: &oauthex.ClientCredentials{
			Issuer:           g.Issuer,
			ClientID:         g.ID,
			ClientSecretAuth: &oauthex.ClientSecretAuth{ClientSecret: g.Secret},
		},
	})
	if err != nil {
		return nil, err
	}
	client := mcp.NewClient(&mcp.Implementation{Name: "interop", Version: "1.0.0"}, nil)
	session, err := client.Connect(ctx, &mcp.StreamableClientTransport{Endpoint: g.URL, OAuthHandler: handler}, nil)
	if err != nil {
		return nil, err
	}
	defer session.Close()
	for range 2 {
		result, err := session.CallTool(ctx, &mcp.CallToolParams{Name: "whoami"})
		if err != nil {
			return nil, err
		}
		calls = append(calls, result.StructuredContent)
	}
	return calls, nil
}

// Command mcplogin is a client of the Go MCP SDK that logs a person in. It prints `open URL` for the browser
// and is told where that ended by a line of its standard input; then it calls the tool whoami twice and prints
// the answers, or the error, as JSON. Its argument is a JSON file: {"url", "redirect"}, and "id" or
// "metadata_url" if it is not to register itself.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net/url"
	"os"

	"github.com/modelcontextprotocol/go-sdk/auth"
	"github.com/modelcontextprotocol/go-sdk/mcp"
	"github.com/modelcontextprotocol/go-sdk/oauthex"
)

func main() {
	text, err := os.ReadFile(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	var given struct {
		URL, Redirect, ID string
		MetadataURL       string `json:"metadata_url"`
	}
	if err := json.Unmarshal(text, &given); err != nil {
		log.Fatal(err)
	}
	config := &auth.AuthorizationCodeHandlerConfig{
		RedirectURL: given.Redirect, RequestRefreshToken: true, AuthorizationCodeFetcher: fetch,
	}
	switch {
	case given.ID != "":
		config.PreregisteredClient = &oauthex.ClientCredentials{ClientID: given.ID}
	case given.MetadataURL != "":
		config.ClientIDMetadataDocumentConfig = &auth.ClientIDMetadataDocumentConfig{URL: given.MetadataURL}
	default:
		config.DynamicClientRegistrationConfig = &auth.DynamicClientRegistrationConfig{Metadata: &oauthex.ClientRegistrationMetadata{
			ClientName: "Go assistant", RedirectURIs: []string{given.Redirect}, TokenEndpointAuthMethod: "none",
			GrantTypes: []string{"authorization_code", "refresh_token"},
		}}
	}
	answer := make(map[string]any)
	if calls, err := call(context.Background(), given.URL, config); err != nil {
		answer["error"] = err.Error()
	} else {
		answer["calls"] = calls
	}
	json.NewEncoder(os.Stdout).Encode(answer)
}

// refused is the answer of a person who does not want: the SDK would ask again for its next message.
var refused error

func fetch(_ context.Context, args *auth.AuthorizationArgs) (*auth.AuthorizationResult, error) {
	if refused != nil {
		return nil, refused
	}
	fmt.Println("open", args.URL)
	line := bufio.NewScanner(os.Stdin)
	line.Scan()
	arrived, err := url.Parse(line.Text())
	if err != nil {
		return nil, err
	}
	told := arrived.Query()
	if told.Get("code") == "" {
		refused = errors.New(told.Get("error"))
		return nil, refused
	}
	return &auth.AuthorizationResult{Code: told.Get("code"), State: told.Get("state"), Iss: told.Get("iss")}, nil
}

func call(ctx context.Context, endpoint string, config *auth.AuthorizationCodeHandlerConfig) ([]any, error) {
	handler, err := auth.NewAuthorizationCodeHandler(config)
	if err != nil {
		return nil, err
	}
	client := mcp.NewClient(&mcp.Implementation{Name: "interop", Version: "1.0.0"}, nil)
	session, err := client.Connect(ctx, &mcp.StreamableClientTransport{Endpoint: endpoint, OAuthHandler: handler}, nil)
	if err != nil {
		return nil, err
	}
	defer session.Close()
	var calls []any
	for range 2 {
		result, err := session.CallTool(ctx, &mcp.CallToolParams{Name: "whoami"})
		if err != nil {
			return nil, err
		}
		calls = append(calls, result.StructuredContent)
	}
	return calls, nil
}

package posternmcp_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/modelcontextprotocol/go-sdk/auth"
	"github.com/modelcontextprotocol/go-sdk/auth/extauth"
	"github.com/modelcontextprotocol/go-sdk/mcp"
	"github.com/modelcontextprotocol/go-sdk/oauthex"
	"golang.org/x/oauth2"

	"github.com/postern-auth/postern"
	posternmcp "github.com/postern-auth/postern/adapters/mcp"
	"github.com/postern-auth/postern/dpop"
	"github.com/postern-auth/postern/jwt"
	"github.com/postern-auth/postern/posterntest"
)

type claims = posterntest.Claims

const scope = "files:read"

// caller is what the tool of the tests sees of a call.
type caller struct {
	ID      string   // of the Token that TokenFrom returns
	UserID  string   // of the SDK's TokenInfo
	Scopes  []string // of the same
	Context string   // id of the Token in the context
}

// mcpHandler is an MCP server whose one tool, whoami, answers with a caller.
func mcpHandler(stateless bool, middleware ...mcp.Middleware) http.Handler {
	server := mcp.NewServer(&mcp.Implementation{Name: "test", Version: "1"}, nil)
	server.AddReceivingMiddleware(middleware...)
	mcp.AddTool(server, &mcp.Tool{Name: "whoami"}, func(ctx context.Context, req *mcp.CallToolRequest, _ struct{}) (*mcp.CallToolResult, caller, error) {
		var seen caller
		if token, ok := posternmcp.TokenFrom(req); ok {
			seen.ID = token.ID()
		}
		if info := req.Extra.TokenInfo; info != nil {
			seen.UserID, seen.Scopes = info.UserID, info.Scopes
		}
		if token, ok := postern.TokenFrom(ctx); ok {
			seen.Context = token.ID()
		}
		return nil, seen, nil
	})
	return mcp.NewStreamableHTTPHandler(func(*http.Request) *mcp.Server { return server },
		&mcp.StreamableHTTPOptions{Stateless: stateless, JSONResponse: true})
}

// protected is an MCP server behind Protect that listens on loopback.
type protected struct {
	issuer   *posterntest.Issuer
	resource string
}

// serve protects a server with what change makes of a Config that has an Issuer, a Resource and a Verifier
// by the issuer's clock.
func serve(t *testing.T, handler http.Handler, change func(*posternmcp.Config)) protected {
	t.Helper()
	issuer := posterntest.NewIssuer(t)
	issuer.Serve()
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	p := protected{issuer: issuer, resource: server.URL + "/mcp"}
	config := posternmcp.Config{
		Issuer:   issuer.URL,
		Resource: p.resource,
		Scopes:   []string{scope},
		Verifier: issuer.Verifier(p.resource),
	}
	if change != nil {
		change(&config)
	}
	mux.Handle("/", posternmcp.Protect(handler, config))
	return p
}

func (p protected) token(changes claims) string {
	set := claims{"aud": p.resource, "scope": scope, "sub": "alice"}
	for name, value := range changes {
		set[name] = value
	}
	return p.issuer.Token(set)
}

// wallet is a client's token, which the test changes during a session.
type wallet struct{ raw string }

func (w *wallet) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+w.raw)
	return http.DefaultTransport.RoundTrip(r)
}

func connect(t *testing.T, transport *mcp.StreamableClientTransport) (*mcp.ClientSession, error) {
	t.Helper()
	client := mcp.NewClient(&mcp.Implementation{Name: "client", Version: "1"}, nil)
	session, err := client.Connect(t.Context(), transport, nil)
	if err == nil {
		t.Cleanup(func() { session.Close() })
	}
	return session, err
}

func (p protected) connect(t *testing.T, w *wallet) *mcp.ClientSession {
	t.Helper()
	session, err := connect(t, &mcp.StreamableClientTransport{
		Endpoint:             p.resource,
		HTTPClient:           &http.Client{Transport: w},
		DisableStandaloneSSE: true,
		MaxRetries:           -1,
	})
	if err != nil {
		t.Fatal(err)
	}
	return session
}

func whoami(ctx context.Context, session *mcp.ClientSession) (seen caller, err error) {
	result, err := session.CallTool(ctx, &mcp.CallToolParams{Name: "whoami"})
	if err != nil {
		return seen, err
	}
	text, err := json.Marshal(result.StructuredContent)
	if err != nil {
		return seen, err
	}
	return seen, json.Unmarshal(text, &seen)
}

// call sends whoami as any client may, with whatever session it has heard of.
func (p protected) call(t *testing.T, raw, session string) *http.Response {
	t.Helper()
	body := `{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"whoami","arguments":{}}}`
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, p.resource, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "application/json, text/event-stream")
	r.Header.Set("MCP-Protocol-Version", "2025-06-18")
	if raw != "" {
		r.Header.Set("Authorization", "Bearer "+raw)
	}
	if session != "" {
		r.Header.Set("Mcp-Session-Id", session)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { answer.Body.Close() })
	return answer
}

func TestFindingL1_ASessionServesTheUserWhoOpenedItAndNobodyElse(t *testing.T) {
	p := serve(t, mcpHandler(false), nil)
	session := p.connect(t, &wallet{p.token(claims{"jti": "of alice"})})
	if session.ID() == "" {
		t.Fatal("the server keeps no session")
	}
	for _, test := range []struct {
		name   string
		claims claims
		want   int
	}{
		{"alice herself", nil, http.StatusOK},
		{"alice by another client", claims{"client_id": "another"}, http.StatusOK},
		{"bob", claims{"sub": "bob"}, http.StatusForbidden},
		{"bob by alice's client", claims{"sub": "bob", "client_id": "alice"}, http.StatusForbidden},
		{"a user whose name begins with hers", claims{"sub": "alice2"}, http.StatusForbidden},
		{"a user of her name with another case", claims{"sub": "Alice"}, http.StatusForbidden},
		{"nobody in particular", claims{"sub": nil}, http.StatusUnauthorized},
		{"somebody without a name", claims{"sub": ""}, http.StatusUnauthorized},
	} {
		t.Run(test.name, func(t *testing.T) {
			if answer := p.call(t, p.token(test.claims), session.ID()); answer.StatusCode != test.want {
				body, _ := io.ReadAll(answer.Body)
				t.Errorf("status %d, want %d: %s", answer.StatusCode, test.want, body)
			}
		})
	}
}

func TestFindingL1_AToolSeesTheTokenOfTheCallAndNotOfTheSession(t *testing.T) {
	for _, test := range []struct {
		name       string
		stateless  bool
		middleware []mcp.Middleware
	}{
		{"with sessions", false, nil},
		{"stateless", true, nil},
		{"with sessions and PutToken", false, []mcp.Middleware{posternmcp.PutToken}},
		{"stateless and PutToken", true, []mcp.Middleware{posternmcp.PutToken}},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := serve(t, mcpHandler(test.stateless, test.middleware...), nil)
			w := &wallet{p.token(claims{"jti": "first", "scope": scope + " files:write"})}
			session := p.connect(t, w)
			for _, id := range []string{"second", "third"} {
				w.raw = p.token(claims{"jti": id})
				seen, err := whoami(t.Context(), session)
				if err != nil {
					t.Fatal(err)
				}
				inContext := ""
				if len(test.middleware) > 0 {
					inContext = id
				}
				if seen.ID != id || len(seen.Scopes) != 1 || seen.Context != inContext {
					t.Errorf("the tool sees %+v, want token %q with one scope, and in the context %q", seen, id, inContext)
				}
			}
		})
	}
}

func TestFindingL1_UsersAtTheSameTimeAreSeenEachAsThemselves(t *testing.T) {
	p := serve(t, mcpHandler(false), func(c *posternmcp.Config) { c.Verifier = nil })
	var users sync.WaitGroup
	for _, name := range []string{"alice", "bob", "carol", "dave"} {
		session := p.connect(t, &wallet{p.token(claims{"sub": name, "jti": "of " + name})})
		users.Go(func() {
			for range 25 {
				if seen, err := whoami(t.Context(), session); err != nil || seen.UserID != name || seen.ID != "of "+name {
					t.Errorf("%s is seen as %+v (%v)", name, seen, err)
				}
			}
		})
	}
	users.Wait()
}

func TestFindingL1_UsersOfTwoIssuersAreTwoUsers(t *testing.T) {
	second := posterntest.NewIssuer(t)
	second.Serve()
	p := serve(t, mcpHandler(false), func(c *posternmcp.Config) {
		c.Verifier = postern.FirstOf(c.Verifier, second.Verifier(c.Resource))
	})
	session := p.connect(t, &wallet{p.token(nil)})
	stranger := second.Token(claims{"aud": p.resource, "scope": scope, "sub": "alice"})
	if answer := p.call(t, stranger, session.ID()); answer.StatusCode != http.StatusForbidden {
		t.Errorf("status %d for the alice of another issuer, want 403", answer.StatusCode)
	}
	if seen, err := whoami(t.Context(), session); err != nil || seen.UserID != p.issuer.URL+" alice" {
		t.Errorf("user %q, want issuer and subject (%v)", seen.UserID, err)
	}
}

func TestUserIDIsTheSubjectWhereThereIsOneIssuer(t *testing.T) {
	p := serve(t, mcpHandler(false), func(c *posternmcp.Config) { c.Verifier = nil })
	if seen, err := whoami(t.Context(), p.connect(t, &wallet{p.token(nil)})); err != nil || seen.UserID != "alice" {
		t.Errorf("user %q, want alice (%v)", seen.UserID, err)
	}
}

func TestFindingL1_ATokenThatEndsDuringASessionIsRefused(t *testing.T) {
	p := serve(t, mcpHandler(false), nil)
	w := &wallet{p.token(nil)}
	session := p.connect(t, w)
	if _, err := whoami(t.Context(), session); err != nil {
		t.Fatal(err)
	}
	p.issuer.Clock.Advance(time.Hour)
	answer := p.call(t, w.raw, session.ID())
	if answer.StatusCode != http.StatusUnauthorized {
		t.Errorf("status %d, want 401", answer.StatusCode)
	}
	challenge := fmt.Sprintf(`Bearer resource_metadata="%s", scope="files:read", error="invalid_token", error_description="The access token has expired."`, p.metadataURL())
	if got := answer.Header.Get("WWW-Authenticate"); got != challenge {
		t.Errorf("WWW-Authenticate\n%s, want\n%s", got, challenge)
	}
	w.raw = p.token(nil)
	if _, err := whoami(t.Context(), session); err != nil {
		t.Errorf("a new token on the same session: %v", err)
	}
}

func (p protected) metadataURL() string {
	return strings.TrimSuffix(p.resource, "/mcp") + "/.well-known/oauth-protected-resource/mcp"
}

func TestChallenges(t *testing.T) {
	p := serve(t, mcpHandler(true), func(c *posternmcp.Config) { c.Scopes = []string{"files:read", "files:list"} })
	metadata := fmt.Sprintf(`Bearer resource_metadata="%s"`, p.metadataURL())
	for _, test := range []struct {
		name, raw string
		status    int
		challenge string
	}{
		{"no token", "", 401, `, scope="files:read files:list"`},
		{"a token of somebody else", "garbage", 401, `, scope="files:read files:list", error="invalid_token"`},
		{"a token for another server", p.token(claims{"aud": p.resource + "/"}), 401, `, scope="files:read files:list", error="invalid_token"`},
		{"two words", "a b", 400, `, error="invalid_request"`},
		{"no scope", p.token(claims{"scope": nil}), 403, `, scope="files:list files:read", error="insufficient_scope"`},
		{"one of two scopes", p.token(nil), 403, `, scope="files:list files:read", error="insufficient_scope"`},
	} {
		t.Run(test.name, func(t *testing.T) {
			answer := p.call(t, test.raw, "")
			got := answer.Header.Values("WWW-Authenticate")
			if answer.StatusCode != test.status || len(got) != 1 {
				t.Fatalf("status %d and %d challenges, want %d and one", answer.StatusCode, len(got), test.status)
			}
			challenge, _, _ := strings.Cut(got[0], ", error_description=")
			if sorted(challenge) != sorted(metadata+test.challenge) {
				t.Errorf("WWW-Authenticate\n%s, want\n%s", challenge, metadata+test.challenge)
			}
			if _, err := oauthex.ParseWWWAuthenticate(got); err != nil {
				t.Error(err)
			}
		})
	}
}

// sorted makes challenges equal that name the same scopes.
func sorted(challenge string) string {
	return strings.Replace(challenge, "files:list files:read", "files:read files:list", 1)
}

func TestAnOutageOfTheIssuerIsNoRefusal(t *testing.T) {
	p := serve(t, mcpHandler(true), nil)
	raw := p.token(nil)
	p.issuer.Outage(posterntest.Status(500))
	answer := p.call(t, raw, "")
	if answer.StatusCode != http.StatusServiceUnavailable || answer.Header.Get("Retry-After") == "" || answer.Header.Get("WWW-Authenticate") != "" {
		t.Errorf("status %d, header %v; want 503 with Retry-After and no challenge", answer.StatusCode, answer.Header)
	}
}

func TestMetadata(t *testing.T) {
	for _, test := range []struct {
		name, resource, path string
		served               bool
	}{
		{"at the path of the resource", "https://x.test/mcp", "/.well-known/oauth-protected-resource/mcp", true},
		{"at the root", "https://x.test/mcp", "/.well-known/oauth-protected-resource", true},
		{"at the root, as the SDK's client asks for it", "https://x.test", "/.well-known/oauth-protected-resource/", true},
		{"at a path of several segments", "https://x.test/a/mcp", "/.well-known/oauth-protected-resource/a/mcp", true},
		{"at a path with a final slash", "https://x.test/mcp/", "/.well-known/oauth-protected-resource/mcp/", true},
		{"at the path of another resource", "https://x.test/mcp", "/.well-known/oauth-protected-resource/other", false},
		{"below its path", "https://x.test/mcp", "/.well-known/oauth-protected-resource/mcp/more", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			reached := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the server is reached") })
			handler := posternmcp.Protect(reached, posternmcp.Config{Issuer: "https://issuer.test", Resource: test.resource, Scopes: []string{scope}})
			answer := httptest.NewRecorder()
			handler.ServeHTTP(answer, httptest.NewRequest("GET", test.path, nil))
			if !test.served {
				if answer.Code != http.StatusUnauthorized {
					t.Errorf("status %d, want 401", answer.Code)
				}
				return
			}
			want := fmt.Sprintf(`{"resource":%q,"authorization_servers":["https://issuer.test"],"scopes_supported":["files:read"],"bearer_methods_supported":["header"]}`, test.resource)
			if got := strings.TrimSpace(answer.Body.String()); answer.Code != http.StatusOK || got != want {
				t.Errorf("status %d and\n%s, want\n%s", answer.Code, got, want)
			}
			if answer.Header().Get("Access-Control-Allow-Origin") != "*" {
				t.Error("other origins cannot read it")
			}
		})
	}
}

func TestMetadataIsForBrowsersToo(t *testing.T) {
	handler := posternmcp.Protect(mcpHandler(true), posternmcp.Config{Issuer: "https://issuer.test", Resource: "https://x.test/mcp"})
	for method, want := range map[string]int{"OPTIONS": 204, "HEAD": 200, "POST": 405, "DELETE": 405} {
		request := httptest.NewRequest(method, "/.well-known/oauth-protected-resource/mcp", nil)
		request.Header.Set("Access-Control-Request-Headers", "mcp-protocol-version")
		answer := httptest.NewRecorder()
		handler.ServeHTTP(answer, request)
		if answer.Code != want {
			t.Errorf("%s: status %d, want %d", method, answer.Code, want)
		}
		if method == "OPTIONS" && answer.Header().Get("Access-Control-Allow-Headers") != "*" {
			t.Error("a preflight for the header MCP-Protocol-Version fails")
		}
	}
}

// The SDK's client finds its way from a 401 to a token: challenge, metadata of the resource, metadata of
// the authorization server, token. When its token no longer suffices it goes that way again.
func TestTheSDKsClientObtainsATokenAndAnother(t *testing.T) {
	p := serve(t, mcpHandler(false), nil)
	asked := make(chan string, 8)
	as := http.NewServeMux()
	as.Handle("/", p.issuer)
	as.HandleFunc("/.well-known/oauth-authorization-server", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"issuer":%q,"token_endpoint":%q,"response_types_supported":["code"],"code_challenge_methods_supported":["S256"]}`,
			p.issuer.URL, p.issuer.URL+"/token")
	})
	as.HandleFunc("/token", func(w http.ResponseWriter, r *http.Request) {
		asked <- r.PostFormValue("scope")
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"access_token":%q,"token_type":"Bearer","expires_in":600}`, p.token(claims{"scope": r.PostFormValue("scope")}))
	})
	client := &http.Client{Transport: router{strings.TrimPrefix(p.issuer.URL, "http://"), as}}
	handler, err := extauth.NewClientCredentialsHandler(&extauth.ClientCredentialsHandlerConfig{
		Credentials: &oauthex.ClientCredentials{
			ClientID:         "client",
			ClientSecretAuth: &oauthex.ClientSecretAuth{ClientSecret: "secret"},
		},
		HTTPClient: client,
	})
	if err != nil {
		t.Fatal(err)
	}
	session, err := connect(t, &mcp.StreamableClientTransport{Endpoint: p.resource, OAuthHandler: handler, DisableStandaloneSSE: true})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := whoami(t.Context(), session); err != nil {
		t.Fatal(err)
	}
	p.issuer.Clock.Advance(time.Hour)
	if _, err := whoami(t.Context(), session); err != nil {
		t.Fatalf("after the token's end: %v", err)
	}
	for range 2 {
		if got := <-asked; got != scope {
			t.Errorf("the client asked for %q, want %q", got, scope)
		}
	}
	if len(asked) > 0 {
		t.Error("the client asked for a third token")
	}
}

// router sends what is meant for a host to a handler.
type router struct {
	host    string
	handler http.Handler
}

func (r router) RoundTrip(request *http.Request) (*http.Response, error) {
	if request.URL.Host != r.host {
		return http.DefaultTransport.RoundTrip(request)
	}
	answer := httptest.NewRecorder()
	r.handler.ServeHTTP(answer, request)
	return answer.Result(), nil
}

// stepping is a client that can obtain more scope, and counts how often it was sent for it.
type stepping struct {
	wallet
	better string
	times  int
}

func (s *stepping) TokenSource(context.Context) (oauth2.TokenSource, error) {
	return oauth2.StaticTokenSource(&oauth2.Token{AccessToken: s.raw}), nil
}

func (s *stepping) Authorize(_ context.Context, _ *http.Request, answer *http.Response) error {
	defer answer.Body.Close()
	challenges, err := oauthex.ParseWWWAuthenticate(answer.Header.Values("WWW-Authenticate"))
	if err != nil || len(challenges) != 1 || challenges[0].Params["error"] != "insufficient_scope" || challenges[0].Params["scope"] != scope {
		return fmt.Errorf("status %d with challenges %v (%v)", answer.StatusCode, challenges, err)
	}
	s.times++
	s.raw = s.better
	return nil
}

var _ auth.OAuthHandler = (*stepping)(nil)

func TestTheSDKsClientStepsUp(t *testing.T) {
	p := serve(t, mcpHandler(false), nil)
	client := &stepping{wallet: wallet{p.token(claims{"scope": "files:list"})}, better: p.token(nil)}
	session, err := connect(t, &mcp.StreamableClientTransport{Endpoint: p.resource, OAuthHandler: client, DisableStandaloneSSE: true})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := whoami(t.Context(), session); err != nil || client.times != 1 {
		t.Errorf("stepped up %d times, want once (%v)", client.times, err)
	}
}

// answering is a Binding that adds a header to every answer, as DPoP does with its nonces.
type answering struct{}

func (answering) Member() string { return "test" }

func (answering) Check(_ context.Context, p postern.Presentation, token *postern.Token) error {
	p.Answer.Set("DPoP-Nonce", "next")
	if token.Subject() != "alice" {
		return postern.ErrProof
	}
	return nil
}

func TestWhatBindingsAnswerGoesWithEveryAnswer(t *testing.T) {
	issuer := posterntest.NewIssuer(t)
	guard := &postern.Guard{Verifier: issuer.Verifier("https://x.test/mcp"), Bindings: []postern.Binding{answering{}}}
	inner := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	handler := posternmcp.Protect(inner, posternmcp.Config{Issuer: issuer.URL, Resource: "https://x.test/mcp", Guard: guard})
	for subject, want := range map[string]int{"alice": http.StatusOK, "bob": http.StatusUnauthorized} {
		request := httptest.NewRequest("POST", "https://x.test/mcp", nil)
		request.Header.Set("Authorization", "Bearer "+issuer.Token(claims{"aud": "https://x.test/mcp", "sub": subject, "cnf": claims{"test": "x"}}))
		answer := httptest.NewRecorder()
		handler.ServeHTTP(answer, request)
		if answer.Code != want || answer.Header().Get("DPoP-Nonce") != "next" {
			t.Errorf("status %d and nonce %q for %s, want %d and next", answer.Code, answer.Header().Get("DPoP-Nonce"), subject, want)
		}
	}
}

func TestAGuardOfOnesOwnDecides(t *testing.T) {
	issuer := posterntest.NewIssuer(t)
	decisions := 0
	guard := &postern.Guard{
		Verifier:   issuer.Verifier("https://x.test/mcp"),
		Bindings:   []postern.Binding{dpop.New(dpop.Config{Now: issuer.Clock.Now})},
		OnDecision: func(*http.Request, *postern.Token, *postern.Error) { decisions++ },
	}
	var info *auth.TokenInfo
	var header http.Header
	inner := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		info, header = auth.TokenInfoFromContext(r.Context()), r.Header
	})
	handler := posternmcp.Protect(inner, posternmcp.Config{Issuer: issuer.URL, Resource: "https://x.test/mcp", Guard: guard})
	client := issuer.DPoPClient()
	raw := client.Token(claims{"aud": "https://x.test/mcp", "sub": "alice"})

	request := httptest.NewRequest("POST", "https://x.test/mcp", nil)
	client.Present(request, raw, "")
	answer := httptest.NewRecorder()
	handler.ServeHTTP(answer, request)
	if answer.Code != http.StatusOK || info == nil || info.UserID != issuer.URL+" alice" {
		t.Fatalf("status %d, %+v; want 200 and alice", answer.Code, info)
	}
	if header.Get("Authorization") != "DPoP "+raw {
		t.Error("the request that is handed on has another Authorization than the one that came")
	}

	request.Header.Set("Authorization", "Bearer "+raw)
	answer = httptest.NewRecorder()
	handler.ServeHTTP(answer, request)
	if answer.Code != http.StatusUnauthorized || decisions == 0 {
		t.Errorf("status %d and %d decisions for a bound token under Bearer, want 401 and some", answer.Code, decisions)
	}
	if guard.Resource != "" {
		t.Error("the Guard that was given is changed")
	}
}

func TestTheSDKRefusesNothingThatTheGuardHasLetThrough(t *testing.T) {
	for name, expiry := range map[string]time.Time{
		"a token that ended within the leeway": time.Now().Add(-5 * time.Second),
		"a token that ended by another clock":  time.Now().Add(-time.Hour),
		"a token without an end":               {},
		"a token with an end beyond all dates": time.Unix(1<<53, 0),
	} {
		t.Run(name, func(t *testing.T) {
			token := postern.NewToken(postern.TokenData{Issuer: "https://issuer.test", Subject: "alice", Expiry: expiry})
			verifier := postern.VerifierFunc(func(context.Context, string) (*postern.Token, error) { return token, nil })
			var info *auth.TokenInfo
			inner := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { info = auth.TokenInfoFromContext(r.Context()) })
			handler := posternmcp.Protect(inner, posternmcp.Config{Issuer: "https://issuer.test", Resource: "https://x.test/mcp", Verifier: verifier})
			request := httptest.NewRequest("POST", "https://x.test/mcp", nil)
			request.Header.Set("Authorization", "Bearer raw")
			answer := httptest.NewRecorder()
			handler.ServeHTTP(answer, request)
			if answer.Code != http.StatusOK || info == nil || !info.Expiration.Equal(token.Expiry()) {
				t.Errorf("status %d and %+v, want 200 and the end %v", answer.Code, info, token.Expiry())
			}
		})
	}
}

func TestStandingStreamsEndWithTheirTokens(t *testing.T) {
	issuer := posterntest.NewIssuer(t)
	const resource = "https://x.test/mcp"
	for _, test := range []struct {
		name, method, mcpMethod string
		bounded                 bool
	}{
		{"a stream of a session", "GET", "", true},
		{"a stream of subscriptions", "POST", "subscriptions/listen", true},
		{"a call", "POST", "tools/call", false},
		{"a call of an older client", "POST", "", false},
		{"the end of a session", "DELETE", "", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			var ends time.Time
			var bounded bool
			inner := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { ends, bounded = r.Context().Deadline() })
			handler := posternmcp.Protect(inner, posternmcp.Config{Issuer: issuer.URL, Resource: resource, Verifier: issuer.Verifier(resource)})
			request := httptest.NewRequest(test.method, resource, nil)
			request.Header.Set("Mcp-Method", test.mcpMethod)
			request.Header.Set("Authorization", "Bearer "+issuer.Token(claims{"aud": resource}))
			handler.ServeHTTP(httptest.NewRecorder(), request)
			if bounded != test.bounded {
				t.Fatalf("bounded %t, want %t", bounded, test.bounded)
			}
			if left := ends.Sub(issuer.Clock.Now()); bounded && left != 10*time.Minute+jwt.DefaultLeeway {
				t.Errorf("the stream ends in %s, want when its token passes no more", left)
			}
		})
	}
}

func TestWiringMistakesPanic(t *testing.T) {
	verifier := posterntest.NewIssuer(t).Verifier("https://x.test/mcp")
	good := posternmcp.Config{Issuer: "https://issuer.test", Resource: "https://x.test/mcp"}
	posternmcp.Protect(http.NotFoundHandler(), good)
	for name, change := range map[string]func(*posternmcp.Config){
		"no issuer":                    func(c *posternmcp.Config) { c.Issuer = "" },
		"an issuer that is not a URL":  func(c *posternmcp.Config) { c.Issuer = "issuer" },
		"no resource":                  func(c *posternmcp.Config) { c.Resource = "" },
		"a resource that is not a URL": func(c *posternmcp.Config) { c.Resource = "mcp" },
		"a resource with a fragment":   func(c *posternmcp.Config) { c.Resource += "#tools" },
		"an empty scope":               func(c *posternmcp.Config) { c.Scopes = []string{""} },
		"two scopes in one":            func(c *posternmcp.Config) { c.Scopes = []string{"a b"} },
		"a Guard without Verifier":     func(c *posternmcp.Config) { c.Guard = new(postern.Guard) },
		"a Guard of another resource":  func(c *posternmcp.Config) { c.Guard = &postern.Guard{Verifier: verifier, Resource: "https://y.test"} },
		"a Guard and a Verifier":       func(c *posternmcp.Config) { c.Guard, c.Verifier = &postern.Guard{Verifier: verifier}, verifier },
		"nobody who gives out a token": func(c *posternmcp.Config) { c.Issuer, c.Verifier = "", verifier },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				text, ok := recover().(string)
				if !ok || !strings.HasPrefix(text, "postern") {
					t.Errorf("panic %q, want one that says what is missing", text)
				}
			}()
			config := good
			change(&config)
			posternmcp.Protect(http.NotFoundHandler(), config)
		})
	}
}

func TestHandlersThatKnowNoUsersAreRefused(t *testing.T) {
	for name, handler := range map[string]http.Handler{
		"none":          nil,
		"the SDK's SSE": mcp.NewSSEHandler(func(*http.Request) *mcp.Server { return nil }, nil),
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			posternmcp.Protect(handler, posternmcp.Config{Issuer: "https://issuer.test", Resource: "https://x.test/mcp"})
		})
	}
}

func TestTokenFromIsFalseWithoutProtect(t *testing.T) {
	for name, request := range map[string]mcp.Request{
		"a request of no transport": &mcp.CallToolRequest{},
		"a request without a token": &mcp.CallToolRequest{Extra: &mcp.RequestExtra{}},
		"a token of another":        &mcp.CallToolRequest{Extra: &mcp.RequestExtra{TokenInfo: &auth.TokenInfo{UserID: "alice"}}},
	} {
		if token, ok := posternmcp.TokenFrom(request); ok || token != nil {
			t.Errorf("%s: %v, %t; want none", name, token, ok)
		}
	}
}

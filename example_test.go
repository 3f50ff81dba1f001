package postern_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/postern-auth/postern"
	"github.com/postern-auth/postern/clientauth"
	"github.com/postern-auth/postern/introspection"
	"github.com/postern-auth/postern/jwt"
	"github.com/postern-auth/postern/posterntest"
)

// staff stands for a Verifier of package jwt or introspection, so that the examples need no issuer: it takes
// the token "alice", who may read.
var staff = postern.VerifierFunc(func(_ context.Context, raw string) (*postern.Token, error) {
	if raw != "alice" {
		return nil, postern.ErrSignature
	}
	return postern.NewToken(postern.TokenData{
		Subject: "alice",
		Scopes:  []string{"read:messages"},
		Expiry:  time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC),
	}), nil
})

// show prints what a handler answers to a request with the token.
func show(handler http.Handler, path, raw string) {
	r := httptest.NewRequest("GET", path, nil)
	if raw != "" {
		r.Header.Set("Authorization", "Bearer "+raw)
	}
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	if challenge := w.Header().Get("WWW-Authenticate"); challenge != "" {
		challenge, _, _ = strings.Cut(challenge, ", error_description")
		fmt.Println(path, w.Code, challenge)
		return
	}
	fmt.Println(path, w.Code, w.Body)
}

// The Guard stands in front of handlers; each route says what it requires.
func Example() {
	guard := &postern.Guard{Verifier: staff} // jwt.NewVerifier(…)
	private := guard.Require()
	readers := guard.Require(postern.Scope("read:messages"))
	editors := guard.Require(postern.Role("editor"))

	hello := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, _ := postern.TokenFrom(r.Context())
		fmt.Fprint(w, "Hello ", token.Subject())
	})
	mux := http.NewServeMux()
	mux.Handle("GET /api/private", private(hello))
	mux.Handle("GET /api/messages", readers(hello))
	mux.Handle("GET /api/drafts", editors(hello))

	show(mux, "/api/private", "alice")
	show(mux, "/api/messages", "alice")
	show(mux, "/api/drafts", "alice")
	show(mux, "/api/messages", "mallory")
	show(mux, "/api/messages", "")
	// Output:
	// /api/private 200 Hello alice
	// /api/messages 200 Hello alice
	// /api/drafts 403 Bearer error="insufficient_scope"
	// /api/messages 401 Bearer error="invalid_token"
	// /api/messages 401 Bearer scope="read:messages"
}

// A route for strangers too: a request without a token passes, one with a bad token does not.
func ExampleGuard_Optional() {
	guard := &postern.Guard{Verifier: staff}
	front := guard.Optional()(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if token, ok := postern.TokenFrom(r.Context()); ok {
			fmt.Fprint(w, "Welcome back, ", token.Subject())
			return
		}
		fmt.Fprint(w, "Welcome, stranger")
	}))
	show(front, "/", "alice")
	show(front, "/", "")
	show(front, "/", "mallory")
	// Output:
	// / 200 Welcome back, alice
	// / 200 Welcome, stranger
	// / 401 Bearer error="invalid_token"
}

// Check decides, Refuse answers: for a handler that only knows after a look at the request what it requires.
func ExampleGuard_Check() {
	guard := &postern.Guard{Verifier: staff}
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		required := postern.Scope("read:messages")
		if r.URL.Query().Has("purge") {
			required = postern.Scope("purge:messages")
		}
		decision, err := guard.Check(r, required)
		if err != nil {
			guard.Refuse(w, r, err)
			return
		}
		fmt.Fprint(w, "done for ", decision.Token.Subject())
	})
	show(handler, "/api/messages", "alice")
	show(handler, "/api/messages?purge", "alice")
	// Output:
	// /api/messages 200 done for alice
	// /api/messages?purge 403 Bearer scope="purge:messages", error="insufficient_scope"
}

// A rule of your own is a Requirement.
func ExampleRequirementFunc() {
	internal := postern.RequirementFunc(func(_ context.Context, token *postern.Token) error {
		var department string
		if err := token.Claim("department", &department); err != nil || department != "support" {
			return fmt.Errorf("department is %q, want support: %w", department, postern.ErrInsufficient)
		}
		return nil
	})
	guard := &postern.Guard{Verifier: staff}
	show(guard.Require(internal)(http.NotFoundHandler()), "/api/tickets", "alice")
	// Output:
	// /api/tickets 403 Bearer error="insufficient_scope"
}

// The unit test of a handler needs no Guard and no issuer: it puts the Token there.
func ExampleWithToken() {
	hello := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, _ := postern.TokenFrom(r.Context())
		fmt.Fprint(w, "Hello ", token.Subject())
	})

	alice := postern.NewToken(postern.TokenData{Subject: "alice", Roles: []string{"editor"}})
	r := httptest.NewRequest("GET", "/", nil)
	w := httptest.NewRecorder()
	hello.ServeHTTP(w, r.WithContext(postern.WithToken(r.Context(), alice)))
	fmt.Println(w.Body)
	// Output: Hello alice
}

// A stream ends when the token does that it was opened with.
func ExampleUntil() {
	stream := func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := postern.Until(r.Context())
		defer cancel()
		for ctx.Err() == nil {
			io.WriteString(w, "data: tick\n\n")
			select {
			case <-ctx.Done():
			case <-time.After(time.Second):
			}
		}
		fmt.Println("over, for the token has expired:", errors.Is(context.Cause(ctx), postern.ErrExpired))
	}

	short := postern.NewToken(postern.TokenData{Expiry: time.Now().Add(10 * time.Millisecond)})
	r := httptest.NewRequest("GET", "/", nil)
	stream(httptest.NewRecorder(), r.WithContext(postern.WithToken(r.Context(), short)))
	// Output: over, for the token has expired: true
}

// JWTs of an issuer are verified here, its opaque tokens by asking it.
func ExampleFirstOf() {
	issuer := posterntest.NewIssuer(new(testing.T)) // your issuer
	signed, err := jwt.NewVerifier(issuer.JWTConfig(issuer.Audience))
	if err != nil {
		log.Fatal(err)
	}
	opaque, err := introspection.NewVerifier(issuer.IntrospectionConfig(issuer.Audience))
	if err != nil {
		log.Fatal(err)
	}
	verifier := postern.FirstOf(signed, opaque)

	for _, raw := range []string{issuer.Token(nil), issuer.Opaque(nil), "nonsense"} {
		_, err := verifier.Verify(context.Background(), raw)
		fmt.Println(err == nil, errors.Is(err, postern.ErrInactive))
	}
	// Output:
	// true false
	// true false
	// false true
}

// Tokens of several issuers: each goes to the verifier of its own, and what is wrong with one is that one's.
func ExampleByIssuers() {
	employees, err := jwt.NewVerifier(jwt.Config{Issuer: "https://login.example.com", Audience: "https://api.example.com"})
	if err != nil {
		log.Fatal(err)
	}
	partners, err := introspection.NewVerifier(introspection.Config{
		Issuer:   "https://id.partner.example",
		Audience: "https://api.example.com",
		Auth:     clientauth.SecretBasic("api", "secret"),
	})
	if err != nil {
		log.Fatal(err)
	}
	verifier := postern.ByIssuers(employees, partners)

	_, err = verifier.Verify(context.Background(), from("https://stranger.example", "signature"))
	fmt.Println(err)
	// Output: postern: token is from issuer "https://stranger.example", which is not one of the 2 configured: not for this verifier: wrong issuer
}

// Customers bring their own issuers. Who they are is looked up in memory, before anything is fetched.
func ExampleByIssuerFunc() {
	customers := map[string]bool{"https://id.customer.example": true}
	verifier := postern.ByIssuerFunc(postern.Resolver{
		Allow: func(issuer string) bool { return customers[issuer] },
		Verifier: func(_ context.Context, issuer string) (postern.Verifier, error) {
			return jwt.NewVerifier(jwt.Config{
				Issuer:     issuer,
				Audience:   "https://api.example.com",
				CacheBytes: 1 << 20, // for each of the customers
			})
		},
	})

	_, err := verifier.Verify(context.Background(), from("https://stranger.example", "signature"))
	fmt.Println(err)
	// Output: postern: token is from issuer "https://stranger.example", which is not allowed: not for this verifier: wrong issuer
}

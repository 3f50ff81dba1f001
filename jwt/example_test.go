package jwt_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"testing"
	"time"

	"github.com/postern-auth/postern"
	"github.com/postern-auth/postern/jwt"
	"github.com/postern-auth/postern/posterntest"
)

// An API that takes the JWTs of one issuer. Nothing is fetched before the first token comes.
func Example() {
	verifier, err := jwt.NewVerifier(jwt.Config{
		Issuer:   "https://login.example.com",
		Audience: "https://hello-world.example.com",
	})
	if err != nil {
		log.Fatal(err)
	}
	guard := &postern.Guard{Verifier: verifier}
	readers := guard.Require(postern.Scope("read:messages"))
	http.Handle("GET /api/messages", readers(http.NotFoundHandler()))
	fmt.Println(verifier.Issuer())
	// Output: https://login.example.com
}

// What is wrong with a token, an errors.Is tells.
func ExampleVerifier_Verify() {
	issuer := posterntest.NewIssuer(new(testing.T)) // your issuer
	verifier, err := jwt.NewVerifier(issuer.JWTConfig(issuer.Audience))
	if err != nil {
		log.Fatal(err)
	}
	token, err := verifier.Verify(context.Background(), issuer.Token(posterntest.Claims{"sub": "alice", "scope": "read:messages"}))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(token.Subject(), token.HasScope("read:messages"))

	_, err = verifier.Verify(context.Background(), issuer.Token(posterntest.Claims{"aud": "https://another.example"}))
	fmt.Println(errors.Is(err, postern.ErrAudience))
	// Output:
	// alice true
	// true
}

// A start-up check: the program does not serve before it has the issuer's keys.
func ExampleVerifier_Warm() {
	issuer := posterntest.NewIssuer(new(testing.T)) // your issuer
	verifier, err := jwt.NewVerifier(issuer.JWTConfig(issuer.Audience))
	if err != nil {
		log.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := verifier.Warm(ctx); err != nil {
		log.Fatal(err)
	}
	_, err = verifier.Ready()
	fmt.Println("ready:", err == nil)
	// Output: ready: true
}

// An identity provider with names of its own for roles says so once.
func ExampleConfig() {
	_, err := jwt.NewVerifier(jwt.Config{
		Issuer:     "https://login.example.com/realms/main",
		Audience:   "https://hello-world.example.com",
		Algorithms: []string{jwt.RS256},
		ClaimNames: postern.ClaimNames{Roles: []string{"/realm_access/roles"}},
	})
	fmt.Println(err)

	_, err = jwt.NewVerifier(jwt.Config{Issuer: "https://login.example.com"})
	fmt.Println(err)
	// Output:
	// <nil>
	// jwt: Config.Audience is empty: set the identifier that tokens for this API carry in aud
}

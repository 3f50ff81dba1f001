package introspection_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"testing"

	"github.com/postern-auth/postern"
	"github.com/postern-auth/postern/clientauth"
	"github.com/postern-auth/postern/introspection"
	"github.com/postern-auth/postern/posterntest"
)

// An API that asks the authorization server about each token. Where to ask, the server's metadata says.
func Example() {
	verifier, err := introspection.NewVerifier(introspection.Config{
		Issuer:   "https://login.example.com",
		Audience: "https://hello-world.example.com",
		Auth:     clientauth.SecretBasic("hello-world", "secret"),
	})
	if err != nil {
		log.Fatal(err)
	}
	guard := &postern.Guard{Verifier: verifier}
	http.Handle("GET /opaque/messages", guard.Require()(http.NotFoundHandler()))
	fmt.Println(verifier.Issuer())
	// Output: https://login.example.com
}

// An API that proves itself by a key file: no secret ever leaves it.
func ExampleConfig() {
	key, err := clientauth.ReadKeyFile("application.json")
	if err != nil {
		log.Fatal(err)
	}
	config := introspection.Config{
		Issuer:   "https://login.example.com",
		Audience: "https://hello-world.example.com",
		Auth:     clientauth.PrivateKeyJWT(key),
	}
	if _, err := introspection.NewVerifier(config); err != nil {
		log.Fatal(err)
	}
}

// A token that the server calls inactive is refused; while it does not answer, nobody can say.
func ExampleVerifier_Verify() {
	issuer := posterntest.NewIssuer(new(testing.T)) // your authorization server
	verifier, err := introspection.NewVerifier(issuer.IntrospectionConfig(issuer.Audience))
	if err != nil {
		log.Fatal(err)
	}
	token, err := verifier.Verify(context.Background(), issuer.Opaque(posterntest.Claims{"sub": "alice"}))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(token.Subject())

	_, err = verifier.Verify(context.Background(), issuer.Opaque(posterntest.Claims{"active": false}))
	fmt.Println(errors.Is(err, postern.ErrInactive))

	issuer.Outage(posterntest.Status(http.StatusInternalServerError))
	_, err = verifier.Verify(context.Background(), issuer.Opaque(nil))
	fmt.Println(errors.Is(err, postern.ErrUnavailable))
	// Output:
	// alice
	// true
	// true
}

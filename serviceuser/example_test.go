package serviceuser_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"log"
	"net/http"
	"os"

	"github.com/postern-auth/postern/clientauth"
	"github.com/postern-auth/postern/dpop"
	"github.com/postern-auth/postern/serviceuser"
	"golang.org/x/oauth2"
)

func ExampleJWTProfile() {
	key, err := clientauth.ReadKeyFile("service-user.json")
	if err != nil {
		log.Fatal(err)
	}
	source, err := serviceuser.JWTProfile{
		Issuer: "https://login.example.com",
		Key:    key,
		Scopes: []string{"read:messages"},
	}.Source()
	if err != nil {
		log.Fatal(err)
	}
	client := oauth2.NewClient(context.Background(), source)
	answer, err := client.Get("https://api.example.com/api/private-scoped")
	if err != nil {
		log.Fatal(err)
	}
	answer.Body.Close()
}

func ExampleClientCredentials() {
	source, err := serviceuser.ClientCredentials{
		Issuer: "https://login.example.com",
		Auth:   clientauth.SecretBasic("robot", os.Getenv("CLIENT_SECRET")),
		Scopes: []string{"read:messages"},
	}.Source()
	if err != nil {
		log.Fatal(err)
	}
	token, err := source.TokenContext(context.Background())
	var refusal *serviceuser.Error
	switch {
	case errors.Is(err, serviceuser.ErrUnavailable):
		log.Print("nobody knows; try again later: ", err)
	case errors.As(err, &refusal):
		log.Printf("refused with %s", refusal.Code)
	case err == nil:
		log.Printf("good until %s", token.Expiry)
	}
}

// Tokens that are bound to a key are worth nothing to who steals them.
func ExampleSource_AccessToken() {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		log.Fatal(err)
	}
	prover, err := dpop.NewProver(private)
	if err != nil {
		log.Fatal(err)
	}
	source, err := serviceuser.ClientCredentials{
		Issuer:     "https://login.example.com",
		Auth:       clientauth.SecretBasic("robot", os.Getenv("CLIENT_SECRET")),
		HTTPClient: &http.Client{Transport: &dpop.Transport{Prover: prover}},
	}.Source()
	if err != nil {
		log.Fatal(err)
	}
	api := &http.Client{Transport: &dpop.Transport{Prover: prover, Token: source.AccessToken}}
	answer, err := api.Get("https://api.example.com/api/private")
	if err != nil {
		log.Fatal(err)
	}
	answer.Body.Close()
}

func ExamplePersonalAccessToken() {
	source := serviceuser.PersonalAccessToken(os.Getenv("PAT"))
	client := oauth2.NewClient(context.Background(), source)
	answer, err := client.Get("https://api.example.com/api/private")
	if err != nil {
		log.Fatal(err)
	}
	answer.Body.Close()
}

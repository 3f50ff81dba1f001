package clientauth_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"log"
	"net/http"
	"net/url"

	"github.com/postern-auth/postern/clientauth"
)

// A Method puts the client's proof into a request. Packages introspection and serviceuser call it.
func Example() {
	method := clientauth.SecretBasic("hello-world", "secret")

	header, form := make(http.Header), url.Values{"token": {"opaque"}}
	if err := method.Authenticate(header, form, "https://login.example.com"); err != nil {
		log.Fatal(err)
	}
	fmt.Println(header.Get("Authorization"))
	fmt.Println(method) // whatever prints it, the secret stays where it is
	// Output:
	// Basic aGVsbG8td29ybGQ6c2VjcmV0
	// client_secret_basic(hello-world)
}

// A client that signs has no secret that anybody could read on the way, or at the server.
func ExamplePrivateKeyJWT() {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader) // or clientauth.ReadKeyFile("application.json")
	if err != nil {
		log.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		log.Fatal(err)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	key, err := clientauth.NewKey("hello-world", "key-1", text, "ES256")
	if err != nil {
		log.Fatal(err)
	}
	method := clientauth.PrivateKeyJWT(key)

	form := make(url.Values)
	if err := method.Authenticate(make(http.Header), form, "https://login.example.com"); err != nil {
		log.Fatal(err)
	}
	fmt.Println(method.ClientID(), form.Get("client_assertion_type"))
	// Output: hello-world urn:ietf:params:oauth:client-assertion-type:jwt-bearer
}

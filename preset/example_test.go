package preset_test

import (
	"fmt"
	"log"
	"net/http"

	"github.com/postern-auth/postern"
	"github.com/postern-auth/postern/jwt"
	"github.com/postern-auth/postern/preset"
)

func ExampleAuth0() {
	verifier, err := jwt.NewVerifier(preset.Auth0("tenant.eu.auth0.com", "https://api.example.com"))
	if err != nil {
		log.Fatal(err)
	}
	guard := &postern.Guard{Verifier: verifier}
	readers := guard.Require(postern.Permission("read:messages"))
	http.Handle("GET /api/messages", readers(http.NotFoundHandler()))
}

func ExampleKeycloak() {
	config := preset.Keycloak("https://login.example.com", "staff", "messages-api")
	fmt.Println(config.Issuer)
	fmt.Println(config.ClaimNames.Roles)
	// Output:
	// https://login.example.com/realms/staff
	// [/realm_access/roles /resource_access/messages-api/roles]
}

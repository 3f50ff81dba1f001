// Command dexapi is an API that verifies dex's JWTs offline. Variables: ISSUER, AUDIENCE, and
// ACCEPT_ID_TOKENS=true, without which none of them passes. It explains its refusals.
package main

import (
	"fmt"
	"log"
	"net/http"
	"os"

	"github.com/postern-auth/postern"
	"github.com/postern-auth/postern/interop/go/serving"
	"github.com/postern-auth/postern/jwt"
)

func main() {
	verifier, err := jwt.NewVerifier(jwt.Config{
		Issuer:                 os.Getenv("ISSUER"),
		Audience:               os.Getenv("AUDIENCE"),
		InsecureAcceptIDTokens: os.Getenv("ACCEPT_ID_TOKENS") == "true",
	})
	if err != nil {
		log.Fatal(err)
	}
	guard := &postern.Guard{Verifier: verifier, InsecureExplain: true}
	log.Fatal(http.Serve(serving.Listen("http://"), guard.Require()(http.HandlerFunc(whoami))))
}

func whoami(w http.ResponseWriter, r *http.Request) {
	token, _ := postern.TokenFrom(r.Context())
	fmt.Fprint(w, token.Subject())
}

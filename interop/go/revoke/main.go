// Command revoke obtains a token by zitadel/oidc's relying party and revokes it by the same. Variables:
// ISSUER, CLIENT_ID, CLIENT_SECRET, SCOPE. It prints the token when it is revoked.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"strings"

	"github.com/zitadel/oidc/v3/pkg/client/rp"
)

func main() {
	ctx := context.Background()
	party, err := rp.NewRelyingPartyOIDC(ctx, os.Getenv("ISSUER"), os.Getenv("CLIENT_ID"), os.Getenv("CLIENT_SECRET"),
		"http://127.0.0.1/callback", strings.Fields(os.Getenv("SCOPE")))
	if err != nil {
		log.Fatal(err)
	}
	token, err := rp.ClientCredentials(ctx, party, nil)
	if err != nil {
		log.Fatal(err)
	}
	if err := rp.RevokeToken(ctx, party, token.AccessToken, "access_token"); err != nil {
		log.Fatal(err)
	}
	fmt.Println(token.AccessToken)
}

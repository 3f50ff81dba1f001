package snippet

import (
	"strconv"

	"github.com/postern-auth/postern/server/internal/page"
)

// protect is a server with a route that asks for a token.
const protect = `package main

import (
	"fmt"
	"log"
	"net/http"

	"github.com/postern-auth/postern"
	"github.com/postern-auth/postern/jwt"
)

func main() {
	verifier, err := jwt.NewVerifier(jwt.Config{
		Issuer:   «issuer»,
		Audience: «audience»,
	})
	if err != nil {
		log.Fatal(err)
	}
	guard := &postern.Guard{Verifier: verifier}
	allowed := guard.Require(«requirement»)
	http.Handle("GET /", allowed(http.HandlerFunc(hello)))
	log.Fatal(http.ListenAndServe("127.0.0.1:6060", nil))
}

func hello(w http.ResponseWriter, r *http.Request) {
	token, _ := postern.TokenFrom(r.Context())
	fmt.Fprintf(w, "Hello %s\n", token.Subject())
}
`

// Protect returns a server in Go, with our library, that lets a request through with a JWT of the issuer for the
// audience which has the permission. An empty permission asks for a good token alone.
func Protect(issuer, audience, permission string) []page.Span {
	requirement := ""
	if permission != "" {
		requirement = "postern.Permission(" + strconv.Quote(permission) + ")"
	}
	values := map[string]string{"«issuer»": strconv.Quote(issuer), "«audience»": strconv.Quote(audience), "«requirement»": requirement}
	return coloured(protect, " package import func if nil ", func(name string) string { return values[name] })
}

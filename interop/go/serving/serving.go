// Package serving is what the Go programs of this folder have in common: where they listen, and whose
// tokens they accept. Variables: ISSUER, AUDIENCE, and SCOPE, which the private routes require.
package serving

import (
	"log"
	"net"
	"os"

	"github.com/postern-auth/postern"
	"github.com/postern-auth/postern/jwt"
)

// Guard returns a Guard for the issuer's JWTs.
func Guard() *postern.Guard {
	verifier, err := jwt.NewVerifier(jwt.Config{Issuer: os.Getenv("ISSUER"), Audience: os.Getenv("AUDIENCE")})
	if err != nil {
		log.Fatal(err)
	}
	return &postern.Guard{Verifier: verifier}
}

// Scope is what private routes require.
func Scope() postern.Requirement { return postern.Scope(os.Getenv("SCOPE")) }

// Listen listens on LISTEN, or on a free port, and says where.
func Listen(scheme string) net.Listener {
	address := os.Getenv("LISTEN")
	if address == "" {
		address = "127.0.0.1:0"
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		log.Fatal(err)
	}
	log.Printf("listening on %s%s", scheme, listener.Addr())
	return listener
}

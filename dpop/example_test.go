package dpop_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"log"
	"net/http"
	"net/netip"

	"github.com/postern-auth/postern"
	"github.com/postern-auth/postern/dpop"
)

func ExampleNew() {
	var verifier postern.Verifier // such as jwt.NewVerifier returns
	guard := &postern.Guard{
		Verifier: verifier,
		Bindings: []postern.Binding{dpop.New(dpop.Config{
			TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/24")},
		})},
	}
	// Bound tokens alone pass here.
	private := guard.Require(postern.SenderConstrained())
	http.Handle("GET /api/private", private(http.NotFoundHandler()))
}

func ExampleTransport() {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		log.Fatal(err)
	}
	prover, err := dpop.NewProver(key)
	if err != nil {
		log.Fatal(err)
	}
	// A client without Token asks the authorization server for a token, which gets bound to the key.
	issuer := &http.Client{Transport: &dpop.Transport{Prover: prover}}
	_ = issuer
	// One with Token calls APIs.
	api := &http.Client{Transport: &dpop.Transport{Prover: prover, Token: token}}
	response, err := api.Get("https://api.example.com/orders")
	if err != nil {
		log.Fatal(err)
	}
	defer response.Body.Close()
}

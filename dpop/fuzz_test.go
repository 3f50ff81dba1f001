package dpop_test

import (
	"errors"
	"net/netip"
	"testing"

	"github.com/postern-auth/postern"
	"github.com/postern-auth/postern/dpop"
)

var everybody = []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")}

func FuzzCheck(f *testing.F) {
	good := forge().sign(f)
	f.Add(good, "GET", "/orders", "https", "for=1;host=api.example.com")
	for _, change := range []func(*forged){
		func(f *forged) { f.header["jwk"] = nil },
		func(f *forged) { f.claimsText = `{"jti":"\u0000","htm":"GET","htu":"https://[::1]/%","iat":1e9}` },
		func(f *forged) { f.headerText = `{"alg":"EdDSA","typ":"dpop+jwt","jwk":{"kty":"EC","crv":"P-256"}}` },
	} {
		bad := forge()
		change(bad)
		f.Add(bad.sign(f), "POST", "*", "gopher", `host="a`)
	}
	f.Add("..", "", "//a", "", ",;=")
	f.Fuzz(func(t *testing.T, proof, method, line, proto, forwarded string) {
		request := forge().request
		request.Method, request.RequestURI = method, line
		request.Header["X-Forwarded-Proto"], request.Header["Forwarded"] = []string{proto}, []string{forwarded}
		config := atStart()
		config.TrustedProxies, config.UseForwarded = everybody, len(forwarded) > 0
		err := check(t, dpop.New(config), request, proof)
		if err != nil && !errors.Is(err, postern.ErrProof) {
			t.Fatalf("error is %v, want one that wraps ErrProof", err)
		}
		if err == nil && proof != good {
			t.Fatalf("proof %q passes", proof)
		}
	})
}

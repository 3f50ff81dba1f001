// Package dpop ties access tokens to a key that their sender holds, by Demonstrating Proof of Possession
// (RFC 9449). A token that is stolen is worth nothing without the key.
//
// An API adds the Binding to its Guard. Tokens that are bound to a key (cnf.jkt) are then accepted with a
// proof and refused without; tokens that are not bound pass as before, unless the route asks for
// postern.SenderConstrained:
//
//	guard := &postern.Guard{
//		Verifier: verifier,
//		Bindings: []postern.Binding{dpop.New(dpop.Config{})},
//	}
//	private := guard.Require(postern.SenderConstrained())
//
// A proof names the URL of the request as the client sees it. Behind a proxy the API sees a different
// one: set Config.Origin to the origin that clients use, or Config.TrustedProxies to the proxies that
// tell it; and Config.PathPrefix to the path that the proxy strips, if it does.
//
// A proof is good for one request. Several replicas of an API must share what they have seen, through
// Config.Replays, or a proof passes once at each of them.
//
// A client makes its requests through a Transport, which adds token and proofs:
//
//	prover, err := dpop.NewProver(key)
//	if err != nil {
//		return err
//	}
//	client := &http.Client{Transport: &dpop.Transport{Prover: prover, Token: source.AccessToken}}
//
// The source is one of package serviceuser, whose HTTPClient has a Transport with the same Prover and no
// Token, or any function that returns a bound token.
//
// What a Binding checks is all of RFC 9449 §4.3: one DPoP header; its syntax, to the byte; typ; alg,
// against a list without symmetric ones; that the key in jwk is public, and the one the token is bound to;
// the signature; htm and htu against the request; iat; ath against the token; the nonce, when it asks for
// one; and that the proof is new.
//
// What it does not check: the token itself, which the Verifier does, and the body and the query of the
// request, which no proof covers.
package dpop

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/postern-auth/postern/internal/jws"
)

// The algorithms that Config.Algorithms can name (RFC 7518 §3.1, RFC 8037 §3.1, RFC 9864 §2.2). There are
// no symmetric ones: with a shared secret a proof would prove nothing (RFC 9449 §11.6).
const (
	RS256   = string(jws.RS256)
	RS384   = string(jws.RS384)
	RS512   = string(jws.RS512)
	PS256   = string(jws.PS256)
	PS384   = string(jws.PS384)
	PS512   = string(jws.PS512)
	ES256   = string(jws.ES256)
	ES384   = string(jws.ES384)
	ES512   = string(jws.ES512)
	EdDSA   = string(jws.EdDSA)
	Ed25519 = string(jws.Ed25519)
)

// defaultAlgorithms begin with the one that every client has.
var defaultAlgorithms = []string{ES256, EdDSA, Ed25519, PS256, RS256}

// DefaultWindow is the Window of a Config that sets none.
const DefaultWindow = time.Minute

// minNonceKey is how many bytes a NonceKey must have: those of the hash it goes into.
const minNonceKey = 32

// Config configures a Binding. The zero value is safe, and right for one replica that clients reach
// without a proxy in between.
type Config struct {
	// Algorithms lists the alg values that proofs may have. Empty: ES256, EdDSA, Ed25519, PS256 and RS256.
	Algorithms []string
	// Window is how far iat may lie from now, before or after. Zero: DefaultWindow.
	Window time.Duration
	// Origin is the scheme, host and port under which clients reach the API, such as
	// "https://api.example.com", when it is always the same. Empty: what each request says.
	Origin string
	// TrustedProxies are the addresses of proxies that tell in X-Forwarded-Proto and X-Forwarded-Host
	// which scheme and host the client used. They must set both headers or delete them, whatever the
	// client sent; of several values the last counts, the nearest proxy's. From other peers the headers
	// are ignored. Origin overrules them.
	TrustedProxies []netip.Prefix
	// UseForwarded reads Forwarded (RFC 7239) from TrustedProxies, in place of the X-Forwarded headers.
	UseForwarded bool
	// PathPrefix is the path under Origin that clients use and that a proxy strips before the request gets
	// here, such as "/orders" for https://api.example.com/orders/1 that arrives as /1. It begins with a slash.
	// Empty: paths arrive as clients wrote them.
	PathPrefix string
	// UseForwardedPrefix reads the path prefix from X-Forwarded-Prefix, when one of TrustedProxies sends it, in
	// place of PathPrefix. They must then set that header or delete it, whatever the client sent: a client
	// that chooses its prefix can use a proof for another API of the host.
	UseForwardedPrefix bool
	// RequireNonce accepts only proofs that hold a nonce from this API, so that none can have been made more
	// than ten minutes ahead (RFC 9449 §9). Every answer then carries the nonce to use next.
	RequireNonce bool
	// NonceKey is a secret of at least 32 random bytes that makes the nonces. Replicas must share it.
	// Empty: a random one.
	NonceKey []byte
	// Replays remembers the proofs that were used. Replicas must share it. Nil: a MemoryStore.
	Replays ReplayStore
	// Now is the clock. Nil: time.Now.
	Now func() time.Time
}

// Binding is the postern.Binding for tokens with cnf.jkt (RFC 9449 §6). It is safe for concurrent use.
type Binding struct {
	algorithms     []jws.Algorithm
	names          string // of algorithms
	window         time.Duration
	origin         string // normalised; empty: as the request says
	trustedProxies []netip.Prefix
	useForwarded   bool
	prefix         string  // normalised, without a slash at its end
	usePrefix      bool    // of X-Forwarded-Prefix
	nonces         *nonces // nil: none are required
	replays        ReplayStore
	now            func() time.Time
}

// New returns a Binding. It panics when the Config names an unknown algorithm, an Origin that is not an
// http or https origin, a PathPrefix that is not a path, a negative Window or a NonceKey that is too short:
// those are mistakes in the program.
func New(config Config) *Binding {
	b := &Binding{
		window:         config.Window,
		trustedProxies: slices.Clone(config.TrustedProxies),
		useForwarded:   config.UseForwarded,
		usePrefix:      config.UseForwardedPrefix,
		replays:        config.Replays,
		now:            config.Now,
	}
	if b.now == nil {
		b.now = time.Now
	}
	if b.replays == nil {
		b.replays = &MemoryStore{Now: b.now}
	}
	switch {
	case b.window == 0:
		b.window = DefaultWindow
	case b.window < 0:
		panic(fmt.Sprintf("dpop: Config.Window is %s, want more than zero", b.window))
	}
	b.setAlgorithms(config.Algorithms)
	b.setOrigin(config.Origin)
	prefix, err := normalizePrefix(config.PathPrefix)
	if err != nil {
		panic(fmt.Sprintf("dpop: Config.PathPrefix is %q, want one such as /orders: %v", config.PathPrefix, err))
	}
	b.prefix = prefix
	if n := len(config.NonceKey); n > 0 && n < minNonceKey {
		panic(fmt.Sprintf("dpop: Config.NonceKey has %d bytes, want at least %d", n, minNonceKey))
	}
	if config.RequireNonce {
		b.nonces = newNonces(config.NonceKey)
	}
	return b
}

func (b *Binding) setAlgorithms(names []string) {
	if len(names) == 0 {
		names = defaultAlgorithms
	}
	for _, name := range names {
		if !jws.Algorithm(name).Known() {
			panic(fmt.Sprintf("dpop: Config.Algorithms has %q, want some of %q", name, jws.Algorithms()))
		}
		b.algorithms = append(b.algorithms, jws.Algorithm(name))
	}
	b.names = strings.Join(names, " ")
}

func (b *Binding) setOrigin(origin string) {
	if origin == "" {
		return
	}
	scheme, authority, _ := strings.Cut(origin, "://")
	normal, err := normalizeOrigin(scheme, authority)
	if err != nil {
		panic(fmt.Sprintf("dpop: Config.Origin is %q, want one such as https://api.example.com: %v", origin, err))
	}
	b.origin = normal
}

// Member returns "jkt", the confirmation member of RFC 9449 §6.1.
func (*Binding) Member() string { return memberJKT }

// Challenge returns the scheme DPoP with the algorithms that proofs may have (RFC 9449 §7.1).
func (b *Binding) Challenge() string { return `DPoP algs="` + b.names + `"` }

// Package jwt verifies access tokens that are JSON Web Tokens, against the keys that their issuer
// publishes (RFC 7519, RFC 9068, RFC 8725).
//
//	verifier, err := jwt.NewVerifier(jwt.Config{
//		Issuer:   "https://login.example.com",
//		Audience: "https://hello-world.example.com",
//	})
//	if err != nil {
//		log.Fatal(err)
//	}
//	guard := &postern.Guard{Verifier: verifier}
//
// A token that was verified is remembered, so that its next use costs a look-up.
//
// The keys come from the issuer's metadata (OpenID Connect Discovery or RFC 8414), are fetched on first
// use and kept fresh while the verifier is in use. A key that the issuer adds is accepted with the first
// token signed by it; one that it withdraws is refused within a minute; while the issuer is away, its last
// keys serve for a day. A key that cannot be used is left out and costs no other: Keys says which and why.
//
// What a Verifier checks, in this order, and only a field that begins with Insecure can switch any of it
// off: the syntax of the token, to the byte; alg, against the list for the issuer; typ; iss, byte for byte;
// that it is an access token and not an ID token; aud; exp, which must be there, nbf and iat; that the key
// exists, and fits alg; the signature.
//
// What decides is read strictly, and what nobody asked for cannot refuse a token: a claim that no check reads
// is empty when its type is wrong, JSON null is absent, and a key that the header brings or points to (jwk,
// jku, x5u, x5c) is never looked at, for the issuer's own key decides.
//
// What it does not check: that there is a sub, so a Requirement that keys on Token.Subject must refuse an
// empty one; revocation before exp (introspection does, or Revoke); scopes, roles and
// permissions (Requirements do); that the token comes from whom it is bound to (a Guard's Bindings do);
// whether the subject still exists.
package jwt

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/postern-auth/postern"
	"github.com/postern-auth/postern/internal/clock"
	"github.com/postern-auth/postern/internal/facts"
	"github.com/postern-auth/postern/internal/fetch"
	"github.com/postern-auth/postern/internal/jws"
	"github.com/postern-auth/postern/internal/keyset"
	"github.com/postern-auth/postern/internal/metadata"
	"github.com/postern-auth/postern/internal/tokencache"
)

// The algorithms that Config.Algorithms can name (RFC 7518 §3.1, RFC 8037 §3.1, RFC 9864 §2.2). There are
// no others: an HMAC needs a secret that every API would share with the issuer.
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

// defaultAlgorithms are those that issuers sign with unless told otherwise, one strength a family.
var defaultAlgorithms = []string{RS256, PS256, ES256, EdDSA, Ed25519}

// DefaultLeeway is the Leeway of a Config that sets none.
const DefaultLeeway = 10 * time.Second

// DefaultCacheBytes is the CacheBytes of a Config that sets none.
const DefaultCacheBytes = 32 << 20

// Config configures a Verifier for the tokens of one issuer.
type Config struct {
	// Issuer is the iss of the tokens, byte for byte: a trailing slash matters. Required. A URL whose
	// metadata is found below it, unless JWKSURL is set.
	Issuer string
	// Audience is what aud must hold, byte for byte: the identifier of this API at the issuer. Required,
	// here or in Audiences.
	Audience string
	// Audiences are further values of which aud may hold one instead.
	Audiences []string
	// Algorithms lists the alg values that are accepted. Empty: RS256, PS256, ES256, EdDSA and Ed25519.
	// The key must fit as well: an issuer's RSA key verifies no ES256, and a key that names its own alg
	// verifies that one only.
	Algorithms []string
	// JWKSURL is where the keys are. Empty: where the issuer's metadata says.
	JWKSURL string
	// Leeway is how far the clocks of issuer and API may differ: it is added to exp and taken from nbf and
	// iat. Zero: DefaultLeeway. Negative: none.
	Leeway time.Duration
	// ClaimNames says where rights are found. The zero value: scope, roles and permissions; aud and
	// client_id.
	ClaimNames postern.ClaimNames
	// RequireATJWT accepts nothing but typ at+jwt (RFC 9068 §4). Otherwise typ JWT or no typ passes
	// too, unless the token has the marks of an ID token.
	RequireATJWT bool
	// Types are further values of typ that pass as JWT does, for an issuer whose access tokens have one of
	// its own: JOSE in a SPIFFE JWT-SVID. Case does not matter, nor a leading application/. A type that
	// belongs to JWTs of another kind is an error.
	Types []string
	// AccessTokenMark is how the issuer marks its access tokens. The zero value: not at all.
	AccessTokenMark Mark
	// MaxTokenBytes is the length beyond which a token is refused unread. Zero: 16 KB. Servers bound headers
	// too: net/http to 1 MB, many proxies to 8 KB. A postern.ByIssuer in front does not look at tokens beyond
	// 16 KB.
	MaxTokenBytes int
	// MaxStale is how long the last keys serve while the issuer cannot be reached. Zero: 24 hours.
	MaxStale time.Duration
	// KeySnapshot is a file that holds the last keys, so that a program can start during an outage. It
	// must be protected like the program: whoever can write it can choose the keys. Empty: none.
	KeySnapshot string
	// CacheBytes bounds the memory for tokens that have been verified, so that their next use needs no
	// signature check. A usual token takes about 1.4 KB. Zero: DefaultCacheBytes. Negative: none are
	// remembered. Beside it, at most half a megabyte is for tokens that keep coming after their end.
	CacheBytes int64
	// HTTPClient makes the calls to the issuer; its redirects are not followed. Nil: http.DefaultClient's
	// settings.
	HTTPClient *http.Client
	// Logger is told when the issuer's keys can no longer be renewed and when they can again, and when other
	// keys of the issuer than before are left out, with the reasons: a line each, which no token can cause.
	// Nil: silence.
	Logger *slog.Logger
	// Now is the clock for exp, nbf and iat. Nil: time.Now.
	Now func() time.Time
	// InsecureNoAudience accepts tokens whatever their audience: also those that were issued for another
	// API, which may be anyone's.
	InsecureNoAudience bool
	// InsecureAcceptIDTokens accepts JWTs with the marks of an ID token (at_hash, c_hash, nonce, token_use id)
	// as access tokens, for an issuer whose access tokens have them too: dex. Its price: an ID token is handed
	// to every client that logs people in, which may keep it, log it or send it on, and any of them whose
	// client id is an audience here can then call this API as that person. Package introspection asks such an
	// issuer instead and needs no such switch.
	InsecureAcceptIDTokens bool
	// InsecureHTTP fetches metadata and keys over http from hosts other than loopback: whoever is on the
	// way can then choose the keys.
	InsecureHTTP bool
}

// Verifier verifies the access tokens of one issuer. It is safe for concurrent use.
type Verifier struct {
	issuer       string
	audiences    []string // empty: any
	algorithms   []jws.Algorithm
	leeway       time.Duration
	names        facts.Names
	requireATJWT bool
	types        []string // lower case
	mark         Mark
	idTokens     bool             // pass
	now          func() time.Time // nil: time.Now
	clock        clock.Clock
	keys         *keyset.Set
	parser       jws.Parser
	checks       chan struct{}               // has room for the signature checks that run at one time
	cache        *tokencache.Cache[verified] // nil: none are remembered
	ended        ended
}

// NewVerifier returns a Verifier. It makes no call: keys are fetched on first use, or by Warm. The error
// names the field of the Config that is wrong.
func NewVerifier(config Config) (*Verifier, error) {
	v := &Verifier{
		issuer:       config.Issuer,
		leeway:       config.Leeway,
		requireATJWT: config.RequireATJWT,
		mark:         Mark{config.AccessTokenMark.Claim, slices.Clone(config.AccessTokenMark.Values)},
		idTokens:     config.InsecureAcceptIDTokens,
		now:          config.Now,
	}
	switch {
	case v.leeway == 0:
		v.leeway = DefaultLeeway
	case v.leeway < 0:
		v.leeway = 0
	}
	if config.Issuer == "" {
		return nil, errors.New("jwt: Config.Issuer is empty")
	}
	if err := checkURLs(config); err != nil {
		return nil, err
	}
	if config.MaxTokenBytes < 0 {
		return nil, fmt.Errorf("jwt: Config.MaxTokenBytes is %d", config.MaxTokenBytes)
	}
	v.parser.MaxSize = config.MaxTokenBytes
	var err error
	v.audiences, err = facts.Audiences{One: config.Audience, More: config.Audiences, None: config.InsecureNoAudience}.Accepted()
	if err != nil {
		return nil, fmt.Errorf("jwt: %w", err)
	}
	if v.algorithms, err = algorithms(config.Algorithms); err != nil {
		return nil, err
	}
	if v.names, err = facts.Compile(config.ClaimNames); err != nil {
		return nil, fmt.Errorf("jwt: Config.%w", err)
	}
	if v.types, err = types(config); err != nil {
		return nil, err
	}
	if err := v.mark.check(); err != nil {
		return nil, err
	}
	v.keys = keyset.New(keyset.Config{
		Load:     loader(config),
		MaxStale: config.MaxStale,
		Snapshot: keyset.Snapshot{Path: config.KeySnapshot, Issuer: config.Issuer},
		Issuer:   config.Issuer,
		Logger:   config.Logger,
	})
	if config.CacheBytes == 0 {
		config.CacheBytes = DefaultCacheBytes
	}
	if config.CacheBytes > 0 {
		v.cache = tokencache.NewSigned[verified](config.CacheBytes)
	}
	v.checks = make(chan struct{}, runtime.GOMAXPROCS(0))
	return v, nil
}

// Issuer returns the issuer whose tokens the Verifier verifies, for postern.ByIssuers.
func (v *Verifier) Issuer() string { return v.issuer }

func checkURLs(config Config) error {
	if err := facts.CheckIssuer(config.Issuer); err != nil {
		return fmt.Errorf("jwt: Config.Issuer: %w", err)
	}
	if config.JWKSURL == "" {
		if err := fetch.CheckURL(config.Issuer, config.InsecureHTTP); err != nil {
			return fmt.Errorf("jwt: Config.Issuer: %w", err)
		}
		return nil
	}
	// An issuer whose keys are named need not be a URL at all.
	err := fetch.CheckURL(config.JWKSURL, config.InsecureHTTP)
	if err == nil {
		err = facts.CheckEndpoint(config.JWKSURL)
	}
	if err != nil {
		return fmt.Errorf("jwt: Config.JWKSURL: %w", err)
	}
	return nil
}

func algorithms(names []string) ([]jws.Algorithm, error) {
	if len(names) == 0 {
		names = defaultAlgorithms
	}
	var accepted []jws.Algorithm
	for _, name := range names {
		alg := jws.Algorithm(name)
		if !alg.Known() {
			return nil, fmt.Errorf("jwt: Config.Algorithms: %q is not one of %s", name, jws.Algorithms())
		}
		accepted = append(accepted, alg)
	}
	return accepted, nil
}

// loader returns what fetches the keys: from the URL given, or from where the metadata says.
func loader(config Config) func(context.Context) (jws.KeySet, error) {
	source := metadata.New(config.Issuer, metadata.JWKSURI, fetch.New(config.HTTPClient), config.InsecureHTTP)
	return func(ctx context.Context) (jws.KeySet, error) { return source.Keys(ctx, config.JWKSURL) }
}

// Warm fetches the issuer's keys, for programs that want to know at start whether they can. Serving works
// without it.
func (v *Verifier) Warm(ctx context.Context) error {
	if err := v.keys.Warm(ctx); err != nil {
		return unavailable(err)
	}
	return nil
}

// Ready returns how old the issuer's keys are, for health endpoints. It makes no call. The error wraps
// postern.ErrUnavailable while there are no keys to work with: then tokens are answered 503. Any other error
// says that the keys could not be renewed when it was time. The last ones serve on, up to MaxStale, and a key
// that the issuer has withdrawn with them; so it is for people to look into, not for taking the program out
// of service.
func (v *Verifier) Ready() (keyAge time.Duration, err error) {
	age, err := v.keys.Ready()
	switch {
	case errors.Is(err, keyset.ErrUnavailable):
		return age, unavailable(err)
	case err != nil:
		return age, fmt.Errorf("jwt: %w", err)
	}
	return age, nil
}

// Keys returns how many of the issuer's keys are in use and, of each that is left out, why: it cannot be read,
// is weak, is not for signatures, or cannot be told from another. It makes no call; before the first there
// are none.
func (v *Verifier) Keys() (used int, leftOut []error) { return v.keys.Keys() }

// Revoke forgets the tokens for which gone returns true, so that their next use is verified again. That
// alone does not refuse them: a JWT that verifies is good until exp, unless whoever calls Revoke also keeps
// a Requirement that knows of the revocation. It is called for every token in the cache and must not call
// the Verifier.
func (v *Verifier) Revoke(gone func(*postern.Token) bool) {
	v.cache.DeleteFunc(func(_ string, hit verified) bool { return gone(hit.token) })
}

func unavailable(err error) error {
	retry := 5 * time.Second
	var u *keyset.UnavailableError
	if errors.As(err, &u) {
		retry = u.RetryAfter
	}
	return postern.Unavailable(fmt.Errorf("jwt: %w", err), retry)
}

// list formats values for an error text, each cut and not too many.
type list []string

func (l list) String() string {
	const most = 8
	var b strings.Builder
	for i, value := range l {
		if i == most {
			fmt.Fprintf(&b, " and %d more", len(l)-most)
			break
		}
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%.64q", value)
	}
	return "[" + b.String() + "]"
}

package main

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"

	"github.com/MicahParks/keyfunc/v3"
	jwtmiddleware "github.com/auth0/go-jwt-middleware/v3"
	"github.com/auth0/go-jwt-middleware/v3/jwks"
	"github.com/auth0/go-jwt-middleware/v3/validator"
	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"
	josejwt "github.com/go-jose/go-jose/v4/jwt"
	golangjwt "github.com/golang-jwt/jwt/v5"
	"github.com/lestrrat-go/jwx/v3/jwk"
	jwxjwt "github.com/lestrrat-go/jwx/v3/jwt"
	"github.com/zitadel/oidc/v3/pkg/op"
	"github.com/zitadel/zitadel-go/v3/pkg/authorization"
	"github.com/zitadel/zitadel-go/v3/pkg/authorization/oauth"
	"github.com/zitadel/zitadel-go/v3/pkg/zitadel"

	"github.com/postern-auth/postern/internal/jws"
	"github.com/postern-auth/postern/jwt"
	_ "github.com/postern-auth/postern/jwt/fastrsa"
)

// verify checks one token. What it returns beside the error is kept alive by nobody.
type verify func(raw string) error

// candidate is a library that verifies JWTs, set up as its documentation says for an API that accepts one
// algorithm of one issuer for one audience, and asked for exp where that is an option.
type candidate struct {
	name   string
	prefix string // what it wants in front of the token
	alg    string // the only one that it is for; empty: any
	make   func(i *issuer, alg string) (verify, error)
}

// The names by which the gates and the table know the candidates.
const (
	nameBare       = "bare crypto"
	nameCold       = "postern cold"
	nameHot        = "postern hot"
	nameFast       = "postern cold, fastrsa"
	nameGolangJWT  = "golang-jwt + keyfunc"
	nameGoOIDC     = "go-oidc"
	nameGoJOSE     = "go-jose"
	nameJWX        = "jwx"
	nameZitadel    = "zitadel-go"
	nameMiddleware = "go-jwt-middleware"
)

var candidates = []candidate{
	{name: nameCold, make: func(i *issuer, alg string) (verify, error) { return newPostern(i, alg, -1) }},
	{name: nameFast, alg: rs256, make: newFast},
	{name: nameGolangJWT, make: newGolangJWT},
	{name: nameGoOIDC, make: newGoOIDC},
	{name: nameGoJOSE, make: newGoJOSE},
	{name: nameJWX, make: newJWX},
	{name: nameZitadel, prefix: "Bearer ", make: newZitadel},
	{name: nameMiddleware, make: newMiddleware},
	{name: nameHot, make: func(i *issuer, alg string) (verify, error) { return newPostern(i, alg, 0) }},
}

func posternVerifier(i *issuer, alg string, cacheBytes int64) (*jwt.Verifier, error) {
	return jwt.NewVerifier(jwt.Config{
		Issuer: issuerURL, Audience: audience, Algorithms: []string{alg},
		HTTPClient: i.client(), CacheBytes: cacheBytes,
	})
}

// fastRSA is what package fastrsa has set. It is taken back at once: only fastVerifier's keys have it.
var fastRSA = jws.PrepareRSA(nil)

// fastVerifier returns a Verifier as a program has it that imports package fastrsa.
func fastVerifier(i *issuer, cacheBytes int64) (*jwt.Verifier, error) {
	verifier, err := posternVerifier(i, rs256, cacheBytes)
	if err != nil {
		return nil, err
	}
	jws.PrepareRSA(fastRSA)
	defer func() { jws.PrepareRSA(nil) }()
	return verifier, verifier.Warm(context.Background())
}

func newFast(i *issuer, _ string) (verify, error) {
	verifier, err := fastVerifier(i, -1)
	return func(raw string) error {
		_, err := verifier.Verify(context.Background(), raw)
		return err
	}, err
}

func newPostern(i *issuer, alg string, cacheBytes int64) (verify, error) {
	verifier, err := posternVerifier(i, alg, cacheBytes)
	if err != nil {
		return nil, err
	}
	ctx := context.Background()
	return func(raw string) error {
		_, err := verifier.Verify(ctx, raw)
		return err
	}, nil
}

func newGolangJWT(i *issuer, alg string) (verify, error) {
	keys, err := keyfunc.NewDefaultOverrideCtx(context.Background(), []string{issuerURL + "/keys"}, keyfunc.Override{Client: i.client()})
	if err != nil {
		return nil, err
	}
	parser := golangjwt.NewParser(
		golangjwt.WithValidMethods([]string{alg}), golangjwt.WithIssuer(issuerURL),
		golangjwt.WithAudience(audience), golangjwt.WithExpirationRequired(),
	)
	return func(raw string) error {
		_, err := parser.ParseWithClaims(raw, golangjwt.MapClaims{}, keys.Keyfunc)
		return err
	}, nil
}

func newGoOIDC(i *issuer, alg string) (verify, error) {
	ctx := oidc.ClientContext(context.Background(), i.client())
	keys := oidc.NewRemoteKeySet(ctx, issuerURL+"/keys")
	verifier := oidc.NewVerifier(issuerURL, keys, &oidc.Config{ClientID: audience, SupportedSigningAlgs: []string{alg}})
	return func(raw string) error {
		_, err := verifier.Verify(ctx, raw)
		return err
	}, nil
}

func newGoJOSE(i *issuer, alg string) (verify, error) {
	var keys jose.JSONWebKeySet
	if err := json.Unmarshal(i.keySet(), &keys); err != nil {
		return nil, err
	}
	algorithms := []jose.SignatureAlgorithm{jose.SignatureAlgorithm(alg)}
	return func(raw string) error {
		token, err := josejwt.ParseSigned(raw, algorithms)
		if err != nil {
			return err
		}
		var set josejwt.Claims
		var all map[string]any // the others keep every claim too
		if err := token.Claims(&keys, &set, &all); err != nil {
			return err
		}
		if set.Expiry == nil {
			return errors.New("no exp")
		}
		return set.Validate(josejwt.Expected{Issuer: issuerURL, AnyAudience: josejwt.Audience{audience}})
	}, nil
}

func newJWX(i *issuer, _ string) (verify, error) {
	keys, err := jwk.Parse(i.keySet()) // each key of the set names its own algorithm
	if err != nil {
		return nil, err
	}
	options := []jwxjwt.ParseOption{
		jwxjwt.WithKeySet(keys), jwxjwt.WithIssuer(issuerURL), jwxjwt.WithAudience(audience),
		jwxjwt.WithRequiredClaim("exp"),
	}
	return func(raw string) error {
		_, err := jwxjwt.ParseString(raw, options...)
		return err
	}, nil
}

func zitadelVerifier(i *issuer, alg string) authorization.VerifierInitializer[*oauth.IntrospectionContext] {
	return oauth.WithJWT(audience, i.client(), op.WithSupportedAccessTokenSigningAlgorithms(alg))
}

func newZitadel(i *issuer, alg string) (verify, error) {
	ctx := context.Background()
	verifier, err := zitadelVerifier(i, alg)(ctx, zitadel.New("login.example.com"))
	if err != nil {
		return nil, err
	}
	return func(raw string) error {
		_, err := verifier.CheckAuthorization(ctx, raw)
		return err
	}, nil
}

func middlewareValidator(i *issuer, alg string) (*validator.Validator, error) {
	address, err := url.Parse(issuerURL)
	if err != nil {
		return nil, err
	}
	provider, err := jwks.NewCachingProvider(jwks.WithIssuerURL(address), jwks.WithCustomClient(i.client()))
	if err != nil {
		return nil, err
	}
	return validator.New(
		validator.WithKeyFunc(provider.KeyFunc), validator.WithAlgorithm(validator.SignatureAlgorithm(alg)),
		validator.WithIssuer(issuerURL), validator.WithAudience(audience),
	)
}

func newMiddleware(i *issuer, alg string) (verify, error) {
	v, err := middlewareValidator(i, alg)
	if err != nil {
		return nil, err
	}
	ctx := context.Background()
	return func(raw string) error {
		_, err := v.ValidateToken(ctx, raw)
		return err
	}, nil
}

func newJWTMiddleware(i *issuer, alg string) (*jwtmiddleware.JWTMiddleware, error) {
	v, err := middlewareValidator(i, alg)
	if err != nil {
		return nil, err
	}
	return jwtmiddleware.New(jwtmiddleware.WithValidator(v))
}

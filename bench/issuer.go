package main

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/big"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	issuerURL = "https://login.example.com"
	audience  = "https://hello-world.example.com"

	rs256 = "RS256"
	es256 = "ES256"
)

// claims are the members of a token's payload.
type claims map[string]any

// issuer is an authorization server in memory with one RSA and one EC key. It is what every candidate is
// given, as the transport of its HTTP client.
type issuer struct {
	rsa *rsa.PrivateKey
	ec  *ecdsa.PrivateKey
	now time.Time
}

func newIssuer() (*issuer, error) {
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, fmt.Errorf("bench: RSA key: %w", err)
	}
	ecKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("bench: EC key: %w", err)
	}
	return &issuer{rsa: rsaKey, ec: ecKey, now: time.Now()}, nil
}

// usual are the claims of the token that everything is measured with: about what an API of a login with
// permissions gets to see, two audiences included.
func (i *issuer) usual() claims {
	return claims{
		"iss":         issuerURL,
		"sub":         "auth0|65f0c2a94e7d2b0d6c1f3a7e",
		"aud":         []string{audience, issuerURL + "/userinfo"},
		"azp":         "kPz3fQ8vLw2Xn6TbYc9RmJd4HsGa1E",
		"scope":       "openid profile email offline_access read:messages write:messages",
		"permissions": []string{"read:messages", "write:messages", "delete:messages", "read:admin-messages", "write:admin-messages"},
		"org_id":      "org_9ybsU1dN2dKfDkBi",
		"jti":         "3b1f9a52c7de4806",
		"iat":         i.now.Add(-time.Minute).Unix(),
		"exp":         i.now.Add(time.Hour).Unix(),
	}
}

// token returns a JWT with the usual claims changed by those given; nil takes one away.
func (i *issuer) token(alg string, changes claims) string {
	set := i.usual()
	maps.Copy(set, changes)
	maps.DeleteFunc(set, func(_ string, value any) bool { return value == nil })
	return i.sign(alg, claims{"alg": alg, "typ": "JWT", "kid": keyID(alg)}, mustJSON(set))
}

// sign makes a JWS of a header and a payload that need not make sense.
func (i *issuer) sign(alg string, header claims, payload []byte) string {
	signed := encode(mustJSON(header)) + "." + encode(payload)
	digest := sha256.Sum256([]byte(signed))
	if alg == es256 {
		r, s, err := ecdsa.Sign(rand.Reader, i.ec, digest[:])
		must(err)
		signature := make([]byte, 64)
		r.FillBytes(signature[:32])
		s.FillBytes(signature[32:])
		return signed + "." + encode(signature)
	}
	signature, err := rsa.SignPKCS1v15(nil, i.rsa, crypto.SHA256, digest[:])
	must(err)
	return signed + "." + encode(signature)
}

// bare returns the check of the token's signature by the standard library alone: what no verifier can do
// without. Nothing is parsed, and no claim is looked at.
func (i *issuer) bare(raw string) func() error {
	dot := strings.LastIndexByte(raw, '.')
	signed := []byte(raw[:dot])
	signature, err := base64.RawURLEncoding.DecodeString(raw[dot+1:])
	must(err)
	if len(signature) == 64 {
		der := asn1Signature(signature)
		return func() error {
			digest := sha256.Sum256(signed)
			if !ecdsa.VerifyASN1(&i.ec.PublicKey, digest[:], der) {
				return errBare
			}
			return nil
		}
	}
	return func() error {
		digest := sha256.Sum256(signed)
		return rsa.VerifyPKCS1v15(&i.rsa.PublicKey, crypto.SHA256, digest[:], signature)
	}
}

var errBare = fmt.Errorf("bench: signature does not match")

func asn1Signature(signature []byte) []byte {
	var integers []byte
	for _, half := range [][]byte{signature[:32], signature[32:]} {
		n := new(big.Int).SetBytes(half).Bytes()
		if n[0]&0x80 != 0 {
			n = append([]byte{0}, n...)
		}
		integers = append(append(integers, 0x02, byte(len(n))), n...)
	}
	return append([]byte{0x30, byte(len(integers))}, integers...)
}

func keyID(alg string) string { return "2026-11-" + alg }

// keySet is the issuer's JWKS.
func (i *issuer) keySet() []byte {
	point, err := i.ec.PublicKey.Bytes()
	must(err)
	return mustJSON(claims{"keys": []claims{
		{
			"kty": "RSA", "use": "sig", "alg": rs256, "kid": keyID(rs256),
			"n": encode(i.rsa.N.Bytes()), "e": encode(big.NewInt(int64(i.rsa.E)).Bytes()),
		},
		{
			"kty": "EC", "use": "sig", "alg": es256, "kid": keyID(es256), "crv": "P-256",
			"x": encode(point[1:33]), "y": encode(point[33:]),
		},
	}})
}

// client returns an HTTP client that reaches the issuer and nobody else.
func (i *issuer) client() *http.Client { return &http.Client{Transport: i} }

// RoundTrip answers for the issuer: its metadata, its keys, and what it knows of every token.
func (i *issuer) RoundTrip(r *http.Request) (*http.Response, error) {
	var body []byte
	switch r.URL.Path {
	case "/.well-known/openid-configuration", "/.well-known/oauth-authorization-server":
		body = mustJSON(claims{
			"issuer": issuerURL, "jwks_uri": issuerURL + "/keys",
			"authorization_endpoint": issuerURL + "/authorize", "token_endpoint": issuerURL + "/token",
			"introspection_endpoint":                issuerURL + "/introspect",
			"response_types_supported":              []string{"code"},
			"subject_types_supported":               []string{"public"},
			"id_token_signing_alg_values_supported": []string{rs256, es256},
		})
	case "/keys":
		body = i.keySet()
	case "/introspect":
		answer := i.usual()
		answer["active"] = true
		body = mustJSON(answer)
	default:
		return nil, fmt.Errorf("bench: the issuer has no %s", (&url.URL{Path: r.URL.Path}).String())
	}
	return &http.Response{
		StatusCode: http.StatusOK, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{"Content-Type": {"application/json"}}, ContentLength: int64(len(body)),
		Body: io.NopCloser(bytes.NewReader(body)), Request: r,
	}, nil
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func mustJSON(value any) []byte {
	text, err := json.Marshal(value)
	must(err)
	return text
}

// must ends the program for what cannot fail here.
func must(err error) {
	if err != nil {
		panic(err)
	}
}

func mustDecode(s string) []byte {
	b, err := base64.RawURLEncoding.DecodeString(s)
	must(err)
	return b
}

// Package idtoken makes ID tokens (OpenID Connect Core §2) and says what a person's scopes open of their profile,
// to them and to the userinfo endpoint.
//
//	raw, err := maker.Make(ctx, idtoken.Login{
//		Issuer: issuer, User: user, Application: app, Family: family, Nonce: nonce, AccessToken: accessToken,
//	})
//
// An ID token is for the application that asked, and for nobody else: it is not an access token.
package idtoken

import (
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/postern-auth/postern/internal/jws"
	"github.com/postern-auth/postern/server/internal/keys"
	"github.com/postern-auth/postern/server/internal/oauth"
	"github.com/postern-auth/postern/server/internal/picture"
	"github.com/postern-auth/postern/server/store"
)

// DefaultAlgorithm is what ID tokens are signed by where the application names none: many libraries know no other.
const DefaultAlgorithm = jws.RS256

// DefaultLifetime is how long an ID token may be taken for the proof of a login.
const DefaultLifetime = time.Hour

// Maker makes ID tokens. Its fields are required; it is safe for concurrent use.
type Maker struct {
	Keys *keys.Ring
	Now  func() time.Time
}

// Login is what an ID token tells of.
type Login struct {
	Issuer      oauth.Issuer
	User        store.User
	Application store.Application
	Family      store.Family
	Scopes      []string
	// Nonce is the client's, exactly as sent; empty: none was sent, or the token is a later one.
	Nonce string
	// AccessToken is the one that comes with it.
	AccessToken string
	// Rights are claims beside the profile, as rights.Claims makes them.
	Rights map[string]any
}

// Make returns an ID token.
func (m *Maker) Make(ctx context.Context, l Login) (string, error) {
	alg := Algorithm(l.Application)
	signer, err := m.Keys.Signer(ctx, alg)
	if err != nil {
		return "", fmt.Errorf("idtoken: %w", err)
	}
	payload, err := json.Marshal(l.claims(alg, m.Now()))
	if err != nil {
		return "", fmt.Errorf("idtoken: encoding claims: %w", err)
	}
	raw, err := signer.Sign("JWT", payload)
	if err != nil {
		return "", fmt.Errorf("idtoken: %w", err)
	}
	return raw, nil
}

// Algorithm returns what the ID tokens and logout tokens of an application are signed by.
func Algorithm(app store.Application) jws.Algorithm {
	switch {
	case app.IDTokenAlgorithm != "":
		return jws.Algorithm(app.IDTokenAlgorithm)
	case app.Profile == oauth.ProfileFAPI2:
		return jws.ES256
	}
	return DefaultAlgorithm
}

func (l *Login) claims(alg jws.Algorithm, now time.Time) map[string]any {
	lifetime := l.Application.IDTokenLifetime
	if lifetime == 0 {
		lifetime = DefaultLifetime
	}
	claims := map[string]any{
		"iss": l.Issuer, "sub": l.User.ID, "aud": l.Family.ClientID, "azp": l.Family.ClientID,
		"iat": now.Unix(), "exp": now.Add(lifetime).Unix(), "auth_time": l.Family.AuthTime.Unix(),
		"acr": l.Family.ACR, "amr": append([]string{}, l.Family.AMR...),
	}
	if l.Family.SessionID != "" {
		claims["sid"] = l.Family.SessionID
	}
	if l.Nonce != "" {
		claims["nonce"] = l.Nonce
	}
	if l.AccessToken != "" {
		claims["at_hash"] = half(alg, l.AccessToken)
	}
	if l.Application.IDTokenClaims != store.MinimalClaims {
		maps.Copy(claims, l.Rights)
		maps.Copy(claims, Profile(l.Issuer, l.User, l.Scopes))
	}
	return claims
}

// half returns the left half of a token's hash, by the hash function of the algorithm (OpenID Connect Core
// §3.1.3.6). For EdDSA that is the one which Ed25519 itself is built on.
func half(alg jws.Algorithm, token string) string {
	var sum []byte
	switch {
	case strings.HasSuffix(string(alg), "384"):
		full := sha512.Sum384([]byte(token))
		sum = full[:]
	case strings.HasSuffix(string(alg), "256"):
		full := sha256.Sum256([]byte(token))
		sum = full[:]
	default:
		full := sha512.Sum512([]byte(token))
		sum = full[:]
	}
	return base64.RawURLEncoding.EncodeToString(sum[:len(sum)/2])
}

// Profile returns the claims about a person that the scopes open (OpenID Connect Core §5.4). A claim that the
// person has nothing for is left out.
func Profile(issuer oauth.Issuer, u store.User, scopes []string) map[string]any {
	claims := make(map[string]any)
	text := func(name, value string) {
		if value != "" {
			claims[name] = value
		}
	}
	for _, scope := range scopes {
		switch scope {
		case "profile":
			text("name", nameOf(u))
			text("given_name", u.GivenName)
			text("family_name", u.FamilyName)
			text("nickname", nickname(u))
			text("preferred_username", u.LoginName)
			text("picture", picture.URL(issuer, u))
			text("locale", u.Locale)
			if !u.UpdatedAt.IsZero() {
				claims["updated_at"] = updatedAt(issuer, u.UpdatedAt)
			}
		case "email":
			if u.Email != "" {
				claims["email"], claims["email_verified"] = u.Email, !u.EmailVerifiedAt.IsZero()
			}
		}
	}
	return claims
}

func nameOf(u store.User) string {
	switch {
	case u.Name != "":
		return u.Name
	case u.GivenName != "" || u.FamilyName != "":
		return strings.TrimSpace(u.GivenName + " " + u.FamilyName)
	case u.LoginName != "":
		return u.LoginName
	}
	return u.Email
}

func nickname(u store.User) string {
	if u.Nickname != "" {
		return u.Nickname
	}
	name, _, _ := strings.Cut(u.Email, "@")
	if name == "" {
		return u.LoginName
	}
	return name
}

// updatedAt is a number of seconds, but for Auth0's programs, which expect a date.
func updatedAt(issuer oauth.Issuer, at time.Time) any {
	if issuer.IsAuth0() {
		return at.UTC().Format("2006-01-02T15:04:05.000Z")
	}
	return at.Unix()
}

// Claims are the names of what ID tokens and the userinfo endpoint may tell.
func Claims() []string {
	return []string{
		"iss", "sub", "aud", "azp", "iat", "exp", "auth_time", "acr", "amr", "sid", "nonce", "at_hash",
		"name", "given_name", "family_name", "nickname", "picture", "preferred_username", "locale", "updated_at",
		"email", "email_verified",
	}
}

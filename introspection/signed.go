package introspection

import (
	"context"
	"fmt"
	"mime"
	"slices"
	"time"

	"github.com/postern-auth/postern/internal/claims"
	"github.com/postern-auth/postern/internal/fetch"
	"github.com/postern-auth/postern/internal/jws"
	"github.com/postern-auth/postern/internal/keyset"
	"github.com/postern-auth/postern/internal/metadata"
)

const (
	signedMedia = "application/token-introspection+jwt"
	signedType  = "token-introspection+jwt"
)

// signedAlgorithms are those of package jwt's default.
var signedAlgorithms = []jws.Algorithm{jws.RS256, jws.PS256, jws.ES256, jws.EdDSA, jws.Ed25519}

// signed opens introspection answers that the server has signed (RFC 9701 §5).
type signed struct {
	issuer, client string
	leeway         time.Duration
	now            func() time.Time
	keys           *keyset.Set
}

func newSigned(config Config, leeway time.Duration, now func() time.Time, client *fetch.Client) *signed {
	source := metadata.New(config.Issuer, metadata.JWKSURI, client, config.InsecureHTTP)
	load := func(ctx context.Context) (jws.KeySet, error) { return source.Keys(ctx, "") }
	return &signed{config.Issuer, config.Auth.ClientID(), leeway, now, keyset.New(keyset.Config{Load: load, Issuer: config.Issuer, Logger: config.Logger})}
}

// open returns the introspection answer that a signed one holds, as JSON. An error is the server's fault or
// that of somebody in between, and says nothing about the token.
func (s *signed) open(ctx context.Context, response fetch.Answer) (string, error) {
	media, _, _ := mime.ParseMediaType(response.Header.Get("Content-Type"))
	if media != signedMedia {
		return "", fmt.Errorf("introspection: %s answered with Content-Type %.64q, expected %s: it does not sign its answers", s.issuer, media, signedMedia)
	}
	message, err := jws.Parse(response.Body)
	if err != nil {
		return "", fmt.Errorf("introspection: signed answer of %s: %w", s.issuer, err)
	}
	var set claims.Object
	if err := set.Parse(message.Payload); err != nil {
		return "", fmt.Errorf("introspection: signed answer of %s: %w", s.issuer, err)
	}
	if err := s.check(&message.Header, &set); err != nil {
		return "", fmt.Errorf("introspection: signed answer of %s: %w", s.issuer, err)
	}
	if err := s.verify(ctx, &message); err != nil {
		return "", fmt.Errorf("introspection: signed answer of %s: %w", s.issuer, err)
	}
	value, _ := set.Lookup("token_introspection")
	return value.JSON(), nil
}

// check decides everything that needs no key. An access token, which the server signs with the same keys,
// has another typ.
func (s *signed) check(header *jws.Header, set *claims.Object) error {
	if header.Type != signedType {
		return fmt.Errorf("typ is %.64q, expected %s", header.Type, signedType)
	}
	if !slices.Contains(signedAlgorithms, header.Algorithm) {
		return fmt.Errorf("alg is %.64q, expected one of %s", string(header.Algorithm), signedAlgorithms)
	}
	if err := present(set, "iss", "aud", "iat"); err != nil {
		return err
	}
	iss, _ := set.Lookup("iss")
	if text, _ := iss.Text(); text != s.issuer {
		return fmt.Errorf("iss is %.64q, expected %q", text, s.issuer)
	}
	aud, _ := set.Lookup("aud")
	audience, err := aud.Texts(nil)
	if err != nil || !slices.Contains(audience, s.client) {
		return fmt.Errorf("aud is %.64q, expected the client id %q", audience, s.client)
	}
	return s.checkAge(set)
}

// present reports which member an answer lacks. One that is null is absent.
func present(set *claims.Object, names ...string) error {
	for _, name := range names {
		if value, _ := set.Lookup(name); value.Kind() == claims.None || value.Kind() == claims.Null {
			return fmt.Errorf("%s is absent", name)
		}
	}
	return nil
}

// checkAge keeps an old answer, from a time when the token was active, from being played back: it may be as
// old as a call takes, plus what clocks differ.
func (s *signed) checkAge(set *claims.Object) error {
	value, _ := set.Lookup("iat")
	iat, err := value.Time()
	if err != nil {
		return fmt.Errorf("iat: %w", err)
	}
	now := s.now()
	if age := now.Sub(iat); age > callTimeout+s.leeway || age < -s.leeway {
		return fmt.Errorf("iat is %s, expected the time of now, %s: compare the clocks", iat.UTC().Format(time.RFC3339), now.UTC().Format(time.RFC3339))
	}
	return nil
}

func (s *signed) verify(ctx context.Context, message *jws.Message) error {
	id, alg := message.Header.KeyID, message.Header.Algorithm
	keys, err := s.keys.Lookup(ctx, id, alg)
	if err != nil {
		return fmt.Errorf("kid %.64q: %w", id, err)
	}
	if err = try(message, keys); err == nil {
		return nil
	}
	if keys = s.keys.Changed(ctx, id, alg, keys); len(keys) > 0 {
		err = try(message, keys)
	}
	return err
}

func try(message *jws.Message, keys []*keyset.Key) (err error) {
	for _, key := range keys {
		if err = message.Verify(key.Key); err == nil {
			return nil
		}
	}
	return err
}

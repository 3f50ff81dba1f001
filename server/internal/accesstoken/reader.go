package accesstoken

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/postern-auth/postern/internal/claims"
	"github.com/postern-auth/postern/internal/jws"
	"github.com/postern-auth/postern/server/internal/keys"
	"github.com/postern-auth/postern/server/internal/oauth"
	"github.com/postern-auth/postern/server/internal/secret"
	"github.com/postern-auth/postern/server/store"
)

// Reader reads raw tokens: opaque ones, personal access tokens, and the JWTs of every issuer of this
// server. Its fields are required but for the last; it is safe for concurrent use.
type Reader struct {
	Tokens store.Tokens
	// Families are what the tokens of people live and die with.
	Families store.Families
	Keys     *keys.Ring
	Issuers  []string
	Now      func() time.Time
	// PersonalTokenLifetime is how long a personal access token lives at most from when it was made. Zero or
	// negative: as long as it says.
	PersonalTokenLifetime time.Duration
}

// Read returns what a raw token says, once it is known to be ours, unexpired and not revoked. Errors:
// ErrInactive, with what the token says when it is genuine all the same, and outages. Text that cannot be a token of ours causes no read of the store.
func (r *Reader) Read(ctx context.Context, raw string) (Facts, error) {
	facts, err := r.facts(ctx, raw)
	if err != nil {
		return facts, err
	}
	if !facts.ExpiresAt.IsZero() && !r.Now().Before(facts.ExpiresAt) {
		return facts, inactive("token expired at %s", facts.ExpiresAt.UTC().Format(time.RFC3339))
	}
	if facts.FamilyID != "" {
		if facts.Family, err = r.alive(ctx, facts.FamilyID); err != nil {
			return facts, err
		}
	}
	if facts.JWT { // the row of another has said whether it is revoked
		if err := r.unrevoked(ctx, facts.ID); err != nil {
			return facts, err
		}
	}
	return facts, nil
}

func (r *Reader) unrevoked(ctx context.Context, jti string) error {
	revoked, err := r.Tokens.JWTRevoked(ctx, jti)
	if err != nil {
		return fmt.Errorf("accesstoken: reading revocations: %w", err)
	}
	if revoked {
		return inactive("token is revoked")
	}
	return nil
}

// alive returns the family of a token. It refuses a token whose family has been revoked, or has ended; and one that
// came of another token as soon as that one is dead, and the one that it came of (RFC 8693), which are few.
func (r *Reader) alive(ctx context.Context, familyID string) (store.Family, error) {
	family, err := r.family(ctx, familyID)
	for of := family; err == nil && of.Source != ""; {
		if err = r.sourceAlive(ctx, of.Source); err != nil || of.Parent == "" {
			break
		}
		of, err = r.family(ctx, of.Parent)
	}
	if err != nil {
		return store.Family{}, err
	}
	return family, nil
}

func (r *Reader) family(ctx context.Context, id string) (store.Family, error) {
	family, err := r.Families.Family(ctx, id)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return family, inactive("the family of the token is gone")
	case err != nil:
		return family, fmt.Errorf("accesstoken: reading a family: %w", err)
	case !family.RevokedAt.IsZero():
		return family, inactive("the family of the token was revoked: %s", family.Reason)
	}
	return family, nil
}

// sourceAlive refuses the jti of a token that was exchanged and has been revoked since, an opaque one or a JWT. That
// it may have expired and be gone does not matter: what came of it expires no later.
func (r *Reader) sourceAlive(ctx context.Context, jti string) error {
	row, err := r.Tokens.Token(ctx, jti)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return r.unrevoked(ctx, jti)
	case err != nil:
		return fmt.Errorf("accesstoken: reading a token: %w", err)
	case !row.RevokedAt.IsZero():
		return inactive("the token that it was exchanged for is revoked")
	}
	return nil
}

func (r *Reader) facts(ctx context.Context, raw string) (Facts, error) {
	if id, ok := secret.TokenID(raw); ok {
		return r.opaque(ctx, raw, id)
	}
	return r.jwt(ctx, raw)
}

func (r *Reader) opaque(ctx context.Context, raw, id string) (Facts, error) {
	row, err := r.Tokens.Token(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return Facts{}, inactive("token is unknown")
	}
	if err != nil {
		return Facts{}, fmt.Errorf("accesstoken: reading a token: %w", err)
	}
	if !secret.Matches(raw, row.Digest) {
		return Facts{}, inactive("token has a known id and a wrong secret")
	}
	confirmation, err := oauth.ParseConfirmation(row.Confirmation)
	if err != nil {
		return Facts{}, fmt.Errorf("accesstoken: reading a token: %w", err)
	}
	if row.Kind == store.PersonalAccessToken {
		row.ExpiresAt = r.end(row)
	}
	facts := Facts{
		ID: row.ID, Personal: row.Kind == store.PersonalAccessToken, UsedAt: row.UsedAt,
		Issuer: row.Issuer, Subject: row.SubjectID, SubjectID: row.SubjectID, ClientID: row.ClientID, FamilyID: row.FamilyID,
		Audience: row.Audience, Scopes: row.Scopes, Confirmation: confirmation,
		IssuedAt: row.IssuedAt, ExpiresAt: row.ExpiresAt,
	}
	if !row.RevokedAt.IsZero() {
		return facts, inactive("token is revoked")
	}
	return facts, nil
}

// end returns when a personal access token ends, with the bound of the server; zero: never.
func (r *Reader) end(row store.Token) time.Time {
	if r.PersonalTokenLifetime <= 0 {
		return row.ExpiresAt
	}
	latest := row.IssuedAt.Add(r.PersonalTokenLifetime)
	if row.ExpiresAt.IsZero() || row.ExpiresAt.After(latest) {
		return latest
	}
	return row.ExpiresAt
}

// jwt looks at the issuer before it looks for the key, so that strangers' tokens cost no look-up.
func (r *Reader) jwt(ctx context.Context, raw string) (Facts, error) {
	message, err := jws.Parse(raw)
	if err != nil {
		return Facts{}, inactive("token is neither an opaque one of ours nor a JWT")
	}
	facts, err := parseJWT(message.Payload)
	if err != nil {
		return Facts{}, err
	}
	if !slices.Contains(r.Issuers, facts.Issuer) {
		return Facts{}, inactive("token has iss %.64q, which is not one of this server's", facts.Issuer)
	}
	if typ := message.Header.Type; typ != "jwt" && typ != "at+jwt" {
		return Facts{}, inactive("token has typ %.64q, want JWT or at+jwt", typ)
	}
	key, ok, err := r.Keys.Key(ctx, message.Header.KeyID)
	if err != nil {
		return Facts{}, fmt.Errorf("accesstoken: %w", err)
	}
	if !ok {
		return Facts{}, inactive("token is signed by the unknown key %.64q", message.Header.KeyID)
	}
	if err := message.Verify(key); err != nil {
		return Facts{}, inactive("%v", err)
	}
	return facts, facts.complete()
}

func parseJWT(payload string) (Facts, error) {
	facts := Facts{JWT: true}
	var object claims.Object
	if err := object.Parse(payload); err != nil {
		return Facts{}, inactive("token: %v", err)
	}
	var scope string
	texts := map[string]*string{
		"iss": &facts.Issuer, "sub": &facts.Subject, "jti": &facts.ID, "scope": &scope,
		"client_id": &facts.ClientID, "azp": &facts.ClientID, userClaim: &facts.SubjectID,
	}
	for name, value := range object.All() {
		ok, err := true, error(nil)
		switch name {
		case "aud":
			facts.Audience, err = value.Texts(nil)
		case "cnf":
			facts.Confirmation, err = confirmation(value)
		case "iat":
			facts.IssuedAt, err = value.Time()
		case "exp":
			facts.ExpiresAt, err = value.Time()
		default:
			if text := texts[name]; text != nil {
				*text, ok = value.Text()
			}
		}
		if !ok || err != nil {
			return Facts{}, inactive("token: claim %s is of a wrong type", name)
		}
	}
	facts.Scopes = strings.Fields(scope)
	facts.FamilyID = store.FamilyOf(facts.ID)
	if facts.SubjectID == "" {
		facts.SubjectID = facts.Subject
	}
	return facts, nil
}

// confirmation reads a cnf claim.
func confirmation(value claims.Value) (oauth.Confirmation, error) {
	object, err := value.Object()
	if err != nil {
		return oauth.Confirmation{}, err
	}
	claim := make(map[string]string)
	for name, value := range object.All() {
		claim[name], _ = value.Text()
	}
	return oauth.ConfirmationOf(claim)
}

// complete refuses a JWT of ours that is not an access token, whatever else our keys may have signed.
func (f *Facts) complete() error {
	if f.ID == "" || f.SubjectID == "" || f.ClientID == "" || f.IssuedAt.IsZero() || f.ExpiresAt.IsZero() {
		return inactive("token is signed by this server but is not an access token")
	}
	return nil
}

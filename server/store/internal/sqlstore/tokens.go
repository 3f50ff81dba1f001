package sqlstore

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"time"

	"github.com/postern-auth/postern/server/store"
)

const selectTokens = `
	SELECT id, kind, digest, subject_id, client_id, family_id, issuer, name, audience, scopes, confirmation,
		issued_at, expires_at, revoked_at, used_at
	FROM tokens `

func addToken(row Scan, all []store.Token) ([]store.Token, error) {
	var t store.Token
	err := row(&t.ID, &t.Kind, (*digest)(&t.Digest), &t.SubjectID, &t.ClientID, (*optional)(&t.FamilyID), &t.Issuer, &t.Name,
		(*texts)(&t.Audience), (*texts)(&t.Scopes), (*optional)(&t.Confirmation),
		(*instant)(&t.IssuedAt), (*instant)(&t.ExpiresAt), (*instant)(&t.RevokedAt), (*instant)(&t.UsedAt))
	return append(all, t), err
}

// CreateToken adds a token. Errors: store.ErrExists for its ID, store.ErrNotFound when the subject is
// not there.
func (t *Tx) CreateToken(ctx context.Context, token store.Token) error {
	if _, err := t.Subject(ctx, token.SubjectID); err != nil {
		return t.failure("create token", token.ID, err)
	}
	return t.add(ctx, "create token", token.ID, store.ErrExists, `
		INSERT INTO tokens (id, kind, digest, subject_id, client_id, family_id, issuer, name, audience, scopes,
			confirmation, issued_at, expires_at, revoked_at, used_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) ON CONFLICT (id) DO NOTHING`,
		token.ID, token.Kind, token.Digest[:], token.SubjectID, token.ClientID, optional(token.FamilyID), token.Issuer,
		token.Name, texts(token.Audience), texts(token.Scopes), optional(token.Confirmation),
		instant(token.IssuedAt), instant(token.ExpiresAt), instant(token.RevokedAt), instant(token.UsedAt))
}

// Token returns the token with the id, revoked and expired ones included.
func (t *Tx) Token(ctx context.Context, id string) (store.Token, error) {
	return find(ctx, t, "token", id, addToken, selectTokens+`WHERE id = $1`, id)
}

// TokensOf returns the tokens of a kind about a subject, oldest first. Personal access tokens have an index;
// for access tokens it looks at every row: about half a second for a million.
func (t *Tx) TokensOf(ctx context.Context, subjectID string, kind store.TokenKind) ([]store.Token, error) {
	query := selectTokens + `WHERE subject_id = $1 AND kind = $2 ORDER BY issued_at, id`
	if kind == store.PersonalAccessToken {
		query = selectTokens + `WHERE subject_id = $1 AND kind = $2 AND kind = 'personal_access_token' ORDER BY issued_at, id`
	}
	return list(ctx, t, "tokens of subject", subjectID, addToken, query, subjectID, kind)
}

// RevokeToken marks the token as revoked at the time, or now for the zero time. Revoking it again changes
// nothing.
func (t *Tx) RevokeToken(ctx context.Context, id string, at time.Time) error {
	at = t.orNow(at)
	return t.add(ctx, "revoke token", id, store.ErrNotFound,
		`UPDATE tokens SET revoked_at = coalesce(revoked_at, $2) WHERE id = $1`, id, instant(at))
}

// MarkTokenUsed sets UsedAt to the time, unless it is later already.
func (t *Tx) MarkTokenUsed(ctx context.Context, id string, at time.Time) error {
	return t.markUsed(ctx, "token", "tokens", id, at)
}

// RevokeJWT remembers the jti as revoked until its token has expired; the zero time means for ever.
func (t *Tx) RevokeJWT(ctx context.Context, jti string, expires time.Time) error {
	return t.add(ctx, "revoke jwt", jti, nil, `
		INSERT INTO revoked_jwts (jti, expires_at) VALUES ($1, $2)
		ON CONFLICT (jti) DO UPDATE SET expires_at = excluded.expires_at
		WHERE excluded.expires_at IS NULL OR excluded.expires_at > revoked_jwts.expires_at`,
		jti, instant(expires))
}

// JWTRevoked reports whether the jti is revoked.
func (t *Tx) JWTRevoked(ctx context.Context, jti string) (bool, error) {
	found, err := list(ctx, t, "revocation of jwt", jti, addText, `SELECT jti FROM revoked_jwts WHERE jti = $1`, jti)
	return len(found) > 0, err
}

func addText(row Scan, all []string) ([]string, error) {
	var text string
	err := row(&text)
	return append(all, text), err
}

// UseAssertion records the jti of an assertion by the issuer. All calls for a pair but one get
// store.ErrExists, until DeleteExpiredTokens has removed it.
func (t *Tx) UseAssertion(ctx context.Context, issuer, jti string, expires time.Time) error {
	digest := assertionDigest(issuer, jti)
	return t.add(ctx, "use assertion", jti, store.ErrExists,
		`INSERT INTO used_assertions (digest, expires_at) VALUES ($1, $2) ON CONFLICT (digest) DO NOTHING`, digest[:], instant(expires))
}

// assertionDigest hashes the length of the issuer too, or ("ab", "c") would be the same as ("a", "bc").
func assertionDigest(issuer, jti string) store.Digest {
	message := binary.BigEndian.AppendUint64(nil, uint64(len(issuer)))
	message = append(message, issuer...)
	message = append(message, jti...)
	return sha256.Sum256(message)
}

package accesstoken

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/postern-auth/postern/internal/jws"
	"github.com/postern-auth/postern/server/internal/keys"
	"github.com/postern-auth/postern/server/internal/secret"
	"github.com/postern-auth/postern/server/store"
)

// ErrTooLarge says that a JWT would be larger than verifiers read.
var ErrTooLarge = errors.New("accesstoken: token is too large")

// Mint issues tokens. Its fields are required; it is safe for concurrent use.
type Mint struct {
	Tokens store.Tokens
	Keys   *keys.Ring
	Now    func() time.Time
}

// In returns the Mint within a transaction.
func (m *Mint) In(tx store.Tokens) *Mint { return &Mint{Tokens: tx, Keys: m.Keys, Now: m.Now} }

// Issued is a token that was issued for a draft.
type Issued struct {
	Draft
	ID  string // jti, or that of its row
	Raw string // secret: what its holder sends
}

// Issue makes the token for a draft. Errors: ErrTooLarge, store.ErrNotFound when the subject is gone
// meanwhile, and outages.
func (m *Mint) Issue(ctx context.Context, d Draft) (Issued, error) {
	switch d.Form {
	case store.FormOpaque:
		return m.opaque(ctx, d)
	case store.FormAuth0, store.FormAuth0Permissions, store.FormZITADEL, store.FormRFC9068, store.FormRFC9068Permissions:
		return m.jwt(ctx, d)
	}
	return Issued{}, fmt.Errorf("accesstoken: form %.64q is not known", string(d.Form))
}

func (m *Mint) opaque(ctx context.Context, d Draft) (Issued, error) {
	raw, id := secret.NewToken(secret.AccessToken)
	now := m.Now()
	err := m.Tokens.CreateToken(ctx, store.Token{
		ID: id, Kind: store.AccessToken, Digest: secret.Digest(raw),
		SubjectID: d.Subject.ID, ClientID: d.ClientID, FamilyID: d.FamilyID, Issuer: d.Issuer,
		Audience: d.Audience, Scopes: d.Scopes, Confirmation: d.Confirmation.String(),
		IssuedAt: now, ExpiresAt: now.Add(d.Lifetime),
	})
	if err != nil {
		return Issued{}, fmt.Errorf("accesstoken: keeping a token: %w", err)
	}
	return Issued{d, id, raw}, nil
}

// newJTI returns the id of a new JWT: 8 bytes that are the version of the registry from which the token was computed, or
// an earlier one, and 16 random ones, in base64url. Whoever ends tokens by changing the registry so knows which were made
// before, whatever any clock says. Zero: of a store that counts no versions.
func newJTI(ctx context.Context) string {
	var b [24]byte
	if view := store.ViewOf(ctx); view != nil {
		binary.BigEndian.PutUint64(b[:8], uint64(view.Version()))
	}
	rand.Read(b[8:])
	return base64.RawURLEncoding.EncodeToString(b[:])
}

func (m *Mint) jwt(ctx context.Context, d Draft) (Issued, error) {
	alg := d.Algorithm
	if alg == "" {
		alg = DefaultAlgorithm(d.Form)
	}
	signer, err := m.Keys.Signer(ctx, alg)
	if err != nil {
		return Issued{}, fmt.Errorf("accesstoken: %w", err)
	}
	jti := newJTI(ctx)
	if d.FamilyID != "" {
		jti = store.Family{ID: d.FamilyID}.JTI(jti)
	}
	typ, claims := d.claims(jti, m.Now())
	payload, err := json.Marshal(claims)
	if err != nil {
		return Issued{}, fmt.Errorf("accesstoken: encoding claims: %w", err)
	}
	raw, err := signer.Sign(typ, payload)
	if err != nil {
		return Issued{}, fmt.Errorf("accesstoken: %w", err)
	}
	if len(raw) > jws.MaxSize {
		return Issued{}, fmt.Errorf("%w: %d bytes, want at most %d", ErrTooLarge, len(raw), jws.MaxSize)
	}
	return Issued{d, jti, raw}, nil
}

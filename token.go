package postern

import (
	"encoding/json"
	"fmt"
	"iter"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/postern-auth/postern/internal/claims"
)

// Token holds the facts of an access token that has been verified. It is immutable and safe for
// concurrent use, for caches hand one Token to many requests. The raw token is not part of it.
type Token struct {
	data TokenData
}

// TokenData is what a Verifier knows about a token. The zero value of a field means that the token says
// nothing about it, or nothing that can be read: claims by which no Verifier judges a token (client_id, jti,
// username, auth_time, acr) refuse none for having another type.
type TokenData struct {
	Issuer    string    // iss
	Subject   string    // sub
	ClientID  string    // client_id, or azp
	ID        string    // jti
	Username  string    // username or preferred_username
	IssuedAt  time.Time // iat
	NotBefore time.Time // nbf
	Expiry    time.Time // exp
	// AuthTime (auth_time) and ACR (acr) tell when and how strongly the person logged in, RFC 9470 §6.
	AuthTime time.Time
	ACR      string

	Audience    []string // aud
	Scopes      []string // scope
	Roles       []string
	Permissions []string

	// Confirmation (cnf) maps each confirmation method to its value, RFC 7800 §3.1: jkt, x5t#S256.
	// A method whose value is no string has it as JSON.
	Confirmation map[string]string

	// Claims is the JSON object of all claims, for Token.Claim.
	Claims string
}

// NewToken returns a Token with a deep copy of the data. Verifiers call it, users' own included, when
// everything has been checked.
func NewToken(data TokenData) *Token {
	t := &Token{data: data}
	// One array for all lists: they live and die together.
	n := len(data.Audience) + len(data.Scopes) + len(data.Roles) + len(data.Permissions)
	list := make([]string, 0, n)
	part := func(values []string) []string {
		start := len(list)
		list = append(list, values...)
		return list[start:len(list):len(list)]
	}
	t.data.Audience = part(data.Audience)
	t.data.Scopes = part(data.Scopes)
	t.data.Roles = part(data.Roles)
	t.data.Permissions = part(data.Permissions)
	t.data.Confirmation = maps.Clone(data.Confirmation)
	return t
}

// Issuer returns who issued the token (iss).
func (t *Token) Issuer() string { return t.data.Issuer }

// Subject returns whom the token is about (sub): a person or a service user. It is empty when the token says
// nothing about it; a Requirement that keys on the subject must refuse an empty one.
func (t *Token) Subject() string { return t.data.Subject }

// ClientID returns the client that obtained the token (client_id, or azp), or "". A Requirement that keys on
// the client must refuse an empty one.
func (t *Token) ClientID() string { return t.data.ClientID }

// ID returns the token's id (jti), or "": not every token has one.
func (t *Token) ID() string { return t.data.ID }

// Username returns the subject's name for people, or "". It identifies nobody: names change hands.
func (t *Token) Username() string { return t.data.Username }

// IssuedAt returns when the token was issued (iat), or the zero time.
func (t *Token) IssuedAt() time.Time { return t.data.IssuedAt }

// NotBefore returns when the token begins to be valid (nbf), or the zero time.
func (t *Token) NotBefore() time.Time { return t.data.NotBefore }

// Expiry returns when the token ends (exp). It is zero only where the verifier was told to accept that.
func (t *Token) Expiry() time.Time { return t.data.Expiry }

// AuthTime returns when the person logged in (auth_time), or the zero time.
func (t *Token) AuthTime() time.Time { return t.data.AuthTime }

// ACR returns how the person logged in (acr), or "".
func (t *Token) ACR() string { return t.data.ACR }

// Audience yields whom the token is meant for (aud).
func (t *Token) Audience() iter.Seq[string] { return slices.Values(t.data.Audience) }

// HasAudience reports whether the token is meant for the audience. It compares byte for byte.
func (t *Token) HasAudience(audience string) bool { return slices.Contains(t.data.Audience, audience) }

// Scopes yields the scopes of the token.
func (t *Token) Scopes() iter.Seq[string] { return slices.Values(t.data.Scopes) }

// HasScope reports whether the token has exactly this scope.
func (t *Token) HasScope(scope string) bool { return slices.Contains(t.data.Scopes, scope) }

// Roles yields the subject's roles.
func (t *Token) Roles() iter.Seq[string] { return slices.Values(t.data.Roles) }

// HasRole reports whether the subject has exactly this role.
func (t *Token) HasRole(role string) bool { return slices.Contains(t.data.Roles, role) }

// Permissions yields the subject's permissions.
func (t *Token) Permissions() iter.Seq[string] { return slices.Values(t.data.Permissions) }

// HasPermission reports whether the subject has exactly this permission.
func (t *Token) HasPermission(permission string) bool {
	return slices.Contains(t.data.Permissions, permission)
}

// Confirmation yields the confirmation methods that bind the token to its sender, with their values
// (cnf, RFC 7800 §3.1). A bearer token yields none.
func (t *Token) Confirmation() iter.Seq2[string, string] { return maps.All(t.data.Confirmation) }

// Claim decodes the claim with the name into v, as json.Unmarshal does. A claim that the token does not
// have is an error that wraps ErrNoClaim.
func (t *Token) Claim(name string, v any) error {
	var set claims.Object
	if t.data.Claims != "" {
		if err := set.Parse(t.data.Claims); err != nil {
			return fmt.Errorf("postern: claims of the token: %w", err)
		}
	}
	value, ok := set.Lookup(name)
	if !ok {
		return fmt.Errorf("postern: claim %q: %w", name, ErrNoClaim)
	}
	if err := json.Unmarshal([]byte(value.JSON()), v); err != nil {
		return fmt.Errorf("postern: claim %q: %w", name, err)
	}
	return nil
}

// Size returns about how many bytes of memory the Token takes, for caches that are bounded in bytes.
func (t *Token) Size() int64 {
	const fixed, perString, perEntry = 512, 16, 64
	lists := len(t.data.Audience) + len(t.data.Scopes) + len(t.data.Roles) + len(t.data.Permissions)
	return int64(fixed + len(t.data.Claims) + perString*lists + perEntry*len(t.data.Confirmation))
}

// LogValue makes a Token log as who it is about, and as no more than that.
func (t *Token) LogValue() slog.Value {
	return slog.GroupValue(
		slog.String("iss", t.data.Issuer),
		slog.String("client_id", t.data.ClientID),
		slog.String("sub", t.data.Subject),
	)
}

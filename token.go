package postern

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"iter"
	"log/slog"
	"maps"
	"math"
	"math/bits"
	"strings"
	"time"

	"github.com/postern-auth/postern/internal/claims"
)

// Token holds the facts of an access token that has been verified. It is immutable and safe for
// concurrent use, for caches hand one Token to many requests. The raw token is not part of it.
//
// Caches hold Tokens by the ten thousand, so it is packed: all its strings lie in one.
type Token struct {
	claims       string
	text         string        // the single strings, in order, and then those of the lists, each behind its length
	lists        [lists]uint32 // where each of them begins in text; it ends where the next one begins
	times        [dates]int64  // in microseconds since the zero time
	confirmation map[string]string
}

// The strings that a token has once, and how many there are.
const (
	textIssuer = iota
	textSubject
	textClientID
	textID
	textUsername
	textACR
	texts
)

// The lists that a token has, in their order, and how many there are.
const (
	listAudience = iota
	listScopes
	listRoles
	listPermissions
	lists
)

// The times that a token has, and how many there are.
const (
	dateIssuedAt = iota
	dateNotBefore
	dateExpiry
	dateAuthTime
	dates
)

// TokenData is what a Verifier knows about a token. The zero value of a field means that the token says
// nothing about it, or nothing that can be read: a claim by which no Verifier judges a token (client_id,
// jti, username, auth_time, acr) does not make it bad by having another type.
type TokenData struct {
	Issuer   string // iss
	Subject  string // sub
	ClientID string // client_id, or azp
	ID       string // jti
	Username string // username or preferred_username
	// Times are kept to the microsecond, and in UTC.
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
	// A method whose value is not a string has it as JSON.
	Confirmation map[string]string

	// Claims is the JSON object of all claims, for Token.Claim, either as it is or in base64url, as it
	// stands in a JWT; then it is decoded when it is read.
	Claims string
}

// NewToken returns a Token with a deep copy of the data; Claims alone is shared. Verifiers call it, users'
// own included, when everything has been checked.
func NewToken(data TokenData) *Token {
	single := [texts]string{data.Issuer, data.Subject, data.ClientID, data.ID, data.Username, data.ACR}
	all := [1 + lists][]string{single[:], data.Audience, data.Scopes, data.Roles, data.Permissions}
	size := 0
	for _, list := range all {
		for _, s := range list {
			size += (bits.Len(uint(len(s))|1)+6)/7 + len(s)
		}
	}
	t := &Token{
		claims:       data.Claims,
		times:        [dates]int64{micros(data.IssuedAt), micros(data.NotBefore), micros(data.Expiry), micros(data.AuthTime)},
		confirmation: cloned(data.Confirmation),
	}
	var text strings.Builder
	text.Grow(size)
	for i, list := range all {
		if i > 0 {
			t.lists[i-1] = uint32(text.Len())
		}
		for _, s := range list {
			pack(&text, s)
		}
	}
	t.text = text.String()
	return t
}

// pack writes a string behind its length, which takes a byte for each seven bits, the lowest first.
func pack(text *strings.Builder, s string) {
	n := uint(len(s))
	for ; n >= 0x80; n >>= 7 {
		text.WriteByte(byte(n) | 0x80)
	}
	text.WriteByte(byte(n))
	text.WriteString(s)
}

// next returns the string that stands at a place in text, and the place behind it.
func (t *Token) next(at int) (s string, behind int) {
	n := int(t.text[at] & 0x7f)
	for shift := 7; t.text[at] >= 0x80; shift += 7 {
		at++
		n |= int(t.text[at]&0x7f) << shift
	}
	return t.text[at+1 : at+1+n], at + 1 + n
}

// cloned is maps.Clone down to the strings, which may be part of something that is written over.
func cloned(from map[string]string) map[string]string {
	if from == nil {
		return nil
	}
	to := make(map[string]string, len(from))
	for name, value := range from {
		to[strings.Clone(name)] = strings.Clone(value)
	}
	return to
}

// at returns the single string with the index i.
func (t *Token) at(i int) string {
	if t.text == "" { // the zero Token has none
		return ""
	}
	s, behind := t.next(0)
	for range i {
		s, behind = t.next(behind)
	}
	return s
}

// bounds returns where a list begins in text, and where it ends.
func (t *Token) bounds(list int) (begin, end int) {
	if list == lists-1 {
		return int(t.lists[list]), len(t.text)
	}
	return int(t.lists[list]), int(t.lists[list+1])
}

func (t *Token) values(list int) iter.Seq[string] {
	return func(yield func(string) bool) {
		var s string
		for at, end := t.bounds(list); at < end; {
			if s, at = t.next(at); !yield(s) {
				return
			}
		}
	}
}

func (t *Token) has(list int, value string) bool {
	var s string
	for at, end := t.bounds(list); at < end; {
		if s, at = t.next(at); s == value {
			return true
		}
	}
	return false
}

// epoch is the zero time, so that a Token's zero value has no times.
var epoch = time.Time{}.UnixMicro()

// micros returns the microseconds from the zero time to t. A date beyond those that fit is the last that does:
// nothing that is far ahead may come out in the past.
func micros(t time.Time) int64 {
	const most = math.MaxInt64 / 1_000_000
	switch seconds := t.Unix() - epoch/1_000_000; {
	case seconds >= most || t.Unix() >= 0 && seconds < 0:
		return math.MaxInt64
	case t.Before(time.Time{}):
		return 0 // before all dates, which says as little as none
	}
	return t.UnixMicro() - epoch
}

func (t *Token) date(i int) time.Time { return time.UnixMicro(t.times[i] + epoch).UTC() }

// Issuer returns who issued the token (iss).
func (t *Token) Issuer() string { return t.at(textIssuer) }

// Subject returns whom the token is about (sub): a person or a service user. It is empty when the token says
// nothing about it; a Requirement that keys on the subject must refuse an empty one.
func (t *Token) Subject() string { return t.at(textSubject) }

// ClientID returns the client that obtained the token (client_id, or azp), or "". A Requirement that keys on
// the client must refuse an empty one.
func (t *Token) ClientID() string { return t.at(textClientID) }

// ID returns the token's id (jti), or "": not every token has one.
func (t *Token) ID() string { return t.at(textID) }

// Username returns the subject's human-readable name, or "". It identifies nobody: names change hands.
func (t *Token) Username() string { return t.at(textUsername) }

// IssuedAt returns when the token was issued (iat), or the zero time.
func (t *Token) IssuedAt() time.Time { return t.date(dateIssuedAt) }

// NotBefore returns when the token begins to be valid (nbf), or the zero time.
func (t *Token) NotBefore() time.Time { return t.date(dateNotBefore) }

// Expiry returns when the token expires (exp). It is zero only where the verifier was told to accept that.
func (t *Token) Expiry() time.Time { return t.date(dateExpiry) }

// AuthTime returns when the person logged in (auth_time), or the zero time.
func (t *Token) AuthTime() time.Time { return t.date(dateAuthTime) }

// ACR returns how the person logged in (acr), or "".
func (t *Token) ACR() string { return t.at(textACR) }

// Audience yields whom the token is meant for (aud).
func (t *Token) Audience() iter.Seq[string] { return t.values(listAudience) }

// HasAudience reports whether the token is meant for the audience. It compares byte for byte.
func (t *Token) HasAudience(audience string) bool { return t.has(listAudience, audience) }

// Scopes yields the scopes of the token.
func (t *Token) Scopes() iter.Seq[string] { return t.values(listScopes) }

// HasScope reports whether the token has exactly this scope.
func (t *Token) HasScope(scope string) bool { return t.has(listScopes, scope) }

// Roles yields the subject's roles.
func (t *Token) Roles() iter.Seq[string] { return t.values(listRoles) }

// HasRole reports whether the subject has exactly this role.
func (t *Token) HasRole(role string) bool { return t.has(listRoles, role) }

// Permissions yields the subject's permissions.
func (t *Token) Permissions() iter.Seq[string] { return t.values(listPermissions) }

// HasPermission reports whether the subject has exactly this permission.
func (t *Token) HasPermission(permission string) bool {
	return t.has(listPermissions, permission)
}

// Confirmation yields the confirmation methods that bind the token to its sender, with their values
// (cnf, RFC 7800 §3.1). A bearer token yields none.
func (t *Token) Confirmation() iter.Seq2[string, string] { return maps.All(t.confirmation) }

// Claim decodes the claim with the name into v, as json.Unmarshal does. A claim that the token does not
// have is an error that wraps ErrNoClaim.
func (t *Token) Claim(name string, v any) error {
	var set claims.Object
	if err := t.parseClaims(&set); err != nil {
		return fmt.Errorf("postern: claims of the token: %w", err)
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

// encoded reports whether claims is base64url: a JSON object begins with a brace, or with white space.
func (t *Token) encoded() bool {
	return t.claims != "" && !strings.ContainsRune("{ \t\r\n", rune(t.claims[0]))
}

// parseClaims reads the claims into set; a token that has none leaves it empty.
func (t *Token) parseClaims(set *claims.Object) error {
	switch {
	case t.claims == "":
		return nil
	case t.encoded():
		text, err := base64.RawURLEncoding.DecodeString(t.claims)
		if err != nil {
			return err
		}
		return set.Parse(string(text))
	}
	return set.Parse(t.claims)
}

// Size returns about how many bytes of memory the Token takes, for caches that are bounded in bytes. Claims
// in base64url are not among them: they are part of a raw token, which a cache has anyway.
func (t *Token) Size() int64 {
	const fixed, perMember = 112, 96
	size := fixed + perMember*len(t.confirmation) + roomy(len(t.text))
	if !t.encoded() {
		size += roomy(len(t.claims))
	}
	return int64(size)
}

// roomy adds to n bytes what the allocator adds on average, whose sizes are an eighth apart.
func roomy(n int) int { return n + n/16 }

// LogValue makes a Token log as who it is about, and as no more than that.
func (t *Token) LogValue() slog.Value {
	return slog.GroupValue(
		slog.String("iss", t.Issuer()),
		slog.String("client_id", t.ClientID()),
		slog.String("sub", t.Subject()),
	)
}

package postern

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"iter"
	"log/slog"
	"maps"
	"math"
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
	text         string   // the single strings, in order, and then those of the lists
	ends         []uint32 // where each of them ends in text
	lists        [lists]uint32
	times        [dates]int64 // in microseconds since the zero time
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

// The lists that a token has, and how many there are. Token.lists says where in ends each of them ends.
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
	all := [...][]string{single[:], data.Audience, data.Scopes, data.Roles, data.Permissions}
	count, size := 0, 0
	for _, list := range all {
		count += len(list)
		for _, s := range list {
			size += len(s)
		}
	}
	var text strings.Builder
	text.Grow(size)
	t := withEnds(count)
	t.claims = data.Claims
	t.times = [dates]int64{micros(data.IssuedAt), micros(data.NotBefore), micros(data.Expiry), micros(data.AuthTime)}
	t.confirmation = cloned(data.Confirmation)
	for i, list := range all {
		for _, s := range list {
			text.WriteString(s)
			t.ends = append(t.ends, uint32(text.Len()))
		}
		if i > 0 {
			t.lists[i-1] = uint32(len(t.ends))
		}
	}
	t.text = text.String()
	return t
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

// usual is a number of strings that most tokens do not have more of.
const usual = 24

// withEnds returns a Token with room for so many ends, for usual numbers in one piece of memory.
func withEnds(count int) *Token {
	if count > usual {
		return &Token{ends: make([]uint32, 0, count)}
	}
	t := new(struct {
		Token
		room [usual]uint32
	})
	t.ends = t.room[:0]
	return &t.Token
}

// at returns the string with the index i.
func (t *Token) at(i int) string {
	if i >= len(t.ends) { // the zero Token has none
		return ""
	}
	start := uint32(0)
	if i > 0 {
		start = t.ends[i-1]
	}
	return t.text[start:t.ends[i]]
}

// bounds returns the indices of the first string of a list, and of what follows its last.
func (t *Token) bounds(list int) (first, end int) {
	if list == 0 {
		return texts, int(t.lists[0])
	}
	return int(t.lists[list-1]), int(t.lists[list])
}

func (t *Token) values(list int) iter.Seq[string] {
	return func(yield func(string) bool) {
		first, end := t.bounds(list)
		for i := first; i < end; i++ {
			if !yield(t.at(i)) {
				return
			}
		}
	}
}

func (t *Token) has(list int, value string) bool {
	first, end := t.bounds(list)
	for i := first; i < end; i++ {
		if t.at(i) == value {
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
	const fixed, perMember = 240, 64
	size := fixed + perMember*len(t.confirmation) + roomy(len(t.text))
	if len(t.ends) > usual {
		size += roomy(4 * len(t.ends))
	}
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

package posterntest

import (
	"encoding/base64"
	"encoding/json"
	"maps"
	"time"
)

// An Option changes how a token is made, in ways that claims cannot.
type Option func(*recipe)

// recipe is what a token is made of beside its claims.
type recipe struct {
	key     *Key
	header  map[string]any
	payload string // when not empty: in place of the claims
}

// SignedBy signs with the key, which need not be published or even the issuer's.
func SignedBy(key *Key) Option { return func(r *recipe) { r.key = key } }

// Type sets typ. Without it, it is at+jwt; empty means that the header has none.
func Type(typ string) Option {
	if typ == "" {
		return Header("typ", nil)
	}
	return Header("typ", typ)
}

// KeyID sets kid, whatever key signs; empty means that the header has none.
func KeyID(id string) Option {
	if id == "" {
		return Header("kid", nil)
	}
	return Header("kid", id)
}

// Algorithm sets alg in the header alone: the signature stays what the key makes.
func Algorithm(alg string) Option { return Header("alg", alg) }

// Header sets a member of the header; nil takes it away.
func Header(name string, value any) Option {
	return func(r *recipe) { r.header[name] = value }
}

// Payload sets the text that is signed in place of the claims, which need not be JSON.
func Payload(text string) Option { return func(r *recipe) { r.payload = text } }

// Token returns a signed JWT with the usual claims, changed by those given: iss, sub, aud, client_id, and
// iat and exp, ten minutes apart. Introspection knows it too.
func (i *Issuer) Token(claims Claims, options ...Option) string {
	i.t.Helper()
	set := i.claims(claims)
	raw := i.sign(set, options)
	i.remember(raw, set)
	return raw
}

func (i *Issuer) sign(set Claims, options []Option) string {
	i.t.Helper()
	r := recipe{key: i.Key(), header: make(map[string]any)}
	for _, option := range options {
		option(&r)
	}
	header := map[string]any{"alg": r.key.alg, "kid": r.key.id, "typ": "at+jwt"}
	maps.Copy(header, r.header)
	maps.DeleteFunc(header, func(_ string, value any) bool { return value == nil })
	if r.payload == "" {
		r.payload = string(i.json(set))
	}
	encode := base64.RawURLEncoding.EncodeToString
	signed := encode(i.json(header)) + "." + encode([]byte(r.payload))
	signature, err := r.key.signature([]byte(signed))
	if err != nil {
		i.t.Fatalf("posterntest: signing with key %q: %v", r.key.id, err)
	}
	return signed + "." + encode(signature)
}

func (i *Issuer) json(value any) []byte {
	i.t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		i.t.Fatalf("posterntest: claims or header: %v", err)
	}
	return text
}

// answer is what introspection says of a token.
type answer struct {
	body string
	exp  time.Time // when it becomes inactive by itself; zero: never
}

const inactive = `{"active":false}`

// Opaque returns a token that only introspection can tell about: it is active, with the usual claims
// changed by those given, until Revoke or its exp on the issuer's clock.
func (i *Issuer) Opaque(claims Claims) string {
	i.t.Helper()
	i.mu.Lock()
	i.opaque++
	raw := opaqueName(i.opaque)
	i.mu.Unlock()
	i.remember(raw, i.claims(claims))
	return raw
}

// remember makes the claims the introspection answer for the token.
func (i *Issuer) remember(raw string, set Claims) {
	i.t.Helper()
	set = maps.Clone(set)
	if _, given := set["active"]; !given {
		set["active"] = true
	}
	a := answer{body: string(i.json(set)), exp: date(set["exp"])}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.answers[raw] = a
}

// date returns the time that a claim of whole seconds stands for, and zero for anything else.
func date(claim any) time.Time {
	switch seconds := claim.(type) {
	case int64:
		return time.Unix(seconds, 0)
	case int:
		return time.Unix(int64(seconds), 0)
	}
	return time.Time{}
}

// Answer sets the introspection answer for the token, to the byte. It need not be JSON.
func (i *Issuer) Answer(raw, body string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.answers[raw] = answer{body: body}
}

// Revoke makes introspection call the token inactive.
func (i *Issuer) Revoke(raw string) { i.Answer(raw, inactive) }

// introspect returns the answer for the token, as of the issuer's clock.
func (i *Issuer) introspect(raw string) string {
	now := i.Clock.Now()
	i.mu.Lock()
	defer i.mu.Unlock()
	a, known := i.answers[raw]
	if !known || !a.exp.IsZero() && !now.Before(a.exp) {
		return inactive
	}
	return a.body
}

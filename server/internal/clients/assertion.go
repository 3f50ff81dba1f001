package clients

import (
	"context"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/postern-auth/postern/internal/claims"
	"github.com/postern-auth/postern/internal/jws"
	"github.com/postern-auth/postern/server/internal/endpoint"
	"github.com/postern-auth/postern/server/internal/oauth"
	"github.com/postern-auth/postern/server/store"
)

const (
	// maxLifetime is how long an assertion may live; it is used once, at once.
	maxLifetime = 5 * time.Minute
	// compatibleLifetime is how long one may live whose key is in compatibility mode.
	compatibleLifetime = time.Hour
	// leeway is how far the clock of a client may be from ours.
	leeway = 30 * time.Second
	// maxJTI bounds the id of an assertion, which is kept until it expires.
	maxJTI = 256
)

// assertion is a JWT that a known key has signed and whose times hold. Who it speaks for, and that it is
// used for the first time, is still to be checked.
type assertion struct {
	key     store.ClientKey
	issuer  string // iss, which is also the sub
	jti     string // may be empty in compatibility mode
	expires time.Time

	algorithm jws.Algorithm
	audience  []string
	list      bool // aud is an array
}

// byAssertion authenticates a client by private_key_jwt (RFC 7523 §3).
func (a *Authenticator) byAssertion(ctx context.Context, r *endpoint.Request, o offer) (Client, error) {
	as, err := a.verify(ctx, o.assertion, r.Audiences(), expected{types: []string{"", "jwt", clientType}, owner: a.ownerOfClient})
	if err != nil {
		return Client{}, err
	}
	client, err := a.load(ctx, as.key.Owner)
	if err != nil {
		return Client{}, err
	}
	named := client.ServiceUser != nil && as.issuer == client.ID
	switch {
	case as.issuer != client.ClientID && !named:
		return Client{}, refused("assertion is issued by %.64q, its key belongs to %q", as.issuer, client.ClientID)
	case o.clientID != "" && o.clientID != client.ClientID && o.clientID != as.issuer:
		return Client{}, refused("client_id is %.64q, the assertion is issued by %q", o.clientID, as.issuer)
	}
	if client.keepsFAPI() {
		if err := as.keepsFAPI(r); err != nil {
			return Client{}, err
		}
	}
	return client, a.use(ctx, as)
}

// keepsFAPI refuses what FAPI 2.0 Security Profile §5.3.2.1 and §5.4.1 do: an aud that is not the issuer alone, as a
// string, so that no other server can be made to take the assertion, and a signature of another kind.
func (as *assertion) keepsFAPI(r *endpoint.Request) error {
	switch {
	case as.list || len(as.audience) != 1 || as.audience[0] != string(r.Issuer):
		return refused("assertion of a FAPI client has aud %s, want the string %q", quoteAll(as.audience), r.Issuer)
	case !slices.Contains(oauth.AlgorithmsFAPI2, string(as.algorithm)):
		return refused("assertion of a FAPI client has alg %.64q, want one of %v", string(as.algorithm), oauth.AlgorithmsFAPI2)
	}
	return nil
}

// ServiceUser returns the service user that an assertion used as a grant speaks for (RFC 7523 §3): the
// one whose id is its iss and sub, and to whom its key belongs. Errors: ErrRefused, and outages.
func (a *Authenticator) ServiceUser(ctx context.Context, r *endpoint.Request, raw string) (store.ServiceUser, error) {
	as, err := a.verify(ctx, raw, r.Audiences(), expected{types: []string{"", "jwt"}, owner: ownerOfUser})
	if err != nil {
		return store.ServiceUser{}, err
	}
	if as.key.Owner.Kind != store.ServiceUserClient {
		return store.ServiceUser{}, refused("assertion is signed by a key of another kind of client, want one of a service user")
	}
	client, err := a.load(ctx, as.key.Owner)
	if err != nil {
		return store.ServiceUser{}, err
	}
	if as.issuer != client.ID {
		return store.ServiceUser{}, refused("assertion is issued by %.64q, its key belongs to service user %q", as.issuer, client.ID)
	}
	return *client.ServiceUser, a.use(ctx, as)
}

// expected is what the use of an assertion admits.
type expected struct {
	types []string // typ
	// owner returns whom an iss names. Whether there is such an owner is another question.
	owner func(ctx context.Context, issuer string) (store.Owner, error)
}

// clientType is the typ of assertions that authenticate clients and do nothing else.
const clientType = "client-authentication+jwt"

// verify checks all of an assertion but whom it speaks for and whether it is new.
func (a *Authenticator) verify(ctx context.Context, raw string, audiences []string, e expected) (assertion, error) {
	message, err := jws.Parse(raw)
	if err != nil {
		return assertion{}, refused("assertion: %v", err)
	}
	// A token of another kind, such as an access token or a DPoP proof, must not serve as an assertion.
	if typ := message.Header.Type; !slices.Contains(e.types, typ) {
		return assertion{}, refused("assertion has typ %.64q, want JWT", typ)
	}
	var candidates []store.ClientKey
	if namesNoKey(raw, message.Header) {
		candidates, err = a.keysOf(ctx, &message, e)
	} else if candidates, err = a.registeredKeys(ctx, &message, e); err == nil && len(candidates) == 0 {
		candidates, err = a.key(ctx, message.Header.KeyID)
	}
	if err != nil {
		return assertion{}, err
	}
	key, err := verifySignature(&message, candidates)
	if err != nil {
		return assertion{}, err
	}
	c, err := parseClaims(message.Payload)
	if err != nil {
		return assertion{}, err
	}
	if err := c.check(audiences, key.Compatibility, a.now()); err != nil {
		return assertion{}, err
	}
	return assertion{
		key: key, issuer: c.issuer, jti: c.jti, expires: c.expires,
		algorithm: message.Header.Algorithm, audience: c.audience, list: c.list,
	}, nil
}

// key returns the key that a kid names.
func (a *Authenticator) key(ctx context.Context, id string) ([]store.ClientKey, error) {
	if id == "" {
		return nil, refused("assertion has an empty kid")
	}
	key, err := a.store.ClientKey(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return nil, refused("assertion names the unknown key %.64q", id)
	}
	if err != nil {
		return nil, fmt.Errorf("clients: reading a key: %w", err)
	}
	if ended(key.ExpiresAt, a.now()) {
		return nil, refused("key %q has expired", id)
	}
	return []store.ClientKey{key}, nil
}

// namesNoKey reports whether the header of a well-formed assertion has no kid, which RFC 7515 §4.1.4 lets
// it leave out. One that is there and empty names a key, and none has that name.
func namesNoKey(raw string, header jws.Header) bool {
	if header.KeyID != "" {
		return false
	}
	encoded, _, _ := strings.Cut(raw, ".")
	text, err := base64.RawURLEncoding.DecodeString(encoded)
	var members claims.Object
	if err != nil || members.Parse(string(text)) != nil {
		return false
	}
	for name, value := range members.All() {
		if name == "kid" {
			return value.Kind() == claims.Null
		}
	}
	return true
}

// maxCandidates bounds the signature checks that an assertion without kid can cause.
const maxCandidates = 8

// keysOf returns the keys that an assertion without kid may be signed with, the newest first: those of the
// owner that its iss and sub name, and nobody else's. That the payload is not verified yet does no harm: it
// can only choose by whose keys it is then verified.
func (a *Authenticator) keysOf(ctx context.Context, message *jws.Message, e expected) ([]store.ClientKey, error) {
	c, err := parseClaims(message.Payload)
	if err != nil {
		return nil, err
	}
	if err := c.selfIssued(); err != nil {
		return nil, err
	}
	if len(c.issuer) > maxID {
		return nil, refused("assertion has an iss longer than %d bytes", maxID)
	}
	owner, err := e.owner(ctx, c.issuer)
	if err != nil {
		return nil, err
	}
	keys, err := a.store.ClientKeysOf(ctx, owner)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return nil, fmt.Errorf("clients: reading keys: %w", err)
	}
	registered, err := a.registeredKeysOf(ctx, owner)
	if err != nil {
		return nil, err
	}
	keys = append(keys, registered...)
	var candidates []store.ClientKey
	for _, row := range slices.Backward(keys) {
		key, err := publicKey(row)
		if err != nil || key.Accepts(message.Header.Algorithm) != nil || ended(row.ExpiresAt, a.now()) {
			continue
		}
		if candidates = append(candidates, row); len(candidates) == maxCandidates {
			break
		}
	}
	if len(candidates) == 0 {
		return nil, refused("assertion names no key (kid), and none of %.64q fits", c.issuer)
	}
	return candidates, nil
}

// ownerOfClient returns the owner that a client id, or the id of a service user, names.
func (a *Authenticator) ownerOfClient(ctx context.Context, name string) (store.Owner, error) {
	owner, err := a.owner(ctx, name)
	if err != nil || owner != nobody {
		return owner, err
	}
	return ownerOfUser(ctx, name)
}

func ownerOfUser(_ context.Context, id string) (store.Owner, error) {
	return store.Owner{Kind: store.ServiceUserClient, ID: id}, nil
}

// verifySignature returns which of the keys has signed the message.
func verifySignature(message *jws.Message, candidates []store.ClientKey) (store.ClientKey, error) {
	var err error
	for _, row := range candidates {
		var key *jws.Key
		if key, err = publicKey(row); err == nil {
			err = message.Verify(key)
		}
		if err == nil {
			return row, nil
		}
	}
	return store.ClientKey{}, refused("%v", err)
}

func publicKey(row store.ClientKey) (*jws.Key, error) {
	public, err := x509.ParsePKIXPublicKey(row.PublicKey)
	if err != nil {
		return nil, fmt.Errorf("key %q in the store is unreadable: %w", row.ID, err)
	}
	key, err := jws.NewKey(row.ID, "", public)
	if err != nil {
		return nil, fmt.Errorf("key %q in the store is not sound: %w", row.ID, err)
	}
	return key, nil
}

// use records the assertion, so that it does not serve twice, here or at another replica.
func (a *Authenticator) use(ctx context.Context, as assertion) error {
	var err error
	if as.jti != "" {
		err = a.store.UseAssertion(ctx, as.issuer, as.jti, as.expires.Add(leeway))
	}
	if errors.Is(err, store.ErrExists) {
		return refused("assertion with jti %.64q was used before", as.jti)
	}
	if err != nil {
		return fmt.Errorf("clients: recording an assertion: %w", err)
	}
	a.uses.UsedKey(as.key)
	return nil
}

// assertionClaims are the claims of RFC 7523 §3. A time that is absent is zero.
type assertionClaims struct {
	issuer, subject, jti       string
	audience                   []string
	list                       bool // aud is an array
	issued, notBefore, expires time.Time
}

func parseClaims(payload string) (assertionClaims, error) {
	var c assertionClaims
	var object claims.Object
	if err := object.Parse(payload); err != nil {
		return c, refused("assertion: %v", err)
	}
	texts := map[string]*string{"iss": &c.issuer, "sub": &c.subject, "jti": &c.jti}
	times := map[string]*time.Time{"iat": &c.issued, "nbf": &c.notBefore, "exp": &c.expires}
	for name, value := range object.All() {
		ok, err := true, error(nil)
		if text := texts[name]; text != nil {
			*text, ok = value.Text()
		} else if t := times[name]; t != nil {
			*t, err = value.Time()
		} else if name == "aud" {
			c.audience, err = value.Texts(nil)
			c.list = value.Kind() == claims.Array
		}
		if !ok || err != nil {
			return c, refused("assertion: claim %s is of a wrong type", name)
		}
	}
	return c, nil
}

// check compares the claims with what the key admits. A jti is required of strict keys alone, but one
// that is there is always used up.
func (c *assertionClaims) check(audiences []string, compatible bool, now time.Time) error {
	lifetime := maxLifetime
	if compatible {
		lifetime = compatibleLifetime
	}
	if err := c.selfIssued(); err != nil {
		return err
	}
	switch {
	case len(c.audience) == 0 || slices.ContainsFunc(c.audience, func(s string) bool { return !slices.Contains(audiences, s) }):
		// One entry that is somebody else's, and somebody else may send it here.
		return refused("assertion has aud %s, want %q and none but those", quoteAll(c.audience), audiences)
	case c.expires.IsZero():
		return refused("assertion has no exp")
	case !now.Before(c.expires.Add(leeway)):
		return refused("assertion expired at %s", c.expires.UTC().Format(time.RFC3339))
	case c.notBefore.After(now.Add(leeway)) || c.issued.After(now.Add(leeway)):
		return refused("assertion is not valid yet")
	case c.expires.After(now.Add(lifetime+leeway)) || !c.issued.IsZero() && c.expires.Sub(c.issued) > lifetime:
		return refused("assertion lives longer than %s, which is what its key admits", lifetime)
	case c.jti == "" && !compatible:
		return refused("assertion has no jti, which its key requires")
	case len(c.jti) > maxJTI:
		return refused("assertion has a jti longer than %d bytes", maxJTI)
	}
	return nil
}

// selfIssued checks that who signs speaks for itself (RFC 7523 §3).
func (c *assertionClaims) selfIssued() error {
	if c.issuer == "" || c.issuer != c.subject {
		return refused("assertion has iss %.64q and sub %.64q, want one name twice", c.issuer, c.subject)
	}
	return nil
}

// quoteAll quotes what an assertion names, cut at a length fit for a log.
func quoteAll(list []string) string {
	const limit = 3
	text := ""
	for i, s := range list {
		if i == limit {
			return text + fmt.Sprintf(" and %d more", len(list)-limit)
		}
		text += fmt.Sprintf(" %.64q", s)
	}
	return "[" + text + " ]"
}

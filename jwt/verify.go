package jwt

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/postern-auth/postern"
	"github.com/postern-auth/postern/internal/claims"
	"github.com/postern-auth/postern/internal/facts"
	"github.com/postern-auth/postern/internal/jws"
	"github.com/postern-auth/postern/internal/keyset"
	"github.com/postern-auth/postern/internal/reason"
)

// memory is what reading one token needs and nobody keeps.
type memory struct {
	text   jws.Buffer
	set    claims.Object
	reader facts.Reader
}

var memories = sync.Pool{New: func() any { return new(memory) }}

// verified is what the cache remembers: the facts, and the key that they were verified with.
type verified struct {
	token *postern.Token
	key   *keyset.Key
	// from and until are the times within which the token's own are good, in microseconds since 1970. At
	// any other time those are looked at themselves, which say what is wrong.
	from, until int64
}

func (v *Verifier) verified(token *postern.Token, key *keyset.Key) verified {
	from := token.NotBefore()
	if iat := token.IssuedAt(); iat.After(from) {
		from = iat
	}
	return verified{token, key, from.Add(-v.leeway).UnixMicro() + 1, token.Expiry().Add(v.leeway).UnixMicro()}
}

// Verify verifies the token, or remembers that it has: then the times are checked again, and that the
// issuer has not withdrawn the key. Everything cheap is checked before the keys are asked for and the
// signature is computed.
//
// Errors wrap postern's ErrNotMine (no JWS, or another issuer's), ErrMalformed, ErrSignature (with
// ErrUnknownKey when the issuer has no such key, with ErrAlgorithm when alg is not accepted), ErrExpired,
// ErrNotYetValid, ErrIssuer, ErrAudience or ErrUnavailable, or are ctx's.
func (v *Verifier) Verify(ctx context.Context, raw string) (*postern.Token, error) {
	if token, known, err := v.Remembered(ctx, raw); known {
		return token, err
	}
	if err := v.rememberedEnd(raw); err != nil {
		return nil, err
	}
	return v.verify(ctx, raw)
}

// Remembered is Verify for a token that the Verifier remembers. Of any other it says nothing: known is
// false.
func (v *Verifier) Remembered(ctx context.Context, raw string) (token *postern.Token, known bool, err error) {
	hit, ok := v.cache.Get(raw)
	if !ok {
		return nil, false, nil
	}
	now := v.clock.Now()
	if err := v.keys.Fresh(ctx, now); err != nil {
		return nil, true, unavailable(err)
	}
	if hit.key.Removed() {
		return nil, false, nil
	}
	wall := v.wall(now)
	if at := wall.UnixMicro(); at >= hit.from && at < hit.until {
		return hit.token, true, nil
	}
	if err := v.checkTimes(wall, hit.token.Expiry(), hit.token.NotBefore(), hit.token.IssuedAt()); err != nil {
		return nil, true, err
	}
	return hit.token, true, nil
}

func (v *Verifier) verify(ctx context.Context, raw string) (*postern.Token, error) {
	m := memories.Get().(*memory)
	token, err := v.read(ctx, raw, m)
	if err != nil {
		m.text.Forget() // errors quote the token when somebody reads them; a Token has copied what it keeps
	}
	memories.Put(m)
	return token, err
}

func (v *Verifier) read(ctx context.Context, raw string, m *memory) (*postern.Token, error) {
	since := v.cache.Epoch()
	message, err := v.parser.Parse(raw, &m.text)
	if err == jws.ErrParts {
		return nil, errOpaque
	}
	if err != nil {
		return nil, notMine(postern.ErrMalformed, "jwt: %w", err)
	}
	if err := m.set.Parse(message.Payload); err != nil {
		return nil, notMine(postern.ErrMalformed, "jwt: %w", err)
	}
	if err := v.checkKind(&message.Header, &m.set); err != nil {
		return nil, err
	}
	data, err := m.reader.Registered(&m.set, v.names)
	if err != nil {
		return nil, reason.New(postern.ErrMalformed, "jwt: %w", err)
	}
	if err := v.check(&data, &m.set); err != nil {
		if v.cache != nil && errors.Is(err, postern.ErrExpired) {
			v.ended.saw(raw, data.Expiry)
		}
		return nil, err
	}
	if err := m.reader.Rights(&data, &m.set, v.names); err != nil {
		return nil, reason.New(postern.ErrMalformed, "jwt: %w", err)
	}
	key, err := v.verifySignature(ctx, &message)
	if err != nil {
		return nil, err
	}
	v.parser.Genuine(&message)
	return v.remember(raw, data, key, since), nil
}

// remember returns the Token, whose claims are part of the raw token, and keeps it for further uses of that.
// Both then share one copy of it, which is not the request that it came in.
func (v *Verifier) remember(raw string, data postern.TokenData, key *keyset.Key, since uint64) *postern.Token {
	if v.cache == nil {
		data.Claims = jws.Payload(raw)
		return postern.NewToken(data)
	}
	raw = strings.Clone(raw)
	data.Claims = jws.Payload(raw)
	token := postern.NewToken(data)
	v.cache.Put(raw, v.verified(token, key), token.Size(), since)
	return token
}

// checkKind decides whether this is a token for this verifier at all, before its other claims are read.
func (v *Verifier) checkKind(header *jws.Header, set *claims.Object) error {
	iss, found := set.Lookup("iss")
	issuer, ok := iss.Text()
	switch {
	case iss.Kind() == claims.Null:
		return reason.New(postern.ErrMalformed, "jwt: iss is absent (null), expected %q", v.issuer)
	case !found:
		return notMine(postern.ErrIssuer, "jwt: iss is absent, expected %q", v.issuer)
	case !ok:
		return reason.New(postern.ErrMalformed, "jwt: claim iss is not a string")
	case issuer != v.issuer:
		return notMine(postern.ErrIssuer, "jwt: iss is %.64q, expected %q", issuer, v.issuer)
	case !slices.Contains(v.algorithms, header.Algorithm):
		return reason.Both(postern.ErrAlgorithm, postern.ErrSignature, "jwt: alg is %.64q, expected one of %s", string(header.Algorithm), v.algorithms)
	}
	return v.checkType(header.Type, set)
}

// check decides everything else that needs no key.
func (v *Verifier) check(data *postern.TokenData, set *claims.Object) error {
	switch {
	case len(v.audiences) > 0 && len(data.Audience) == 0:
		// Without aud two things are wrong, because RFC 9068 §2.2 requires one.
		return reason.Both(postern.ErrAudience, postern.ErrMalformed, "jwt: aud is absent or empty, expected one of %s", list(v.audiences))
	case len(v.audiences) > 0 && !slices.ContainsFunc(data.Audience, v.isAudience):
		return reason.New(postern.ErrAudience, "jwt: aud is %s, expected one of %s", list(slices.Clone(data.Audience)), list(v.audiences))
	case data.Expiry.IsZero():
		return reason.New(postern.ErrMalformed, "jwt: exp is absent; a token without end is not accepted")
	case data.IssuedAt.IsZero() && unreadable(set, "iat"):
		return reason.New(postern.ErrMalformed, "jwt: claim iat is not a number of seconds from 1970 to 9999")
	}
	return v.checkTimes(v.wall(v.clock.Now()), data.Expiry, data.NotBefore, data.IssuedAt)
}

// unreadable reports whether there is a claim that package facts has left empty. A token from the future is
// refused, so whether it is one must be readable.
func unreadable(set *claims.Object, name string) bool {
	value, found := set.Lookup(name)
	return found && value.Kind() != claims.Null
}

// wall returns the time that tokens are held to: Config.Now's, or the present one as given.
func (v *Verifier) wall(present time.Time) time.Time {
	if v.now != nil {
		return v.now()
	}
	return present
}

func (v *Verifier) isAudience(audience string) bool { return slices.Contains(v.audiences, audience) }

func (v *Verifier) checkTimes(now, exp, nbf, iat time.Time) error {
	switch {
	case !now.Before(exp.Add(v.leeway)):
		return reason.New(postern.ErrExpired, "jwt: exp was %s", moment{exp, now})
	case now.Before(nbf.Add(-v.leeway)):
		return reason.New(postern.ErrNotYetValid, "jwt: nbf is %s", moment{nbf, now})
	case now.Before(iat.Add(-v.leeway)):
		return reason.New(postern.ErrNotYetValid, "jwt: iat is %s: compare the clocks", moment{iat, now})
	}
	return nil
}

// moment is a time beside the present one, put into words when it is read.
type moment struct{ at, now time.Time }

func (m moment) String() string {
	text, ago := m.at.UTC().Format(time.RFC3339), m.now.Sub(m.at).Round(time.Second)
	if ago < 0 {
		return text + ", in " + (-ago).String()
	}
	return text + ", " + ago.String() + " ago"
}

// verifySignature is the last step, the one that costs. It returns the key that matched.
func (v *Verifier) verifySignature(ctx context.Context, message *jws.Message) (*keyset.Key, error) {
	id, alg := message.Header.KeyID, message.Header.Algorithm
	keys, err := v.keys.Lookup(ctx, id, alg)
	switch {
	case errors.Is(err, keyset.ErrUnknown):
		return nil, reason.Both(postern.ErrUnknownKey, postern.ErrSignature, "jwt: kid %.64q: %w", id, err)
	case errors.Is(err, jws.ErrSignature):
		return nil, reason.Both(postern.ErrAlgorithm, postern.ErrSignature, "jwt: %w", err)
	case err != nil:
		return nil, unavailable(err)
	}
	key, err := v.try(ctx, message, keys)
	if err == nil || !errors.Is(err, postern.ErrSignature) {
		return key, err
	}
	// The issuer may have replaced a key that we know by another.
	if keys = v.keys.Changed(ctx, id, alg, keys); len(keys) == 0 {
		return nil, err
	}
	return v.try(ctx, message, keys)
}

// try returns the key that made the signature.
func (v *Verifier) try(ctx context.Context, message *jws.Message, keys []*keyset.Key) (*keyset.Key, error) {
	// As many at a time as there are processors: more would only make each other, and the tokens that are
	// remembered, wait behind a flood of forged ones.
	select {
	case v.checks <- struct{}{}: // mostly, and at a fraction of the cost of waiting for two things
	default:
		select {
		case v.checks <- struct{}{}:
		case <-ctx.Done():
			return nil, fmt.Errorf("jwt: waiting for a signature check: %w", ctx.Err())
		}
	}
	defer func() { <-v.checks }()
	var err error
	for _, key := range keys {
		if err = message.Verify(key.Key); err == nil {
			return key, nil
		}
	}
	return nil, reason.New(postern.ErrSignature, "jwt: %w", err)
}

// errOpaque is the refusal of what is not a JWS at all: behind FirstOf every opaque token gets it first.
var errOpaque = notMine(postern.ErrMalformed, "jwt: %w", jws.ErrParts)

// notMine is a refusal of a token that another verifier may serve.
func notMine(is error, format string, args ...any) error {
	return reason.Both(postern.ErrNotMine, is, format, args...)
}

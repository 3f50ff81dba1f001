package postern

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/postern-auth/postern/internal/claims"
	"github.com/postern-auth/postern/internal/jws"
)

// Verifiers is several Verifiers that act as one: FirstOf, ByIssuer, ByIssuers and ByIssuerFunc make it. What
// their Verifiers can do beyond verifying, Verifiers passes on to those that can. It is safe for concurrent
// use.
type Verifiers struct {
	verify  func(ctx context.Context, raw string) (*Token, error)
	members func() []member
}

// member is one of the Verifiers, by the issuer whose tokens it gets; that is empty in FirstOf.
type member struct {
	issuer string
	Verifier
	memory rememberer // nil: it has none, or one that is not of this issuer alone
	idle   bool       // serves nobody at present, so its health does not matter
}

// Verify verifies the token by one of the Verifiers.
func (v *Verifiers) Verify(ctx context.Context, raw string) (*Token, error) {
	return v.verify(ctx, raw)
}

// Warm makes ready what the Verifiers need before their first token, such as the issuers' keys: all at the
// same time, so that one issuer that does not answer does not hold up another. The error joins those of
// the Verifiers that failed; the others are ready all the same.
func (v *Verifiers) Warm(ctx context.Context) error {
	members := v.members()
	failed := make([]error, len(members))
	var wait sync.WaitGroup
	for i, m := range members {
		if w, ok := m.Verifier.(interface{ Warm(context.Context) error }); ok && !m.idle {
			wait.Go(func() { failed[i] = m.about(w.Warm(ctx)) })
		}
	}
	wait.Wait()
	return errors.Join(failed...)
}

// Ready returns nil while every one of the Verifiers can decide, for health endpoints. Otherwise the error
// joins what is wrong with each of those that cannot: only their issuers' tokens are answered 503. An error
// that does not wrap ErrUnavailable comes from those that can still decide, with keys that could not be
// renewed. It makes no call.
func (v *Verifiers) Ready() error {
	var failed []error
	for _, m := range v.members() {
		if m.idle {
			continue
		}
		switch r := m.Verifier.(type) {
		case interface{ Ready() error }:
			failed = append(failed, m.about(r.Ready()))
		case interface {
			Ready() (keyAge time.Duration, err error)
		}:
			_, err := r.Ready()
			failed = append(failed, m.about(err))
		}
	}
	return errors.Join(failed...)
}

// Revoke calls Revoke on each of the Verifiers that remembers tokens.
func (v *Verifiers) Revoke(gone func(*Token) bool) {
	for _, m := range v.members() {
		if r, ok := m.Verifier.(interface{ Revoke(func(*Token) bool) }); ok {
			r.Revoke(gone)
		}
	}
}

// Issuer returns the one issuer whose tokens all the Verifiers verify, as in FirstOf(jwtVerifier,
// introspectionVerifier), or "" when there are several or it is not known.
func (v *Verifiers) Issuer() string {
	issuer := ""
	for i, m := range v.members() {
		of := issuerOf(m.Verifier)
		if of == "" || i > 0 && of != issuer {
			return ""
		}
		issuer = of
	}
	return issuer
}

func issuerOf(verifier Verifier) string {
	if v, ok := verifier.(IssuerVerifier); ok {
		return v.Issuer()
	}
	return ""
}

// about says of whom an error is.
func (m member) about(err error) error {
	if err == nil || m.issuer == "" {
		return err
	}
	return fmt.Errorf("postern: issuer %q: %w", m.issuer, err)
}

// FirstOf returns a Verifier that asks each of the verifiers in turn until one claims the token, which
// is any answer but ErrNotMine. A token that nobody claims is refused. It panics when given none.
//
//	postern.FirstOf(jwtVerifier, introspectionVerifier) // JWTs of our issuer here, opaque tokens there
func FirstOf(verifiers ...Verifier) *Verifiers {
	if len(verifiers) == 0 {
		panic("postern: FirstOf needs verifiers")
	}
	members := make([]member, len(verifiers))
	for i, verifier := range verifiers {
		if verifier == nil {
			panic("postern: FirstOf got a nil Verifier")
		}
		members[i].Verifier = verifier
	}
	chain := firstOf(slices.Clone(verifiers))
	return &Verifiers{chain.verify, func() []member { return members }}
}

type firstOf []Verifier

func (f firstOf) verify(ctx context.Context, raw string) (*Token, error) {
	var few [4]error
	declined := few[:0]
	for _, verifier := range f {
		token, err := verifier.Verify(ctx, raw)
		if !errors.Is(err, ErrNotMine) {
			return token, err
		}
		// The first to decline names the shape it wanted; the last is the one that a reader of the log
		// would take for the decider. Both are kept.
		declined = append(declined, err)
	}
	return nil, errors.Join(declined...)
}

// IssuerVerifier is a Verifier that knows whose tokens it verifies, as those of packages jwt and
// introspection do.
type IssuerVerifier interface {
	Verifier
	// Issuer returns the issuer, byte for byte as it stands in iss. It is empty when there are several, or
	// when the Verifier does not know.
	Issuer() string
}

// ByIssuers returns a Verifier that hands a JWT to the verifier of the issuer that it names, before any of
// it is trusted: the chosen Verifier checks everything, the issuer included. Anything but a JWT of one of
// their issuers is ErrNotMine. What goes wrong with one issuer, even an outage, concerns its tokens alone.
// It panics when given none, one that does not know its issuer, or two of one issuer.
//
//	postern.ByIssuers(staff, customers)                           // two verifiers of package jwt
//	postern.FirstOf(postern.ByIssuers(staff, customers), opaque)  // and opaque tokens of one server
func ByIssuers(verifiers ...IssuerVerifier) *Verifiers {
	known := make(map[string]Verifier)
	for i, verifier := range verifiers {
		if verifier == nil {
			panic("postern: ByIssuers got a nil Verifier")
		}
		issuer := verifier.Issuer()
		if issuer == "" {
			panic(fmt.Sprintf("postern: verifier %d of ByIssuers has no issuer, or several: name it with ByIssuer", i+1))
		}
		if known[issuer] != nil {
			panic(fmt.Sprintf("postern: ByIssuers got two verifiers of issuer %q", issuer))
		}
		known[issuer] = verifier
	}
	return ByIssuer(known)
}

// ByIssuer is ByIssuers for Verifiers that do not know their issuer, or that verify tokens of several. The
// keys are issuers, byte for byte. It panics when given none, and when a Verifier knows its issuer and that
// is not its key.
func ByIssuer(verifiers map[string]Verifier) *Verifiers {
	if len(verifiers) == 0 {
		panic("postern: ByIssuer needs verifiers")
	}
	var members []member
	for _, issuer := range slices.Sorted(maps.Keys(verifiers)) {
		verifier := verifiers[issuer]
		if issuer == "" || verifier == nil {
			panic("postern: ByIssuer got an empty issuer or a nil Verifier")
		}
		if own := issuerOf(verifier); own != "" && own != issuer {
			panic(fmt.Sprintf("postern: ByIssuer got %q for the verifier of issuer %q", issuer, own))
		}
		members = append(members, member{issuer: issuer, Verifier: verifier, memory: memoryOf(verifier, issuer)})
	}
	table := &byIssuer{members: make(map[string]*member, len(members))}
	for i := range members {
		table.members[members[i].issuer] = &members[i]
	}
	return &Verifiers{table.verify, func() []member { return members }}
}

type byIssuer struct {
	members map[string]*member
	hints   hints[member]
}

func (b *byIssuer) verify(ctx context.Context, raw string) (*Token, error) {
	if hint := b.hints.of(raw); hint != nil {
		if token, known, err := hint.memory.Remembered(ctx, raw); known {
			return token, err
		}
	}
	issuer, err := readIssuer(raw)
	if err != nil {
		return nil, err
	}
	m, ok := b.members[issuer]
	if !ok {
		return nil, fmt.Errorf("postern: token is from issuer %.64q, which is not one of the %d configured: %w: %w", issuer, len(b.members), ErrNotMine, ErrIssuer)
	}
	token, err := m.Verify(ctx, raw)
	if err == nil && m.memory != nil {
		b.hints.set(raw, m)
	}
	return token, err
}

// readIssuer returns the issuer that a JWT names, which nothing has verified.
func readIssuer(raw string) (string, error) {
	message, err := jws.Parse(raw)
	if err != nil {
		return "", fmt.Errorf("postern: not a JWT: %w: %w: %w", err, ErrNotMine, ErrMalformed)
	}
	var set claims.Object
	if err := set.Parse(message.Payload); err != nil {
		return "", fmt.Errorf("postern: not a JWT: %w: %w: %w", err, ErrNotMine, ErrMalformed)
	}
	value, _ := set.Lookup("iss")
	issuer, _ := value.Text()
	return issuer, nil
}

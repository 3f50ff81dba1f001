package postern

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Resolver is how ByIssuerFunc finds the Verifiers of issuers that are not known when the program starts.
type Resolver struct {
	// Allow reports whether tokens of an issuer are taken at all. It is asked about every token, before
	// anything is fetched or remembered. What it gets is a stranger's text: whatever it lets pass is called
	// by your network, so a stranger must not be able to name an address there. Compare the whole of it with
	// what you know; a prefix such as "https://login.example.com" also fits
	// "https://login.example.com.attacker.example". It must be fast, and safe for concurrent use. Required.
	Allow func(issuer string) bool
	// Verifier returns the Verifier for the tokens of an issuer that is allowed: a jwt.Verifier whose Issuer
	// is the one given, say. It is called with the first token of the issuer, once for all that come
	// meanwhile, and has 5 seconds. An error that wraps ErrIssuer says that the issuer is not served after
	// all; any other is an outage. Either is remembered for 5 seconds. Required.
	Verifier func(ctx context.Context, issuer string) (Verifier, error)
	// Max is how many issuers are kept that have had a good token. The one that has gone longest without a
	// token makes room. Each of their Verifiers has its own memory, so give it a bound that this number of
	// them can have (CacheBytes). Zero: 1000.
	Max int
}

const (
	defaultIssuers = 1000
	// maxUnproven is how many issuers are kept that have had no good token yet. Each keeps its place for
	// unprovenAge at least, which bounds how often strangers can have something fetched for a new issuer.
	maxUnproven = 64
	unprovenAge = 5 * time.Second
	// resolveTimeout bounds a call of Resolver.Verifier.
	resolveTimeout = 5 * time.Second
	// maxIssuer is the length, in bytes, of an issuer that can be allowed.
	maxIssuer = 2048
	// recent is how long ago the last good token of an issuer may be for Warm and Ready to speak of it.
	recent = time.Hour
)

// ByIssuerFunc is ByIssuers for issuers that are not known when the program starts: the tenants of a
// multi-tenant identity provider, or an issuer for each customer.
//
//	verifier := postern.ByIssuerFunc(postern.Resolver{
//		Allow: customers.HasIssuer, // looked up in memory
//		Verifier: func(_ context.Context, issuer string) (postern.Verifier, error) {
//			return jwt.NewVerifier(jwt.Config{Issuer: issuer, Audience: audience, CacheBytes: 1 << 20})
//		},
//	})
//
// A token of an issuer that is not allowed is ErrNotMine and costs no call. Issuers that are allowed and have
// never had a good token, such as those that strangers make up where Allow is a pattern, have 64 places of
// their own: they never make an issuer in use lose its Verifier, and while all places are taken, further new
// issuers are answered 503 for a few seconds. Where Allow knows each issuer there are no such strangers.
//
// Warm and Ready speak of the issuers that have had a good token in the last hour and are still allowed. It
// panics when a field is missing.
func ByIssuerFunc(resolver Resolver) *Verifiers {
	if resolver.Allow == nil || resolver.Verifier == nil {
		panic("postern: ByIssuerFunc needs Allow and Verifier")
	}
	if resolver.Max < 0 {
		panic("postern: ByIssuerFunc got a negative Max")
	}
	if resolver.Max == 0 {
		resolver.Max = defaultIssuers
	}
	t := &tenants{Resolver: resolver, start: time.Now(), proven: make(map[string]*tenant), unproven: make(map[string]*tenant)}
	return &Verifiers{verify: t.verify, members: t.members}
}

// tenants are the issuers that a Resolver has resolved.
type tenants struct {
	Resolver
	start time.Time

	hints hints[string] // issuers

	mu       sync.RWMutex
	proven   map[string]*tenant // have had a good token
	unproven map[string]*tenant
}

// tenant is one issuer. Its verifier or err, and when that was known, are set when done is closed.
type tenant struct {
	issuer   string
	hint     *string // the issuer, apart: a hint must not keep a tenant alive that was forgotten
	done     chan struct{}
	verifier Verifier
	memory   rememberer
	err      error
	known    time.Time
	used     atomic.Int64 // when it last had a good token, since start; zero: never
}

func (t *tenants) verify(ctx context.Context, raw string) (*Token, error) {
	if one := t.hinted(raw); one != nil && one.memory != nil {
		if token, known, err := one.memory.Remembered(ctx, raw); known {
			if err == nil {
				t.prove(one)
			}
			return token, err
		}
	}
	issuer, err := readIssuer(raw)
	if err != nil {
		return nil, err
	}
	if issuer == "" || len(issuer) > maxIssuer || !t.Allow(issuer) {
		return nil, fmt.Errorf("postern: token is from issuer %.64q, which is not allowed: %w: %w", issuer, ErrNotMine, ErrIssuer)
	}
	one, err := t.find(ctx, issuer)
	if err != nil {
		return nil, err
	}
	select {
	case <-one.done:
	case <-ctx.Done():
		return nil, Unavailable(fmt.Errorf("postern: issuer %.64q: %w", issuer, ctx.Err()), time.Second)
	}
	if one.err != nil {
		return nil, one.err
	}
	token, err := one.verifier.Verify(ctx, raw)
	if err == nil && token != nil {
		t.prove(one)
		if one.memory != nil {
			t.hints.set(raw, one.hint)
		}
	}
	return token, err
}

// hinted returns the tenant that may have verified the token before, or nil. It is one that is kept and
// allowed still.
func (t *tenants) hinted(raw string) *tenant {
	issuer := t.hints.of(raw)
	if issuer == nil || !t.Allow(*issuer) {
		return nil
	}
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.proven[*issuer]
}

// find returns the issuer's tenant. A new one is resolved meanwhile.
func (t *tenants) find(ctx context.Context, issuer string) (*tenant, error) {
	t.mu.RLock()
	one := t.proven[issuer]
	t.mu.RUnlock()
	if one != nil {
		return one, nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if one := t.proven[issuer]; one != nil {
		return one, nil
	}
	if one := t.unproven[issuer]; one != nil && !(one.aged() && one.err != nil) {
		return one, nil
	}
	delete(t.unproven, issuer) // has failed, long enough ago to be tried again
	if len(t.unproven) >= maxUnproven && !t.makeRoom() {
		return nil, Unavailable(errors.New("postern: too many new issuers at one time"), unprovenAge)
	}
	name := strings.Clone(issuer) // it is part of the raw token, which must not live on in it
	one = &tenant{issuer: name, hint: &name, done: make(chan struct{})}
	t.unproven[name] = one
	go t.resolve(context.WithoutCancel(ctx), one)
	return one, nil
}

// aged reports whether it was resolved, or could not be, long enough ago to be forgotten.
func (one *tenant) aged() bool {
	select {
	case <-one.done:
		return time.Since(one.known) >= unprovenAge
	default:
		return false
	}
}

// makeRoom forgets the oldest of the unproven that has had its time.
func (t *tenants) makeRoom() bool {
	var oldest *tenant
	for _, one := range t.unproven {
		if one.aged() && (oldest == nil || one.known.Before(oldest.known)) {
			oldest = one
		}
	}
	if oldest == nil {
		return false
	}
	delete(t.unproven, oldest.issuer)
	return true
}

// resolve asks the Resolver, on behalf of all who wait: none of them can call it off.
func (t *tenants) resolve(ctx context.Context, one *tenant) {
	defer func() {
		// A stranger's token must not end the program by way of a Resolver that panics.
		if reason := recover(); one.verifier == nil && one.err == nil {
			one.err = Unavailable(fmt.Errorf("postern: issuer %.64q: Resolver.Verifier panics: %v", one.issuer, reason), unprovenAge)
		}
		one.known = time.Now()
		close(one.done)
	}()
	ctx, cancel := context.WithTimeout(ctx, resolveTimeout)
	defer cancel()
	verifier, err := t.Verifier(ctx, one.issuer)
	if err == nil && verifier == nil {
		err = errors.New("Resolver.Verifier returned neither a Verifier nor an error")
	}
	if err == nil {
		if own := issuerOf(verifier); own != "" && own != one.issuer {
			err = fmt.Errorf("Resolver.Verifier returned the verifier of issuer %q", own)
		}
	}
	switch {
	case errors.Is(err, ErrIssuer):
		one.err = fmt.Errorf("postern: issuer %.64q: %w: %w", one.issuer, err, ErrNotMine)
	case err != nil:
		one.err = Unavailable(fmt.Errorf("postern: issuer %.64q: %w", one.issuer, err), unprovenAge)
	default:
		one.verifier, one.memory = verifier, memoryOf(verifier, one.issuer)
	}
}

// prove notes that the issuer has had a good token just now.
func (t *tenants) prove(one *tenant) {
	first := one.used.Swap(int64(time.Since(t.start))+1) == 0
	if !first {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.proven[one.issuer] != nil {
		return // another took its place while this one was forgotten
	}
	if len(t.proven) >= t.Max {
		t.forgetLeastRecent()
	}
	delete(t.unproven, one.issuer)
	t.proven[one.issuer] = one
}

func (t *tenants) forgetLeastRecent() {
	var last *tenant
	for _, one := range t.proven {
		if last == nil || one.used.Load() < last.used.Load() {
			last = one
		}
	}
	delete(t.proven, last.issuer)
}

// members returns the issuers that have had a good token. Where the last is long ago, or the issuer is not
// allowed any more, it is idle: keys that nobody has needed for a day are no cause for alarm. The unproven
// are left out, so that what strangers try does not show in Ready.
func (t *tenants) members() []member {
	t.mu.RLock()
	proven := slices.Collect(maps.Values(t.proven))
	t.mu.RUnlock()
	now := time.Since(t.start)
	var members []member
	for _, one := range proven {
		idle := now-time.Duration(one.used.Load()) > recent || !t.Allow(one.issuer)
		members = append(members, member{issuer: one.issuer, Verifier: one.verifier, idle: idle})
	}
	slices.SortFunc(members, func(a, b member) int { return strings.Compare(a.issuer, b.issuer) })
	return members
}

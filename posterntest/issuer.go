// Package posterntest is an issuer of access tokens for the tests of APIs that Postern guards. It lives in
// memory, needs no network, and does what a real issuer would do only on a bad day: its clock moves when
// told to, any claim of a token is changed in one line, keys rotate, and every endpoint can fail.
//
//	func TestReadersNeedTheScope(t *testing.T) {
//		issuer := posterntest.NewIssuer(t)
//		guard := &postern.Guard{Verifier: issuer.Verifier(issuer.Audience)}
//		handler := guard.Require(postern.Scope("read:messages"))(messages)
//
//		request := httptest.NewRequest("GET", "/api/messages", nil)
//		request.Header.Set("Authorization", "Bearer "+issuer.Token(posterntest.Claims{"scope": "read:messages"}))
//		answer := httptest.NewRecorder()
//		handler.ServeHTTP(answer, request)
//		if answer.Code != http.StatusOK {
//			t.Errorf("status %d, want 200", answer.Code)
//		}
//	}
//
// An API that makes its own verifier takes the issuer's URL, its Client and its clock:
//
//	api, err := hello.New(hello.Config{
//		Issuer:     issuer.URL,
//		Audience:   issuer.Audience,
//		HTTPClient: issuer.Client(),
//		Now:        issuer.Clock.Now,
//	})
//
// What can be tested in a line each:
//
//	issuer.Token(posterntest.Claims{"exp": nil})             // a token without exp
//	issuer.Token(nil, posterntest.Type("logout+jwt"))        // of another type
//	issuer.Clock.Advance(time.Hour)                          // every token has expired
//	issuer.Rotate()                                          // a new key signs
//	issuer.Outage(posterntest.Status(500))                   // the issuer is down
//	issuer.Outage(posterntest.Hang(), posterntest.KeySet)    // its keys do not come
//	issuer.Revoke(raw)                                       // introspection says so at once
//	issuer.DPoPClient().Present(request, raw, "")            // a proof by a key that raw is not bound to
//
// Verifiers hold an issuer's keys for up to a minute of real time, on the monotonic clock; a test that waits
// for that runs in a bubble of testing/synctest. TestVerifier checks Verifiers that users write themselves.
package posterntest

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/postern-auth/postern/clientauth"
	"github.com/postern-auth/postern/introspection"
	"github.com/postern-auth/postern/jwt"
)

// Issuer is an authorization server for tests: it has metadata, a key set and an introspection endpoint,
// and makes tokens. It is safe for concurrent use; its fields must not change once it is used.
type Issuer struct {
	// URL is the issuer's name, the iss of its tokens.
	URL string
	// Audience is the aud of tokens whose claims say nothing else.
	Audience string
	// Clock is the issuer's time, and that of the verifiers that it makes.
	Clock *Clock

	t testing.TB

	mu        sync.Mutex
	made      int  // keys
	signs     *Key // the key that signs
	published []*Key
	opaque    int // opaque tokens made
	answers   map[string]answer
	outages   map[Endpoint]http.Handler
	calls     map[Endpoint]int
	strays    int
}

// NewIssuer returns an Issuer with one ES256 key. Anything that goes wrong in it fails the test.
func NewIssuer(t testing.TB) *Issuer {
	t.Helper()
	i := &Issuer{
		URL:      "https://issuer.test",
		Audience: "https://api.test",
		Clock:    NewClock(time.Now()),
		t:        t,
		answers:  make(map[string]answer),
		outages:  make(map[Endpoint]http.Handler),
		calls:    make(map[Endpoint]int),
	}
	i.Rotate()
	return i
}

// Serve makes the issuer listen on a loopback port, for programs that cannot be given its Client, until
// the test ends. It sets URL and must be called before anything else.
func (i *Issuer) Serve() {
	server := httptest.NewServer(i)
	i.t.Cleanup(server.Close)
	i.URL = server.URL
}

// JWTConfig returns the Config of a verifier for the issuer's JWTs, to change before use.
func (i *Issuer) JWTConfig(audience string) jwt.Config {
	return jwt.Config{Issuer: i.URL, Audience: audience, HTTPClient: i.Client(), Now: i.Clock.Now}
}

// Verifier returns a verifier for the issuer's JWTs.
func (i *Issuer) Verifier(audience string) *jwt.Verifier {
	i.t.Helper()
	verifier, err := jwt.NewVerifier(i.JWTConfig(audience))
	if err != nil {
		i.t.Fatalf("posterntest: %v", err)
	}
	return verifier
}

// IntrospectionConfig returns the Config of a verifier that introspects at the issuer, to change before
// use.
func (i *Issuer) IntrospectionConfig(audience string) introspection.Config {
	return introspection.Config{
		Issuer:     i.URL,
		Audience:   audience,
		Auth:       clientauth.SecretBasic("api", "posterntest-client-secret"),
		HTTPClient: i.Client(),
		Now:        i.Clock.Now,
	}
}

// Introspector returns a verifier that introspects at the issuer. Its answers serve for five seconds of
// real time.
func (i *Issuer) Introspector(audience string) *introspection.Verifier {
	i.t.Helper()
	verifier, err := introspection.NewVerifier(i.IntrospectionConfig(audience))
	if err != nil {
		i.t.Fatalf("posterntest: %v", err)
	}
	return verifier
}

// Clock is a clock that stands still until it is moved. It is safe for concurrent use.
type Clock struct {
	mu  sync.Mutex
	now time.Time
}

// NewClock returns a Clock that stands at the beginning of the second of now.
func NewClock(now time.Time) *Clock {
	return &Clock{now: time.Unix(now.Unix(), 0)}
}

// Now returns the time that the clock shows.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Advance moves the clock, back when d is negative.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// Rotate makes and publishes a new key of the kind of the last, signs with it from now on, and returns it.
// Earlier keys stay published until Withdraw.
func (i *Issuer) Rotate() *Key {
	i.t.Helper()
	alg := jwt.ES256
	if key := i.Key(); key != nil {
		alg = key.alg
	}
	return i.RotateTo(alg)
}

// RotateTo is Rotate with a key for the algorithm.
func (i *Issuer) RotateTo(alg string) *Key {
	i.t.Helper()
	i.mu.Lock()
	i.made++
	id := "key-" + strconv.Itoa(i.made)
	i.mu.Unlock()
	key := NewKey(i.t, alg, id)
	i.Publish(key)
	i.mu.Lock()
	defer i.mu.Unlock()
	i.signs = key
	return key
}

// Key returns the key that signs the issuer's tokens.
func (i *Issuer) Key() *Key {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.signs
}

// Publish adds a key to the key set.
func (i *Issuer) Publish(key *Key) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.published = append(i.published, key)
}

// Withdraw takes the keys with the id out of the key set. It goes on signing with one if it did.
func (i *Issuer) Withdraw(id string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.published = slices.DeleteFunc(i.published, func(key *Key) bool { return key.id == id })
}

// Claims are the members of a token or an introspection answer, on top of the usual ones. A nil value
// takes a member away.
type Claims map[string]any

// claims returns the usual claims changed by those given.
func (i *Issuer) claims(changes Claims) Claims {
	now := i.Clock.Now()
	set := Claims{
		"iss":       i.URL,
		"sub":       "user-1",
		"aud":       i.Audience,
		"client_id": "client-1",
		"iat":       now.Unix(),
		"exp":       now.Add(10 * time.Minute).Unix(),
	}
	maps.Copy(set, changes)
	maps.DeleteFunc(set, func(_ string, value any) bool { return value == nil })
	return set
}

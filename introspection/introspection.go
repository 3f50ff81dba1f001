// Package introspection verifies access tokens by asking the authorization server about them (RFC 7662).
// It is for opaque tokens, and for JWTs whose revocation must count before they expire.
//
//	verifier, err := introspection.NewVerifier(introspection.Config{
//		Issuer:   "https://login.example.com",
//		Audience: "https://hello-world.example.com",
//		Auth:     clientauth.SecretBasic(id, secret),
//	})
//	if err != nil {
//		log.Fatal(err)
//	}
//	guard := &postern.Guard{Verifier: verifier}
//
// Answers are kept for MaxAge, five seconds unless set otherwise, and never beyond the token's exp: so a busy
// token costs a call every few seconds, and a revoked one passes for that long at most. It is renewed while the
// last answer still serves, so that nobody waits for it. From exp on, by this API's clock and for the Leeway,
// every use asks the server, whose clock decides.
//
// Concurrent uses of one token share a call. Of calls about different tokens, 63 are under way at a time,
// and up to 256 at a server that answers them as fast; others wait for their turn until ctx ends, for five
// seconds at most. Tokens that were good when last asked about have as many places again to themselves:
// however many strangers send random text, tokens in use are renewed.
//
// A server that fails ten times in a row is asked about a token that it has lately called good, and about a
// random text. If it fails those as well it is left alone for a second, or for as long as its Retry-After
// says; meanwhile tokens that are not remembered are answered 503, for nobody can say that they are bad. If
// it answers, the failures were the tokens' own: each is answered 503 and rests for half a second. Before
// the first good token the random text alone decides: a server that fails for unknown tokens, which RFC 7662
// §2.2 wants called inactive, is then left alone too, and the next use after the pause looks again.
//
// What a Verifier checks of an answer: that active is true; iss, when there; aud; exp, which must be there;
// nbf; token_type and token_use, when there; with SignedAnswers the signature, and that the answer was made just now for
// this API. What it does not check: scopes, roles and permissions (Requirements do), and that the token
// comes from whom it is bound to (a Guard's Bindings do); nor that there is a sub, so a Requirement that keys
// on Token.Subject must refuse an empty one. A member that none of this reads cannot refuse an answer: one of
// the wrong type is empty, and JSON null is absent.
package introspection

import (
	"cmp"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/postern-auth/postern"
	"github.com/postern-auth/postern/clientauth"
	"github.com/postern-auth/postern/internal/claims"
	"github.com/postern-auth/postern/internal/clock"
	"github.com/postern-auth/postern/internal/facts"
	"github.com/postern-auth/postern/internal/fetch"
	"github.com/postern-auth/postern/internal/jws"
	"github.com/postern-auth/postern/internal/metadata"
	"github.com/postern-auth/postern/internal/opaque"
	"github.com/postern-auth/postern/internal/tokencache"
)

const (
	// DefaultMaxAge is the MaxAge of a Config that sets none.
	DefaultMaxAge = 5 * time.Second
	// DefaultCacheBytes is the CacheBytes of a Config that sets none.
	DefaultCacheBytes = 32 << 20
	// negativeBytes and negativeAge bound what is remembered of tokens that are not active.
	negativeBytes = 1 << 20
	negativeAge   = 5 * time.Second
	// DefaultLeeway is the Leeway of a Config that sets none.
	DefaultLeeway = 10 * time.Second
)

// Config configures a Verifier for the tokens of one authorization server.
type Config struct {
	// Issuer is the server's issuer, byte for byte. Its metadata says where to introspect, unless Endpoint
	// is set. An answer's iss must equal it. Required, unless Endpoint is set.
	Issuer string
	// Issuers are further values that an answer's iss may have, for a server with several names.
	Issuers []string
	// Endpoint is the URL to introspect at. Empty: where the metadata says.
	Endpoint string
	// Auth is how this API proves itself to the server. Required.
	Auth clientauth.Method
	// Audience is what an answer's aud must hold, byte for byte. Required, here or in Audiences, unless
	// AudienceCheckedByServer is set.
	Audience string
	// Audiences are further values of which aud may hold one instead.
	Audiences []string
	// AudienceCheckedByServer accepts an answer without aud: for servers that call a token inactive when it
	// is not meant for the API that asks, as ZITADEL does. An aud that is there is still checked, when an
	// audience is configured.
	AudienceCheckedByServer bool
	// SignedAnswers asks for answers that the server has signed, and accepts no others (RFC 9701): then
	// nothing in between, such as a proxy that terminates TLS, can change them, and what was answered can be
	// proved. The keys are those of the issuer's metadata, so Issuer is required. An answer that does not
	// verify is an outage. A signed answer is at most 16 KB long.
	SignedAnswers bool
	// ClaimNames says where rights are found. The zero value: scope, roles and permissions; aud and
	// client_id.
	ClaimNames postern.ClaimNames
	// Accept says which raw tokens to ask about. Nil: all but JWTs that name an issuer other than those
	// configured, for they would only tell the server of strangers' tokens. PosternTokens is for opaque
	// tokens of Postern's own server. A text that is not a token by its syntax (RFC 6750 §2.1) is never sent.
	Accept func(raw string) bool
	// Leeway is how far the clocks of server and API may differ: it is added to exp and taken from nbf, of
	// tokens that the server calls active, and allowed for in the iat of a signed answer. Zero: DefaultLeeway.
	// Negative: none.
	Leeway time.Duration
	// MaxTokenBytes is the length beyond which a token is refused and the server is not asked. Zero: 16 KB.
	MaxTokenBytes int
	// MaxAge is how long an answer serves, and so how long a revoked token may still pass. Zero:
	// DefaultMaxAge. Negative: every use asks.
	MaxAge time.Duration
	// CacheBytes bounds the memory for answers. Zero: DefaultCacheBytes.
	CacheBytes int64
	// HTTPClient makes the calls; its redirects are not followed. Without a Transport it has the settings of
	// http.DefaultTransport, and keeps more connections open between calls.
	HTTPClient *http.Client
	// Logger is told, when SignedAnswers is set, when the issuer's keys can no longer be renewed and when they
	// can again, and when other keys of the issuer than before are left out: a line each, which no token can
	// cause. Nil: silence.
	Logger *slog.Logger
	// Now is the clock for exp and nbf. Nil: time.Now.
	Now func() time.Time
	// InsecureNoExpiry accepts answers without exp.
	InsecureNoExpiry bool
	// InsecureNoAudience accepts answers whatever their aud: also tokens meant for other APIs.
	InsecureNoAudience bool
	// InsecureHTTP calls the server over http on hosts other than loopback: tokens and credentials can
	// then be read on the way.
	InsecureHTTP bool
}

// Verifier verifies tokens at one authorization server. It is safe for concurrent use.
type Verifier struct {
	config    Config
	issuers   []string
	audiences []string
	names     facts.Names
	leeway    time.Duration
	now       func() time.Time
	clock     clock.Clock
	client    *fetch.Client
	source    *metadata.Source // nil when Endpoint is set
	signed    *signed          // nil unless SignedAnswers is set

	active   *tokencache.Cache[answer]
	inactive *tokencache.Cache[answer]
	calls    calls
}

// NewVerifier returns a Verifier. It makes no call. The error names the field of the Config that is
// wrong.
func NewVerifier(config Config) (*Verifier, error) {
	if config.Issuer == "" && config.Endpoint == "" {
		return nil, errors.New("introspection: Config.Issuer and Config.Endpoint are both empty")
	}
	if err := checkURLs(config); err != nil {
		return nil, err
	}
	if config.Auth == nil {
		return nil, errors.New("introspection: Config.Auth is nil: set how this API authenticates")
	}
	if config.MaxTokenBytes < 0 {
		return nil, fmt.Errorf("introspection: Config.MaxTokenBytes is %d", config.MaxTokenBytes)
	}
	config.MaxTokenBytes = cmp.Or(config.MaxTokenBytes, jws.MaxSize)
	v := &Verifier{config: config, now: config.Now, client: fetch.New(pooled(config.HTTPClient))}
	v.leeway = max(0, cmp.Or(config.Leeway, DefaultLeeway))
	var err error
	v.audiences, err = facts.Audiences{
		One: config.Audience, More: config.Audiences, None: config.InsecureNoAudience, Optional: config.AudienceCheckedByServer,
	}.Accepted()
	if err != nil {
		return nil, fmt.Errorf("introspection: %w", err)
	}
	if v.names, err = facts.Compile(config.ClaimNames); err != nil {
		return nil, fmt.Errorf("introspection: Config.%w", err)
	}
	if config.Issuer != "" {
		v.issuers = append(slices.Clone(config.Issuers), config.Issuer)
	}
	if config.Endpoint == "" {
		v.source = metadata.New(config.Issuer, metadata.IntrospectionEndpoint, v.client, config.InsecureHTTP)
	}
	if v.now == nil {
		v.now = time.Now
	}
	if config.SignedAnswers {
		if config.Issuer == "" {
			return nil, errors.New("introspection: Config.SignedAnswers needs Config.Issuer, whose keys sign them")
		}
		v.signed = newSigned(config, v.leeway, v.now, v.client)
	}
	if v.config.MaxAge == 0 {
		v.config.MaxAge = DefaultMaxAge
	}
	if v.config.Accept == nil {
		v.config.Accept = v.accept
	}
	if v.config.CacheBytes == 0 {
		v.config.CacheBytes = DefaultCacheBytes
	}
	v.active = tokencache.New[answer](v.config.CacheBytes)
	v.inactive = tokencache.New[answer](min(negativeBytes, v.config.CacheBytes))
	v.calls.ask = v.ask
	return v, nil
}

// Issuer returns the issuer whose tokens the Verifier verifies, for postern.ByIssuers. It is empty when the
// Config names none, or several.
func (v *Verifier) Issuer() string {
	if len(v.config.Issuers) > 0 {
		return ""
	}
	return v.config.Issuer
}

// pooled returns the client with a Transport that keeps as many connections as calls may be under way: the
// standard library keeps two for each host, and would open all others again for each call.
func pooled(client *http.Client) *http.Client {
	standard, ok := http.DefaultTransport.(*http.Transport)
	if client != nil && client.Transport != nil || !ok {
		return client
	}
	transport := standard.Clone()
	transport.MaxIdleConns, transport.MaxIdleConnsPerHost = maxPlaces, maxPlaces
	pooled := http.Client{}
	if client != nil {
		pooled = *client
	}
	pooled.Transport = transport
	return &pooled
}

func checkURLs(config Config) error {
	for _, u := range []struct {
		field, url string
		check      func(string) error
	}{{"Issuer", config.Issuer, facts.CheckIssuer}, {"Endpoint", config.Endpoint, facts.CheckEndpoint}} {
		if u.url == "" {
			continue
		}
		err := u.check(u.url)
		if err == nil {
			err = fetch.CheckURL(u.url, config.InsecureHTTP)
		}
		if err != nil {
			return fmt.Errorf("introspection: Config.%s: %w", u.field, err)
		}
	}
	if slices.Contains(config.Issuers, "") {
		return errors.New("introspection: Config.Issuers holds an empty string")
	}
	for i, issuer := range config.Issuers {
		if err := facts.CheckIssuer(issuer); err != nil {
			return fmt.Errorf("introspection: Config.Issuers[%d]: %w", i, err)
		}
	}
	return nil
}

// accept is Config.Accept's default.
func (v *Verifier) accept(raw string) bool {
	if len(v.issuers) == 0 {
		return true
	}
	// The header does not matter: one that package jws refuses makes a stranger's token no less a secret.
	_, rest, _ := strings.Cut(raw, ".")
	body, _, signed := strings.Cut(rest, ".")
	payload, err := base64.RawURLEncoding.DecodeString(body)
	if !signed || err != nil {
		return true // no JWS: opaque
	}
	var set claims.Object
	if err := set.Parse(string(payload)); err != nil {
		return true
	}
	iss, found := set.Lookup("iss")
	text, _ := iss.Text()
	return !found || iss.Kind() == claims.Null || slices.Contains(v.issuers, text)
}

// PosternTokens is a Config.Accept for an API whose tokens are all opaque ones of Postern's own
// authorization server. It tells by the token's form: what that server cannot have made, which is nearly
// all that strangers send, is ErrNotMine and costs no call. JWTs of that server are not accepted: verify
// them with package jwt, and put both together with postern.FirstOf.
func PosternTokens(raw string) bool {
	_, ok := opaque.ID(raw)
	return ok
}

// Revoke forgets what is known of the tokens for which gone returns true, so that their next use asks the
// server. It is called for every token in the cache and must not call the Verifier.
func (v *Verifier) Revoke(gone func(*postern.Token) bool) {
	v.active.DeleteFunc(func(_ string, a answer) bool { return a.token != nil && gone(a.token) })
	v.calls.forget()
}

package introspection

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/postern-auth/postern"
	"github.com/postern-auth/postern/internal/claims"
	"github.com/postern-auth/postern/internal/facts"
	"github.com/postern-auth/postern/internal/fetch"
	"github.com/postern-auth/postern/internal/metadata"
	"github.com/postern-auth/postern/internal/reason"
)

// maxAnswer bounds an introspection answer.
const maxAnswer = 64 << 10

// answer is what the server said of a token, and from when to when that serves.
type answer struct {
	token *postern.Token // nil: not active
	err   error          // why it is not, when token is nil
	// soft is when the answer is worth renewing, hard when it serves no longer (monotonic clock); exp is
	// the token's own end (the clock of Config.Now).
	soft, hard time.Time
	exp        time.Time
	// from and until are the times within which the token's own are good, in microseconds since 1970 by the
	// clock of Config.Now.
	from, until int64
}

// Verify asks the server about the token, or remembers that it has. Errors wrap postern's ErrNotMine,
// ErrMalformed, ErrInactive, ErrExpired, ErrNotYetValid, ErrIssuer, ErrAudience or ErrUnavailable, or are
// ctx's. It waits until ctx ends, for five seconds at most.
func (v *Verifier) Verify(ctx context.Context, raw string) (*postern.Token, error) {
	now := v.clock.Now()
	known, found := v.active.Get(raw)
	if found && now.Before(known.hard) {
		wall := v.wall(now)
		if at := wall.UnixMicro(); at >= known.from && at < known.until {
			if now.After(known.soft) {
				v.renew(ctx, raw, now)
			}
			return known.token, nil
		}
		if err := v.checkTimes(wall, known.exp, known.token.NotBefore()); err != nil {
			return nil, err
		}
	}
	if err := v.lately(raw, now); err != nil {
		return nil, err
	}
	if len(raw) > v.config.MaxTokenBytes {
		return nil, reason.New(postern.ErrMalformed, "introspection: token is longer than %d bytes", v.config.MaxTokenBytes)
	}
	if !v.config.Accept(raw) {
		return nil, reason.New(postern.ErrNotMine, "introspection: token is not one to ask %s about", v.server())
	}
	if i := notToken(raw); i >= 0 {
		return nil, reason.New(postern.ErrMalformed, "introspection: byte %d of the token is not one of the letters, digits and -._~+/ that tokens are made of (RFC 6750 §2.1)", i)
	}
	// That the token was good gives it a place of its own in the queue, and nothing else.
	good := found && known.token != nil && !known.expired(v.now())
	a, err := v.calls.do(ctx, raw, good)
	if err != nil {
		return nil, err
	}
	return a.token, a.err
}

// wall returns the time that tokens are held to: Config.Now's, or the present one as given.
func (v *Verifier) wall(present time.Time) time.Time {
	if v.config.Now != nil {
		return v.config.Now()
	}
	return present
}

// lately returns why the token was not accepted a moment ago; nil when that is not known.
func (v *Verifier) lately(raw string, now time.Time) error {
	if a, ok := v.inactive.Get(raw); ok && now.Before(a.hard) {
		return a.err
	}
	return nil
}

func (a *answer) expired(now time.Time) bool { return !a.exp.IsZero() && !now.Before(a.exp) }

// notToken returns where the text stops being a b64token (RFC 6750 §2.1), the only syntax that comes under
// scheme Bearer; -1: it is one.
func notToken(raw string) int {
	text := strings.TrimRight(raw, "=")
	for i := range len(text) {
		if c := text[i]; !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("-._~+/", c) >= 0) {
			return i
		}
	}
	if text == "" {
		return 0
	}
	return -1
}

// server names the server for errors.
func (v *Verifier) server() string {
	if v.config.Issuer != "" {
		return v.config.Issuer
	}
	return v.config.Endpoint
}

// renew asks again behind the caller's back, unless that is under way already or has just failed.
func (v *Verifier) renew(ctx context.Context, raw string, now time.Time) {
	if v.lately(raw, now) != nil {
		return
	}
	v.calls.start(ctx, raw, true)
}

// ask asks the server and remembers the answer. An error means that there is none.
func (v *Verifier) ask(ctx context.Context, raw string) (answer, error) {
	asked, since := time.Now(), v.active.Epoch()
	body, err := v.call(ctx, raw)
	var a answer
	if err == nil {
		a, err = v.judge(body)
	}
	if err != nil {
		v.undecided(raw, err)
		return answer{}, err
	}
	v.remember(raw, a, asked, since)
	return a, nil
}

// undecided remembers for a moment that there is no answer about the token, so that one which makes the
// server fail does not cost a call for every use.
func (v *Verifier) undecided(raw string, err error) {
	wait := max(undecidedFor, pause(err))
	a := answer{err: postern.Unavailable(err, max(retryAfter, wait)), hard: time.Now().Add(wait)}
	v.inactive.Put(strings.Clone(raw), a, refusalBytes, v.inactive.Epoch())
}

func (v *Verifier) remember(raw string, a answer, asked time.Time, since uint64) {
	raw = strings.Clone(raw) // the cache keeps it, and not the request that it came in
	if a.token == nil {
		if _, found := v.active.Get(raw); found {
			// A renewal has learnt better: what was said before serves no longer.
			v.active.Put(raw, answer{}, 0, v.active.Epoch())
		}
		if v.config.MaxAge > 0 {
			a.hard = asked.Add(min(v.config.MaxAge, negativeAge))
			v.inactive.Put(raw, a, refusalBytes, v.inactive.Epoch())
		}
		return
	}
	// With a MaxAge below zero the answer is over at once. It is kept for the token to count as known.
	a.hard = asked.Add(max(0, v.config.MaxAge))
	a.soft = a.hard.Add(-v.ahead(time.Since(asked)))
	a.exp = a.token.Expiry()
	a.from, a.until = a.token.NotBefore().Add(-v.leeway).UnixMicro(), math.MaxInt64
	if !a.exp.IsZero() {
		a.until = a.exp.UnixMicro()
	}
	v.active.Put(raw, a, a.token.Size(), since)
}

// ahead returns how long before its end an answer is renewed, given how long it took to come: early
// enough for one more try.
func (v *Verifier) ahead(took time.Duration) time.Duration {
	return min(max(2*took, v.config.MaxAge/5), v.config.MaxAge/2)
}

// refusalBytes is the size of the reason for which a token is not accepted.
const refusalBytes = 256

// call sends the request and returns the body of a 200. The server's text goes nowhere else.
func (v *Verifier) call(ctx context.Context, raw string) (string, error) {
	endpoint := v.config.Endpoint
	if endpoint == "" {
		var err error
		endpoint, err = v.source.URL(ctx)
		if errors.Is(err, metadata.ErrAbsent) {
			return "", fmt.Errorf("introspection: %w; set Config.Endpoint", err)
		}
		if err != nil {
			return "", err
		}
	}
	header := make(http.Header)
	if v.signed != nil {
		header.Set("Accept", signedMedia)
	}
	form := url.Values{"token": {raw}, "token_type_hint": {"access_token"}}
	if err := v.config.Auth.Authenticate(header, form, v.assertionAudience(endpoint)); err != nil {
		return "", fmt.Errorf("introspection: %w", err)
	}
	response, err := v.client.Post(ctx, endpoint, header, form, maxAnswer)
	if v.source != nil && (err != nil || response.Status == http.StatusNotFound) {
		v.source.Doubt(endpoint)
	}
	if err != nil {
		return "", err
	}
	switch response.Status {
	case http.StatusOK:
		if v.signed != nil {
			return v.signed.open(ctx, response)
		}
		return response.Body, nil
	case http.StatusUnauthorized:
		return "", fmt.Errorf("introspection: %s answered 401: it does not accept the client authentication of %q", endpoint, v.config.Auth.ClientID())
	case http.StatusBadRequest, http.StatusForbidden, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity:
		return v.declined(endpoint, response)
	}
	err = fmt.Errorf("introspection: %s answered %d, expected 200", endpoint, response.Status)
	if after := fetch.RetryAfter(response.Header, time.Now()); after > 0 {
		err = &laterError{err, after}
	}
	return "", err
}

// errDeclined says that the server works and did not answer this question: the token may be why, or a
// guard in front of the server that did not like it.
var errDeclined = errors.New("the server declined to answer")

// inactiveAnswer is the answer about a token of a kind that the server does not introspect. It says so by
// an error (RFC 7009 §2.2.1), whereas RFC 7662 §2.2 would have it say this.
const inactiveAnswer = `{"active":false}`

// declined tells an error about the token from one about this client.
func (v *Verifier) declined(endpoint string, response fetch.Answer) (string, error) {
	var set claims.Object
	if err := set.Parse(response.Body); err != nil {
		return "", fmt.Errorf("introspection: %s answered %d, expected 200: %w", endpoint, response.Status, errDeclined)
	}
	value, _ := set.Lookup("error")
	code, _ := value.Text()
	if code == "unsupported_token_type" && v.signed == nil { // an error is never signed
		return inactiveAnswer, nil
	}
	return "", fmt.Errorf("introspection: %s answered %d with error %.64q: it does not accept the client authentication of %q, or what it was asked: %w",
		endpoint, response.Status, code, v.config.Auth.ClientID(), errDeclined)
}

// assertionAudience is whom a client assertion is meant for: the issuer, or the endpoint where there is none.
func (v *Verifier) assertionAudience(endpoint string) string {
	if v.config.Issuer != "" {
		return v.config.Issuer
	}
	return endpoint
}

// judge reads an answer. The error says that it cannot be read, which is the server's fault and not the
// token's; that the token is bad is the answer's own err.
func (v *Verifier) judge(body string) (answer, error) {
	var set claims.Object
	if err := set.Parse(body); err != nil {
		return answer{}, fmt.Errorf("introspection: answer of %s: %w", v.server(), err)
	}
	member, _ := set.Lookup("active")
	// Anything but the JSON value true is not active: "true" and 1 are what a mistaken server would say.
	if active, _ := member.Bool(); !active {
		return answer{err: reason.New(postern.ErrInactive, "introspection: %s says that the token is not active: unknown to it, expired, revoked, or not meant for client %q", v.server(), v.config.Auth.ClientID())}, nil
	}
	var reader facts.Reader
	data, err := reader.Read(&set, v.names)
	if err != nil {
		return answer{err: reason.New(postern.ErrMalformed, "introspection: answer of %s: %w", v.server(), err)}, nil
	}
	if err := v.check(&set, &data); err != nil {
		return answer{err: err}, nil
	}
	if data.Issuer == "" {
		data.Issuer = v.config.Issuer
	}
	return answer{token: postern.NewToken(data)}, nil
}

func (v *Verifier) check(set *claims.Object, data *postern.TokenData) error {
	iss, _ := set.Lookup("iss")
	aud, _ := set.Lookup("aud")
	hasIssuer := iss.Kind() == claims.String // package facts has refused all else but null
	// ClaimNames may name another claim for the audience.
	hasAudience := len(data.Audience) > 0 || aud.Kind() != claims.None && aud.Kind() != claims.Null
	checkAudience := len(v.audiences) > 0 && (hasAudience || !v.config.AudienceCheckedByServer)
	switch {
	case hasIssuer && len(v.issuers) > 0 && !slices.Contains(v.issuers, data.Issuer):
		return reason.New(postern.ErrIssuer, "introspection: iss is %.64q, expected one of %q", data.Issuer, v.issuers)
	case checkAudience && !hasAudience:
		return reason.Both(postern.ErrAudience, postern.ErrMalformed, "introspection: aud is absent, expected one of %q", v.audiences)
	case checkAudience && !slices.ContainsFunc(data.Audience, v.isAudience):
		return reason.New(postern.ErrAudience, "introspection: aud is %.256q, expected one of %q", data.Audience, v.audiences)
	case data.Expiry.IsZero() && !v.config.InsecureNoExpiry:
		return reason.New(postern.ErrMalformed, "introspection: exp is absent; a token without end is not accepted")
	}
	if err := v.checkTimes(v.now(), data.Expiry, data.NotBefore); err != nil {
		return err
	}
	return checkTokenType(set)
}

// checkTimes holds a token that the server calls active to its times. The exp may be zero.
func (v *Verifier) checkTimes(now, exp, nbf time.Time) error {
	switch {
	case !exp.IsZero() && !now.Before(exp.Add(v.leeway)):
		return reason.New(postern.ErrExpired, "introspection: exp was %s, though the server said active", exp.UTC().Format(time.RFC3339))
	case now.Before(nbf.Add(-v.leeway)):
		return reason.New(postern.ErrNotYetValid, "introspection: nbf is %s", nbf.UTC().Format(time.RFC3339))
	}
	return nil
}

func (v *Verifier) isAudience(audience string) bool { return slices.Contains(v.audiences, audience) }

// checkTokenType refuses what is not an access token, such as a refresh token. RFC 7662 §2.2 has the type of
// RFC 6749 §5.1 here, and some servers say access_token.
func checkTokenType(set *claims.Object) error {
	// Hydra and dex call a refresh token's type Bearer and say by token_use what it is.
	use, _ := set.Lookup("token_use")
	if text, _ := use.Text(); slices.Contains([]string{"refresh_token", "refresh", "id_token", "id"}, text) {
		return reason.New(postern.ErrMalformed, "introspection: token_use is %s: this is not an access token", text)
	}
	value, found := set.Lookup("token_type")
	if !found || value.Kind() == claims.Null {
		return nil
	}
	text, _ := value.Text()
	for _, known := range []string{"Bearer", "DPoP", "access_token"} {
		if strings.EqualFold(text, known) {
			return nil
		}
	}
	return reason.New(postern.ErrMalformed, "introspection: token_type is %.64q, expected Bearer or DPoP: this is not an access token", text)
}

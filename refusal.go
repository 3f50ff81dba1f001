package postern

import (
	"bytes"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// defaultRetry is told to clients when whoever could not decide did not say how long that will last.
const defaultRetry = 5 * time.Second

// refusals is the table that turns a reason into an answer. The first row whose reason the error wraps
// decides, so what hides the truth of the others stands first: an outage before all.
var refusals = []struct {
	is          error
	status      int
	code        string
	reason      string
	description string
}{
	{ErrUnavailable, 503, "", "unavailable", "The access token could not be checked right now. Keep it and try again."},
	{ErrNoToken, 401, "", "no-token", "The request has no access token. Send one in the Authorization header."},
	{ErrRequest, 400, "invalid_request", "malformed-request", "The request carries its access token in no form that is accepted: send exactly one, as Authorization: Bearer."},
	{ErrNonce, 401, "use_dpop_nonce", "nonce-required", "The DPoP proof needs the nonce of this answer's DPoP-Nonce header."},
	{ErrProof, 401, "invalid_dpop_proof", "proof-invalid", "The DPoP proof does not hold."},
	{ErrExpired, 401, "invalid_token", "token-expired", "The access token has expired."},
	{ErrNotYetValid, 401, "invalid_token", "token-not-yet-valid", "The access token is not valid yet."},
	{ErrAudience, 401, "invalid_token", "audience-mismatch", "The access token is for another audience."},
	{ErrIssuer, 401, "invalid_token", "issuer-mismatch", "The access token is from another issuer."},
	{ErrUnknownKey, 401, "invalid_token", "key-unknown", "The access token is signed with a key that its issuer does not publish."},
	{ErrAlgorithm, 401, "invalid_token", "algorithm-mismatch", "The access token is signed with an algorithm that is not accepted here."},
	{ErrSignature, 401, "invalid_token", "signature-invalid", "The access token's signature does not verify."},
	{ErrInactive, 401, "invalid_token", "token-inactive", "The access token is not active."},
	{ErrBinding, 401, "invalid_token", "binding-mismatch", "The access token is bound to its sender, and the request does not prove to come from there."},
	{ErrUnbound, 401, "invalid_token", "binding-missing", "The access token is not bound to its sender. Get one that is, by DPoP or mutual TLS."},
	{ErrMalformed, 401, "invalid_token", "token-malformed", "The access token is malformed."},
	{ErrNotMine, 401, "invalid_token", "token-unknown", "The access token is of no kind that is accepted here."},
	{ErrStepUp, 401, "insufficient_user_authentication", "step-up-required", "The login behind the access token is too old or too weak."},
	{ErrInsufficient, 403, "insufficient_scope", "rights-insufficient", "The access token does not give the rights that this needs."},
}

// usual is what is the same in every answer for one reason, of a Guard that has nothing to add. It is written
// once, for the sake of floods.
type usual struct {
	of        *Error // a refusal for the reason alone
	challenge string // of its scheme
	problem   string // up to the decision's id
}

// usuals has one for each of the refusals.
var usuals = make([]usual, len(refusals))

func init() {
	g := new(Guard)
	for i, row := range refusals {
		e := refuse(row.is, nil)
		e.usual = nil // is being written
		usuals[i] = usual{e, g.challenge(e), string(e.outline())}
	}
}

// asUsual reports whether the Error says of its reason what all of that reason do: its fields are open to
// change.
func (e *Error) asUsual() bool {
	u := e.usual
	return u != nil && e.Status == u.of.Status && e.Code == u.of.Code && e.Description == u.of.Description &&
		e.scheme == u.of.scheme && len(e.Scopes) == 0 && e.StepUp == nil
}

// Reasons returns every Reason that an Error can have, in no particular order. The words never change
// their meaning.
func Reasons() []string {
	var list []string
	for _, row := range refusals {
		list = append(list, row.reason)
	}
	return list
}

// refuse makes the Error for a cause. One that wraps none of the reasons is answered as fallback is.
func refuse(cause, fallback error) *Error {
	e := &Error{Err: cause, ID: decisionID(), scheme: schemeBearer}
	i := first(cause, len(refusals))
	if i == len(refusals) {
		i = first(fallback, len(refusals))
	}
	row := refusals[i]
	e.Status, e.Code, e.Reason, e.Description, e.usual = row.status, row.code, row.reason, row.description, &usuals[i]
	var scopes *ScopeError
	if e.Status == http.StatusForbidden && errors.As(cause, &scopes) {
		e.Scopes = scopes.Scopes
	}
	if e.Reason == "step-up-required" {
		errors.As(cause, &e.StepUp)
	}
	if e.Status == http.StatusServiceUnavailable {
		e.RetryAfter = defaultRetry
		var u *unavailable
		if errors.As(cause, &u) {
			e.RetryAfter = max(u.retryAfter, time.Second)
		}
	}
	if e.Code == "use_dpop_nonce" || e.Code == "invalid_dpop_proof" {
		e.scheme = schemeDPoP
	}
	return e
}

// wanting adds the scopes that the route requires.
func (e *Error) wanting(scopes []string) *Error {
	e.Scopes = scopes
	return e
}

// about adds whom the refusal is about, once that is verified.
func (e *Error) about(t *Token) *Error {
	e.token = t
	return e
}

// first returns which of the refusals before the given one is the first whose reason the error wraps, or
// that one when it wraps none. It is errors.Is for all of them in one walk.
func first(err error, before int) int {
	for err != nil && before > 0 {
		is, asks := err.(interface{ Is(error) bool })
		for i := range before {
			if err == refusals[i].is || asks && is.Is(refusals[i].is) {
				before = i
				break
			}
		}
		switch wrapper := err.(type) {
		case interface{ Unwrap() error }:
			err = wrapper.Unwrap()
		case interface{ Unwrap() []error }:
			for _, err := range wrapper.Unwrap() {
				before = first(err, before)
			}
			return before
		default:
			return before
		}
	}
	return before
}

// decisionID returns sixteen letters and digits by chance. They tell refusals apart and guard nothing.
func decisionID() string {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
	var id [16]byte
	for half := range 2 {
		bits := rand.Uint64()
		for i := range 8 {
			id[8*half+i] = letters[bits>>(5*i)&31]
		}
	}
	return string(id[:])
}

// Refusal is the answer to a refused request, for those who have no http.ResponseWriter.
type Refusal struct {
	Status int
	Header http.Header
	Body   []byte
}

// Refusal returns the answer for an error from Check: RFC 6750's challenge and a problem document
// (RFC 9457). An error that is not a refusal is answered as an outage, 503.
func (g *Guard) Refusal(err error) Refusal {
	e := asError(err)
	header := make(http.Header)
	g.setHeaders(header, e)
	header.Set("Content-Type", "application/problem+json")
	return Refusal{Status: e.Status, Header: header, Body: g.problem(e)}
}

func asError(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return refuse(err, ErrUnavailable)
}

func (g *Guard) setHeaders(header http.Header, e *Error) {
	fixed := [...]string{"no-store", "nosniff", e.ID} // one piece of memory for all
	header["Cache-Control"] = fixed[0:1:1]
	header["X-Content-Type-Options"] = fixed[1:2:2]
	header["Postern-Decision"] = fixed[2:3:3]
	if g.InsecureExplain {
		header.Set("Postern-Reason", e.Reason)
		header.Set("Postern-Explanation", e.explanation())
	}
	if e.Status == http.StatusServiceUnavailable {
		header.Set("Retry-After", seconds(e.RetryAfter))
		return
	}
	header["Www-Authenticate"] = g.challenges(e)
}

// maxExplanation bounds what a client is told of a cause, which stands in a header.
const maxExplanation = 1024

// explanation is the cause as one line of printable ASCII.
func (e *Error) explanation() string {
	if e.Err == nil {
		return ""
	}
	text := e.Err.Error()
	text = text[:min(len(text), maxExplanation)]
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, text)
}

func seconds(d time.Duration) string {
	return strconv.FormatInt(int64((d+time.Second-1)/time.Second), 10)
}

// realm is the parameter of a challenge that has nothing to say, for RFC 6750 §3 wants one.
const realm = `realm="api"`

// challenges returns the values of WWW-Authenticate. Bearer comes first, for there are clients that read
// no further.
func (g *Guard) challenges(e *Error) []string {
	list := []string{g.challenge(e)}
	if e.scheme != schemeDPoP && e.Status == http.StatusUnauthorized {
		for _, binding := range g.Bindings {
			if c, ok := binding.(Challenger); ok {
				list = append(list, c.Challenge())
			}
		}
	}
	return list
}

// challenge returns the challenge of the refusal's own scheme. Its parameters stand in an order that clients
// which search by pattern read rightly.
func (g *Guard) challenge(e *Error) string {
	if g.Resource == "" && e.asUsual() {
		return e.usual.challenge
	}
	c := make(challenge, 0, 256)
	c = append(c, e.scheme...)
	if g.Resource != "" {
		c = c.param("resource_metadata", g.metadataURL())
	}
	if len(e.Scopes) > 0 {
		c = c.param("scope", strings.Join(e.Scopes, " "))
	}
	if e.StepUp != nil && len(e.StepUp.ACR) > 0 {
		c = c.param("acr_values", strings.Join(e.StepUp.ACR, " "))
	}
	if e.StepUp != nil && e.StepUp.MaxAge > 0 {
		c = append(c.next(), "max_age="+seconds(e.StepUp.MaxAge)...)
	}
	if e.Code != "" {
		c = c.param("error", e.Code).param("error_description", e.Description)
	}
	if len(c) == len(e.scheme) {
		c = append(c.next(), realm...)
	}
	return string(c)
}

// challenge is a challenge as far as it has been written: a scheme and parameters.
type challenge []byte

// next writes what stands in front of the next parameter.
func (c challenge) next() challenge {
	if bytes.IndexByte(c, ' ') < 0 {
		return append(c, ' ') // behind the scheme
	}
	return append(c, ", "...)
}

// param writes an auth-param as a quoted-string (RFC 9110 §11.2).
func (c challenge) param(name, value string) challenge {
	c = append(append(c.next(), name...), `="`...)
	for i := range len(value) {
		if value[i] == '\\' || value[i] == '"' {
			c = append(c, '\\')
		}
		c = append(c, value[i])
	}
	return append(c, '"')
}

// problem is the body of a refusal: RFC 9457's members, and the error code of the challenge for those who
// read bodies only.
func (g *Guard) problem(e *Error) []byte {
	p := e.outline().text("decision", e.ID)
	if g.InsecureExplain {
		p = p.text("reason", e.Reason)
		if explanation := e.explanation(); explanation != "" {
			p = p.text("explanation", explanation)
		}
	}
	return append(p, "}\n"...)
}

// outline is what the body says of the reason.
func (e *Error) outline() problem {
	p := make(problem, 0, 384)
	if e.asUsual() {
		return append(p, e.usual.problem...)
	}
	p = p.text("title", http.StatusText(e.Status))
	p = strconv.AppendInt(append(p, `,"status":`...), int64(e.Status), 10)
	p = p.text("detail", e.Description)
	if e.Code != "" {
		p = p.text("error", e.Code)
	}
	if scope := strings.Join(e.Scopes, " "); scope != "" {
		p = p.text("scope", scope)
	}
	return p
}

// problem is a JSON object as far as it has been written. To write it member by member takes a tenth of
// what encoding/json does, and refusals come by the flood.
type problem []byte

// text writes a member that is a string.
func (p problem) text(name, value string) problem {
	if len(p) == 0 {
		p = append(p, '{')
	} else {
		p = append(p, ',')
	}
	p = append(append(append(p, '"'), name...), `":`...)
	if !isPlain(value) {
		var quoted bytes.Buffer
		encoder := json.NewEncoder(&quoted)
		encoder.SetEscapeHTML(false)
		if err := encoder.Encode(value); err != nil {
			panic("postern: problem document: " + err.Error())
		}
		return append(p, bytes.TrimRight(quoted.Bytes(), "\n")...)
	}
	return append(append(append(p, '"'), value...), '"')
}

// isPlain reports whether a string stands for itself in JSON: it is printable ASCII without quote and
// backslash.
func isPlain(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}

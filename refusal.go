package postern

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
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

// Reasons returns every Reason that an Error can have, in no particular order. The words never change
// their meaning.
func Reasons() []string {
	var list []string
	for _, row := range refusals {
		list = append(list, row.reason)
	}
	return list
}

// refuse makes the Error for a cause. Whatever is none of ours could not be judged: fallback says how
// that is to be answered.
func refuse(cause, fallback error) *Error {
	e := &Error{Err: cause, ID: rand.Text()[:16], scheme: schemeBearer}
	is := cause
	if !known(cause) {
		is = fallback
	}
	for _, row := range refusals {
		if errors.Is(is, row.is) {
			e.Status, e.Code, e.Reason, e.Description = row.status, row.code, row.reason, row.description
			break
		}
	}
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

func known(err error) bool {
	for _, row := range refusals {
		if errors.Is(err, row.is) {
			return true
		}
	}
	return false
}

// Refusal is the answer to a refused request, for those who have no http.ResponseWriter.
type Refusal struct {
	Status int
	Header http.Header
	Body   []byte
}

// Refusal returns the answer for an error from Check: RFC 6750's challenge and a problem document
// (RFC 9457). For an error that is no refusal it is that of an outage, 503.
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
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Postern-Decision", e.ID)
	if g.InsecureExplain {
		header.Set("Postern-Reason", e.Reason)
		header.Set("Postern-Explanation", e.explanation())
	}
	if e.Status == http.StatusServiceUnavailable {
		header.Set("Retry-After", seconds(e.RetryAfter))
		return
	}
	header.Del("WWW-Authenticate")
	for _, challenge := range g.challenges(e) {
		header.Add("WWW-Authenticate", challenge)
	}
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
// no further; parameters stand in an order that clients which search by pattern read rightly.
func (g *Guard) challenges(e *Error) []string {
	var params []string
	if g.Resource != "" {
		params = append(params, param("resource_metadata", g.metadataURL()))
	}
	if len(e.Scopes) > 0 {
		params = append(params, param("scope", strings.Join(e.Scopes, " ")))
	}
	if e.StepUp != nil && len(e.StepUp.ACR) > 0 {
		params = append(params, param("acr_values", strings.Join(e.StepUp.ACR, " ")))
	}
	if e.StepUp != nil && e.StepUp.MaxAge > 0 {
		params = append(params, "max_age="+seconds(e.StepUp.MaxAge))
	}
	if e.Code != "" {
		params = append(params, param("error", e.Code), param("error_description", e.Description))
	}
	if len(params) == 0 {
		params = append(params, realm)
	}
	challenge := e.scheme + " " + strings.Join(params, ", ")
	if e.scheme == schemeDPoP {
		return []string{challenge}
	}
	list := []string{challenge}
	if e.Status == http.StatusUnauthorized {
		for _, binding := range g.Bindings {
			if c, ok := binding.(Challenger); ok {
				list = append(list, c.Challenge())
			}
		}
	}
	return list
}

// param writes an auth-param as a quoted-string (RFC 9110 §11.2).
func param(name, value string) string {
	value = strings.ReplaceAll(strings.ReplaceAll(value, `\`, `\\`), `"`, `\"`)
	return name + `="` + value + `"`
}

// problem is the body of a refusal: RFC 9457's members, and the error code of the challenge for those who
// read bodies only.
func (g *Guard) problem(e *Error) []byte {
	doc := struct {
		Title       string `json:"title"`
		Status      int    `json:"status"`
		Detail      string `json:"detail"`
		Error       string `json:"error,omitempty"`
		Scope       string `json:"scope,omitempty"`
		Decision    string `json:"decision"`
		Reason      string `json:"reason,omitempty"`
		Explanation string `json:"explanation,omitempty"`
	}{
		Title:    http.StatusText(e.Status),
		Status:   e.Status,
		Detail:   e.Description,
		Error:    e.Code,
		Scope:    strings.Join(e.Scopes, " "),
		Decision: e.ID,
	}
	if g.InsecureExplain {
		doc.Reason, doc.Explanation = e.Reason, e.explanation()
	}
	var body bytes.Buffer
	encoder := json.NewEncoder(&body)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(doc); err != nil {
		panic("postern: problem document: " + err.Error())
	}
	return body.Bytes()
}

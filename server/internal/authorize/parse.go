package authorize

import (
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/postern-auth/postern/server/internal/oauth"
	"github.com/postern-auth/postern/server/internal/redirect"
)

// maxText bounds state and nonce in bytes. They come back whole or are refused, never cut.
const maxText = 2048

// Arrival is what is known about a request beside its parameters.
type Arrival struct {
	Issuer oauth.Issuer
	Client Client
	// PAR is the id of the pushed request that the parameters are of, which the client has authenticated
	// for; empty: they came with the browser.
	PAR string
	// Device is the id of the device code, for ParseDevice.
	Device string
	// Hint is the subject of the id_token_hint once that is verified; empty for none, and for one that
	// cannot be read.
	Hint string
	// ProofKey is the thumbprint of the key of the DPoP proof that came with a pushed request.
	ProofKey string
	At       time.Time
}

// Parameters are the names of all that Parse reads. Others are ignored however often they come (RFC 6749 §3.1).
var Parameters = []string{
	"client_id", "redirect_uri", "response_type", "response_mode", "state", "nonce", "code_challenge",
	"code_challenge_method", "scope", "audience", "resource", "prompt", "max_age", "acr_values", "id_token_hint",
	"login_hint", "ui_locales", "screen_hint", "dpop_jkt", "request", "request_uri", "organization",
}

// ClientID returns the client_id of a request, by which its Client is found.
func ClientID(values url.Values) (string, *Refusal) {
	switch ids := values["client_id"]; {
	case len(ids) > 1:
		return "", forPage(oauth.InvalidRequest, "the parameter client_id is there more than once")
	case len(ids) == 0 || ids[0] == "":
		return "", forPage(oauth.InvalidRequest, "the parameter client_id is missing")
	default:
		return ids[0], nil
	}
}

// Parse reads the parameters of a request, from a query or a form. It returns either the request or why
// there is none. A parameter without a value is one that is not there.
func Parse(values url.Values, a Arrival) (Request, *Refusal) {
	reply, refusal := parseReply(values, a)
	if refusal != nil {
		return Request{}, refusal
	}
	r := Request{
		Reply: reply, ClientID: a.Client.ID, MaxAge: NoMaxAge, Hint: a.Hint, DPoPKey: a.ProofKey, PAR: a.PAR,
		At: a.At.UTC().Round(0),
	}
	for _, read := range []func(*Request, url.Values, Arrival) (oauth.Code, string){
		readOnce, readType, readOffers, readNonce, readChallenge, readScopes, readTargets, readPrompt, readMaxAge, readKey,
	} {
		if code, text := read(&r, values, a); text != "" {
			return Request{}, &Refusal{Code: code, Text: text, Reply: reply}
		}
	}
	readWishes(&r, values)
	return r, nil
}

// parseReply reads where the answer goes, first of all: any other refusal needs it.
func parseReply(values url.Values, a Arrival) (Reply, *Refusal) {
	id, refusal := ClientID(values)
	if refusal != nil {
		return Reply{}, refusal
	}
	if id != a.Client.ID {
		return Reply{}, UnknownClient()
	}
	switch uris := values["redirect_uri"]; {
	case len(uris) > 1:
		return Reply{}, forPage(oauth.InvalidRequest, "the parameter redirect_uri is there more than once")
	case len(uris) == 0 || uris[0] == "":
		return Reply{}, forPage(oauth.InvalidRequest, "the parameter redirect_uri is missing; send it also when one URI alone is registered")
	}
	reply := Reply{Issuer: a.Issuer, RedirectURI: values.Get("redirect_uri"), Mode: Query}
	mode, wrongMode := readMode(values, reply.RedirectURI)
	if mode != "" {
		reply.Mode = mode
	}
	if refusal := reply.distrusted(a.Client, a.PAR); refusal != nil {
		return Reply{}, refusal
	}
	state, wrongState := readText(values, "state")
	reply.State = state
	for _, text := range []string{wrongMode, wrongState} {
		if text != "" {
			return Reply{}, &Refusal{Code: oauth.InvalidRequest, Text: text, Reply: reply}
		}
	}
	return reply, nil
}

// Recheck refuses a stored request that comes to another issuer than it was made for, and one whose client
// has changed so that the answer may no longer go where it was to go. Whoever takes a request up again calls
// it before anything else.
func (r Request) Recheck(issuer oauth.Issuer, c Client) *Refusal {
	switch {
	case c.ID != r.ClientID:
		return UnknownClient()
	case issuer != r.Issuer:
		return forPage(oauth.InvalidRequest, "the request was made at another address of this server; start again at the application")
	}
	if r.Device != "" {
		return nil // its answer goes nowhere
	}
	return r.distrusted(c, r.PAR)
}

// distrusted refuses a redirect URI that the registration does not vouch for.
func (r Reply) distrusted(c Client, par string) *Refusal {
	switch {
	case !redirect.Match(c.RedirectURIs, r.RedirectURI, c.Type == Native), redirect.Check(r.RedirectURI) != nil:
		return notRegistered(c, r.RedirectURI)
	case c.FAPI && par == "":
		return forPage(oauth.InvalidRequest, "this application has to push its requests (RFC 9126) and come with the request_uri that it is given")
	case r.Mode == WebMessage && !slices.Contains(c.AllowedOrigins, redirect.Origin(r.RedirectURI)):
		// Without a frame that may show it, the page could not hand the answer over.
		return forPage(oauth.InvalidRequest, "response_mode=web_message needs the origin of redirect_uri among the allowed origins of the application")
	}
	return nil
}

// readMode returns no mode for one that cannot be used; the refusal then goes by Query.
func readMode(values url.Values, uri string) (mode Mode, wrong string) {
	switch modes := values["response_mode"]; {
	case len(modes) > 1:
		return "", "the parameter response_mode is there more than once"
	case len(modes) == 0 || modes[0] == "":
		return Query, ""
	default:
		mode = Mode(modes[0])
	}
	switch {
	case !mode.known():
		return "", "the response_mode is not offered; use query, form_post or web_message"
	case mode == FormPost && !redirect.IsWeb(uri):
		return "", "response_mode=form_post needs a redirect_uri of https or http"
	}
	return mode, ""
}

// readText returns a text that comes back as it is: in a query, in a form that a browser sends, and in JSON.
// Browsers rewrite line breaks in forms, and JSON holds nothing but UTF-8.
func readText(values url.Values, name string) (text, wrong string) {
	text = values.Get(name)
	switch {
	case len(values[name]) > 1:
		return "", "the parameter " + name + " is there more than once"
	case len(text) > maxText:
		return "", "the parameter " + name + " is longer than 2048 bytes"
	case !isPrintable(text):
		return "", "the parameter " + name + " holds control characters, or is not UTF-8"
	}
	return text, ""
}

func isPrintable(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return r < 0x20 || r == 0x7f })
}

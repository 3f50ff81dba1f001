package clients

import (
	"encoding/base64"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/postern-auth/postern/server/internal/endpoint"
	"github.com/postern-auth/postern/server/internal/oauth"
)

// offer is what a request brings to prove who sends it: passwords, or an assertion, or nothing.
type offer struct {
	passwords []password // the readings of one pair of id and secret
	assertion string
	clientID  string // of the body
	header    bool   // there is an Authorization header
}

// nameAlone returns the client id of an offer that says who calls and brings nothing to prove it.
func (o offer) nameAlone() (id string, alone bool) {
	switch {
	case o.assertion != "":
		return "", false
	case !o.header && len(o.passwords) == 0:
		return o.clientID, o.clientID != ""
	}
	for _, p := range o.passwords {
		if p.secret != "" {
			return "", false
		}
		id = p.id
	}
	return id, id != ""
}

// nothingElse reports whether there is a client id in the body at most.
func (o offer) nothingElse() bool { return o.assertion == "" && !o.header && len(o.passwords) == 0 }

type password struct{ id, secret string }

// read collects the credentials of a request. RFC 6749 §2.3 has a client use one method, and two are a
// sign that somebody else wrote half of the request, unless they say the same: some clients send one id
// and secret in the header and again in the body.
func read(r *endpoint.Request) (offer, error) {
	headers := r.Header["Authorization"]
	assertion, secret := r.Params.Value(oauth.ParamClientAssertion), r.Params.Value(oauth.ParamClientSecret)
	kind := r.Params.Value(oauth.ParamClientAssertionType)
	methods := len(headers)
	for _, value := range []string{assertion, secret} {
		if value != "" {
			methods++
		}
	}
	o := offer{assertion: assertion, clientID: r.Params.Value(oauth.ParamClientID), header: len(headers) > 0}
	if body := (password{o.clientID, secret}); methods == 2 && len(headers) == 1 && kind == "" && slices.Contains(basic(headers[0]), body) {
		o.passwords = []password{body}
		return o, nil
	}
	switch {
	case methods > 1:
		return offer{}, oauth.Refuse(oauth.InvalidRequest, "the request uses more than one method of client authentication", nil)
	case (kind != "") != (assertion != ""):
		return offer{}, oauth.Refuse(oauth.InvalidRequest, "client_assertion and client_assertion_type belong together", nil)
	case kind != "" && kind != oauth.AssertionType:
		return offer{}, oauth.Refuse(oauth.InvalidRequest, "client_assertion_type is not "+oauth.AssertionType, nil)
	case len(headers) == 1:
		o.passwords = basic(headers[0])
		return o, contradiction(o)
	case secret != "":
		o.passwords = []password{{o.clientID, secret}}
	}
	return o, nil
}

// contradiction refuses a client_id in the body that is not the one in the header.
func contradiction(o offer) error {
	if o.clientID == "" || len(o.passwords) == 0 {
		return nil
	}
	for _, p := range o.passwords {
		if p.id == o.clientID {
			return nil
		}
	}
	return oauth.Refuse(oauth.InvalidRequest, "client_id in the body is not the one in the Authorization header", nil)
}

// basic returns the ways to read the header. RFC 6749 §2.3.1 has id and secret form-encoded, which many
// clients forget; the readings differ only for percent signs and pluses. A header of another scheme, or
// a malformed one, has no reading and proves nothing.
func basic(header string) []password {
	scheme, encoded, _ := strings.Cut(header, " ")
	if !strings.EqualFold(scheme, "Basic") {
		return nil
	}
	decoded, err := base64.StdEncoding.DecodeString(strings.TrimSpace(encoded))
	if err != nil || !utf8.Valid(decoded) {
		return nil
	}
	id, secret, ok := strings.Cut(string(decoded), ":")
	if !ok || id == "" {
		return nil
	}
	raw := password{id, secret}
	formID, err1 := url.QueryUnescape(id)
	formSecret, err2 := url.QueryUnescape(secret)
	form := password{formID, formSecret}
	if err1 != nil || err2 != nil || form == raw {
		return []password{raw}
	}
	return []password{form, raw}
}

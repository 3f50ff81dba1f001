package oauth

import (
	"mime"
	"net/http"
	"net/url"
	"slices"
	"unicode/utf8"

	"github.com/postern-auth/postern/internal/claims"
)

// Names of parameters that the endpoints read.
const (
	ParamAssertion           = "assertion"
	ParamAudience            = "audience"
	ParamClientAssertion     = "client_assertion"
	ParamClientAssertionType = "client_assertion_type"
	ParamClientID            = "client_id"
	ParamClientSecret        = "client_secret"
	ParamGrantType           = "grant_type"
	ParamResource            = "resource"
	ParamScope               = "scope"
	ParamToken               = "token"
)

var (
	known = []string{
		ParamAssertion, ParamAudience, ParamClientAssertion, ParamClientAssertionType, ParamClientID,
		ParamClientSecret, ParamGrantType, ParamResource, ParamScope, ParamToken,
	}
	// repeatable may come more than once (RFC 8707 §2).
	repeatable = []string{ParamAudience, ParamResource}
	// sensitive must never be in a URL, which lands in logs (RFC 6749 §2.3.1).
	sensitive = []string{
		ParamAssertion, ParamClientAssertion, ParamClientSecret, ParamToken,
		"access_token", "code", "password", "refresh_token",
	}
)

// Params are the parameters of a request. Those that are unknown or empty are left out, for RFC 6749
// §3.2 has them ignored. The zero value holds none.
type Params map[string][]string

// Value returns the value of a parameter, or the empty string.
func (p Params) Value(name string) string {
	if values := p[name]; len(values) > 0 {
		return values[0]
	}
	return ""
}

// Values returns all values of a parameter that may be repeated.
func (p Params) Values(name string) []string { return p[name] }

// Has reports whether a parameter has a value.
func (p Params) Has(name string) bool { return len(p[name]) > 0 }

// parseParams reads the body of a request: a form, or a JSON object where that is allowed.
func parseParams(w http.ResponseWriter, r *http.Request, b *body, jsonToo bool) (Params, error) {
	if err := checkQuery(r.URL.RawQuery); err != nil {
		return nil, err
	}
	mediaType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	isForm := err == nil && mediaType == "application/x-www-form-urlencoded"
	isJSON := err == nil && mediaType == "application/json" && jsonToo
	if !isForm && !isJSON || r.Header.Get("Content-Encoding") != "" {
		return nil, unsupported(jsonToo)
	}
	text, err := b.read(w, r)
	if err != nil {
		return nil, err
	}
	if isJSON {
		return fromJSON(text)
	}
	return fromForm(text)
}

func unsupported(jsonToo bool) error {
	want := "application/x-www-form-urlencoded"
	if jsonToo {
		want += " or application/json"
	}
	return &Error{
		Status: http.StatusUnsupportedMediaType, Code: InvalidRequest,
		Text: "send the parameters in the body as " + want + ", not compressed",
	}
}

// checkQuery refuses a query that holds what must not be in a URL. Nothing else of it is read.
func checkQuery(raw string) error {
	query, err := url.ParseQuery(raw)
	if err != nil {
		return Refuse(InvalidRequest, "the query is malformed; send the parameters in the body", nil)
	}
	for _, name := range sensitive {
		if query.Has(name) {
			return Refuse(InvalidRequest, "the parameter "+name+" must not be in the URL; send it in the body and replace the exposed value", nil)
		}
	}
	return nil
}

func fromForm(body string) (Params, error) {
	form, err := url.ParseQuery(body)
	if err != nil {
		// The parser's text quotes the body, which may hold a secret.
		return nil, Refuse(InvalidRequest, "the body is not a well-formed form", nil)
	}
	params := make(Params)
	for name, values := range form {
		if len(values) > 1 && !slices.Contains(repeatable, name) {
			return nil, Refuse(InvalidRequest, "the parameter "+Quote(name)+" is there more than once", nil)
		}
		if err := params.add(name, values); err != nil {
			return nil, err
		}
	}
	return params, nil
}

func fromJSON(body string) (Params, error) {
	var object claims.Object
	if err := object.Parse(body); err != nil {
		return nil, Refuse(InvalidRequest, "the body is not one well-formed JSON object with unique names", nil)
	}
	params := make(Params)
	for name, value := range object.All() {
		if value.Kind() == claims.Null || !slices.Contains(known, name) {
			continue
		}
		values, err := value.Texts(nil)
		if err != nil || value.Kind() == claims.Array && !slices.Contains(repeatable, name) {
			return nil, Refuse(InvalidRequest, "the member "+name+" is of a wrong type; want a string", nil)
		}
		if err := params.add(name, values); err != nil {
			return nil, err
		}
	}
	return params, nil
}

func (p Params) add(name string, values []string) error {
	if !slices.Contains(known, name) {
		return nil
	}
	for _, value := range values {
		if !utf8.ValidString(value) {
			return Refuse(InvalidRequest, "the parameter "+name+" is not UTF-8", nil)
		}
		if value != "" {
			p[name] = append(p[name], value)
		}
	}
	return nil
}

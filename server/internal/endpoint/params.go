package endpoint

import (
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"unicode/utf8"

	"github.com/postern-auth/postern/internal/claims"
	"github.com/postern-auth/postern/server/internal/oauth"
)

// maxQuery bounds a query in bytes. Servers in front have bounds below it.
const maxQuery = 16 << 10

// parseParams reads the body of a request: a form, or a JSON object where that is allowed.
func parseParams(w http.ResponseWriter, r *http.Request, b *body, known []string, jsonToo bool) (oauth.Params, error) {
	text, isJSON, err := readBody(w, r, b, jsonToo)
	if err != nil {
		return nil, err
	}
	if isJSON {
		return fromJSON(text, known)
	}
	return fromForm(text, known)
}

// readBody reads the text of a form, or of a JSON object where that is allowed.
func readBody(w http.ResponseWriter, r *http.Request, b *body, jsonToo bool) (text string, isJSON bool, err error) {
	if _, err := parseQuery(r.URL.RawQuery); err != nil {
		return "", false, err
	}
	mediaType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	isForm := err == nil && mediaType == "application/x-www-form-urlencoded"
	isJSON = err == nil && mediaType == "application/json" && jsonToo
	if !isForm && !isJSON || r.Header.Get("Content-Encoding") != "" {
		return "", false, unsupported(jsonToo)
	}
	text, err = b.read(w, r)
	return text, isJSON, err
}

func unsupported(jsonToo bool) error {
	want := "application/x-www-form-urlencoded"
	if jsonToo {
		want += " or application/json"
	}
	return &oauth.Error{
		Status: http.StatusUnsupportedMediaType, Code: oauth.InvalidRequest,
		Text: "send the parameters in the body as " + want + ", not compressed",
	}
}

// parseQuery reads a query, and refuses one that holds what must not be in a URL.
func parseQuery(raw string) (url.Values, error) {
	query, err := url.ParseQuery(raw)
	if err != nil {
		return nil, oauth.Refuse(oauth.InvalidRequest, "the query is malformed; send the parameters in the body", nil)
	}
	for _, name := range oauth.Sensitive {
		if query.Has(name) {
			return nil, oauth.Refuse(oauth.InvalidRequest, "the parameter "+name+" must not be in the URL; send it in the body and replace the exposed value", nil)
		}
	}
	return query, nil
}

// queryValues reads the parameters of a request that has them in its URL.
func queryValues(raw string) (url.Values, error) {
	if len(raw) > maxQuery {
		return nil, &oauth.Error{
			Status: http.StatusRequestURITooLong, Code: oauth.InvalidRequest,
			Text: fmt.Sprintf("the query is longer than %d bytes", maxQuery),
		}
	}
	return parseQuery(raw)
}

// fromQuery reads those of them that are known.
func fromQuery(raw string, known []string) (oauth.Params, error) {
	query, err := queryValues(raw)
	if err != nil {
		return nil, err
	}
	return collect(query, known)
}

// formValues reads the parameters of a form.
func formValues(w http.ResponseWriter, r *http.Request, b *body) (url.Values, error) {
	text, _, err := readBody(w, r, b, false)
	if err != nil {
		return nil, err
	}
	return parseForm(text)
}

func parseForm(body string) (url.Values, error) {
	form, err := url.ParseQuery(body)
	if err != nil {
		// The parser's text quotes the body, which may hold a secret.
		return nil, oauth.Refuse(oauth.InvalidRequest, "the body is not a well-formed form", nil)
	}
	return form, nil
}

func fromForm(body string, known []string) (oauth.Params, error) {
	form, err := parseForm(body)
	if err != nil {
		return nil, err
	}
	return collect(form, known)
}

// collect takes the parameters that are known. RFC 6749 §3.1 and §3.2 let none come twice, known or not, but for those
// that are lists.
func collect(all url.Values, known []string, lists ...string) (oauth.Params, error) {
	params := make(oauth.Params)
	for name, values := range all {
		if len(values) > 1 && !slices.Contains(oauth.Repeatable, name) && !slices.Contains(lists, name) {
			return nil, oauth.Refuse(oauth.InvalidRequest, "the parameter "+oauth.Quote(name)+" is there more than once", nil)
		}
		if err := add(params, known, name, values); err != nil {
			return nil, err
		}
	}
	return params, nil
}

func fromJSON(body string, known []string) (oauth.Params, error) {
	var object claims.Object
	if err := object.Parse(body); err != nil {
		return nil, oauth.Refuse(oauth.InvalidRequest, "the body is not one well-formed JSON object with unique names", nil)
	}
	params := make(oauth.Params)
	for name, value := range object.All() {
		if value.Kind() == claims.Null || !slices.Contains(known, name) {
			continue
		}
		values, err := value.Texts(nil)
		if err != nil || value.Kind() == claims.Array && !slices.Contains(oauth.Repeatable, name) {
			return nil, oauth.Refuse(oauth.InvalidRequest, "the member "+name+" is of a wrong type; want a string", nil)
		}
		if err := add(params, known, name, values); err != nil {
			return nil, err
		}
	}
	return params, nil
}

func add(params oauth.Params, known []string, name string, values []string) error {
	if !slices.Contains(known, name) {
		return nil
	}
	for _, value := range values {
		if !utf8.ValidString(value) {
			return oauth.Refuse(oauth.InvalidRequest, "the parameter "+name+" is not UTF-8", nil)
		}
		if value != "" {
			params[name] = append(params[name], value)
		}
	}
	return nil
}

package clientmetadata

import (
	"github.com/postern-auth/postern/internal/claims"
	"github.com/postern-auth/postern/server/internal/oauth"
)

// reader reads members and keeps the first error. A member that is null is absent (RFC 7591 §2 knows none).
type reader struct {
	object *claims.Object
	err    error
}

func (r *reader) lookup(name string) (claims.Value, bool) {
	value, found := r.object.Lookup(name)
	return value, found && value.Kind() != claims.Null
}

func (r *reader) fail(code oauth.Code, format string, args ...any) {
	if r.err == nil {
		r.err = &oauth.Error{Code: code, Text: plain(format, args...)}
	}
}

// maxText bounds a text in bytes.
const maxText = 2048

func (r *reader) text(name string) string {
	value, found := r.lookup(name)
	if !found {
		return ""
	}
	text, ok := value.Text()
	switch {
	case !ok:
		r.fail(InvalidMetadata, "expected the member %s to be a string", name)
	case len(text) > maxText:
		r.fail(InvalidMetadata, "expected the member %s to have at most %d bytes, got %d", name, maxText, len(text))
	}
	return text
}

func (r *reader) texts(name string, code oauth.Code) []string {
	value, found := r.lookup(name)
	if !found {
		return nil
	}
	list, err := value.Texts(nil)
	if err != nil || value.Kind() != claims.Array {
		r.fail(code, "expected the member %s to be an array of strings", name)
		return nil
	}
	if len(list) > maxURIs {
		r.fail(code, "expected the member %s to have at most %d entries, got %d", name, maxURIs, len(list))
		return nil
	}
	seen := make(map[string]bool, len(list))
	for _, s := range list {
		if seen[s] {
			r.fail(code, "expected each entry of %s once, got %s again", name, oauth.Quote(s))
		}
		seen[s] = true
	}
	return list
}

func (r *reader) uris(name string, code oauth.Code) []string { return r.texts(name, code) }

// safer are members that hold a client to more than every client is held to. To ignore them would promise what is not
// kept.
var safer = []string{
	"dpop_bound_access_tokens", "tls_client_certificate_bound_access_tokens", "require_pushed_authorization_requests",
	"require_signed_request_object",
}

func (r *reader) refuseSafer() {
	for _, name := range safer {
		value, found := r.lookup(name)
		if !found {
			continue
		}
		if on, ok := value.Bool(); on || !ok {
			r.fail(InvalidMetadata, "expected the member %s to be false or absent, for a registration does not offer it", name)
		}
	}
	for _, name := range []string{"id_token_encrypted_response_alg", "userinfo_encrypted_response_alg"} {
		if _, found := r.lookup(name); found {
			r.fail(InvalidMetadata, "expected the member %s to be absent, for nothing is encrypted beyond TLS", name)
		}
	}
	if kind := r.text("subject_type"); kind != "" && kind != "public" {
		r.fail(InvalidMetadata, "expected a subject_type of public, got %s", oauth.Quote(kind))
	}
}

// holdsNothingSecret refuses a key set with private or symmetric keys: whoever sends one has shown them to everybody.
func holdsNothingSecret(text string) error {
	var set claims.Object
	if set.Parse(text) != nil {
		return refuse("jwks: expected a JSON object with the member keys")
	}
	list, _ := set.Lookup("keys")
	secret := false
	err := list.Elements(func(element claims.Value) {
		if key, err := element.Object(); err == nil {
			for _, name := range []string{"d", "k", "p", "q"} {
				_, found := key.Lookup(name)
				secret = secret || found
			}
		}
	})
	switch {
	case err != nil:
		return refuse("jwks: expected the member keys to be an array")
	case secret:
		return refuse("jwks: expected public keys alone, got one with a private part; make new keys, for these are known now")
	}
	return nil
}

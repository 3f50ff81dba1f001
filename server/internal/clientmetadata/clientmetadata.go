// Package clientmetadata reads what a client says about itself (RFC 7591 §2): to the registration endpoint, or in a
// document at the URL that is its client id. Nobody vouches for it. So it describes an application that is not of the
// house, that has what every application may have and nothing that only an operator grants, and all of whose
// addresses are of one house:
//
//	m, err := clientmetadata.Parse(text)
//	if err != nil {
//		return err // invalid_redirect_uri or invalid_client_metadata, with the reason in words
//	}
//	if err := m.CheckOrigins(""); err != nil {
//		return err
//	}
//	application := m.Application()
//
// What is read is read strictly: one redirect URI that cannot be registered costs the whole. What is not offered is
// left out of what is registered, as RFC 7591 §3.2.1 has it, but for what would make the client safer than it would
// then be: that is refused. Members that nobody here reads are ignored.
package clientmetadata

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/postern-auth/postern/internal/claims"
	"github.com/postern-auth/postern/internal/jws"
	"github.com/postern-auth/postern/server/internal/oauth"
	"github.com/postern-auth/postern/server/internal/redirect"
	"github.com/postern-auth/postern/server/internal/registry"
	"github.com/postern-auth/postern/server/store"
)

// Codes of RFC 7591 §3.2.2.
const (
	InvalidMetadata    oauth.Code = "invalid_client_metadata"
	InvalidRedirectURI oauth.Code = "invalid_redirect_uri"
)

const (
	// maxURIs bounds each list of addresses.
	maxURIs = 20
	// maxKeys and maxKeyBytes bound the keys of a client.
	maxKeys     = 8
	maxKeyBytes = 16 << 10
)

// Metadata is what a client says about itself. Make it with Parse or ParseDocument.
type Metadata struct {
	ClientID             string // client_id; of documents alone
	Name                 string // client_name; if there is none, the host of the document, or that it returns to
	Type                 store.ApplicationType
	AuthMethod           string   // token_endpoint_auth_method
	RedirectURIs         []string // redirect_uris
	LogoutURIs           []string // post_logout_redirect_uris
	BackchannelLogoutURI string   // backchannel_logout_uri
	Grants               []string // those of grant_types that are offered
	IDTokenAlgorithm     string   // id_token_signed_response_alg; empty: the default
	Keys                 string   // jwks, as it came; of a client that signs assertions alone

	// about are the URLs that only describe: client_uri, logo_uri, policy_uri, tos_uri, initiate_login_uri.
	about map[string]string
	uri   string // client_uri
}

// offered are the grants of applications that nobody has set up. Those that need no redirect URI are not among them:
// where the answer goes is all that is known of such an application.
var offered = []string{oauth.GrantAuthorizationCode, oauth.GrantRefreshToken}

// Methods are the values of token_endpoint_auth_method. Both methods of a secret are one: whoever has a secret may send
// it either way.
var Methods = []string{oauth.MethodNone, oauth.MethodSecretBasic, oauth.MethodSecretPost, oauth.MethodPrivateKeyJWT}

// Parse reads what a client registers. Errors are refusals of RFC 7591 §3.2.2.
func Parse(text string) (Metadata, error) {
	r, err := newReader(text)
	if err != nil {
		return Metadata{}, err
	}
	return parse(r, oauth.MethodSecretBasic, "") // RFC 7591 §2
}

// ParseDocument reads what the document at the URL says, which is the client id, and checks that it says all of that
// client and of its origin (draft-ietf-oauth-client-id-metadata-document). Everybody can read a document, so there is
// nothing secret in it: the client signs assertions, or proves nothing. Errors are as those of Parse.
func ParseDocument(text, url string) (Metadata, error) {
	r, err := newReader(text)
	if err != nil {
		return Metadata{}, err
	}
	for _, name := range []string{"client_secret", "client_secret_expires_at"} {
		if _, found := r.lookup(name); found {
			return Metadata{}, refuse("expected no %s in a document that everybody can read; make a new one where it is used", name)
		}
	}
	m, err := parse(r, oauth.MethodNone, hostOf(url))
	switch {
	case err != nil:
		return Metadata{}, err
	case m.ClientID != url:
		return Metadata{}, refuse("expected the client_id to be the URL of the document, byte for byte, got %s", oauth.Quote(m.ClientID))
	case m.AuthMethod != oauth.MethodNone && m.AuthMethod != oauth.MethodPrivateKeyJWT:
		return Metadata{}, refuse("expected a token_endpoint_auth_method of none or private_key_jwt in a document, got %s", oauth.Quote(m.AuthMethod))
	}
	return m, m.CheckOrigins(redirect.Origin(url))
}

func newReader(text string) (*reader, error) {
	r := &reader{object: new(claims.Object)}
	if r.object.Parse(text) != nil {
		return nil, refuse("expected one well-formed JSON object with unique names")
	}
	return r, nil
}

// parse reads metadata; method and name are for a client that does not say.
func parse(r *reader, method, name string) (Metadata, error) {
	m := Metadata{
		ClientID: r.text("client_id"), Name: r.text("client_name"), AuthMethod: r.text("token_endpoint_auth_method"),
		RedirectURIs: r.uris("redirect_uris", InvalidRedirectURI), LogoutURIs: r.uris("post_logout_redirect_uris", InvalidMetadata),
		BackchannelLogoutURI: r.text("backchannel_logout_uri"), IDTokenAlgorithm: r.text("id_token_signed_response_alg"),
		Grants: r.texts("grant_types", InvalidMetadata), about: make(map[string]string),
	}
	for _, name := range describing {
		if uri := r.text(name); uri != "" {
			m.about[name] = uri
		}
	}
	m.uri = m.about["client_uri"]
	kind, types := r.text("application_type"), r.texts("response_types", InvalidMetadata)
	r.refuseSafer()
	if r.err != nil {
		return Metadata{}, r.err
	}
	m.AuthMethod, m.Name = cmp.Or(m.AuthMethod, method), cmp.Or(m.Name, name)
	if err := m.decide(kind, types); err != nil {
		return Metadata{}, err
	}
	if err := m.readKeys(r); err != nil {
		return Metadata{}, err
	}
	return m, m.check()
}

var describing = []string{"client_uri", "logo_uri", "policy_uri", "tos_uri", "initiate_login_uri"}

// decide fills in what is absent, and what the type of the application is.
func (m *Metadata) decide(kind string, responseTypes []string) error {
	if !slices.Contains(Methods, m.AuthMethod) {
		return refuse("expected a token_endpoint_auth_method of none, client_secret_basic, client_secret_post and private_key_jwt, got %s", oauth.Quote(m.AuthMethod))
	}
	if len(responseTypes) > 0 && !slices.Contains(responseTypes, "code") {
		return refuse("expected the response_types to hold code, which is all that is offered")
	}
	if len(m.Grants) == 0 {
		m.Grants = []string{oauth.GrantAuthorizationCode}
	}
	m.Grants = slices.DeleteFunc(m.Grants, func(g string) bool { return !slices.Contains(offered, g) })
	if !slices.Contains(m.Grants, oauth.GrantAuthorizationCode) {
		return refuse("expected the grant_types to hold authorization_code, and refresh_token beside it or not")
	}
	if len(m.RedirectURIs) == 0 {
		return &oauth.Error{Code: InvalidRedirectURI, Text: "expected at least one of redirect_uris"}
	}
	switch {
	case kind != "" && kind != "web" && kind != "native":
		return refuse("expected an application_type of web or native, got %s", oauth.Quote(kind))
	case m.AuthMethod != oauth.MethodNone:
		m.Type = store.WebApplication
	case kind == "native" || slices.ContainsFunc(m.RedirectURIs, onDevice):
		m.Type = store.NativeApplication
	default:
		m.Type = store.BrowserApplication
	}
	if m.Name == "" {
		m.Name = hostOf(m.RedirectURIs[0])
	}
	return nil
}

// onDevice reports whether an address leads to a program on the person's own device.
func onDevice(uri string) bool { return redirect.IsLoopback(uri) || !redirect.IsWeb(uri) }

// check holds the metadata to the registry's rules, which are those of every application.
func (m *Metadata) check() error {
	for _, uri := range m.RedirectURIs {
		for _, err := range []error{registry.CheckRedirectURI(uri), registry.CheckURIOfType(m.Type, uri)} {
			if err != nil {
				return &oauth.Error{Code: InvalidRedirectURI, Text: plain("redirect_uris: %v", err)}
			}
		}
	}
	for _, uri := range m.LogoutURIs {
		for _, err := range []error{registry.CheckRedirectURI(uri), registry.CheckURIOfType(m.Type, uri)} {
			if err != nil {
				return refuse("post_logout_redirect_uris: %v", err)
			}
		}
	}
	if err := registry.CheckName(m.Name); err != nil {
		return refuse("client_name: %v", err)
	}
	if m.BackchannelLogoutURI != "" {
		if err := registry.CheckBackchannelURI(m.BackchannelLogoutURI); err != nil {
			return refuse("backchannel_logout_uri: %v", err)
		}
	}
	if m.IDTokenAlgorithm != "" {
		if err := registry.CheckSigningAlgorithm(m.IDTokenAlgorithm); err != nil {
			return refuse("id_token_signed_response_alg: %v", err)
		}
	}
	for _, name := range describing {
		if uri := m.about[name]; uri != "" {
			if err := registry.CheckBackchannelURI(uri); err != nil {
				return refuse("%s: %v", name, err)
			}
		}
	}
	return nil
}

// readKeys reads the keys of a client that signs assertions. The others' are not kept.
func (m *Metadata) readKeys(r *reader) error {
	if m.AuthMethod != oauth.MethodPrivateKeyJWT {
		return nil
	}
	value, found := r.lookup("jwks")
	if !found {
		return refuse("expected the client's public keys in the member jwks, for its token_endpoint_auth_method is private_key_jwt; jwks_uri is not offered")
	}
	text := value.JSON()
	if len(text) > maxKeyBytes {
		return refuse("jwks: expected at most %d bytes, got %d", maxKeyBytes, len(text))
	}
	if err := holdsNothingSecret(text); err != nil {
		return err
	}
	set, err := jws.ParseKeySet(text)
	switch {
	case err != nil:
		return refuse("jwks: %v", err)
	case len(set.LeftOut) > 0:
		return refuse("jwks: the key %s cannot be used: %v", oauth.Quote(set.LeftOut[0].ID), set.LeftOut[0].Reason)
	case len(set.Keys) == 0 || len(set.Keys) > maxKeys:
		return refuse("jwks: expected 1 to %d keys, got %d", maxKeys, len(set.Keys))
	}
	m.Keys = text
	return nil
}

// Application returns the application that the metadata describe. Its ID, its client id and when it was made are not
// theirs to say.
func (m *Metadata) Application() store.Application {
	var origins []string
	for _, uri := range m.RedirectURIs {
		if origin := redirect.Origin(uri); origin != "" && !slices.Contains(origins, origin) {
			origins = append(origins, origin)
		}
	}
	return store.Application{
		Name: m.Name, Type: m.Type, RedirectURIs: m.RedirectURIs, LogoutURIs: m.LogoutURIs, AllowedOrigins: origins,
		BackchannelLogoutURI: m.BackchannelLogoutURI, InitiateLoginURI: m.about["initiate_login_uri"], Grants: m.Grants, IDTokenAlgorithm: m.IDTokenAlgorithm,
		IDTokenClaims: store.FullClaims, Active: true,
	}
}

func refuse(format string, args ...any) error {
	return &oauth.Error{Code: InvalidMetadata, Text: plain(format, args...)}
}

// plain puts a reason into the characters that an error_description may have (RFC 6749 §5.2).
func plain(format string, args ...any) string {
	text := []byte(fmt.Sprintf(format, args...))
	for i, c := range text {
		switch {
		case c == '"' || c == '\\':
			text[i] = '\''
		case c < ' ' || c > '~':
			text[i] = '?'
		}
	}
	return string(text)
}

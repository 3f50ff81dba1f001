package authorize

import (
	"strings"

	"github.com/postern-auth/postern/server/internal/oauth"
	"github.com/postern-auth/postern/server/internal/redirect"
)

// Codes of errors at the authorization endpoint (RFC 6749 §4.1.2.1, OpenID Connect Core §3.1.2.6).
const (
	LoginRequired            oauth.Code = "login_required"
	InteractionRequired      oauth.Code = "interaction_required"
	ConsentRequired          oauth.Code = "consent_required"
	AccountSelectionRequired oauth.Code = "account_selection_required"
	RequestNotSupported      oauth.Code = "request_not_supported"
	RequestURINotSupported   oauth.Code = "request_uri_not_supported"
	ServerError              oauth.Code = "server_error"
)

// Refusal is why a request cannot be dealt with. It is for a page when nothing vouches for the redirect
// URI; else for the client, by its Reply. An endpoint that answers programs, as that of RFC 9126 does, tells
// them Code and Text in both cases.
type Refusal struct {
	Code  oauth.Code
	Text  string // a sentence of the server's own: ASCII without " and \
	Reply Reply  // zero: for a page
	// Asked is the redirect URI that is not registered, for the developer who looks at the page. It is text
	// by a stranger.
	Asked string
	// Nearest is the registered redirect URI that looks most like it. Only those who may see the
	// registration are shown it.
	Nearest string
}

// ForPage reports whether the person is to be told, and not the client.
func (r *Refusal) ForPage() bool { return r.Reply == Reply{} }

func forPage(code oauth.Code, text string) *Refusal { return &Refusal{Code: code, Text: text} }

// UnknownClient returns the refusal of a client_id that nobody has.
func UnknownClient() *Refusal {
	return forPage(oauth.InvalidRequest, "there is no active application with this client_id")
}

func notRegistered(c Client, asked string) *Refusal {
	refusal := forPage(oauth.InvalidRequest, "the redirect_uri is not registered for this application; URIs are compared byte for byte")
	refusal.Asked = strings.ToValidUTF8(asked[:min(len(asked), redirect.MaxLength)], "\uFFFD")
	refusal.Nearest = redirect.Nearest(c.RedirectURIs, asked)
	return refusal
}

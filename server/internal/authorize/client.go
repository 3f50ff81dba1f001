package authorize

import "slices"

// Type is the kind of an application.
type Type string

// Types of applications.
const (
	Browser Type = "browser" // runs in a page: keeps no secret
	Native  Type = "native"  // runs on the person's machine: keeps no secret, may listen on any port of the loopback
	Web     Type = "web"     // runs on a server: authenticates with a secret or key
)

// Client is what the registration of an application says about its authorization requests. The zero value
// has no redirect URI, so it is never answered.
type Client struct {
	ID           string
	Type         Type
	RedirectURIs []string // compared byte for byte, see package redirect
	// AllowedOrigins are those whose pages may be told the answer by web_message.
	AllowedOrigins []string
	// Scopes are those that it may have beside the ones of OpenID Connect; nil: whatever the person has.
	Scopes []string
	// InsecureNoPKCE lets it ask for a code without code_challenge. It counts for Web alone, and not under FAPI.
	InsecureNoPKCE bool
	// FAPI holds it to the FAPI 2.0 Security Profile: requests are pushed (RFC 9126).
	FAPI bool
	// FirstParty is set for applications of the same house, for which people are not asked to consent.
	FirstParty bool
	// MinimumACR is what it demands, or the APIs that are asked for, whichever is more; zero: nothing.
	MinimumACR ACR
	// SignUp is set where people may create accounts, which screen_hint=signup asks for.
	SignUp bool
}

func (c Client) needsPKCE() bool { return c.Type != Web || !c.InsecureNoPKCE || c.FAPI }

// Allowed returns those of the scopes that the client may have at all.
func (c Client) Allowed(scopes Names) Names {
	if c.Scopes == nil {
		return scopes
	}
	return scopes.only(func(scope string) bool {
		return slices.Contains(ofOpenID, scope) || slices.Contains(c.Scopes, scope)
	})
}

var ofOpenID = []string{"openid", "profile", "email", "phone", "address", ScopeOfflineAccess}

// ScopeOfflineAccess asks for a refresh token (OpenID Connect Core §11).
const ScopeOfflineAccess = "offline_access"

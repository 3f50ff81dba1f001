package authorize

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/postern-auth/postern/server/internal/redirect"
)

// Request is what a client asked for. It is a plain value: it never changes, two of them are compared with
// ==, and the zero value is not a request. Each text is UTF-8 and within its bound.
type Request struct {
	Reply
	ClientID  string `json:"client_id"`
	Nonce     string `json:"nonce,omitempty"`          // exactly as sent; empty: none was sent
	Challenge string `json:"code_challenge,omitempty"` // of the method S256; empty: none, see Client.InsecureNoPKCE
	Scopes    Names  `json:"scope,omitempty"`          // as asked; Client.Allowed says which it may have
	// Targets are what the token is to be for, as audience, resource (RFC 8707) and ZITADEL's scopes that end
	// in :aud name it. Whether there are any such APIs or projects is not known here.
	Targets Names `json:"targets,omitempty"`
	Prompt  Names `json:"prompt,omitempty"`     // of the values that are known
	MaxAge  int64 `json:"max_age"`              // in seconds; NoMaxAge: not asked for
	ACR     Names `json:"acr_values,omitempty"` // of the names that ParseACR knows
	// Hint is the subject of the id_token_hint; empty: there was none that could be trusted.
	Hint      string    `json:"hint,omitempty"`
	LoginHint string    `json:"login_hint,omitempty"` // for the name field of the login page
	Locales   Names     `json:"ui_locales,omitempty"` // language tags, the preferred first
	SignUp    bool      `json:"signup,omitempty"`     // screen_hint=signup
	DPoPKey   string    `json:"dpop_jkt,omitempty"`   // thumbprint of the key that the code is bound to (RFC 9449 §10)
	PAR       string    `json:"par,omitempty"`        // id of the pushed request; empty: it was not pushed
	Device    string    `json:"device,omitempty"`     // id of the device code (RFC 8628), which the answer is kept with; empty: a client's
	At        time.Time `json:"at"`                   // when it was received, UTC
}

// NoMaxAge is the MaxAge of a request that does not ask for one.
const NoMaxAge = -1

// Values of prompt (OpenID Connect Core §3.1.2.1).
const (
	PromptNone          = "none"
	PromptLogin         = "login"
	PromptConsent       = "consent"
	PromptSelectAccount = "select_account"
)

// auth0 reports whether the request came to an issuer of Auth0's dialect, whose clients go by texts.
func (r Request) auth0() bool { return strings.HasSuffix(string(r.Issuer), "/") }

// version is that of the stored form. What another version wrote is refused: its person starts again.
const version = 1

type stored struct {
	Version int `json:"v"`
	Request
}

// Marshal returns the text by which the request is stored.
func (r Request) Marshal() ([]byte, error) {
	text, err := json.Marshal(stored{version, r})
	if err != nil {
		return nil, fmt.Errorf("authorize: storing a request: %w", err)
	}
	return text, nil
}

// Unmarshal returns the request of a text that Marshal made. Any other text is an error, be it by a space:
// it has to be stored byte for byte.
func Unmarshal(text []byte) (Request, error) {
	var s stored
	if err := json.Unmarshal(text, &s); err != nil {
		return Request{}, fmt.Errorf("authorize: stored request: %w", err)
	}
	if s.Version != version {
		return Request{}, fmt.Errorf("authorize: stored request: expected version %d, got %d", version, s.Version)
	}
	// The decoder forgives names in another case, names that come twice and names it does not know; the
	// encoder writes each request in one way.
	again, err := s.Request.Marshal()
	if err != nil || !bytes.Equal(again, text) {
		return Request{}, errors.New("authorize: stored request: the text is not what was stored")
	}
	if err := s.check(); err != nil {
		return Request{}, fmt.Errorf("authorize: stored request: %w", err)
	}
	return s.Request, nil
}

// check looks at what trust rests on.
func (r Request) check() error {
	switch {
	case r.Issuer == "", r.ClientID == "":
		return errors.New("expected an issuer and a client")
	case r.Device != "":
		return r.checkDevice()
	case !r.Mode.known():
		return fmt.Errorf("unknown response mode %.64q", string(r.Mode))
	case r.MaxAge < NoMaxAge:
		return errors.New("max_age is negative")
	}
	return redirect.Check(r.RedirectURI)
}

// Package hint reads the ID tokens that come back as id_token_hint (OpenID Connect Core §3.1.2.1, RP-Initiated
// Logout §2). They say whom somebody means and let nobody in, so that their time does not count; that this
// server has signed them does.
package hint

import (
	"context"
	"fmt"

	"github.com/postern-auth/postern/internal/claims"
	"github.com/postern-auth/postern/internal/jws"
	"github.com/postern-auth/postern/server/internal/keys"
	"github.com/postern-auth/postern/server/internal/oauth"
)

// Claims are what a hint says. The zero value is none.
type Claims struct {
	Subject   string // sub
	ClientID  string // aud: the application that it was made for
	SessionID string // sid; empty: it names no session
}

// Reader reads hints. Its fields are required; it is safe for concurrent use.
type Reader struct {
	Keys *keys.Ring
}

// maxLength bounds a hint in bytes.
const maxLength = 16 << 10

// Read returns what a hint of the issuer says. One that is not an ID token of the issuer's, signed by a key that signs
// or was retired within keys.HintLifetime, is as none. Errors are outages.
func (r *Reader) Read(ctx context.Context, issuer oauth.Issuer, raw string) (Claims, error) {
	if raw == "" || len(raw) > maxLength {
		return Claims{}, nil
	}
	message, err := jws.Parse(raw)
	if err != nil || message.Header.Type != "jwt" {
		return Claims{}, nil
	}
	key, ok, err := r.Keys.HintKey(ctx, message.Header.KeyID)
	if err != nil {
		return Claims{}, fmt.Errorf("hint: %w", err)
	}
	if !ok || message.Verify(key) != nil {
		return Claims{}, nil
	}
	return parse(message.Payload, issuer), nil
}

// parse returns the claims of an ID token of the issuer. An access token is none: it is for an API, which must not
// be able to log its callers out; only an ID token says when its person logged in and names one application twice.
func parse(payload string, issuer oauth.Issuer) Claims {
	var object claims.Object
	if object.Parse(payload) != nil {
		return Claims{}
	}
	text := func(name string) string {
		value, _ := object.Lookup(name)
		s, _ := value.Text()
		return s
	}
	c := Claims{Subject: text("sub"), ClientID: text("aud"), SessionID: text("sid")}
	at, found := object.Lookup("auth_time")
	_, err := at.Time()
	if text("iss") != string(issuer) || c.Subject == "" || c.ClientID == "" || text("azp") != c.ClientID || !found || err != nil {
		return Claims{}
	}
	return c
}

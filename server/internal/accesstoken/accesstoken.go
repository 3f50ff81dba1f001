// Package accesstoken makes the authorization server's access tokens and reads them back.
//
// A token is opaque, a random string with a row in the store, or a JWT in the form that the API's
// programs were written for. A caller that asks what a token says need not know which:
//
//	mint := &accesstoken.Mint{Tokens: s, Keys: ring, Now: time.Now}
//	issued, err := mint.Issue(ctx, accesstoken.Draft{
//		Form: store.FormOpaque, Issuer: "https://login.example.com", Subject: subject, ClientID: client.ClientID,
//		Audience: []string{project.ID}, Scopes: []string{"read:messages"}, Lifetime: time.Hour,
//	})
//	…
//	reader := &accesstoken.Reader{Tokens: s, Keys: ring, Issuers: issuers, Now: time.Now}
//	facts, err := reader.Read(ctx, issued.Raw)
//	if errors.Is(err, accesstoken.ErrInactive) {
//		…
//	}
package accesstoken

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/postern-auth/postern/internal/jws"
	"github.com/postern-auth/postern/server/internal/oauth"
	"github.com/postern-auth/postern/server/store"
)

// ErrInactive says that a raw token is not one of ours, or has ended. Errors that wrap it carry the
// reason; errors that do not are outages.
var ErrInactive = errors.New("accesstoken: inactive")

func inactive(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrInactive, fmt.Sprintf(format, args...))
}

// Facts are what a token says. That its user is still active, and whom the token is for, is left to the
// caller.
type Facts struct {
	ID        string // jti
	Personal  bool   // a personal access token
	JWT       bool
	Issuer    string // iss; empty for a personal access token
	Subject   string // sub
	SubjectID string // the store's id of the subject, where sub is another name for it
	ClientID  string // client_id
	FamilyID  string // of the store.Family that it lives and dies with; empty: none
	// Family is that one as Read has found it; zero: none.
	Family   store.Family
	Audience []string
	Scopes   []string
	// Confirmation (cnf) is the key that the sender has to hold; zero: none.
	Confirmation oauth.Confirmation
	IssuedAt     time.Time
	ExpiresAt    time.Time // zero: never (personal access tokens only)
	UsedAt       time.Time // of a personal access token, as store.Token has it
}

// Draft is a token to be issued. All of it has been decided: Mint asks no questions.
type Draft struct {
	Form      store.TokenForm // one of the forms but FormDefault
	Algorithm jws.Algorithm   // of a JWT; empty: what the form's dialect expects
	Issuer    string
	Subject   store.Subject // who it is about
	ClientID  string        // who asked for it
	FamilyID  string        // of what a person allowed; empty: a program asked for itself
	// Login is how the subject logged in. The zero value is that of a program, which did not.
	Login    Login
	Audience []string
	Scopes   []string // granted; reserved ones do not go into a JWT
	// Permissions are all that the user holds on the audience; the forms with the permissions claim
	// carry them.
	Permissions []string
	// Confirmation (cnf) is the key that the token is bound to; zero: none.
	Confirmation oauth.Confirmation
	// Actor (act) is who acts for the subject; nil: the subject itself.
	Actor *Actor
	// Roles are the claims of FormZITADEL about roles, by name.
	Roles    map[string]any
	Lifetime time.Duration
}

// Actor is who acts for a subject (act, RFC 8693 §4.1).
type Actor struct {
	Subject string `json:"sub"`
	// Actor is who acted before, and passed it on.
	Actor *Actor `json:"act,omitempty"`
}

// Depth is how many have acted.
func (a *Actor) Depth() (depth int) {
	for ; a != nil; a = a.Actor {
		depth++
	}
	return depth
}

// Login is how and when a person logged in.
type Login struct {
	At  time.Time // auth_time
	ACR string    // acr
	AMR []string  // amr
}

// subjectSuffix turns a username into the sub that Auth0 gives to a program.
const subjectSuffix = "@clients"

// userClaim holds the subject's id where sub holds its username, which may pass to another one while the
// token lives.
const userClaim = "urn:postern:user_id"

// DefaultAlgorithm returns the algorithm for JWTs of a form when neither API nor server says otherwise:
// RS256 for the dialects whose programs know nothing else.
func DefaultAlgorithm(form store.TokenForm) jws.Algorithm {
	switch form {
	case store.FormRFC9068, store.FormRFC9068Permissions:
		return jws.ES256
	}
	return jws.RS256
}

// CarriesPermissions reports whether the form has the permissions claim.
func (d *Draft) CarriesPermissions() bool {
	return d.Form == store.FormAuth0Permissions || d.Form == store.FormRFC9068Permissions
}

// claims returns the type (typ) and claims of a JWT. The names are ours alone, so that nothing a user or
// an API is called can stand in for a registered claim.
func (d *Draft) claims(jti string, now time.Time) (typ string, c map[string]any) {
	c = make(map[string]any, 16)
	c["iss"], c["aud"], c["jti"] = d.Issuer, d.Audience, jti
	c["iat"], c["exp"] = now.Unix(), now.Add(d.Lifetime).Unix()
	if scope := strings.Join(plainScopes(d.Scopes), " "); scope != "" {
		c["scope"] = scope
	}
	if d.CarriesPermissions() {
		c["permissions"] = append([]string{}, d.Permissions...) // [] rather than null
	}
	d.Login.claims(c)
	if cnf := d.Confirmation.Claim(); cnf != nil {
		c["cnf"] = cnf
	}
	if d.Actor != nil {
		c["act"] = d.Actor
	}
	switch d.Form {
	case store.FormZITADEL:
		c["sub"], c["client_id"], c["nbf"] = d.Subject.ID, d.ClientID, now.Unix()
		for name, value := range d.Roles {
			c[name] = value
		}
		return "JWT", c
	case store.FormAuth0, store.FormAuth0Permissions:
		c["sub"], c["azp"] = d.Subject.ID, d.ClientID
		if d.Subject.Kind == store.ServiceUserSubject {
			c["sub"], c[userClaim] = d.Subject.Username+subjectSuffix, d.Subject.ID
			if d.Actor == nil {
				c["gty"] = "client-credentials"
			}
		}
		d.singleAudience(c)
		return "JWT", c
	}
	c["sub"], c["client_id"] = d.Subject.ID, d.ClientID
	d.singleAudience(c)
	return "at+jwt", c
}

// claims adds what RFC 9068 §2.2.1 has a token say of the login behind it.
func (l Login) claims(c map[string]any) {
	if !l.At.IsZero() {
		c["auth_time"] = l.At.Unix()
	}
	if l.ACR != "" {
		c["acr"] = l.ACR
	}
	if len(l.AMR) > 0 {
		c["amr"] = l.AMR
	}
}

// singleAudience writes an audience of one as a string (RFC 7519 §4.1.3).
func (d *Draft) singleAudience(c map[string]any) {
	if len(d.Audience) == 1 {
		c["aud"] = d.Audience[0]
	}
}

func plainScopes(scopes []string) []string {
	var plain []string
	for _, s := range scopes {
		if !strings.HasPrefix(s, oauth.ReservedScopePrefix) {
			plain = append(plain, s)
		}
	}
	return plain
}

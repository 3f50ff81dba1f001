package jwt

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/postern-auth/postern"
	"github.com/postern-auth/postern/internal/claims"
	"github.com/postern-auth/postern/internal/reason"
)

// Mark is a claim that tells an issuer's access tokens from the other JWTs that it signs with the same
// keys, such as Cognito's token_use. A token without it is refused, whatever its typ.
type Mark struct {
	// Claim is the name of a top-level claim whose value is a string. Empty: there is no mark. A claim that
	// ID tokens have as well (OpenID Connect Core §2 and §5.1), such as iss or azp, marks nothing and is an
	// error.
	Claim string
	// Values are those that the claim may have, byte for byte. They say what the token is, so it is not
	// searched for the claims of an ID token in addition. Empty: any; then it is.
	Values []string
}

// ofIDTokens are the claims that OpenID Connect Core §2, §3.3.2.11 and §5.1 and its logout specifications
// give ID tokens, and with RFC 8417 events: having one of them does not make a token an access token.
var ofIDTokens = strings.Fields(`iss sub aud exp iat nbf jti auth_time nonce acr amr azp at_hash c_hash s_hash sid events
	name given_name family_name middle_name nickname preferred_username profile picture website email email_verified
	gender birthdate zoneinfo locale phone_number phone_number_verified address updated_at`)

// check reports what is wrong with a Mark.
func (m Mark) check() error {
	switch {
	case m.Claim == "" && len(m.Values) > 0:
		return errors.New("jwt: Config.AccessTokenMark has Values and no Claim: name the claim that has one of them")
	case slices.Contains(m.Values, ""):
		return errors.New("jwt: Config.AccessTokenMark.Values holds an empty string")
	case slices.Contains(ofIDTokens, m.Claim):
		return fmt.Errorf("jwt: Config.AccessTokenMark: ID tokens have the claim %s, too: name one that only access tokens of this issuer have", m.Claim)
	case (m.Claim == "typ" || m.Claim == "token_use") && len(m.Values) == 0:
		return fmt.Errorf("jwt: Config.AccessTokenMark: tokens of every kind may have the claim %s: set Values to what it is in access tokens", m.Claim)
	}
	return nil
}

// ofOthers are types of JWTs of other kinds, which an issuer may sign with the same keys.
var ofOthers = []string{
	"id_token+jwt", "logout+jwt", "secevent+jwt", "dpop+jwt", "client-authentication+jwt", "token-introspection+jwt",
	"oauth-authz-req+jwt", "entity-statement+jwt", "jwk-set+jwt", "refresh+jwt", "rt+jwt",
}

func types(config Config) ([]string, error) {
	if config.RequireATJWT && len(config.Types) > 0 {
		return nil, errors.New("jwt: Config has Types and RequireATJWT, which accepts none of them")
	}
	if config.RequireATJWT && config.InsecureAcceptIDTokens {
		return nil, errors.New("jwt: Config has InsecureAcceptIDTokens and RequireATJWT: ID tokens are never at+jwt")
	}
	var accepted []string
	for _, typ := range config.Types {
		folded := strings.TrimPrefix(strings.ToLower(typ), "application/")
		if folded == "" || slices.Contains(ofOthers, folded) {
			return nil, fmt.Errorf("jwt: Config.Types: %q is the type of no access token", typ)
		}
		accepted = append(accepted, folded)
	}
	return accepted, nil
}

// checkType tells access tokens from the other JWTs that an issuer signs with the same keys
// (RFC 8725 §3.11). at+jwt says what it is, and so does a mark; JWT and no typ say nothing.
func (v *Verifier) checkType(typ string, set *claims.Object) error {
	switch {
	case typ == "at+jwt":
	case v.requireATJWT:
		return reason.New(postern.ErrMalformed, "jwt: typ is %.64q, expected at+jwt", typ)
	case typ != "" && typ != "jwt" && !slices.Contains(v.types, typ):
		return reason.New(postern.ErrMalformed, "jwt: typ is %.64q, expected at+jwt or JWT: this is not an access token", typ)
	case len(v.mark.Values) == 0:
		if err := v.checkNoOther(set); err != nil {
			return err
		}
	}
	return v.checkMark(set)
}

func (v *Verifier) checkMark(set *claims.Object) error {
	if v.mark.Claim == "" {
		return nil
	}
	value, _ := set.Lookup(v.mark.Claim)
	text, ok := value.Text()
	switch {
	case !ok:
		return reason.New(postern.ErrMalformed, "jwt: claim %s is not there as a string: this is not an access token of this issuer", v.mark.Claim)
	case len(v.mark.Values) > 0 && !slices.Contains(v.mark.Values, text):
		return reason.New(postern.ErrMalformed, "jwt: claim %s is %.64q, expected one of %s: this is not an access token", v.mark.Claim, text, list(v.mark.Values))
	}
	return nil
}

// checkNoOther looks for the claims of a security event (RFC 8417 §2.2) and of an ID token (OpenID Connect
// Core §2). They count when they are there, whatever they hold: an issuer that writes them knows what they mean.
func (v *Verifier) checkNoOther(set *claims.Object) error {
	if _, found := set.Lookup("events"); found {
		return reason.New(postern.ErrMalformed, "jwt: claim events is there: this is a security event or a logout token, not an access token")
	}
	if v.idTokens {
		return nil
	}
	if _, found := set.Lookup("at_hash"); found {
		return reason.New(postern.ErrMalformed, "jwt: claim at_hash is there, as in an ID token: send the access token instead; "+
			"if this is the access token, as dex writes them, nothing tells the two apart: verify it by package introspection, "+
			"or set Config.InsecureAcceptIDTokens and let ID tokens pass")
	}
	for _, name := range [...]string{"c_hash", "nonce"} {
		if _, found := set.Lookup(name); found {
			return reason.New(postern.ErrMalformed, "jwt: claim %s is there: this is not an access token; send the access token instead", name)
		}
	}
	use, found := set.Lookup("token_use")
	switch text, ok := use.Text(); {
	case found && !ok:
		return reason.New(postern.ErrMalformed, "jwt: claim token_use is not a string: this may be an ID token; send the access token instead")
	case text == "id":
		return reason.New(postern.ErrMalformed, "jwt: token_use is id: this is an ID token; send the access token instead")
	}
	return nil
}

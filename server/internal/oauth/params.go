package oauth

// Names of parameters that the endpoints read.
const (
	ParamActorToken          = "actor_token"
	ParamActorTokenType      = "actor_token_type"
	ParamAssertion           = "assertion"
	ParamAudience            = "audience"
	ParamClientAssertion     = "client_assertion"
	ParamClientAssertionType = "client_assertion_type"
	ParamClientID            = "client_id"
	ParamClientSecret        = "client_secret"
	ParamCode                = "code"
	ParamCodeVerifier        = "code_verifier"
	ParamDeviceCode          = "device_code"
	ParamGrantType           = "grant_type"
	ParamRedirectURI         = "redirect_uri"
	ParamRefreshToken        = "refresh_token"
	ParamRequestedTokenType  = "requested_token_type"
	ParamResource            = "resource"
	ParamScope               = "scope"
	ParamSubjectToken        = "subject_token"
	ParamSubjectTokenType    = "subject_token_type"
	ParamToken               = "token"
)

var (
	// Repeatable are the parameters that may come more than once (RFC 8707 §2).
	Repeatable = []string{ParamAudience, ParamResource}
	// Sensitive are those that must never be in a URL, which lands in logs (RFC 6749 §2.3.1).
	Sensitive = []string{
		ParamAssertion, ParamClientAssertion, ParamClientSecret, ParamToken,
		ParamDeviceCode, ParamSubjectToken, ParamActorToken, "access_token", "code", "password", "refresh_token",
	}
)

// Params are the parameters of a request that its endpoint knows. Others, and those that are empty, are left
// out, for RFC 6749 §3.2 has them ignored. The zero value holds none.
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

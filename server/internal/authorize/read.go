package authorize

import (
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/postern-auth/postern/internal/scope"
	"github.com/postern-auth/postern/server/internal/oauth"
	"github.com/postern-auth/postern/server/internal/pkce"
)

const (
	// maxScopes and maxTargets bound lists; each target costs look-ups.
	maxScopes  = 512
	maxTargets = 16
	// maxWishes bounds what may be left out because it decides nothing.
	maxWishes    = 8
	maxLoginHint = 256
	maxLocale    = 35
)

func readOnce(_ *Request, values url.Values, _ Arrival) (oauth.Code, string) {
	for _, name := range Parameters {
		if len(values[name]) > 1 && !slices.Contains(oauth.Repeatable, name) {
			return oauth.InvalidRequest, "the parameter " + name + " is there more than once"
		}
	}
	return "", ""
}

func readType(_ *Request, values url.Values, _ Arrival) (oauth.Code, string) {
	switch values.Get("response_type") {
	case "code":
		return "", ""
	case "":
		return oauth.InvalidRequest, "the parameter response_type is missing; send response_type=code"
	}
	return oauth.UnsupportedResponseType, "only response_type=code is offered (in express-openid-connect set authorizationParams.response_type to 'code', and a client secret)"
}

// readOffers refuses what must not be ignored though it is not offered: the client would take the answer for
// more than it is.
func readOffers(_ *Request, values url.Values, a Arrival) (oauth.Code, string) {
	switch {
	case values.Get("request") != "":
		return RequestNotSupported, "request objects are not offered; send the parameters themselves, or push them (RFC 9126)"
	case values.Get("request_uri") != "" && a.PAR != "":
		return oauth.InvalidRequest, "a pushed request holds no request_uri (RFC 9126, section 2.1)"
	case values.Get("request_uri") != "":
		return RequestURINotSupported, "only a request_uri that this server gave for a pushed request is taken"
	case values.Get("organization") != "":
		return oauth.InvalidRequest, "organizations are not offered; leave the parameter organization out"
	}
	return "", ""
}

func readNonce(r *Request, values url.Values, _ Arrival) (oauth.Code, string) {
	nonce, wrong := readText(values, "nonce")
	r.Nonce = nonce
	return oauth.InvalidRequest, wrong
}

func readChallenge(r *Request, values url.Values, a Arrival) (oauth.Code, string) {
	challenge, method := values.Get("code_challenge"), values.Get("code_challenge_method")
	switch {
	case challenge == "" && (method != "" || a.Client.needsPKCE()):
		return oauth.InvalidRequest, "the parameter code_challenge is missing; PKCE (RFC 7636) is required"
	case challenge == "":
		return "", ""
	case method != pkce.S256:
		return oauth.InvalidRequest, "code_challenge_method has to be S256"
	case !pkce.IsChallenge(challenge):
		return oauth.InvalidRequest, "the code_challenge is not a SHA-256 hash in base64url: 43 characters without padding"
	}
	r.Challenge = challenge
	return "", ""
}

func readScopes(r *Request, values url.Values, _ Arrival) (oauth.Code, string) {
	asked := strings.Split(values.Get("scope"), " ")
	if len(asked) > maxScopes {
		return oauth.InvalidScope, "the scope names more than 512 scopes"
	}
	for _, name := range asked {
		if name != "" && !scope.IsToken(name) {
			return oauth.InvalidScope, "the scope holds a character that RFC 6749, section 3.3, does not allow"
		}
	}
	r.Scopes = NamesOf(asked...)
	return "", ""
}

const (
	projectPrefix = "urn:zitadel:iam:org:project:id:"
	projectSuffix = ":aud"
	// zitadelItself is the project of ZITADEL's own API, which its clients ask for and which is not here.
	zitadelItself = "zitadel"
)

func readTargets(r *Request, values url.Values, _ Arrival) (oauth.Code, string) {
	targets := slices.Concat(values[oauth.ParamAudience], values[oauth.ParamResource])
	for name := range r.Scopes.All() {
		rest, project := strings.CutPrefix(name, projectPrefix)
		id, audience := strings.CutSuffix(rest, projectSuffix)
		if project && audience && id != zitadelItself {
			targets = append(targets, id)
		}
	}
	targets = slices.DeleteFunc(targets, func(name string) bool { return name == "" })
	if len(targets) > maxTargets {
		return oauth.InvalidTarget, "more than 16 audiences, resources and projects are asked for"
	}
	for _, name := range targets {
		if len(name) > maxText || !scope.IsToken(name) {
			return oauth.InvalidTarget, "an audience or resource holds a character that none has, or is longer than any"
		}
	}
	r.Targets = NamesOf(targets...)
	return "", ""
}

var prompts = []string{PromptNone, PromptLogin, PromptConsent, PromptSelectAccount}

func readPrompt(r *Request, values url.Values, _ Arrival) (oauth.Code, string) {
	asked := strings.Fields(values.Get("prompt"))
	other := func(name string) bool { return name != PromptNone }
	if slices.Contains(asked, PromptNone) && slices.ContainsFunc(asked, other) {
		return oauth.InvalidRequest, "prompt=none goes with no other value"
	}
	r.Prompt = NamesOf(slices.DeleteFunc(asked, func(name string) bool { return !slices.Contains(prompts, name) })...)
	return "", ""
}

func readMaxAge(r *Request, values url.Values, _ Arrival) (oauth.Code, string) {
	text := values.Get("max_age")
	if text == "" {
		return "", ""
	}
	seconds, err := strconv.ParseUint(text, 10, 63)
	if err != nil {
		return oauth.InvalidRequest, "max_age is not a number of seconds"
	}
	r.MaxAge = int64(seconds)
	return "", ""
}

func readKey(r *Request, values url.Values, a Arrival) (oauth.Code, string) {
	key := values.Get("dpop_jkt")
	switch {
	case key == "":
		return "", ""
	case !pkce.IsChallenge(key): // the same form
		return oauth.InvalidRequest, "the dpop_jkt is not a SHA-256 thumbprint in base64url: 43 characters without padding"
	case a.ProofKey != "" && a.ProofKey != key:
		return oauth.InvalidDPoPProof, "the DPoP proof is of another key than dpop_jkt names"
	}
	r.DPoPKey = key
	return "", ""
}

// readWishes reads what decides nothing and so never refuses a request: what cannot be used is left out.
func readWishes(r *Request, values url.Values) {
	if hint := values.Get("login_hint"); len(hint) <= maxLoginHint && isPrintable(hint) {
		r.LoginHint = hint
	}
	r.SignUp = values.Get("screen_hint") == "signup"
	r.ACR = some(values.Get("acr_values"), func(name string) bool { _, ok := ParseACR(name); return ok })
	r.Locales = LocalesOf(values.Get("ui_locales"))
}

// LocalesOf returns the language tags of a ui_locales parameter; what is none is left out.
func LocalesOf(text string) Names { return some(text, isLocale) }

// some returns the first names of a list that can be used, within the bound.
func some(text string, usable func(string) bool) Names {
	var names []string
	for name := range strings.SplitSeq(text, " ") {
		if len(names) < maxWishes && usable(name) && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return NamesOf(names...)
}

func isLocale(tag string) bool {
	return tag != "" && len(tag) <= maxLocale && strings.Trim(tag, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") == ""
}

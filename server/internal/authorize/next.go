package authorize

import (
	"time"

	"github.com/postern-auth/postern/server/internal/oauth"
	"github.com/postern-auth/postern/server/internal/redirect"
)

// Next says what comes next for a request. It looks at nothing but its arguments. Where those contradict
// each other, so that a user is not whom session and facts are about, nothing is issued.
//
// A login that was finished before the request does not satisfy prompt=login and max_age=0; one that is
// finished inside of it does, however long the person takes for the pages after it.
func Next(r Request, s Session, c Client, u User, f Facts, now time.Time) Step {
	step := next(r, s, c, u, f, now)
	if r.Prompt.Has(PromptNone) {
		return silently(r, step)
	}
	return step
}

func next(r Request, s Session, c Client, u User, f Facts, now time.Time) Step {
	l := loginOf(s, f)
	switch {
	case c.ID != r.ClientID:
		return Refuse{ServerError, "the request belongs to another application"}
	case f.Denied:
		return Refuse{oauth.AccessDenied, "the person refused, or went back"}
	case l.user == "" || l.user != u.ID || !u.Active || l.acr() == 0:
		return loginPage(r, c)
	case r.Prompt.Has(PromptSelectAccount) && !l.inside && f.Account != l.user:
		return ChooseAccount{}
	case r.Hint != "" && r.Hint != l.user && l.inside:
		return Refuse{LoginRequired, "somebody else logged in than the id_token_hint names"}
	case r.Hint != "" && r.Hint != l.user, !l.satisfies(r, c, now):
		return loginPage(r, c)
	}
	if want := wanted(r, c, u); l.acr() < want {
		return SecondFactor{ACR: want, Enrol: want > u.reach()}
	}
	if ask, needed := consent(r, c, u, f); needed {
		return ask
	}
	_, name := wished(r.ACR, l.acr())
	if name == "" {
		name = l.acr().String()
	}
	return Issue{
		User: l.user, AuthTime: l.at(), ACR: name, AMR: l.amr(), Scopes: c.Allowed(r.Scopes), Targets: r.Targets,
	}
}

func loginPage(r Request, c Client) Step {
	return Login{As: r.Hint, SignUp: r.SignUp && c.SignUp}
}

// silently turns a page into the error that says which one would be needed (OpenID Connect Core §3.1.2.6).
func silently(r Request, step Step) Step {
	switch step.(type) {
	case Login:
		return Refuse{LoginRequired, "Login required"}
	case SecondFactor:
		if r.auth0() { // its libraries look for this text
			return Refuse{LoginRequired, "Multifactor authentication required"}
		}
		return Refuse{InteractionRequired, "a second factor is required"}
	case ChooseAccount:
		return Refuse{AccountSelectionRequired, "an account has to be chosen"}
	case AskConsent:
		return Refuse{ConsentRequired, "Consent required"}
	}
	return step
}

// wanted is the level that a login has to reach: what the client demands, what the person has set up for
// all of their logins, and of what is wished the best that they can reach.
func wanted(r Request, c Client, u User) ACR {
	wish, _ := wished(r.ACR, u.reach())
	want := max(Password, c.MinimumACR, wish)
	if u.SecondFactor {
		return max(want, MultiFactor)
	}
	return want
}

// consent says what the person is to be asked for, and whether they are.
func consent(r Request, c Client, u User, f Facts) (ask AskConsent, needed bool) {
	ask = AskConsent{Scopes: c.Allowed(r.Scopes), Targets: r.Targets}
	ask.NewScopes, ask.NewTargets = ask.Scopes.Without(u.Consent.Scopes), ask.Targets.Without(u.Consent.Targets)
	ask.Offline = ask.Scopes.Has(ScopeOfflineAccess)
	switch {
	case f.Consented == u.ID:
		return ask, false
	case r.Prompt.Has(PromptConsent):
		return ask, true
	case c.FirstParty:
		return ask, false
	}
	return ask, !u.Consent.Given || ask.NewScopes != "" || ask.NewTargets != "" || anybodys(r, c)
}

// anybodys reports whether another program of the person's machine could receive the answer in the client's
// place, so that a former consent does not speak for this request (RFC 8252 §8.6).
func anybodys(r Request, c Client) bool {
	return c.Type != Web && (redirect.IsLoopback(r.RedirectURI) || !redirect.IsWeb(r.RedirectURI))
}

package authorize

import (
	"time"

	"github.com/postern-auth/postern/server/internal/oauth"
)

// Step is what comes next: one of Login, SecondFactor, ChooseAccount, AskConsent, Issue and Refuse.
type Step interface{ step() }

// Login is the login page.
type Login struct {
	As     string // subject of the id_token_hint, who alone is wanted; empty: anybody
	SignUp bool   // show the page that creates an account
}

// SecondFactor is the page that asks for a further proof.
type SecondFactor struct {
	ACR   ACR  // the level to reach
	Enrol bool // the person has nothing to reach it with, and has to enrol it or cancel
}

// ChooseAccount is the page that asks whether to go on as the session's person.
type ChooseAccount struct{}

// AskConsent is the page that asks whether the client may have what it wants.
type AskConsent struct {
	Scopes, Targets       Names // all that it would have
	NewScopes, NewTargets Names // what of it has not been allowed before
	Offline               bool  // a refresh token: it may act while the person is away
}

// Issue is a code for the client.
type Issue struct {
	User            string
	AuthTime        time.Time // auth_time: when the person last proved who they are, beyond adding a factor
	ACR             string    // acr: the strongest name asked for that the login reaches, else its own
	AMR             []string  // amr: the methods, and mfa for several factors
	Scopes, Targets Names     // what of the request the client may have, if the person has it
}

// Refuse is an error for the client.
type Refuse struct {
	Code oauth.Code
	Text string
}

func (Login) step()         {}
func (SecondFactor) step()  {}
func (ChooseAccount) step() {}
func (AskConsent) step()    {}
func (Issue) step()         {}
func (Refuse) step()        {}

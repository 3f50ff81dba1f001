package page

import (
	"net/http"
	"time"
)

// An Authorization is what the pages of one authorization request say of it. Every field may be empty.
type Authorization struct {
	// Application is the name of the application that asks.
	Application string
	// ReturnsTo is the host that the browser goes back to, in ASCII.
	ReturnsTo string
	// Scheme is the private scheme (RFC 8252 §7.1) of the redirect URI, where it has one: the answer to a form
	// may go on to it. The page that ends such a request is a 303, not Done.
	Scheme string
}

func (a Authorization) card(file string, p Problem) shape {
	return shape{file: file, layout: "card", status: p.status(), wait: p.seconds, policy: policy{scheme: a.Scheme}}
}

// A Problem says why a form comes back. The zero Problem is none.
type Problem struct {
	key     string // problem.<key> of the catalogue
	field   string // the field beside which it stands; empty: above the form
	seconds int
}

// The problems of forms.
var (
	// WrongPassword is said for unknown names, wrong passwords and accounts that are locked or delayed alike.
	WrongPassword = Problem{key: "wrong_password", field: "password"}
	WrongCode     = Problem{key: "wrong_code", field: "code"}
	// WrongRecoveryCode is also said for one that was used before.
	WrongRecoveryCode = Problem{key: "wrong_recovery_code", field: "code"}
	WrongOldPassword  = Problem{key: "wrong_old_password", field: "password"}
	ShortPassword     = Problem{key: "short_password", field: "new_password"}
	LongPassword      = Problem{key: "long_password", field: "new_password"}
	CommonPassword    = Problem{key: "common_password", field: "new_password"}
	BadEmail          = Problem{key: "bad_email", field: "email"}
	ManyLetters       = Problem{key: "many_letters", field: "email"}
	NoName            = Problem{key: "no_name", field: "name"}
	UnknownUserCode   = Problem{key: "unknown_user_code", field: "user_code"}
	NoAPI             = Problem{key: "no_api", field: "audience"}
	BadName           = Problem{key: "bad_name", field: "name"}
	TooManyTokens     = Problem{key: "too_many_tokens"}
	// LastWayIn is said when the only passkey of a person without a password would be removed.
	LastWayIn = Problem{key: "last_way_in"}
	// PasskeyNotMade is said for every new passkey that is not one.
	PasskeyNotMade  = Problem{key: "passkey_not_made"}
	TooManyPasskeys = Problem{key: "too_many_passkeys"}
	// PasskeyFailed is said for every answer of a passkey that proves nothing.
	PasskeyFailed = Problem{key: "passkey_failed"}
	// Busy is said when more passwords wait to be compared than the server lets wait.
	Busy = Problem{key: "busy", seconds: 5}
)

// TooManyTries is the limit of an address, alike for known and unknown names. The wait is rounded up to seconds.
func TooManyTries(wait time.Duration) Problem {
	return Problem{key: "too_many_tries", seconds: max(1, int((wait+time.Second-1)/time.Second))}
}

func (p Problem) status() int {
	switch p.key {
	case "":
		return http.StatusOK
	case "too_many_tries":
		return http.StatusTooManyRequests
	case "busy":
		return http.StatusServiceUnavailable
	}
	return http.StatusUnprocessableEntity
}

// Login asks who somebody is: identifier and password on one page, which no answer about names divides.
// It posts identifier, password and answer=login, or answer=cancel.
type Login struct {
	Authorization
	Action string
	// Identifier fills the field: what was typed, or login_hint.
	Identifier string
	// Remember has the box ticked that posts remember=yes: the browser stays logged in when it is closed.
	Remember bool
	Problem  Problem
	// Passkey is the path at which the script of the page gets what a passkey signs. It posts passkey and
	// answer=passkey. Empty: no passkey is offered.
	Passkey string
	// Forgot and SignUp are paths of this server; empty: not offered.
	Forgot, SignUp string
	// Cancel offers the way back to the application without logging in.
	Cancel bool
}

func (p Login) shape() shape { return withScript(p.card("login", p.Problem), p.Passkey) }

// withScript allows a page that offers passkeys its script, and that to ask this server.
func withScript(sh shape, offered string) shape {
	if offered != "" {
		sh.policy.script, sh.policy.fetches = "'self'", true
	}
	return sh
}

// SecondFactor asks for a code after the password. It posts code and answer=login, passkey and answer=passkey, or
// answer=cancel.
type SecondFactor struct {
	Authorization
	Action string
	Person Person
	// Recovery asks for a recovery code instead of one from an app.
	Recovery bool
	// Other is the path of this page with the other kind of code; empty: there is none.
	Other string
	// NoCode leaves a passkey as the only way.
	NoCode bool
	// Passkey is as Login's.
	Passkey string
	Problem Problem
	Cancel  bool
}

func (p SecondFactor) shape() shape { return withScript(p.card("second_factor", p.Problem), p.Passkey) }

// ChooseAccount lists the accounts of this browser. It posts account=<ID>, or account= for another one, or
// answer=cancel.
type ChooseAccount struct {
	Authorization
	Action   string
	Accounts []Account
	Cancel   bool
}

// An Account is one that the browser knows.
type Account struct {
	ID string
	Person
	// LoggedOut says that the password will be asked for.
	LoggedOut bool
}

func (p ChooseAccount) shape() shape { return p.card("choose_account", Problem{}) }

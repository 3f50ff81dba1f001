package page

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Yours is what all pages of a person's account share. Their links and forms lie below Base:
//
//	/ (security) /sessions /applications /tokens /profile
//	/sessions/{id}/end /others/end /applications/{id}/withdraw /tokens/new /tokens/{id}/revoke
//	/password /second-factor/on /second-factor/off /second-factor/codes /passkeys/new /passkeys/{id}/remove
//
// Where it ends in a verb, GET asks and POST does.
type Yours struct {
	Base   string
	Person Person
	// LogOut is the path that takes the form with answer=logout.
	LogOut string
	// Others says that the person is logged in elsewhere, too.
	Others bool
	// Saved is what was just done; the zero Saved is nothing.
	Saved Saved
}

// A Saved is what was just done on an account page.
type Saved struct{ key string }

// What may have been done.
var (
	SavedProfile     = Saved{"profile"}
	SessionEnded     = Saved{"session_ended"}
	OthersEnded      = Saved{"others_ended"}
	ConsentWithdrawn = Saved{"consent_withdrawn"}
	TokenRevoked     = Saved{"token_revoked"}
	PasswordSaved    = Saved{"password"}
	SecondFactorOn   = Saved{"second_factor_on"}
	SecondFactorOff  = Saved{"second_factor_off"}
	PasskeyAdded     = Saved{"passkey_added"}
	PasskeyRemoved   = Saved{"passkey_removed"}
	EmailAsked       = Saved{"email_asked"}
)

var allSaved = []Saved{
	SavedProfile, SessionEnded, OthersEnded, ConsentWithdrawn, TokenRevoked, PasswordSaved, SecondFactorOn, SecondFactorOff, PasskeyAdded, PasskeyRemoved, EmailAsked,
}

// SavedOf returns what Name has named; the zero Saved for any other text.
func SavedOf(name string) Saved {
	if i := slices.Index(allSaved, Saved{name}); i >= 0 {
		return allSaved[i]
	}
	return Saved{}
}

// Name is what was done in the query of the page that says it.
func (s Saved) Name() string { return s.key }

// Sentence returns the key of what was done, or "".
func (s Saved) Sentence() string {
	if s.key == "" {
		return ""
	}
	return "saved." + s.key
}

func yours(file string, p Problem) shape {
	return shape{file: file, layout: "account", status: p.status(), wait: p.seconds, policy: policy{alone: true}}
}

// Security shows how a person logs in.
type Security struct {
	Yours
	// Factors says that there are passkeys and second factors to have; without, nothing is said of them.
	Factors bool
	// PasskeysOff says that the host of this server cannot have passkeys.
	PasskeysOff bool
	Passkeys    []Passkey
	// CodesOff says that the server cannot keep the secrets of apps.
	CodesOff bool
	// SecondFactor is when codes from an app were turned on; zero: off.
	SecondFactor time.Time
	// RecoveryLeft of RecoveryAll codes are unused.
	RecoveryLeft, RecoveryAll int
	// Password is when it was changed; zero: there is none.
	Password time.Time
}

// A Passkey is one of a person's.
type Passkey struct {
	ID, Name        string
	Added, LastUsed time.Time
}

func (p Security) shape() shape { return yours("security", Problem{}) }

// Sessions lists where a person is logged in.
type Sessions struct {
	Yours
	Sessions []Session
}

// A Session is one of a person's.
type Session struct {
	ID string
	// Browser and System are what the browser said of itself; either may be empty.
	Browser, System string
	// Address is from where it began; empty: that is not known.
	Address        string
	Since, LastUse time.Time
	// This is the session that looks at the page.
	This bool
}

func (p Sessions) shape() shape { return yours("sessions", Problem{}) }

// Applications lists what a person let in, or logged in to.
type Applications struct {
	Yours
	Consents []Given
}

// Given is what an application may do in a person's name.
type Given struct {
	ID, Application string
	// FirstParty says that it was not asked for: the application is of the house.
	FirstParty bool
	// May is what the application may do.
	May []Permission
	// Identity says that it learns who the person is, Offline that it may go on while they are away.
	Identity, Offline bool
	Since             time.Time
}

func (p Applications) shape() shape { return yours("applications", Problem{}) }

// AccessTokens lists a person's personal access tokens.
type AccessTokens struct {
	Yours
	Tokens []AccessToken
	// Born is the one just made, shown this once.
	Born string
}

// An AccessToken is one of a person's. Its secret is not part of it.
type AccessToken struct {
	ID, Name string
	// For are the names of the APIs that it opens; empty: all that the person has a right on.
	For           []string
	Created, Ends time.Time // Ends is zero for one without an end
	// Over says that it opens nothing any more, because its time is over.
	Over bool
}

func (p AccessTokens) shape() shape { return yours("access_tokens", Problem{}) }

// Profile is what a person says of themselves. It posts name, given_name, family_name and ui_locales.
type Profile struct {
	Yours
	Name, GivenName, FamilyName string
	// Email is shown; what changes it is a page of its own.
	Email         string
	EmailVerified bool
	// ChangeEmail is the path of that page; empty: there is none.
	ChangeEmail string
	// Language is the one chosen; empty: the browser's.
	Language Language
	Problem  Problem
}

func (p Profile) shape() shape { return yours("profile", p.Problem) }

// Tongues are the languages to choose from.
func (Profile) Tongues() []tongue {
	var list []tongue
	for _, l := range Languages() {
		list = append(list, tongue{l, l.plain("language")})
	}
	return list
}

// ChangePassword asks for the password that is and the one to be. It posts password and new_password.
type ChangePassword struct {
	Yours
	// First says that the person has none yet, so that none is asked for.
	First   bool
	Problem Problem
}

func (p ChangePassword) shape() shape { return yours("change_password", p.Problem) }

// ChangeEmail asks for another address. It posts email.
type ChangeEmail struct {
	Yours
	// Email is what was typed.
	Email   string
	Problem Problem
}

func (p ChangeEmail) shape() shape { return yours("change_email", p.Problem) }

// EnrolTOTP turns codes from an app on. It posts code.
type EnrolTOTP struct {
	Yours
	// Secret is what the app is given, in base32, and URI the same as an otpauth address.
	Secret, URI string
	// QR are the modules of the code that a camera reads the address from, row by row and true for dark; nil: none.
	QR      [][]bool
	Problem Problem
}

func (p EnrolTOTP) shape() shape { return yours("enrol_totp", p.Problem) }

func (p EnrolTOTP) check() error {
	if !strings.HasPrefix(p.URI, otpauth) {
		return fmt.Errorf("an address that begins with %s was expected", otpauth)
	}
	return nil
}

// Path draws the dark modules, with the margin around them.
func (p EnrolTOTP) Path() string {
	var path strings.Builder
	for y, row := range p.QR {
		for x := 0; x < len(row); x++ {
			from := x
			for x < len(row) && row[x] {
				x++
			}
			if x > from {
				fmt.Fprintf(&path, "M%d %dh%dv1h-%dz", from+margin, y+margin, x-from, x-from)
			}
		}
	}
	return path.String()
}

// Side is how many modules the drawing is wide and high.
func (p EnrolTOTP) Side() int { return len(p.QR) + 2*margin }

// margin is what a reader needs around a code.
const margin = 4

const otpauth = "otpauth://totp/"

// NewPasskey has the person's device make a passkey. It posts name and passkey.
type NewPasskey struct {
	Yours
	Name string
	// Options are those for navigator.credentials.create, as JSON.
	Options string
	Problem Problem
}

func (p NewPasskey) shape() shape {
	sh := yours("new_passkey", p.Problem)
	sh.policy.script = "'self'"
	return sh
}

// RecoveryCodes shows them, this once.
type RecoveryCodes struct {
	Yours
	Codes []string
}

func (p RecoveryCodes) shape() shape {
	sh := yours("recovery_codes", Problem{})
	sh.fixed = true
	return sh
}

// NewToken makes a personal access token. It posts name, audience for each API that is chosen, days and once.
type NewToken struct {
	Yours
	Name string
	// APIs are those to choose from; empty: the person has no right on any.
	APIs []Choice
	// Days are how long it may live; 0: until it is revoked.
	Days []int
	// Ends is which of them is chosen.
	Ends int
	// Once lets the form be sent only once.
	Once    string
	Problem Problem
}

func (p NewToken) shape() shape { return yours("new_token", p.Problem) }

// A Choice is one of several that may be made together.
type Choice struct {
	Value, Name string
	Chosen      bool
}

// A Step is what a Confirm asks about.
type Step struct{ key, path string }

// What is asked about before it is done.
var (
	EndSession      = Step{"end_session", "/sessions/%s/end"}
	EndUnknown      = Step{"end_unknown", "/sessions/%s/end"} // a session whose browser has not said what it is
	EndOthers       = Step{"end_others", "/others/end"}
	WithdrawConsent = Step{"withdraw_consent", "/applications/%s/withdraw"}
	RevokeToken     = Step{"revoke_token", "/tokens/%s/revoke"}
	TurnOff         = Step{"turn_off", "/second-factor/off"}
	RemovePasskey   = Step{"remove_passkey", "/passkeys/%s/remove"}
	ReplaceCodes    = Step{"replace_codes", "/second-factor/codes"}
)

// Confirm asks before something stops. It posts to the path of its step.
type Confirm struct {
	Yours
	Step Step
	// ID is of what stops, Name what people call it. Steps that concern one thing alone take neither.
	ID, Name string
	// Back is the path below Base of the page that keeps things as they are.
	Back    string
	Problem Problem
}

func (p Confirm) shape() shape { return yours("confirm", p.Problem) }

// Action is where the form goes.
func (p Confirm) Action() string { return p.Base + p.Step.action(p.ID) }

func (s Step) action(id string) string {
	return strings.Replace(s.path, "%s", url.PathEscape(id), 1)
}

// Sentence returns the key of one of the step's sentences.
func (p Confirm) Sentence(which string) string { return "confirm." + p.Step.key + "." + which }

// Here is the tab of each page.
func (Security) Here() string     { return "/" }
func (Sessions) Here() string     { return "/sessions" }
func (Applications) Here() string { return "/applications" }
func (AccessTokens) Here() string { return "/tokens" }
func (Profile) Here() string      { return "/profile" }

package page

import "net/http"

// A Cause is why a page says that something is wrong.
type Cause struct {
	key    string // error.<key> of the catalogue
	status int
	wait   int
}

// The causes of errors.
var (
	// UnknownApplication: the client_id is missing or not known.
	UnknownApplication = Cause{"unknown_application", http.StatusBadRequest, 0}
	// UnregisteredAddress: the redirect URI is not one of the application's.
	UnregisteredAddress = Cause{"unregistered_address", http.StatusBadRequest, 0}
	// BadRequest: the request cannot be answered at the application.
	BadRequest = Cause{"bad_request", http.StatusBadRequest, 0}
	// Forbidden: the browser says that the form came from another site.
	Forbidden = Cause{"forbidden", http.StatusForbidden, 0}
	// NotAllowed: the page is for others than who is logged in.
	NotAllowed = Cause{"not_allowed", http.StatusForbidden, 0}
	NotFound   = Cause{"not_found", http.StatusNotFound, 0}
	// WrongHost: the server does not answer for the host that was asked.
	WrongHost   = Cause{"wrong_host", http.StatusMisdirectedRequest, 0}
	Internal    = Cause{"internal", http.StatusInternalServerError, 0}
	Unavailable = Cause{"unavailable", http.StatusServiceUnavailable, 5}
)

// WithStatus returns the cause with another status of HTTP; zero: its own.
func (c Cause) WithStatus(status int) Cause {
	if status != 0 {
		c.status = status
	}
	return c
}

// Error says what is wrong to two readers: to people what to do, to the developer what was expected. It links
// nowhere: an address that was not registered is shown as text.
type Error struct {
	Cause Cause
	// Application is the name of a known one. It is shown, not linked.
	Application string
	Developer   Developer
}

// Developer is the part of an Error for whoever makes the application. Empty fields are not shown.
type Developer struct {
	// Open shows the part without a click, as dev does.
	Open bool
	// Parameter is the name of the one that is wrong.
	Parameter string
	// Expected and Got are values; Got is what came, whatever it holds.
	Expected, Got string
	// Nearest is the registered redirect URI that is most like Got. It is said in dev alone.
	Nearest string
	// Message says what to do, in English, as in the log.
	Message string
	// Section is where to read on, such as "RFC 6749 §3.1.2".
	Section string
	// Decision is the id under which the log has it.
	Decision string
}

// Empty reports whether there is nothing to tell.
func (d Developer) Empty() bool {
	d.Open = false
	return d == Developer{}
}

func (p Error) shape() shape {
	return shape{file: "error", layout: "card", status: p.Cause.status, wait: p.Cause.wait, fixed: true}
}

// Sentence returns the key of one of the cause's sentences.
func (c Cause) Sentence(which string) string { return "error." + c.key + "." + which }

// A Stale is why a page of an authorization cannot go on.
type Stale struct{ key string }

// Why an authorization starts again.
var (
	// TooOld: its time is over.
	TooOld = Stale{"too_old"}
	// OtherBrowser: it began in another browser.
	OtherBrowser = Stale{"other_browser"}
	// TooManyCodes: too many wrong codes of the second factor.
	TooManyCodes = Stale{"too_many_codes"}
	// NoCookie: the browser brought none; UseHost says under which host it would.
	NoCookie = Stale{"no_cookie"}
)

// Sentence returns the key of the sentence that says why.
func (s Stale) Sentence() string { return "start_again." + s.key }

// StartAgain is the end of an authorization that is too old, or of another browser.
type StartAgain struct {
	Application string
	Why         Stale
	// At is the application's initiate_login_uri, registered, of http or https. Empty: no link.
	At string
	// UseHost is the host under which the server is to be reached, for NoCookie.
	UseHost string
}

func (p StartAgain) shape() shape {
	return shape{file: "start_again", layout: "card", status: http.StatusBadRequest, fixed: true}
}

func (p StartAgain) check() error {
	if p.At == "" {
		return nil
	}
	return webAddress(p.At)
}

// ConfirmLogout asks before a session ends that nothing proved the right to end. It posts answer=logout.
type ConfirmLogout struct {
	Action string
	Person Person
	// Application is the one that asks; empty: nobody in particular.
	Application string
	// ReturnsTo is the host that the browser goes on to afterwards; empty: it stays.
	ReturnsTo string
	// Scheme is as Authorization's.
	Scheme string
}

func (p ConfirmLogout) shape() shape {
	return Authorization{Scheme: p.Scheme}.card("confirm_logout", Problem{})
}

// LoggedOut says that a session has ended.
type LoggedOut struct {
	// Applications are the names of those that are told.
	Applications []string
	// Again is the path of the login page; empty: no link.
	Again string
}

func (p LoggedOut) shape() shape { return shape{file: "logged_out", layout: "card", fixed: true} }

// SendAgain is the answer to a form of somebody who is not logged in any more. It keeps what was typed, to be sent
// again after a login in another tab.
type SendAgain struct {
	To    string // where the form was sent to, on this server
	Kept  []Parameter
	Login string // the path of a page that asks for the login
}

func (p SendAgain) shape() shape {
	return shape{file: "send_again", layout: "card", status: http.StatusForbidden, fixed: true}
}

// A Matter is what a Notice says.
type Matter struct{ key string }

// The matters of notices. What was asked for an address is answered alike whether it is known or not.
var (
	ResetSent        = Matter{"reset_sent"}
	VerificationSent = Matter{"verification_sent"}
	EmailVerified    = Matter{"email_verified"}
	PasswordChanged  = Matter{"password_changed"}
	// LinkOver: the link of a mail was used, replaced or is too old.
	LinkOver       = Matter{"link_over"}
	DeviceAllowed  = Matter{"device_allowed"}
	DeviceRefused  = Matter{"device_refused"}
	AccountCreated = Matter{"account_created"}
)

// Sentence returns the key of one of the matter's sentences.
func (m Matter) Sentence(which string) string { return "notice." + m.key + "." + which }

// Notice is a page that says one thing.
type Notice struct {
	Matter Matter
	// Login is the path of the login page, offered as the way on; empty: no link.
	Login string
}

func (p Notice) shape() shape {
	sh := shape{file: "notice", layout: "card", fixed: true}
	if p.Matter == LinkOver {
		sh.status = http.StatusNotFound
	}
	return sh
}

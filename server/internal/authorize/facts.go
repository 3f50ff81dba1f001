package authorize

import "time"

// Names of methods by which somebody logs in, as the claim amr holds them (RFC 8176).
const (
	MethodPassword = "pwd"
	MethodTOTP     = "otp"
	MethodRecovery = "rec"  // a recovery code, which stands in for the second factor
	MethodPasskey  = "pop"  // a passkey that verified the person
	MethodLink     = "link" // a link that works once, by which the first administrator comes: no better than a password
)

// Method is one proof that somebody has given.
type Method struct {
	Name string
	At   time.Time
}

// Session is what the browser's cookie stands for. The zero value is none: no cookie, or one that ended.
type Session struct {
	User    string   // subject
	Methods []Method // of its one login, and what has been added to that
}

// User is the person whom the facts are about, or the session where the facts name nobody. The zero value is
// nobody.
type User struct {
	ID           string // subject
	Active       bool
	SecondFactor bool // has enrolled one to go with the password
	Passkey      bool // has enrolled one
	Consent      Consent
}

// reach is the best level that the person can log in with.
func (u User) reach() ACR {
	switch {
	case u.Passkey:
		return PhishingResistant
	case u.SecondFactor:
		return MultiFactor
	}
	return Password
}

// Consent is what a person has allowed the client in former requests. The zero value is nothing.
type Consent struct {
	Given   bool
	Scopes  Names
	Targets Names // by the names that Request.Targets has
}

// Facts are what the person did in this request. The zero value is nothing. A login whose session has ended
// since, as by a log-out in another window, is not a fact any more: whoever passes facts leaves it out.
type Facts struct {
	User         string   // who logged in, or added a factor to the session's login
	Methods      []Method // what they proved it with
	Account      string   // subject whose session they chose to go on with
	OtherAccount bool     // they chose to log in as somebody else
	Consented    string   // subject who allowed all that this request asks for
	Denied       bool     // they pressed Cancel or Refuse
}

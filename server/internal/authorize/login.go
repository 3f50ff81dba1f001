package authorize

import (
	"slices"
	"time"
)

// login is who is logged in, and by what.
type login struct {
	user    string
	methods []Method
	inside  bool // the person proved who they are within the request
}

// loginOf returns the login of the facts, or the session's with what the facts add to it. A factor counts
// for the login that it was given in, and never for another.
func loginOf(s Session, f Facts) login {
	switch {
	case slices.ContainsFunc(f.Methods, isFirst):
		return login{f.User, f.Methods, true}
	case f.OtherAccount, f.User != "" && f.User != s.User:
		return login{}
	case f.User == "":
		return login{s.User, s.Methods, false}
	}
	return login{s.User, slices.Concat(s.Methods, f.Methods), false}
}

// isFirst reports whether a method proves by itself who somebody is.
func isFirst(m Method) bool {
	return m.Name == MethodPassword || m.Name == MethodPasskey || m.Name == MethodLink
}

func isSecond(m Method) bool { return m.Name == MethodTOTP || m.Name == MethodRecovery }

func (l login) acr() ACR {
	switch {
	case slices.ContainsFunc(l.methods, func(m Method) bool { return m.Name == MethodPasskey }):
		return PhishingResistant
	case !slices.ContainsFunc(l.methods, isFirst):
		return 0
	case slices.ContainsFunc(l.methods, isSecond):
		return MultiFactor
	}
	return Password
}

// at is when the person last proved by a first factor who they are.
func (l login) at() (last time.Time) {
	for _, m := range l.methods {
		if isFirst(m) && m.At.After(last) {
			last = m.At
		}
	}
	return last
}

func (l login) amr() []string {
	var names []string
	for _, m := range l.methods {
		if (isFirst(m) || isSecond(m)) && !slices.Contains(names, m.Name) {
			names = append(names, m.Name)
		}
	}
	if l.acr() >= MultiFactor {
		names = append(names, "mfa")
	}
	return names
}

// skew is how far the clock of another replica, or this one's before it was set, may be ahead.
const skew = 60 // seconds

// satisfies reports whether the login is as fresh as the request wants it.
func (l login) satisfies(r Request, c Client, now time.Time) bool {
	switch {
	case l.inside:
		return true
	case r.Prompt.Has(PromptLogin), r.MaxAge == 0:
		return false
	case r.SignUp && c.SignUp && !r.Prompt.Has(PromptNone): // libraries send all they are set to with prompt=none, too
		return false
	case r.MaxAge == NoMaxAge:
		return true
	}
	age := now.Unix() - l.at().Unix()
	return -skew <= age && age <= r.MaxAge
}

package authorize

import (
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/postern-auth/postern/server/internal/oauth"
)

// world is what a row of the table is about. By itself it is a request for openid by an application of the
// house, in a browser without a session, of a person who has a password alone.
type world struct {
	r Request
	s Session
	c Client
	u User
	f Facts
}

var now = received.Add(20 * time.Minute)

func newWorld() *world {
	return &world{
		r: Request{
			Reply:    Reply{Issuer: issuer, RedirectURI: "https://app.example/cb", Mode: Query},
			ClientID: "app", Challenge: challenge, Scopes: "openid", MaxAge: NoMaxAge, At: received,
		},
		c: Client{ID: "app", Type: Browser, FirstParty: true},
		u: User{ID: "mia", Active: true},
	}
}

func proof(at time.Time, names ...string) (methods []Method) {
	for _, name := range names {
		methods = append(methods, Method{name, at})
	}
	return methods
}

func ago(age time.Duration, names ...string) func(*world) {
	return func(w *world) { w.s = Session{"mia", proof(now.Add(-age), names...)} }
}

// inside is a login of five minutes ago, which is after the request came.
func inside(user string, names ...string) func(*world) {
	return func(w *world) { w.f.User, w.f.Methods = user, proof(now.Add(-5*time.Minute), names...) }
}

// phrases are what the rows are made of.
var phrases = map[string]func(*world){
	"no session":                        func(*world) {},
	"a session":                         ago(time.Hour, MethodPassword),
	"a session of 9 s":                  ago(9*time.Second, MethodPassword),
	"a session of 10 s":                 ago(10*time.Second, MethodPassword),
	"a session of 11 s":                 ago(11*time.Second, MethodPassword),
	"a session of this second":          ago(0, MethodPassword),
	"a session from 60 s ahead":         ago(-60*time.Second, MethodPassword),
	"a session from 61 s ahead":         ago(-61*time.Second, MethodPassword),
	"a session with a code":             ago(time.Hour, MethodPassword, MethodTOTP),
	"a session with a recovery code":    ago(time.Hour, MethodPassword, MethodRecovery),
	"a session by passkey":              ago(time.Hour, MethodPasskey),
	"a session by a code alone":         ago(time.Hour, MethodTOTP),
	"a session by nothing":              ago(time.Hour),
	"a session by something unknown":    ago(time.Hour, "sms"),
	"a session of Tom's":                func(w *world) { w.s = Session{"tom", proof(now.Add(-time.Hour), MethodPassword)} },
	"Tom is the user":                   func(w *world) { w.u.ID = "tom" },
	"nobody is the user":                func(w *world) { w.u = User{} },
	"the user is locked":                func(w *world) { w.u.Active = false },
	"a second factor is enrolled":       func(w *world) { w.u.SecondFactor = true },
	"a passkey is enrolled":             func(w *world) { w.u.Passkey = true },
	"a foreign application":             func(w *world) { w.c.FirstParty = false },
	"a foreign application on a server": func(w *world) { w.c.FirstParty, w.c.Type = false, Web },
	"another application":               func(w *world) { w.c.ID = "other" },
	"of the scope read alone":           func(w *world) { w.c.Scopes = []string{"read"} },
	"of no scope":                       func(w *world) { w.c.Scopes = []string{} },
	"it demands mfa":                    func(w *world) { w.c.MinimumACR = MultiFactor },
	"it demands phr":                    func(w *world) { w.c.MinimumACR = PhishingResistant },
	"sign-up is on":                     func(w *world) { w.c.SignUp = true },
	"an issuer of Auth0's form":         func(w *world) { w.r.Issuer += "/" },
	"on the loopback":                   func(w *world) { w.r.RedirectURI = "http://127.0.0.1:5000/cb" },
	"on a private scheme":               func(w *world) { w.r.RedirectURI = "com.example.app:/cb" },
	"openid was allowed":                func(w *world) { w.u.Consent = Consent{Given: true, Scopes: "openid"} },
	"openid a b was allowed":            func(w *world) { w.u.Consent = Consent{Given: true, Scopes: "openid a b"} },
	"openid offline was allowed":        func(w *world) { w.u.Consent = Consent{Given: true, Scopes: "openid offline_access"} },
	"nothing in particular was allowed": func(w *world) { w.u.Consent = Consent{Given: true} },
	"openid for api1 was allowed":       func(w *world) { w.u.Consent = Consent{Given: true, Scopes: "openid", Targets: "api1"} },
	"a consent was withdrawn":           func(w *world) { w.u.Consent = Consent{Scopes: "openid"} },
	"logs in":                           inside("mia", MethodPassword),
	"logs in with a code":               inside("mia", MethodPassword, MethodTOTP),
	"logs in with a recovery code":      inside("mia", MethodPassword, MethodRecovery),
	"logs in by passkey":                inside("mia", MethodPasskey),
	"adds a code":                       inside("mia", MethodTOTP),
	"a code without a person":           inside("", MethodTOTP),
	"a login without a person":          inside("", MethodPassword),
	"adds something unknown":            inside("mia", "sms"),
	"Tom logs in":                       inside("tom", MethodPassword),
	"Tom adds a code":                   inside("tom", MethodTOTP),
	"Tom is noted without a login":      inside("tom"),
	"chooses the account":               func(w *world) { w.f.Account = "mia" },
	"chooses Tom's account":             func(w *world) { w.f.Account = "tom" },
	"wants another account":             func(w *world) { w.f.OtherAccount = true },
	"allows":                            func(w *world) { w.f.Consented = "mia" },
	"Tom allowed":                       func(w *world) { w.f.Consented = "tom" },
	"cancels":                           func(w *world) { w.f.Denied = true },
}

// parameter sets one of the request.
func (w *world) parameter(name, value string) bool {
	switch name {
	case "prompt":
		w.r.Prompt = Names(value)
	case "max_age":
		w.r.MaxAge, _ = strconv.ParseInt(value, 10, 64)
	case "acr":
		w.r.ACR = NamesOf(strings.Split(acrs.Replace(value), " ")...)
	case "hint":
		w.r.Hint = value
	case "scope":
		w.r.Scopes = Names(value)
	case "target":
		w.r.Targets = Names(value)
	case "screen_hint":
		w.r.SignUp = value == "signup"
	default:
		return false
	}
	return true
}

var acrs = strings.NewReplacer("pwd", Password.String(), "mfa", MultiFactor.String(), "phr", PhishingResistant.String(), "auth0", multiFactorAuth0)

// describe puts a step into the words of the table.
func describe(step Step) string {
	switch step := step.(type) {
	case Login:
		text := "login"
		if step.SignUp {
			text = "sign-up"
		}
		if step.As != "" {
			text += " as " + step.As
		}
		return text
	case SecondFactor:
		text := "second factor for " + short(step.ACR.String())
		if step.Enrol {
			text += ", enrolling"
		}
		return text
	case ChooseAccount:
		return "choose"
	case AskConsent:
		text := "consent"
		if step.NewScopes != "" {
			text += " to " + string(step.NewScopes)
		}
		if step.NewTargets != "" {
			text += " for " + string(step.NewTargets)
		}
		if step.Offline {
			text += ", offline"
		}
		return text
	case Issue:
		return "code for " + step.User + " " + short(step.ACR)
	case Refuse:
		return string(step.Code)
	}
	return "nothing"
}

func short(acr string) string {
	if acr == multiFactorAuth0 {
		return "auth0"
	}
	return strings.TrimPrefix(acr, "urn:postern:acr:")
}

// Each row is a sentence: what is so, and what comes next.
const table = `
no session: login
no session, prompt=login: login
no session, prompt=consent: login
no session, prompt=select_account: login
no session, prompt=none: login_required
no session, max_age=0: login
no session, max_age=10000: login
no session, hint=mia: login as mia
no session, hint=mia, prompt=none: login_required
no session, hint=mia, prompt=login: login as mia
no session, acr=mfa: login
no session, acr=mfa, prompt=none: login_required
no session, a foreign application: login
no session, a foreign application, prompt=none: login_required
no session, a foreign application, openid was allowed: login
no session, a foreign application, openid was allowed, prompt=none: login_required
no session, it demands mfa: login
no session, screen_hint=signup: login
no session, screen_hint=signup, sign-up is on: sign-up
no session, screen_hint=signup, sign-up is on, prompt=none: login_required
no session, screen_hint=signup, sign-up is on, hint=mia: sign-up as mia
no session, the user is locked: login
no session, nobody is the user: login
no session, allows: login
no session, chooses the account: login
no session, chooses the account, prompt=select_account: login
no session, adds a code: login
no session, adds a code, a second factor is enrolled: login
no session, adds something unknown: login

a session: code for mia pwd
a session of this second: code for mia pwd
a session with a code: code for mia mfa
a session with a recovery code: code for mia mfa
a session by passkey: code for mia phr
a session by a code alone: login
a session by nothing: login
a session by nothing, prompt=none: login_required
a session by something unknown: login
a session, adds something unknown: code for mia pwd
a session, prompt=none: code for mia pwd
a session, prompt=login: login
a session, prompt=consent: consent to openid
a session, prompt=login consent: login
a session, prompt=select_account: choose
a session, prompt=select_account login: choose
a session, prompt=select_account consent: choose
a session, the user is locked: login
a session, the user is locked, prompt=none: login_required
a session, nobody is the user: login
a session, nobody is the user, prompt=none: login_required
a session, Tom is the user: login
a session of Tom's: login
a session of Tom's, Tom is the user: code for tom pwd
a session, another application: server_error
a session, another application, prompt=none: server_error
a session, screen_hint=signup: code for mia pwd
a session, screen_hint=signup, sign-up is on: sign-up
a session, screen_hint=signup, sign-up is on, prompt=none: code for mia pwd
a session, screen_hint=signup, sign-up is on, logs in: code for mia pwd
a session, a code without a person: code for mia pwd
a session, a code without a person, a second factor is enrolled: second factor for mfa
a session, a login without a person: login
no session, a login without a person, nobody is the user: login
a session, cancels: access_denied
a session, cancels, prompt=none: access_denied
no session, cancels: access_denied
a session, logs in, cancels: access_denied
a session, allows, cancels, a foreign application: access_denied

no session, logs in: code for mia pwd
no session, logs in with a code: code for mia mfa
no session, logs in with a recovery code: code for mia mfa
no session, logs in by passkey: code for mia phr
no session, logs in, prompt=login: code for mia pwd
no session, logs in, prompt=select_account: code for mia pwd
no session, logs in, prompt=consent: consent to openid
no session, logs in, max_age=0: code for mia pwd
no session, logs in, max_age=1: code for mia pwd
no session, logs in, the user is locked: login
no session, logs in, nobody is the user: login
no session, logs in, Tom is the user: login
no session, Tom logs in: login
no session, Tom logs in, Tom is the user: code for tom pwd
a session, logs in, prompt=login: code for mia pwd
a session, logs in, max_age=0: code for mia pwd
a session, logs in, max_age=1: code for mia pwd
a session, logs in, prompt=login consent: consent to openid
a session, logs in, prompt=login consent, allows: code for mia pwd
a session, logs in, prompt=select_account: code for mia pwd
a session, Tom logs in, Tom is the user: code for tom pwd
a session, Tom logs in: login
a session with a code, logs in: code for mia pwd
a session with a code, logs in, a second factor is enrolled: second factor for mfa
a session with a code, Tom logs in, Tom is the user: code for tom pwd
a session by passkey, logs in: code for mia pwd
a session, Tom adds a code, Tom is the user: login
a session, Tom adds a code: login
a session, Tom is noted without a login, Tom is the user: login
a session, adds a code, prompt=login: login
a session, adds a code, max_age=0: login
a session, adds a code, max_age=60: login

a session, chooses the account, prompt=select_account: code for mia pwd
a session, chooses the account, prompt=select_account login: login
a session, chooses the account, prompt=select_account login, logs in: code for mia pwd
a session, chooses the account, prompt=select_account consent: consent to openid
a session, chooses the account, prompt=select_account consent, allows: code for mia pwd
a session, chooses Tom's account, prompt=select_account: choose
a session, wants another account, prompt=select_account: login
a session, wants another account, prompt=select_account, Tom logs in, Tom is the user: code for tom pwd
a session, wants another account, prompt=select_account, logs in: code for mia pwd
a session, wants another account: login
a session, wants another account, adds a code: login
a session, wants another account, hint=mia: login as mia
a session, prompt=none select_account: account_selection_required
a session, prompt=select_account, hint=mia: choose
a session, prompt=select_account, hint=tom: choose
a session, prompt=select_account, hint=tom, chooses the account: login as tom
a session, prompt=select_account, max_age=0, chooses the account: login

a session of 9 s, max_age=10: code for mia pwd
a session of 10 s, max_age=10: code for mia pwd
a session of 11 s, max_age=10: login
a session of 11 s, max_age=10, prompt=none: login_required
a session of 10 s, max_age=10, prompt=none: code for mia pwd
a session of 11 s, max_age=10, logs in: code for mia pwd
a session of this second, max_age=0: login
a session of this second, max_age=0, prompt=none: login_required
a session of this second, max_age=1: code for mia pwd
a session of this second, prompt=login: login
a session, max_age=3599: login
a session, max_age=3600: code for mia pwd
a session, max_age=10000: code for mia pwd
a session, max_age=10000, prompt=none: code for mia pwd
a session, max_age=9223372036854775807: code for mia pwd
a session from 60 s ahead, max_age=10: code for mia pwd
a session from 61 s ahead, max_age=10: login
a session from 61 s ahead, max_age=9223372036854775807: login
a session from 61 s ahead: code for mia pwd
a session with a code, max_age=10: login
a session by passkey, max_age=10: login
a session by passkey, max_age=10, logs in by passkey: code for mia phr

a session, hint=mia: code for mia pwd
a session, hint=mia, prompt=none: code for mia pwd
a session, hint=tom: login as tom
a session, hint=tom, prompt=none: login_required
a session, hint=tom, logs in: login_required
a session, hint=tom, logs in by passkey: login_required
a session, hint=tom, Tom logs in, Tom is the user: code for tom pwd
a session, hint=tom, adds a code: login as tom
no session, hint=mia, logs in: code for mia pwd
no session, hint=tom, logs in: login_required
no session, hint=tom, logs in, prompt=login: login_required
a session, hint=mia, prompt=login: login as mia
a session, hint=mia, max_age=0: login as mia
a session, hint=mia, the user is locked: login as mia
a session, hint=tom, screen_hint=signup, sign-up is on: sign-up as tom

a session, a second factor is enrolled: second factor for mfa
a session, a second factor is enrolled, prompt=none: interaction_required
a session, a second factor is enrolled, prompt=none, an issuer of Auth0's form: login_required
a session, a second factor is enrolled, adds a code: code for mia mfa
a session, a second factor is enrolled, adds something unknown: second factor for mfa
a session with a code, a second factor is enrolled: code for mia mfa
a session with a recovery code, a second factor is enrolled: code for mia mfa
a session with a code, a second factor is enrolled, prompt=none: code for mia mfa
a session by passkey, a second factor is enrolled: code for mia phr
a session with a code, a second factor is enrolled, prompt=login: login
a session with a code, a second factor is enrolled, prompt=login, logs in: second factor for mfa
a session with a code, a second factor is enrolled, prompt=login, logs in with a code: code for mia mfa
no session, logs in, a second factor is enrolled: second factor for mfa
no session, logs in, a second factor is enrolled, acr=pwd: second factor for mfa
no session, logs in with a code, a second factor is enrolled, acr=pwd: code for mia pwd
no session, logs in by passkey, a second factor is enrolled: code for mia phr
no session, logs in, a passkey is enrolled: code for mia pwd
a session, acr=pwd: code for mia pwd
a session, acr=mfa: code for mia pwd
a session, acr=mfa, prompt=none: code for mia pwd
a session, acr=mfa, a second factor is enrolled: second factor for mfa
a session, acr=mfa, a second factor is enrolled, prompt=none: interaction_required
a session, acr=auth0, a second factor is enrolled, prompt=none, an issuer of Auth0's form: login_required
a session, acr=auth0, a second factor is enrolled, adds a code: code for mia auth0
a session with a code, acr=auth0 mfa: code for mia auth0
a session with a code, acr=mfa auth0: code for mia mfa
a session with a code, acr=pwd mfa: code for mia mfa
a session by passkey, acr=mfa: code for mia mfa
a session, acr=mfa, a passkey is enrolled: second factor for mfa
a session, acr=mfa, a passkey is enrolled, logs in by passkey: code for mia mfa
a session, acr=phr, a passkey is enrolled: second factor for phr
a session, acr=phr, a passkey is enrolled, prompt=none: interaction_required
a session, acr=phr, a passkey is enrolled, logs in by passkey: code for mia phr
a session, acr=phr, a passkey is enrolled, adds a code: second factor for phr
a session, acr=phr, a second factor is enrolled: second factor for mfa
a session with a code, acr=phr, a second factor is enrolled: code for mia mfa
a session with a code, acr=phr mfa, a second factor is enrolled: code for mia mfa
a session with a code, acr=phr mfa, a second factor is enrolled, a passkey is enrolled: second factor for phr
a session, acr=something else: code for mia pwd
a session, it demands mfa: second factor for mfa, enrolling
a session, it demands mfa, prompt=none: interaction_required
a session, it demands mfa, prompt=none, an issuer of Auth0's form: login_required
a session, it demands mfa, cancels: access_denied
a session, it demands mfa, a second factor is enrolled: second factor for mfa
a session, it demands mfa, a passkey is enrolled: second factor for mfa
a session, it demands mfa, adds a code: code for mia mfa
a session with a code, it demands mfa: code for mia mfa
a session by passkey, it demands mfa: code for mia phr
a session with a code, it demands phr: second factor for phr, enrolling
a session with a code, it demands phr, acr=mfa: second factor for phr, enrolling
a session with a code, it demands phr, a passkey is enrolled: second factor for phr
a session by passkey, it demands phr: code for mia phr
a session, it demands mfa, a foreign application: second factor for mfa, enrolling

a session, a foreign application: consent to openid
a session, a foreign application, prompt=none: consent_required
a session, a foreign application, prompt=login: login
a session, a foreign application, allows: code for mia pwd
a session, a foreign application, Tom allowed: consent to openid
a session, a foreign application, allows, Tom logs in, Tom is the user: consent to openid
a session, a foreign application, openid was allowed: code for mia pwd
a session, a foreign application, openid was allowed, prompt=none: code for mia pwd
a session, a foreign application, openid was allowed, prompt=consent: consent
a session, a foreign application, openid was allowed, prompt=consent, allows: code for mia pwd
a session, a foreign application, openid was allowed, scope=openid a: consent to a
a session, a foreign application, openid was allowed, scope=openid a, prompt=none: consent_required
a session, a foreign application, openid a b was allowed, scope=openid a: code for mia pwd
a session, a foreign application, openid a b was allowed, scope=openid a b c: consent to c
a session, a foreign application, openid a b was allowed, scope=openid a b c, allows: code for mia pwd
a session, a foreign application, openid a b was allowed, scope=openid a b c, cancels: access_denied
a session, a foreign application, openid was allowed, scope=openid offline_access: consent to offline_access, offline
a session, a foreign application, openid offline was allowed, scope=openid offline_access: code for mia pwd
a session, a foreign application, openid offline was allowed, scope=openid offline_access, prompt=consent: consent, offline
a session, a foreign application, openid was allowed, target=api1: consent for api1
a session, a foreign application, openid for api1 was allowed, target=api1: code for mia pwd
a session, a foreign application, openid for api1 was allowed, target=api2 api1: consent for api2
a session, a foreign application, openid for api1 was allowed, target=api2, prompt=none: consent_required
a session, a foreign application, a consent was withdrawn: consent
a session, a foreign application, scope=: consent
a session, a foreign application, scope=, nothing in particular was allowed: code for mia pwd
a session, a foreign application, of the scope read alone, scope=openid read write: consent to openid read
a session, a foreign application, of the scope read alone, scope=openid write, openid was allowed: code for mia pwd
a session, a foreign application, of no scope, scope=openid email write: consent to openid email
a session, scope=openid offline_access: code for mia pwd
a session, scope=openid offline_access, prompt=consent: consent to openid offline_access, offline
a session, scope=openid offline_access, prompt=consent, allows: code for mia pwd
a session, scope=openid a, target=api1: code for mia pwd
a session, scope=openid a, target=api1, prompt=consent: consent to openid a for api1
a session, on the loopback: code for mia pwd
a session, on a private scheme: code for mia pwd
a session, a foreign application, on the loopback: consent to openid
a session, a foreign application, on the loopback, openid was allowed: consent
a session, a foreign application, on the loopback, openid was allowed, prompt=none: consent_required
a session, a foreign application, on the loopback, openid was allowed, allows: code for mia pwd
a session, a foreign application, on a private scheme, openid was allowed: consent
a session, a foreign application on a server, on the loopback, openid was allowed: code for mia pwd
no session, logs in, a foreign application: consent to openid
no session, logs in, a foreign application, openid was allowed: code for mia pwd
no session, logs in, a foreign application, a second factor is enrolled: second factor for mfa
no session, logs in, a foreign application, a second factor is enrolled, allows: second factor for mfa
no session, logs in with a code, a foreign application, a second factor is enrolled: consent to openid
no session, logs in with a code, a foreign application, a second factor is enrolled, allows: code for mia mfa
`

func TestNext(t *testing.T) {
	rows, used := make(map[string]bool), make(map[string]bool)
	for row := range strings.Lines(strings.TrimSpace(table)) {
		row = strings.TrimSuffix(row, "\n")
		if row == "" {
			continue
		}
		given, want, ok := strings.Cut(row, ": ")
		if !ok || rows[given] {
			t.Fatalf("%q is not a row, or there twice", row)
		}
		rows[given] = true
		t.Run(row, func(t *testing.T) {
			w := newWorld()
			for phrase := range strings.SplitSeq(given, ", ") {
				name, value, isParameter := strings.Cut(phrase, "=")
				if isParameter && w.parameter(name, value) {
					continue
				}
				change, ok := phrases[phrase]
				if !ok {
					t.Fatalf("%q is not a phrase", phrase)
				}
				used[phrase] = true
				change(w)
			}
			before := *w
			if got := describe(Next(w.r, w.s, w.c, w.u, w.f, now)); got != want {
				t.Errorf("got %q", got)
			}
			if !reflect.DeepEqual(before, *w) {
				t.Error("an argument is changed")
			}
		})
	}
	if len(rows) < 200 {
		t.Errorf("%d rows", len(rows))
	}
	for phrase := range phrases {
		if !used[phrase] {
			t.Errorf("no row says %q", phrase)
		}
	}
}

func TestWhatIsIssued(t *testing.T) {
	w := newWorld()
	w.r.Scopes, w.r.Targets, w.c.Scopes = "openid read write", "api1 17", []string{"read"}
	w.s = Session{"mia", []Method{{MethodPassword, received.Add(-time.Hour)}, {"sms", received}, {MethodTOTP, received.Add(-time.Minute)}, {MethodTOTP, received}}}
	want := Issue{
		User: "mia", AuthTime: received.Add(-time.Hour), ACR: "urn:postern:acr:mfa", AMR: []string{"pwd", "otp", "mfa"},
		Scopes: "openid read", Targets: "api1 17",
	}
	if diff := cmp.Diff(want, Next(w.r, w.s, w.c, w.u, w.f, now)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	w.f = Facts{User: "mia", Methods: []Method{{MethodPasskey, received.Add(time.Minute)}}}
	want.AuthTime, want.ACR, want.AMR = received.Add(time.Minute), "urn:postern:acr:phr", []string{"pop", "mfa"}
	if diff := cmp.Diff(want, Next(w.r, w.s, w.c, w.u, w.f, now)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	w.s.Methods, w.f = []Method{{MethodPassword, received}}, Facts{}
	want.AuthTime, want.ACR, want.AMR = received, "urn:postern:acr:pwd", []string{"pwd"}
	if diff := cmp.Diff(want, Next(w.r, w.s, w.c, w.u, w.f, now)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestConsentShowsAllAndWhatIsNew(t *testing.T) {
	w := newWorld()
	w.c.FirstParty, w.s = false, Session{"mia", proof(received, MethodPassword)}
	w.r.Scopes, w.r.Targets = "openid a b offline_access", "api1 api2"
	w.u.Consent = Consent{Given: true, Scopes: "a openid z", Targets: "api2"}
	want := AskConsent{
		Scopes: "openid a b offline_access", Targets: "api1 api2", NewScopes: "b offline_access", NewTargets: "api1", Offline: true,
	}
	if diff := cmp.Diff(want, Next(w.r, w.s, w.c, w.u, w.f, now)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestK16_ALoginFinishedInsideTheRequestCountsHoweverLongThePagesTake(t *testing.T) {
	w := newWorld()
	w.r.Prompt, w.r.MaxAge = PromptLogin, 1
	w.s = Session{"mia", proof(received.Add(-time.Second), MethodPassword)}
	if got := describe(Next(w.r, w.s, w.c, w.u, w.f, received)); got != "login" {
		t.Errorf("at first: %s", got)
	}
	w.f.User, w.f.Methods = "mia", proof(received.Add(time.Minute), MethodPassword)
	step, ok := Next(w.r, w.s, w.c, w.u, w.f, received.Add(29*time.Minute)).(Issue)
	if !ok || !step.AuthTime.Equal(received.Add(time.Minute)) {
		t.Errorf("then: %+v", step)
	}
}

func TestK40_AnEnrolledFactorIsAskedForAndSilentlyIsAnError(t *testing.T) {
	for name, want := range map[oauth.Issuer]Refuse{
		issuer:       {InteractionRequired, "a second factor is required"},
		issuer + "/": {LoginRequired, "Multifactor authentication required"},
	} {
		w := newWorld()
		w.r.Issuer, w.r.ACR, w.u.SecondFactor = name, Names(MultiFactor.String()), true
		w.s = Session{"mia", proof(received, MethodPassword)}
		if got := Next(w.r, w.s, w.c, w.u, w.f, now); got != (SecondFactor{ACR: MultiFactor}) {
			t.Errorf("%s: got %+v", name, got)
		}
		w.r.Prompt = PromptNone
		if got := Next(w.r, w.s, w.c, w.u, w.f, now); got != want {
			t.Errorf("%s, silently: got %+v", name, got)
		}
	}
}

func TestErrorsOfStepsAreDescriptions(t *testing.T) {
	w := newWorld()
	steps := []Step{
		Login{}, SecondFactor{}, ChooseAccount{}, AskConsent{},
		Next(w.r, w.s, Client{}, w.u, w.f, now), Next(w.r, w.s, w.c, w.u, Facts{Denied: true}, now),
	}
	for _, step := range steps {
		for _, in := range []oauth.Issuer{issuer, issuer + "/"} {
			w.r.Issuer = in
			refusal, ok := silently(w.r, step).(Refuse)
			if !ok || !isDescription(refusal.Text) || refusal.Code == oauth.Code("") {
				t.Errorf("%T: %+v", step, refusal)
			}
		}
	}
}

func TestParseACR(t *testing.T) {
	for _, level := range []ACR{Password, MultiFactor, PhishingResistant} {
		if got, ok := ParseACR(level.String()); got != level || !ok {
			t.Errorf("%s is read as %d", level, got)
		}
	}
	if got, ok := ParseACR(multiFactorAuth0); got != MultiFactor || !ok {
		t.Errorf("Auth0's name is read as %d, %t", got, ok)
	}
	for _, name := range []string{"", "urn:postern:acr:", "mfa"} {
		if _, ok := ParseACR(name); ok {
			t.Errorf("%q is a level", name)
		}
	}
	if ACR(0).String() != "" {
		t.Error("no login has a name")
	}
}

// Whatever the arguments are, prompt=none shows no page, and a code is for the one person whom all of them
// are about.
func FuzzNext(f *testing.F) {
	f.Add([]byte{1, 2, 3}, "none", int64(10))
	f.Add([]byte{20, 33, 40, 41}, "login consent", int64(NoMaxAge))
	names := slices.Sorted(maps.Keys(phrases)) // the same pick is the same phrase in every run
	f.Fuzz(func(t *testing.T, picks []byte, prompt string, maxAge int64) {
		w := newWorld()
		w.r.Prompt, w.r.MaxAge = Names(prompt), maxAge
		for _, pick := range picks {
			phrases[names[int(pick)%len(names)]](w)
		}
		switch step := Next(w.r, w.s, w.c, w.u, w.f, now).(type) {
		case Issue:
			if step.User != w.u.ID || !w.u.Active || w.f.Denied || step.User != w.s.User && step.User != w.f.User || step.AuthTime.IsZero() || step.ACR == "" {
				t.Errorf("%+v issues %+v", w, step)
			}
		case Refuse:
		default:
			if w.r.Prompt.Has(PromptNone) {
				t.Errorf("prompt=none shows %+v", step)
			}
		}
	})
}

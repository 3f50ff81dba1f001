package page

import "time"

// A sample is a page in one of its states.
type sample struct {
	name string
	page Page
}

var testSite = Site{Organisation: "Example Company", Host: "login.example.com", Help: "https://help.example.com/login"}

func at(text string) time.Time {
	t, err := time.Parse("2006-01-02 15:04", text)
	if err != nil {
		panic(err)
	}
	return t
}

// squares stands for a QR code.
func squares(size int) (modules [][]bool) {
	for y := range size {
		row := make([]bool, size)
		for x := range row {
			row[x] = (x*y+x/3+y/5)%3 == 0
		}
		modules = append(modules, row)
	}
	return modules
}

// samples returns every page in every state, with values of everyday life.
func samples() []sample {
	mia := Person{"Mia Berg", "mia@example.com"}
	hello := Authorization{Application: "Hello World", ReturnsTo: "hello-world.example.com"}
	reader := Authorization{Application: "Reader for Linux", ReturnsTo: "reader.example.net"}
	asked := Asked{Profile: true, Email: true, Offline: true, Permissions: []Permission{
		{Key: "read:messages", Description: "Read your messages", API: "Hello World"},
	}}
	more := asked
	more.ClaimsGiven = true
	more.Permissions = append([]Permission{{Key: "write:messages", API: "Hello World"}}, more.Permissions...)
	more.Permissions[1].Given = true
	yours := Yours{Base: "/account", Person: mia, LogOut: "/logout?sid=1", Others: true}
	saved := func(s Saved) Yours { y := yours; y.Saved = s; return y }
	choosing := func(p NewToken) NewToken {
		p.Yours, p.Days, p.Ends = yours, []int{30, 90, 365, 0}, 90
		p.APIs = []Choice{{"https://hello-world.example.com", "Hello World", true}, {"https://orders.example.com", "orders", false}}
		return p
	}
	problem := func(p Problem) Login {
		return Login{Authorization: hello, Action: "/login/1", Identifier: "mia@example.com", Problem: p, Forgot: "/reset", SignUp: "/signup", Cancel: true}
	}
	password := func(p Problem) NewPassword {
		return NewPassword{Action: "/reset/1", Identifier: "mia@example.com", Problem: p}
	}
	all := []sample{
		{"login", problem(Problem{})},
		{"login-wrong", problem(WrongPassword)},
		{"login-too-many", problem(TooManyTries(30 * time.Second))},
		{"login-one-second", problem(TooManyTries(time.Millisecond))},
		{"login-busy", problem(Busy)},
		{"login-plain", Login{Action: "/login", Remember: true}},
		{"totp", SecondFactor{Authorization: hello, Action: "/login/1/factor", Person: mia, Other: "/login/1/factor?recovery=1", Cancel: true}},
		{"totp-wrong", SecondFactor{Authorization: hello, Action: "/login/1/factor", Person: mia, Problem: WrongCode}},
		{"recovery", SecondFactor{Authorization: hello, Action: "/login/1/factor", Person: mia, Recovery: true, Other: "/login/1/factor", Cancel: true}},
		{"recovery-wrong", SecondFactor{Authorization: hello, Action: "/login/1/factor?recovery=1", Person: mia, Recovery: true, Problem: WrongRecoveryCode, Other: "/login/1/factor", Cancel: true}},
		{"totp-too-many", SecondFactor{Authorization: hello, Action: "/login/1/factor", Person: mia, Problem: TooManyTries(64 * time.Second), Cancel: true}},
		{"totp-passkey", SecondFactor{Authorization: hello, Action: "/login/1/factor", Person: mia, Other: "/login/1/factor?recovery=1", Passkey: "/login/1/passkey", Cancel: true}},
		{"second-passkey", SecondFactor{Authorization: hello, Action: "/login/1/factor", Person: mia, NoCode: true, Passkey: "/login/1/passkey", Cancel: true}},
		{"second-passkey-failed", SecondFactor{Authorization: hello, Action: "/login/1/factor", Person: mia, NoCode: true, Passkey: "/login/1/passkey", Problem: PasskeyFailed, Cancel: true}},
		{"login-passkey", Login{Authorization: hello, Action: "/login/1", Passkey: "/login/1/passkey", Forgot: "/reset", SignUp: "/signup", Cancel: true}},
		{"login-passkey-failed", Login{Authorization: hello, Action: "/login/1", Passkey: "/login/1/passkey", Problem: PasskeyFailed, Cancel: true}},
		{"start-again-codes", StartAgain{Application: "Hello World", Why: TooManyCodes}},
		{"new-passkey", NewPasskey{Yours: yours, Options: `{"challenge":"<&>"}`}},
		{"new-passkey-name", NewPasskey{Yours: yours, Options: `{}`, Problem: NoName}},
		{"new-passkey-not-made", NewPasskey{Yours: yours, Name: "Telephone", Options: `{}`, Problem: PasskeyNotMade}},
		{"new-passkey-too-many", NewPasskey{Yours: yours, Name: "Telephone", Options: `{}`, Problem: TooManyPasskeys}},
		{"security-codes-off", Security{Yours: saved(PasskeyAdded), Factors: true, CodesOff: true, Passkeys: []Passkey{{ID: "p1", Name: "Telephone", Added: at("2026-02-03 14:31")}}, Password: at("2026-01-02 10:00")}},
		{"choose", ChooseAccount{Authorization: hello, Action: "/login/1/account", Cancel: true, Accounts: []Account{
			{ID: "a", Person: mia}, {ID: "b", Person: Person{Identifier: "grandmother@a-rather-long-host-name.example.com"}, LoggedOut: true},
		}}},
		{"consent", Consent{Authorization: reader, Action: "/consent/1", Person: mia, Switch: "/consent/1/account", Asked: asked, Account: "/account/applications"}},
		{"consent-more", Consent{Authorization: reader, Action: "/consent/1", Person: mia, Asked: more, Account: "/account/applications"}},
		{"consent-identity", Consent{Authorization: reader, Action: "/consent/1", Person: mia, FirstParty: true}},
		{"consent-loopback", Consent{Authorization: Authorization{Application: "Reader for Linux", ReturnsTo: "127.0.0.1:51004"}, Loopback: true, Action: "/consent/1", Person: mia, Asked: Asked{Profile: true, Phone: true, Address: true}}},
		{"consent-published", Consent{Authorization: Authorization{Application: "Reader", ReturnsTo: "127.0.0.1:51004"}, PublishedAt: "reader.example", Loopback: true, Action: "/consent/1", Person: mia, Asked: Asked{Profile: true}}},
		{"consent-scheme", Consent{Authorization: Authorization{Application: "Reader", Scheme: "com.example.reader"}, Action: "/consent/1", Person: mia, Asked: Asked{Email: true}}},
		{"device-code", DeviceCode{Action: "/device", Code: "WDJB-MJHT"}},
		{"device-code-unknown", DeviceCode{Action: "/device", Code: "wdjb mjht", Problem: UnknownUserCode}},
		{"device-consent", DeviceConsent{Application: "Television", Action: "/device", Person: mia, Asked: asked, Code: "WDJB-MJHT", Address: "198.51.100.24", At: at("2026-02-03 14:31")}},
		{"done", Done{Application: "Hello World", To: "https://hello-world.example.com/callback?code=c&state=s&iss=https%3A%2F%2Flogin.example.com"}},
		{"done-plain", Done{To: "https://hello-world.example.com/callback?code=c"}},
		{"start-again", StartAgain{Application: "Hello World", Why: TooOld, At: "https://hello-world.example.com/login"}},
		{"start-again-browser", StartAgain{Application: "Hello World", Why: OtherBrowser}},
		{"start-again-cookie", StartAgain{Why: NoCookie, UseHost: "localhost:8443"}},
		{"logout", ConfirmLogout{Action: "/logout", Person: mia}},
		{"logout-asked", ConfirmLogout{Action: "/logout", Person: mia, Application: "Hello World", ReturnsTo: "hello-world.example.com"}},
		{"logged-out", LoggedOut{Again: "/login"}},
		{"logged-out-told", LoggedOut{Applications: []string{"Hello World", "Reader for Linux"}, Again: "/login"}},
		{"sign-up", SignUp{Authorization: hello, Action: "/signup", Login: "/login/1"}},
		{"sign-up-email", SignUp{Authorization: hello, Action: "/signup", Name: "Mia Berg", Email: "mia", Problem: BadEmail, Login: "/login/1"}},
		{"sign-up-name", SignUp{Action: "/signup", Email: "mia@example.com", Problem: NoName}},
		{"forgot", ForgotPassword{Action: "/reset", Login: "/login/1"}},
		{"forgot-email", ForgotPassword{Action: "/reset", Email: "mia", Problem: BadEmail}},
		{"new-password", password(Problem{})},
		{"new-password-short", password(ShortPassword)},
		{"new-password-long", password(LongPassword)},
		{"new-password-common", password(CommonPassword)},
		{"invited", NewPassword{Action: "/invite/1", Identifier: "mia@example.com", Invited: true}},
		{"verify", VerifyEmail{Action: "/verify/1", Email: "mia@example.com"}},

		{"security", Security{Yours: yours, Factors: true, Passkeys: []Passkey{
			{"1", "Laptop", at("2026-02-03 09:00"), at("2026-02-05 14:31")}, {"2", "Security key, blue", at("2026-02-03 09:10"), time.Time{}},
		}, SecondFactor: at("2026-02-03 09:20"), RecoveryLeft: 7, RecoveryAll: 10, Password: at("2026-02-03 08:00")}},
		{"security-bare", Security{Yours: saved(SecondFactorOff), Factors: true, Password: at("2026-02-03 08:00")}},
		{"security-password", Security{Yours: yours, Password: at("2026-02-03 08:00")}},
		{"security-no-password", Security{Yours: saved(PasskeyRemoved), Factors: true, PasskeysOff: true, SecondFactor: at("2026-02-03 09:20"), RecoveryLeft: 1, RecoveryAll: 10}},
		{"security-password-saved", Security{Yours: saved(PasswordSaved), Password: at("2026-02-03 08:00")}},
		{"security-factor-on", Security{Yours: saved(SecondFactorOn), Factors: true, SecondFactor: at("2026-02-03 09:20"), RecoveryLeft: 10, RecoveryAll: 10, Password: at("2026-02-03 08:00")}},
		{"sessions", Sessions{Yours: yours, Sessions: []Session{
			{ID: "1", Browser: "Firefox", System: "Linux", Address: "198.51.100.24", Since: at("2026-02-01 08:00"), LastUse: at("2026-02-05 14:31"), This: true},
			{ID: "2", Browser: "Safari", System: "iPhone", Address: "2001:db8::", Since: at("2026-01-12 20:00"), LastUse: at("2026-02-04 07:12")},
			{ID: "3", Since: at("2026-01-02 20:00"), LastUse: at("2026-01-02 20:12")},
		}}},
		{"sessions-ended", Sessions{Yours: saved(SessionEnded), Sessions: []Session{{ID: "1", Browser: "Firefox", Address: "198.51.100.24", Since: at("2026-02-01 08:00"), LastUse: at("2026-02-05 14:31"), This: true}}}},
		{"sessions-others-ended", Sessions{Yours: saved(OthersEnded), Sessions: []Session{{ID: "1", Browser: "Firefox", System: "Linux", Address: "198.51.100.24", Since: at("2026-02-01 08:00"), LastUse: at("2026-02-05 14:31"), This: true}}}},
		{"applications", Applications{Yours: yours, Consents: []Given{
			{ID: "1", Application: "Reader for Linux", Identity: true, Offline: true, Since: at("2026-02-01 08:00"), May: asked.Permissions},
			{ID: "2", Application: "Television", FirstParty: true, Since: at("2025-12-24 18:00"), May: []Permission{{Key: "read:orders"}}},
		}}},
		{"applications-none", Applications{Yours: saved(ConsentWithdrawn)}},
		{"tokens", AccessTokens{Yours: yours, Tokens: []AccessToken{
			{"1", "ci", []string{"Hello World", "orders"}, at("2026-02-01 08:00"), at("2027-02-01 08:00"), false}, {"2", "script at home", nil, at("2026-02-01 08:00"), time.Time{}, false},
			{"3", "from last year", []string{"Hello World"}, at("2025-02-01 08:00"), at("2026-02-01 08:00"), true},
		}}},
		{"tokens-born", AccessTokens{Yours: yours, Born: "pst_pat_0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", Tokens: []AccessToken{{"1", "ci", []string{"Hello World"}, at("2026-02-01 08:00"), at("2027-02-01 08:00"), false}}}},
		{"tokens-none", AccessTokens{Yours: saved(TokenRevoked)}},
		{"profile", Profile{Yours: yours, Name: "Mia Berg", GivenName: "Mia", FamilyName: "Berg", Email: "mia@example.com", EmailVerified: true, Language: "de"}},
		{"profile-saved", Profile{Yours: saved(SavedProfile), Name: "Mia Berg", Email: "mia@example.com"}},
		{"profile-name", Profile{Yours: yours, Name: "Mia\tBerg", Email: "mia@example.com", ChangeEmail: "/email", Problem: BadName}},
		{"change-password", ChangePassword{Yours: yours}},
		{"change-email", ChangeEmail{Yours: yours, Email: "mia@example.com"}},
		{"change-email-bad", ChangeEmail{Yours: yours, Email: "mia", Problem: BadEmail}},
		{"change-email-many", ChangeEmail{Yours: yours, Email: "mia@example.org", Problem: ManyLetters}},
		{"profile-email-asked", Profile{Yours: saved(EmailAsked), Name: "Mia Berg", Email: "mia@example.com", EmailVerified: true, ChangeEmail: "/account/email"}},
		{"change-password-wrong", ChangePassword{Yours: yours, Problem: WrongOldPassword}},
		{"first-password", ChangePassword{Yours: yours, First: true}},
		{"enrol-qr", EnrolTOTP{Yours: yours, Secret: "JBSW Y3DP EHPK 3PXP JBSW Y3DP EHPK 3PXP", URI: "otpauth://totp/Example%20Company:mia?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=Example%20Company", QR: squares(45)}},
		{"enrol", EnrolTOTP{Yours: yours, Secret: "JBSW Y3DP EHPK 3PXP JBSW Y3DP EHPK 3PXP", URI: "otpauth://totp/Example%20Company:mia?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=Example%20Company"}},
		{"recovery-codes", RecoveryCodes{Yours: yours, Codes: []string{"abcd-efgh-ijkl-mnop", "qrst-uvwx-yz23-4567", "abcd-efgh-ijkl-mnoq", "qrst-uvwx-yz23-4568", "abcd-efgh-ijkl-mnor", "qrst-uvwx-yz23-4569", "abcd-efgh-ijkl-mnos", "qrst-uvwx-yz23-456a", "abcd-efgh-ijkl-mnot", "qrst-uvwx-yz23-456b"}}},
		{"new-token", choosing(NewToken{Once: "1"})},
		{"new-token-no-api", choosing(NewToken{Name: "ci", Problem: NoAPI})},
		{"new-token-too-many", choosing(NewToken{Name: "ci", Problem: TooManyTokens})},
		{"new-token-no-rights", NewToken{Yours: yours}},
		{"new-token-name", choosing(NewToken{Once: "1", Problem: NoName})},
		{"first-run-over", FirstRunOver{}},
		{"form-post", FormPost{Application: "Hello World", To: "https://hello-world.example.com/callback", Fields: []Parameter{{"code", "c"}, {"state", "s"}}}},
		{"web-message", WebMessage{Target: "https://hello-world.example.com", Frames: []string{"https://hello-world.example.com"}, Response: map[string]string{"code": "c", "state": "s"}}},
	}
	for _, s := range []struct {
		name  string
		cause Cause
	}{
		{"unknown-application", UnknownApplication}, {"unregistered-address", UnregisteredAddress}, {"bad-request", BadRequest}, {"forbidden", Forbidden}, {"not-allowed", NotAllowed},
		{"not-found", NotFound}, {"wrong-host", WrongHost}, {"internal", Internal}, {"unavailable", Unavailable},
	} {
		all = append(all, sample{"error-" + s.name, Error{Cause: s.cause, Developer: Developer{Decision: "q3v7m2"}}})
	}
	all = append(all, sample{"error-dev", Error{Cause: UnregisteredAddress, Application: "Hello World", Developer: Developer{
		Open: true, Parameter: "redirect_uri", Expected: "an address registered for the application", Got: "https://hello-world.example.com/callback/", Nearest: "https://hello-world.example.com/callback",
		Message: "the two differ by the final slash alone: register this address, or send the registered one", Section: "RFC 6749 §3.1.2", Decision: "q3v7m2",
	}}}, sample{"error-plain", Error{Cause: NotFound}})
	all = append(all, sample{"send-again", SendAgain{To: "/console/apis/1", Kept: []Parameter{{"name", "Orders & more"}}, Login: "/console/"}})
	for _, s := range []struct {
		name   string
		matter Matter
	}{
		{"reset-sent", ResetSent}, {"verification-sent", VerificationSent}, {"email-verified", EmailVerified}, {"password-changed", PasswordChanged},
		{"link-over", LinkOver}, {"device-allowed", DeviceAllowed}, {"device-refused", DeviceRefused}, {"account-created", AccountCreated},
	} {
		all = append(all, sample{"notice-" + s.name, Notice{Matter: s.matter, Login: "/login"}})
	}
	for _, s := range []struct {
		name       string
		step       Step
		id, called string
	}{
		{"end-session", EndSession, "1", "Firefox, Linux"}, {"end-unknown", EndUnknown, "1", ""}, {"end-others", EndOthers, "", ""}, {"withdraw-consent", WithdrawConsent, "1", "Reader for Linux"}, {"revoke-token", RevokeToken, "1", "ci"},
		{"turn-off", TurnOff, "", ""}, {"remove-passkey", RemovePasskey, "1", "Laptop"}, {"replace-codes", ReplaceCodes, "", ""},
	} {
		all = append(all, sample{"confirm-" + s.name, Confirm{Yours: yours, Step: s.step, ID: s.id, Name: s.called, Back: "/"}})
	}
	return append(all, sample{"confirm-last-way-in", Confirm{Yours: yours, Step: RemovePasskey, ID: "1", Name: "Laptop", Back: "/", Problem: LastWayIn}})
}

package document

import (
	"slices"

	"github.com/postern-auth/postern/server/internal/oauth"
	"github.com/postern-auth/postern/server/internal/registry"
	"github.com/postern-auth/postern/server/store"
)

// application reads what people log in to. Its fields are judged one by one first, and then beside each other.
func (r *reader) application(v value, p *Project) *Application {
	a := &Application{
		Project: p, Active: true, IDTokenClaims: store.FullClaims,
		Grants: []Word{{Text: oauth.GrantAuthorizationCode}, {Text: oauth.GrantRefreshToken}},
	}
	var ends *bool
	at := map[string]Place{} // of fields that others contradict
	placed := func(name string, read func(value)) func(value) {
		at[name] = v.at
		return func(v value) { at[name] = v.at; read(v) }
	}
	r.object(v, fields{
		"name":                      r.word(&a.Name, registry.CheckName),
		"was":                       r.word(&a.Was, registry.CheckName),
		"type":                      r.text((*string)(&a.Type), registry.CheckApplicationType),
		"client_id":                 r.word(&a.ClientID, registry.CheckID),
		"client_id_file":            r.word(&a.ClientIDFile, checkPath),
		"redirect_uris":             r.words(&a.RedirectURIs, "redirect URI", registry.CheckRedirectURI),
		"logout_uris":               r.words(&a.LogoutURIs, "log-out URI", registry.CheckRedirectURI),
		"allowed_origins":           r.words(&a.AllowedOrigins, "origin", registry.CheckOrigin),
		"initiate_login_uri":        r.text(&a.InitiateLoginURI, registry.CheckInitiateURI),
		"backchannel_logout_uri":    r.text(&a.BackchannelLogoutURI, registry.CheckBackchannelURI),
		"grants":                    placed("grants", r.words(&a.Grants, "grant", registry.CheckGrant)),
		"id_token_lifetime":         parsed(r, &a.IDTokenLifetime, lifetime(registry.CheckLifetime)),
		"refresh_idle":              placed("refresh_idle", parsed(r, &a.RefreshIdle, lifetime(registry.CheckRefreshLifetime))),
		"refresh_lifetime":          parsed(r, &a.RefreshLifetime, lifetime(registry.CheckRefreshLifetime)),
		"id_token_algorithm":        r.text(&a.IDTokenAlgorithm, registry.CheckSigningAlgorithm),
		"id_token_claims":           r.text((*string)(&a.IDTokenClaims), registry.CheckIDTokenClaims),
		"userinfo_algorithm":        r.text(&a.UserinfoAlgorithm, registry.CheckSigningAlgorithm),
		"refresh_ends_with_session": func(v value) { ends = new(bool); r.flag(ends)(v) },
		"first_party":               r.flag(&a.FirstParty),
		"insecure_no_pkce":          placed("insecure_no_pkce", r.flag(&a.InsecureNoPKCE)),
		"active":                    r.flag(&a.Active),
		"secrets":                   r.secrets(&a.Secrets),
		"keys":                      r.keys(&a.Keys),
		"certificates":              r.certificates(&a.Certificates),
		"sender_constraint":         r.text((*string)(&a.SenderConstraint), registry.CheckSenderConstraint),
		"profile":                   placed("profile", r.text(&a.Profile, registry.CheckProfile)),
	}, "name", "type")
	a.RefreshEndsWithSession = a.Type == store.BrowserApplication
	if ends != nil {
		a.RefreshEndsWithSession = *ends
	}
	r.check(at["grants"], registry.CheckGrants(Texts(a.Grants), len(a.RedirectURIs)))
	r.check(at["grants"], registry.CheckExchange(a.Type, Texts(a.Grants)))
	r.check(at["refresh_idle"], registry.CheckRefreshLifetimes(a.RefreshIdle, a.RefreshLifetime))
	if a.Type == "" {
		return a // the type is wrong, and said to be
	}
	r.check(at["insecure_no_pkce"], registry.CheckNoPKCE(a.Type, a.InsecureNoPKCE))
	r.checkFAPI(at["profile"], a)
	for _, uri := range slices.Concat(a.RedirectURIs, a.LogoutURIs) {
		if uri.Text != "" {
			r.check(uri.At, registry.CheckURIOfType(a.Type, uri.Text))
		}
	}
	r.checkPublic(a)
	return a
}

// checkFAPI refuses what contradicts the FAPI profile.
func (r *reader) checkFAPI(at Place, a *Application) {
	r.check(at, registry.CheckFAPI(store.Application{
		Profile: a.Profile, Type: a.Type, InsecureNoPKCE: a.InsecureNoPKCE, IDTokenAlgorithm: a.IDTokenAlgorithm, RedirectURIs: Texts(a.RedirectURIs),
	}))
	if a.Profile != oauth.ProfileFAPI2 {
		return
	}
	for _, e := range a.Secrets {
		r.fail(e.File.At, "expected no secret beside the profile %s, in which a key or a certificate proves who the application is", a.Profile)
	}
}

// checkPublic refuses secrets and keys of an application that keeps none.
func (r *reader) checkPublic(a *Application) {
	if registry.Confidential(a.Type) {
		return
	}
	for _, e := range a.Secrets {
		r.fail(e.File.At, "expected no secret of an application of type %s, for it could not keep it; one of type %s could", a.Type, store.WebApplication)
	}
	for _, e := range a.Certificates {
		r.fail(e.At, "expected no certificate of an application of type %s, for it could not keep its key; one of type %s could", a.Type, store.WebApplication)
	}
	for _, e := range a.Keys {
		r.fail(e.File.At, "expected no key of an application of type %s, for it could not keep it; one of type %s could", a.Type, store.WebApplication)
	}
}

// user reads a person.
func (r *reader) user(v value) *User {
	u := &User{Active: true}
	verified := v.at
	r.object(v, fields{
		"login":          r.word(&u.Login, registry.CheckLogin),
		"was":            r.word(&u.Was, registry.CheckLogin),
		"email":          r.given(&u.Email, registry.CheckEmail),
		"email_verified": func(v value) { verified = v.at; u.EmailVerified = new(bool); r.flag(u.EmailVerified)(v) },
		"name":           r.given(&u.Name, registry.CheckTitle),
		"given_name":     r.given(&u.GivenName, registry.CheckTitle),
		"family_name":    r.given(&u.FamilyName, registry.CheckTitle),
		"nickname":       r.given(&u.Nickname, registry.CheckTitle),
		"locale":         r.given(&u.Locale, registry.CheckLocale),
		"active":         r.flag(&u.Active),
		"roles":          r.assignments(&u.Roles),
		"permissions":    r.assignments(&u.Permissions),
		"id_file":        r.word(&u.IDFile, checkPath),
		"password_file":  r.word(&u.PasswordFile, checkPath),

		"invitation_file": r.word(&u.InvitationFile, checkPath),
	}, "login")
	if u.PasswordFile.Text != "" && u.InvitationFile.Text != "" {
		r.fail(u.InvitationFile.At, "expected a password_file or an invitation_file, got both: an invitation is for who has no password")
	}
	if u.EmailVerified != nil && u.Email == nil {
		r.fail(verified, "expected the email that it is about beside it, got none")
	}
	return u
}

// check reports what is wrong at a place, if anything is.
func (r *reader) check(at Place, err error) {
	if err != nil {
		r.fail(at, "%w", err)
	}
}

// Texts returns the texts of words.
func Texts(words []Word) []string {
	texts := make([]string, len(words))
	for i, w := range words {
		texts[i] = w.Text
	}
	return texts
}

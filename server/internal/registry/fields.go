package registry

import (
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/postern-auth/postern/server/store"
)

// Field is one fact of an object that a change sets.
type Field struct {
	Name string
	// Old and New are a string, a bool or a []string; nil stands for no value.
	Old any
	New any
}

// Fields are the facts in which two objects differ.
type Fields []Field

// Add adds a fact, if it differs.
func (f *Fields) Add(name string, before, after any) {
	before, after = plain(before), plain(after)
	if !reflect.DeepEqual(before, after) {
		*f = append(*f, Field{name, before, after})
	}
}

// addList adds a list, in the order that it has, if it differs. One without elements is none.
func (f *Fields) addList(name string, before, after []string) {
	f.Add(name, unless(len(before) == 0, before), unless(len(after) == 0, after))
}

// byName is what an event keeps: what each field is from now on.
func (f Fields) byName() map[string]any {
	all := make(map[string]any, len(f))
	for _, field := range f {
		all[field.Name] = field.New
	}
	return all
}

// plain turns a value into one that Field may hold.
func plain(v any) any {
	switch v := v.(type) {
	case bool:
		return v
	case string:
		return unless(v == "", v)
	case store.TokenForm:
		return unless(v == "", string(v))
	case time.Duration:
		return unless(v == 0, v.String())
	case time.Time:
		return unless(v.IsZero(), v.UTC().Format(time.RFC3339))
	case []string:
		return v // also without elements: an assignment without rights is one
	case []store.Role:
		return rightKeys(v)
	case []store.Permission:
		rights := make([]store.Role, len(v))
		for i, permission := range v {
			rights[i] = store.Role(permission)
		}
		return rightKeys(rights)
	}
	return nil
}

func unless[T any](none bool, v T) any {
	if none {
		return nil
	}
	return v
}

// rightKeys shows roles or permissions in the order of their keys.
func rightKeys(rights []store.Role) any {
	var keys []string
	for _, right := range slices.SortedFunc(slices.Values(rights), func(a, b store.Role) int { return strings.Compare(a.Key, b.Key) }) {
		key := right.Key
		if right.Name != "" {
			key += " (" + right.Name + ")"
		}
		keys = append(keys, key)
	}
	return unless(len(keys) == 0, keys)
}

// OrganizationFields returns in what two states of an organization differ.
func OrganizationFields(before, after store.Organization) (f Fields) {
	f.Add("name", before.Name, after.Name)
	f.Add("primary_domain", before.PrimaryDomain, after.PrimaryDomain)
	return f
}

// ProjectFields returns in what two states of a project differ.
func ProjectFields(before, after store.Project) (f Fields) {
	f.Add("name", before.Name, after.Name)
	f.Add("roles", before.Roles, after.Roles)
	f.Add("active", before.Active, after.Active)
	return f
}

// APIFields returns in what two states of an API differ.
func APIFields(before, after store.API) (f Fields) {
	f.Add("name", before.Name, after.Name)
	f.Add("identifier", before.Identifier, after.Identifier)
	f.Add("client_id", before.ClientID, after.ClientID)
	f.Add("token", before.Form, after.Form)
	f.Add("signing_algorithm", before.SigningAlgorithm, after.SigningAlgorithm)
	f.Add("token_lifetime", before.TokenLifetime, after.TokenLifetime)
	f.Add("permissions", before.Permissions, after.Permissions)
	f.Add("active", before.Active, after.Active)
	return f
}

// ServiceUserFields returns in what two states of a service user differ.
func ServiceUserFields(before, after store.ServiceUser) (f Fields) {
	f.Add("username", before.Username, after.Username)
	f.Add("name", before.Name, after.Name)
	f.Add("token", before.Form, after.Form)
	f.addList("grants", before.Grants, after.Grants)
	f.Add("sender_constraint", string(before.SenderConstraint), string(after.SenderConstraint))
	f.Add("active", before.Active, after.Active)
	return f
}

// ClientKeyFields returns in what two states of a client key differ.
func ClientKeyFields(before, after store.ClientKey) (f Fields) {
	f.Add("expires", before.ExpiresAt, after.ExpiresAt)
	f.Add("compatibility", before.Compatibility, after.Compatibility)
	return f
}

// TokenFields returns in what two personal access tokens differ that a person has made.
func TokenFields(before, after store.Token) (f Fields) {
	f.Add("name", before.Name, after.Name)
	f.Add("expires", before.ExpiresAt, after.ExpiresAt)
	return f
}

// ApplicationFields returns in what two states of an application differ.
func ApplicationFields(before, after store.Application) (f Fields) {
	f.Add("name", before.Name, after.Name)
	f.Add("type", string(before.Type), string(after.Type))
	f.Add("client_id", before.ClientID, after.ClientID)
	f.addList("redirect_uris", before.RedirectURIs, after.RedirectURIs)
	f.addList("logout_uris", before.LogoutURIs, after.LogoutURIs)
	f.addList("allowed_origins", before.AllowedOrigins, after.AllowedOrigins)
	f.Add("initiate_login_uri", before.InitiateLoginURI, after.InitiateLoginURI)
	f.Add("backchannel_logout_uri", before.BackchannelLogoutURI, after.BackchannelLogoutURI)
	f.addList("grants", before.Grants, after.Grants)
	f.Add("id_token_lifetime", before.IDTokenLifetime, after.IDTokenLifetime)
	f.Add("refresh_idle", before.RefreshIdle, after.RefreshIdle)
	f.Add("refresh_lifetime", before.RefreshLifetime, after.RefreshLifetime)
	f.Add("id_token_algorithm", before.IDTokenAlgorithm, after.IDTokenAlgorithm)
	f.Add("id_token_claims", string(before.IDTokenClaims), string(after.IDTokenClaims))
	f.Add("userinfo_algorithm", before.UserinfoAlgorithm, after.UserinfoAlgorithm)
	f.Add("refresh_ends_with_session", before.RefreshEndsWithSession, after.RefreshEndsWithSession)
	f.Add("first_party", before.FirstParty, after.FirstParty)
	f.Add("insecure_no_pkce", before.InsecureNoPKCE, after.InsecureNoPKCE)
	f.Add("sender_constraint", string(before.SenderConstraint), string(after.SenderConstraint))
	f.Add("profile", before.Profile, after.Profile)
	f.Add("active", before.Active, after.Active)
	return f
}

// UserFields returns in what two states of a user differ.
func UserFields(before, after store.User) (f Fields) {
	f.Add("login", before.LoginName, after.LoginName)
	f.Add("email", before.Email, after.Email)
	f.Add("email_verified", !before.EmailVerifiedAt.IsZero(), !after.EmailVerifiedAt.IsZero())
	f.Add("name", before.Name, after.Name)
	f.Add("given_name", before.GivenName, after.GivenName)
	f.Add("family_name", before.FamilyName, after.FamilyName)
	f.Add("nickname", before.Nickname, after.Nickname)
	f.Add("locale", before.Locale, after.Locale)
	f.Add("active", before.Active, after.Active)
	return f
}

// ClientCertificateFields returns in what two certificates of clients differ.
func ClientCertificateFields(before, after store.ClientCertificate) (f Fields) {
	f.Add("thumbprint", encodeThumbprint(before.Thumbprint), encodeThumbprint(after.Thumbprint))
	f.Add("name", string(before.NameType)+" "+before.Name, string(after.NameType)+" "+after.Name)
	return f
}

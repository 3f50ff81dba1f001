package document

import (
	"go.yaml.in/yaml/v4"

	"github.com/postern-auth/postern/server/store"
)

// Written is a document as it is written, in the order in which it reads best. What is left out reads as it would there.
type Written struct {
	Organization *WrittenOrganization  `yaml:"organization,omitempty"`
	Projects     []*WrittenProject     `yaml:"projects,omitempty"`
	ServiceUsers []*WrittenServiceUser `yaml:"service_users,omitempty"`
	Users        []*WrittenUser        `yaml:"users,omitempty"`
}

// WrittenOrganization is the organization.
type WrittenOrganization struct {
	Name   string `yaml:"name"`
	Domain string `yaml:"primary_domain"`
}

// WrittenRight is a role or a permission.
type WrittenRight struct {
	Key  string
	Name string
}

// WrittenProject is an entry of projects.
type WrittenProject struct {
	Name         string                `yaml:"name"`
	Active       *bool                 `yaml:"active,omitempty"`
	Roles        []WrittenRight        `yaml:"roles,omitempty"`
	APIs         []*WrittenAPI         `yaml:"apis,omitempty"`
	Applications []*WrittenApplication `yaml:"applications,omitempty"`
}

// WrittenAPI is an entry of a project's apis.
type WrittenAPI struct {
	Name         string              `yaml:"name"`
	Identifier   string              `yaml:"identifier,omitempty"`
	ClientID     string              `yaml:"client_id,omitempty"`
	Form         store.TokenForm     `yaml:"token,omitempty"`
	Algorithm    string              `yaml:"signing_algorithm,omitempty"`
	Lifetime     string              `yaml:"token_lifetime,omitempty"`
	Active       *bool               `yaml:"active,omitempty"`
	Permissions  []WrittenRight      `yaml:"permissions,omitempty"`
	Certificates []map[string]string `yaml:"certificates,omitempty"`
}

// WrittenApplication is an entry of a project's applications.
type WrittenApplication struct {
	Name              string                 `yaml:"name"`
	Type              store.ApplicationType  `yaml:"type"`
	ClientID          string                 `yaml:"client_id,omitempty"`
	Profile           string                 `yaml:"profile,omitempty"`
	RedirectURIs      []string               `yaml:"redirect_uris,omitempty"`
	LogoutURIs        []string               `yaml:"logout_uris,omitempty"`
	AllowedOrigins    []string               `yaml:"allowed_origins,omitempty"`
	InitiateLoginURI  string                 `yaml:"initiate_login_uri,omitempty"`
	BackchannelLogout string                 `yaml:"backchannel_logout_uri,omitempty"`
	Grants            []string               `yaml:"grants"`
	FirstParty        bool                   `yaml:"first_party,omitempty"`
	InsecureNoPKCE    bool                   `yaml:"insecure_no_pkce,omitempty"`
	SenderConstraint  store.SenderConstraint `yaml:"sender_constraint,omitempty"`
	IDTokenLifetime   string                 `yaml:"id_token_lifetime,omitempty"`
	IDTokenAlgorithm  string                 `yaml:"id_token_algorithm,omitempty"`
	IDTokenClaims     store.IDTokenClaims    `yaml:"id_token_claims,omitempty"`
	UserinfoAlgorithm string                 `yaml:"userinfo_algorithm,omitempty"`
	RefreshIdle       string                 `yaml:"refresh_idle,omitempty"`
	RefreshLifetime   string                 `yaml:"refresh_lifetime,omitempty"`
	EndsWithSession   bool                   `yaml:"refresh_ends_with_session"`
	Active            *bool                  `yaml:"active,omitempty"`
	Certificates      []map[string]string    `yaml:"certificates,omitempty"`
}

// WrittenHeld is what a subject holds: keys by the name of a project or API.
type WrittenHeld struct {
	Roles       map[string][]string `yaml:"roles,omitempty"`
	Permissions map[string][]string `yaml:"permissions,omitempty"`
}

// WrittenServiceUser is an entry of service_users.
type WrittenServiceUser struct {
	Username         string                 `yaml:"username"`
	Name             string                 `yaml:"name,omitempty"`
	Active           *bool                  `yaml:"active,omitempty"`
	SenderConstraint store.SenderConstraint `yaml:"sender_constraint,omitempty"`
	Form             store.TokenForm        `yaml:"token,omitempty"`
	Grants           []string               `yaml:"grants,omitempty"`
	WrittenHeld      `yaml:",inline"`
	Certificates     []map[string]string `yaml:"certificates,omitempty"`
}

// WrittenUser is an entry of users.
type WrittenUser struct {
	Login         string `yaml:"login"`
	Email         string `yaml:"email,omitempty"`
	EmailVerified bool   `yaml:"email_verified,omitempty"`
	Name          string `yaml:"name,omitempty"`
	GivenName     string `yaml:"given_name,omitempty"`
	FamilyName    string `yaml:"family_name,omitempty"`
	Nickname      string `yaml:"nickname,omitempty"`
	Locale        string `yaml:"locale,omitempty"`
	Active        *bool  `yaml:"active,omitempty"`
	WrittenHeld   `yaml:",inline"`
}

// MarshalYAML returns the key alone where that is all.
func (r WrittenRight) MarshalYAML() (any, error) {
	if r.Name == "" {
		return r.Key, nil
	}
	return map[string]string{"key": r.Key, "name": r.Name}, nil
}

// Bytes returns the YAML, which Parse reads.
func (w Written) Bytes() ([]byte, error) { return yaml.Dump(w, yaml.WithV4Defaults()) }

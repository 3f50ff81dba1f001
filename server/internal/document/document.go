// Package document reads the YAML that sets up a server: its text becomes a Document whose parts are joined and
// checked, each with its place for what turns out wrong later. It knows no store.
//
//	doc, err := document.Parse("postern.yaml", data)
//	if err != nil {
//		return err // postern.yaml:12: service_users[0].roles.hello[0]: expected a role …
//	}
//
// The files are in the order of a document's way: reader.go turns nodes into values, check.go judges one value,
// parse.go reads each object, resolve.go joins them, and document.go is what comes out. The way back is write.go.
package document

import (
	"path/filepath"
	"time"

	"github.com/postern-auth/postern/internal/jws"
	"github.com/postern-auth/postern/server/store"
)

// Document is a parsed and checked set-up. It is immutable and safe for concurrent use.
type Document struct {
	File         string
	Organization *Organization
	Projects     []*Project     // by name
	ServiceUsers []*ServiceUser // by username
	Users        []*User        // by login name
}

// Dir is the folder that relative paths start from unless Options says otherwise.
func (d *Document) Dir() string { return filepath.Dir(d.File) }

// Word is a text that can be wrong in a way that shows only later.
type Word struct {
	Text string
	At   Place
}

// Organization is what the roles claim names as the giver of roles.
type Organization struct {
	Name   string
	Domain string
}

// Project is an entry of projects.
type Project struct {
	Name         Word
	Was          Word // the earlier name, empty unless it is to be renamed
	Roles        []Right
	Active       bool
	APIs         []*API         // by name
	Applications []*Application // by name
	IDFile       Word
}

// Right is a role or a permission.
type Right struct {
	Key  Word
	Name string
}

// API is an entry of a project's apis.
type API struct {
	Project      *Project
	Name         Word
	Was          Word
	Identifier   Word
	ClientID     Word // empty: as it is, or generated
	Form         store.TokenForm
	Algorithm    string
	Lifetime     time.Duration
	Permissions  []Right
	Active       bool
	ClientIDFile Word
	Secrets      []*Secret
	Keys         []*ClientKey
	Certificates []*ClientCertificate
}

// Application is an entry of a project's applications.
type Application struct {
	Project                *Project
	Name                   Word
	Was                    Word
	Type                   store.ApplicationType
	ClientID               Word // empty: as it is, or generated
	ClientIDFile           Word
	RedirectURIs           []Word
	LogoutURIs             []Word
	AllowedOrigins         []Word
	BackchannelLogoutURI   string
	InitiateLoginURI       string
	Grants                 []Word
	IDTokenLifetime        time.Duration
	RefreshIdle            time.Duration
	RefreshLifetime        time.Duration
	IDTokenAlgorithm       string
	IDTokenClaims          store.IDTokenClaims
	UserinfoAlgorithm      string
	RefreshEndsWithSession bool
	FirstParty             bool
	InsecureNoPKCE         bool
	SenderConstraint       store.SenderConstraint
	Profile                string
	Active                 bool
	Secrets                []*Secret
	Keys                   []*ClientKey
	Certificates           []*ClientCertificate
}

// ServiceUser is an entry of service_users.
type ServiceUser struct {
	Username         Word
	Was              Word
	Name             string
	Form             store.TokenForm
	Grants           []Word // none: those of every service user
	SenderConstraint store.SenderConstraint
	Active           bool
	Held
	IDFile       Word
	Secrets      []*Secret
	Keys         []*ClientKey
	Certificates []*ClientCertificate
	Tokens       []*PersonalAccessToken
}

// User is an entry of users: a person. What is nil is theirs to say, and stays as it is.
type User struct {
	Login         Word
	Was           Word
	Email         *string
	EmailVerified *bool
	Name          *string
	GivenName     *string
	FamilyName    *string
	Nickname      *string
	Locale        *string
	Active        bool
	Held
	IDFile         Word
	PasswordFile   Word
	InvitationFile Word
}

// Held is what a subject holds.
type Held struct {
	Roles       []*Assignment
	Permissions []*Assignment
}

// Assignment is what a subject holds on the one of Project and API that is set.
type Assignment struct {
	Target  Word // as the document names it
	Rights  []Word
	Project *Project
	API     *API
}

// Audience is one entry of a personal access token's: an API with an identifier, or a project.
type Audience struct {
	Target  Word
	Project *Project
	API     *API
}

// Secret is a client secret that is made once and written to a file.
type Secret struct {
	File    Word
	Expires Expiry
}

// ClientKey is a key that is made once and written to a file.
type ClientKey struct {
	File          Word
	Algorithm     jws.Algorithm
	Compatibility bool
	Expires       Expiry
}

// ClientCertificate is what proves its owner over TLS: a certificate by its thumbprint, or by the name in it.
type ClientCertificate struct {
	At         Place
	Thumbprint store.Digest
	NameType   store.CertificateName
	Name       string
}

// PersonalAccessToken is one that is made once and written to a file.
type PersonalAccessToken struct {
	Name     Word
	File     Word
	Expires  Expiry
	Audience []*Audience
}

// Expiry is a time, or a duration from the making on. The zero value is never.
type Expiry struct {
	at    time.Time
	after time.Duration
}

// From returns the end of what was made at a time; the zero time stands for no end.
func (e Expiry) From(created time.Time) time.Time {
	if e.after > 0 {
		return created.Add(e.after)
	}
	return e.at
}

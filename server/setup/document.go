package setup

import (
	"path/filepath"
	"time"

	"github.com/postern-auth/postern/internal/jws"
	"github.com/postern-auth/postern/server/store"
)

// Document is a parsed and checked set-up. It is immutable and safe for concurrent use; make one with
// Parse. The zero value is no Document.
type Document struct {
	File         string
	Organization *Organization
	Projects     []*Project     // by name
	Users        []*ServiceUser // by username
}

// Dir is the folder that relative paths start from unless Options says otherwise.
func (d *Document) Dir() string { return filepath.Dir(d.File) }

// Word is a text that can be wrong in a way that shows only later.
type Word struct {
	Text string
	At   Place
}

type Organization struct {
	Name   string
	Domain string
}

type Project struct {
	Name   Word
	Was    Word
	Roles  []Right
	Active bool
	APIs   []*API // by name
	IdFile Word
}

// Right is a role or a permission.
type Right struct {
	Key  Word
	Name string
}

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
}

type ServiceUser struct {
	Username    Word
	Was         Word
	Name        string
	Form        store.TokenForm
	Active      bool
	Roles       []*Assignment
	Permissions []*Assignment
	IdFile      Word
	Secrets     []*Secret
	Keys        []*ClientKey
	Tokens      []*PersonalAccessToken
}

// Assignment is what a service user holds on the one of project and api that is set.
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

// Secret, keyEntry and tokenEntry are what is made once and written to a file.
type Secret struct {
	File    Word
	Expires Expiry
}

type ClientKey struct {
	File          Word
	Algorithm     jws.Algorithm
	Compatibility bool
	Expires       Expiry
}

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

func (e Expiry) From(created time.Time) time.Time {
	if e.after > 0 {
		return created.Add(e.after)
	}
	return e.at
}

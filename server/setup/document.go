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
	file         string
	organization *organization
	projects     []*project     // by name
	users        []*serviceUser // by username
}

// dir is the folder that relative paths start from unless Options says otherwise.
func (d *Document) dir() string { return filepath.Dir(d.file) }

// word is a text that can be wrong in a way that shows only later.
type word struct {
	text string
	at   place
}

type organization struct {
	name   string
	domain string
}

type project struct {
	name   word
	was    word
	roles  []right
	active bool
	apis   []*api // by name
	idFile word
}

// right is a role or a permission.
type right struct {
	key  word
	name string
}

type api struct {
	project      *project
	name         word
	was          word
	identifier   word
	clientID     word // empty: as it is, or generated
	form         store.TokenForm
	algorithm    string
	lifetime     time.Duration
	permissions  []right
	active       bool
	clientIDFile word
	secrets      []*secretEntry
	keys         []*keyEntry
}

type serviceUser struct {
	username    word
	was         word
	name        string
	form        store.TokenForm
	active      bool
	roles       []*grant
	permissions []*grant
	idFile      word
	secrets     []*secretEntry
	keys        []*keyEntry
	tokens      []*tokenEntry
}

// grant is what a service user holds on the one of project and api that is set.
type grant struct {
	target  word // as the document names it
	keys    []word
	project *project
	api     *api
}

// audience is one entry of a personal access token's: an API with an identifier, or a project.
type audience struct {
	target  word
	project *project
	api     *api
}

// secretEntry, keyEntry and tokenEntry are what is made once and written to a file.
type secretEntry struct {
	file    word
	expires expiry
}

type keyEntry struct {
	file          word
	algorithm     jws.Algorithm
	compatibility bool
	expires       expiry
}

type tokenEntry struct {
	name     word
	file     word
	expires  expiry
	audience []*audience
}

// expiry is a time, or a duration from the making on. The zero value is never.
type expiry struct {
	at    time.Time
	after time.Duration
}

func (e expiry) from(created time.Time) time.Time {
	if e.after > 0 {
		return created.Add(e.after)
	}
	return e.at
}

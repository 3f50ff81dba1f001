package setup

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/postern-auth/postern/server/store"
	"github.com/postern-auth/postern/server/store/sqlite"
)

var testTime = time.Date(2026, 1, 2, 3, 4, 5, 678_000_000, time.UTC)

// bench is a store and a folder to apply documents to.
type bench struct {
	*testing.T
	store   store.Store
	path    string // of the database
	dir     string
	options Options
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{T: t, path: filepath.Join(t.TempDir(), "postern.db"), dir: t.TempDir()}
	b.options = Options{Dir: b.dir, Now: func() time.Time { return testTime }}
	b.store = b.open()
	return b
}

func (b *bench) open() store.Store {
	b.Helper()
	s, err := sqlite.Open(b.Context(), b.path, sqlite.Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { s.Close() })
	return s
}

func (b *bench) parse(yaml string) *Document {
	b.Helper()
	doc, err := Parse("postern.yaml", []byte(yaml))
	if err != nil {
		b.Fatal(err)
	}
	return doc
}

func (b *bench) compare(yaml string) *Plan {
	b.Helper()
	plan, err := Compare(b.Context(), b.store, b.parse(yaml), b.options)
	if err != nil {
		b.Fatal(err)
	}
	return plan
}

func (b *bench) apply(yaml string) *Plan {
	b.Helper()
	done, err := b.compare(yaml).Apply(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	return done
}

// applyError applies a document that must fail and returns the error's text.
func (b *bench) applyError(yaml string) string {
	b.Helper()
	plan, err := Compare(b.Context(), b.store, b.parse(yaml), b.options)
	if err == nil {
		_, err = plan.Apply(b.Context())
	}
	if err == nil {
		b.Fatal("got no error")
	}
	return err.Error()
}

func (b *bench) prune() *bench {
	pruning := *b
	pruning.options.Prune = true
	return &pruning
}

// file returns what a written file holds, without the line end.
func (b *bench) file(name string) string {
	b.Helper()
	content, err := os.ReadFile(filepath.Join(b.dir, name))
	if err != nil {
		b.Fatal(err)
	}
	return strings.TrimSpace(string(content))
}

// files lists the folder: path, mode and content.
func (b *bench) files() map[string]string {
	b.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(b.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		var content []byte
		if !d.IsDir() {
			content, err = os.ReadFile(path)
		}
		name, _ := filepath.Rel(b.dir, path)
		all[filepath.ToSlash(name)] = info.Mode().String() + " " + string(content)
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
	return all
}

// must returns a function that fails the test on an error.
func must[T any](b *bench) func(T, error) T {
	return func(v T, err error) T {
		b.Helper()
		if err != nil {
			b.Fatal(err)
		}
		return v
	}
}

// rows are everything that a store holds of what a document can say.
type contents struct {
	Projects     []store.Project
	APIs         []store.API
	Applications []store.Application
	Users        []store.ServiceUser
	People       []store.User
	Passwords    []store.Password
	Grants       []store.Assignment
	Secrets      []store.Secret
	Keys         []store.ClientKey
	Certificates []store.ClientCertificate
	Tokens       []store.Token
}

func (b *bench) rows() contents {
	b.Helper()
	ctx := b.Context()
	all := contents{
		Projects:     must[[]store.Project](b)(b.store.Projects(ctx)),
		APIs:         must[[]store.API](b)(b.store.APIs(ctx)),
		Applications: must[[]store.Application](b)(b.store.Applications(ctx)),
		Users:        must[[]store.ServiceUser](b)(b.store.ServiceUsers(ctx)),
		People:       must[[]store.User](b)(b.store.Users(ctx, "", 100)),
	}
	for _, u := range all.People {
		all.Grants = append(all.Grants, must[[]store.Assignment](b)(b.store.AssignmentsOf(ctx, u.ID))...)
		if p, err := b.store.Password(ctx, u.ID); err == nil {
			all.Passwords = append(all.Passwords, p)
		}
	}
	var owners []store.Owner
	for _, a := range all.APIs {
		owners = append(owners, store.Owner{Kind: store.APIClient, ID: a.ID})
	}
	for _, a := range all.Applications {
		owners = append(owners, store.Owner{Kind: store.ApplicationClient, ID: a.ID})
	}
	for _, u := range all.Users {
		owners = append(owners, store.Owner{Kind: store.ServiceUserClient, ID: u.ID})
		all.Grants = append(all.Grants, must[[]store.Assignment](b)(b.store.AssignmentsOf(ctx, u.ID))...)
		all.Tokens = append(all.Tokens, must[[]store.Token](b)(b.store.TokensOf(ctx, u.ID, store.PersonalAccessToken))...)
	}
	for _, o := range owners {
		all.Secrets = append(all.Secrets, must[[]store.Secret](b)(b.store.SecretsOf(ctx, o))...)
		all.Certificates = append(all.Certificates, must[[]store.ClientCertificate](b)(b.store.ClientCertificatesOf(ctx, o))...)
		all.Keys = append(all.Keys, must[[]store.ClientKey](b)(b.store.ClientKeysOf(ctx, o))...)
	}
	return all
}

const small = `
projects:
- name: hello
  roles: [a, b]
  apis:
  - name: messages
    identifier: https://hello
    client_id: messages@hello
    permissions: [read, write]
    secrets: [{secret_file: s/messages}]
service_users:
- username: ci
  roles: {hello: [a]}
  permissions: {messages: []}
  secrets: [{secret_file: s/ci, expires: 1h}]
  keys: [{key_file: s/key.json, algorithm: ES256, compatibility: true}]
  personal_access_tokens: [{name: cron, token_file: s/pat, expires: 2020-01-01T00:00:00Z, audience: [hello, messages]}]
`

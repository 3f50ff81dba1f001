package console

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/postern-auth/postern/internal/jws"
	"github.com/postern-auth/postern/server/internal/keyfile"
	"github.com/postern-auth/postern/server/internal/page"
	"github.com/postern-auth/postern/server/internal/registry"
	"github.com/postern-auth/postern/server/internal/secret"
	"github.com/postern-auth/postern/server/store"
)

// The kinds of what an API proves itself by, as forms name them.
const (
	kindSecret = "secret"
	kindKey    = "key"
)

// credential is what an API proves itself by, at its birth: a client secret or the content of a key file.
type credential struct{ clientSecret, keyFile string }

// newKey makes the private key of a key file, which takes long: not in a transaction. Other kinds need none.
func newKey(kind string) (crypto.Signer, error) {
	if kind != kindKey {
		return nil, nil
	}
	key, err := jws.GenerateKey(jws.RS256)
	if err != nil {
		return nil, fmt.Errorf("console: making a key: %w", err)
	}
	return key, nil
}

// bear makes a secret, or a key file from the private key.
func bear(ctx context.Context, r *registry.Registry, a store.API, private crypto.Signer) (credential, error) {
	owner := store.Owner{Kind: store.APIClient, ID: a.ID}
	if private == nil {
		raw, err := r.CreateSecret(ctx, owner, time.Time{})
		return credential{clientSecret: raw}, err
	}
	row, err := r.CreateClientKey(ctx, store.ClientKey{Owner: owner}, private)
	if err != nil {
		return credential{}, err
	}
	file, err := keyfile.Encode(keyfile.For(owner, a.ClientID), row.ID, private)
	return credential{keyFile: string(file)}, err
}

// bornBlocks show a credential, this once, and what to do with it.
func (c *Console) bornBlocks(v *visit, a store.API, born credential) []page.Block {
	file := ""
	var blocks []page.Block
	switch {
	case born.clientSecret != "":
		blocks = append(blocks, page.Panel{Title: page.Say("client_secret"), Aside: page.Cell{page.Chip{Tone: page.Warn, Text: page.Say("shown_once")}}, Blocks: []page.Block{
			page.Facts{Items: []page.Fact{{Name: page.Say("client_id"), Value: page.Cell{page.Code{Text: a.ClientID, Copy: true}}}}},
			page.Source{Label: page.Say("client_secret"), Spans: []page.Span{{Text: born.clientSecret}}, Copy: true, File: fileName(a.Name, "-secret.txt")},
		}})
	case born.keyFile != "":
		file = fileName(a.Name, "-key.json")
		blocks = append(blocks, page.Panel{Title: page.Say("key_file"), Aside: page.Cell{page.Chip{Tone: page.Warn, Text: page.Say("shown_once")}}, Blocks: []page.Block{
			page.Source{Label: page.Say("key_file"), Spans: []page.Span{{Text: born.keyFile}}, Copy: true, File: file},
		}})
	}
	return append(blocks, page.Panel{Title: page.Say("environment_file"), Blocks: []page.Block{
		page.Paragraph{Text: page.Say("environment_file.lead"), Quiet: true},
		page.Source{Label: page.Say("environment_file"), Spans: []page.Span{{Text: c.environment(v, a, born.clientSecret, file)}}, Copy: true, File: fileName(a.Name, ".env")},
	}})
}

func (c *Console) credentials(v *visit) error {
	a, err := c.apiOf(v.Context(), c.Store, v)
	if err != nil {
		return c.failed(v, err)
	}
	return c.showCredentials(v, a, credential{})
}

// showCredentials lists what an API proves itself by, with what was just made.
func (c *Console) showCredentials(v *visit, a store.API, born credential) error {
	owner := store.Owner{Kind: store.APIClient, ID: a.ID}
	secrets, err := c.Store.SecretsOf(v.Context(), owner)
	if err != nil {
		return c.failed(v, err)
	}
	keys, err := c.Store.ClientKeysOf(v.Context(), owner)
	if err != nil {
		return c.failed(v, err)
	}
	to := base + "/apis/" + a.ID + "/keys"
	table := page.Table{
		Label: page.Say("api.keys"), Empty: page.Say("api.keys.empty"),
		Head: []page.Column{{Text: page.Say("kind")}, {Text: page.Say("id")}, {Text: page.Say("created")}, {Text: page.Say("used")}, {Text: page.Say("client.ends")}},
	}
	add := func(kind string, name page.Text, id string, created, used, ends time.Time) {
		row := page.Row{Cells: []page.Cell{
			{page.Words{Text: name}}, {page.Code{Text: id}}, {page.Moment{At: created}}, v.lastUse(used, created), v.ending(ends),
		}}
		if !v.readOnly {
			row.Acts = []page.Act{{To: to + "/delete?kind=" + kind + "&credential=" + id, Text: page.Say("delete"), Danger: true}}
		}
		table.Rows = append(table.Rows, row)
	}
	for _, s := range secrets {
		add(kindSecret, page.Say("client_secret"), s.ID, s.CreatedAt, s.UsedAt, s.ExpiresAt)
	}
	for _, k := range keys {
		add(kindKey, page.Say("key_file"), k.ID, k.CreatedAt, k.UsedAt, k.ExpiresAt)
	}
	table.Range = page.Say("rights", "n", len(table.Rows))
	p := aboutAPI(a, "keys")
	if born != (credential{}) {
		p.Blocks = c.bornBlocks(v, a, born)
		p.Notes = append(p.Notes, page.Note{Tone: page.Good, Text: page.Say("born")})
	}
	p.Blocks = append(p.Blocks, table)
	if !v.readOnly {
		p.Blocks = append(p.Blocks, page.Panel{Blocks: []page.Block{page.Paragraph{Text: page.Say("api.keys.lead")}}, Acts: []page.Act{
			{To: to, Text: page.Say("secret_new"), Post: true, Hidden: []page.Parameter{{Name: "kind", Value: kindSecret}, {Name: "once", Value: secret.New()}}},
			{To: to, Text: page.Say("key_new"), Post: true, Hidden: []page.Parameter{{Name: "kind", Value: kindKey}, {Name: "once", Value: secret.New()}}},
		}})
	}
	return c.render(v, p)
}

// createCredential makes one and shows it, this once. The same form sent again makes none.
func (c *Console) createCredential(v *visit) error {
	kind := v.Params.Value("kind")
	if kind != kindSecret && kind != kindKey {
		return badForm()
	}
	private, err := newKey(kind)
	if err != nil {
		return err
	}
	var a store.API
	var born credential
	err = c.write(v, func(ctx context.Context, r *registry.Registry, tx store.Tx) (err error) {
		if a, err = c.apiOf(ctx, tx, v); err != nil {
			return err
		}
		if err = v.once(ctx, tx); err != nil {
			return err
		}
		born, err = bear(ctx, r, a, private)
		return err
	})
	switch {
	case errors.Is(err, store.ErrNotFound):
		return c.notThere(v)
	case errors.Is(err, store.ErrExists):
		return c.bornBefore(v, a)
	case err != nil:
		return err
	}
	return c.showCredentials(v, a, born)
}

// bornBefore is the page of a form that has been sent before: what it made then was shown then.
func (c *Console) bornBefore(v *visit, a store.API) error {
	p := page.Console{
		Here: "apis", Title: page.Say("born_before.title"), Status: http.StatusConflict, Notes: []page.Note{{Tone: page.Warn, Text: page.Say("born_before")}},
		Up: &page.Link{To: base + "/apis", Text: page.Say("apis")},
	}
	if a.ID != "" {
		p.Acts = []page.Act{{To: base + "/apis/" + a.ID + "/keys", Text: page.Say("api.keys")}}
	}
	return c.render(v, p)
}

// aCredential is one that an API has: when it was last used, what deletes it, and how many are left then.
type aCredential struct {
	used   time.Time
	left   int
	remove func(*registry.Registry) error
}

// credential finds which one a confirmation is about. Errors: store.ErrNotFound.
func (c *Console) credential(ctx context.Context, tx store.Tx, v *visit) (a store.API, found aCredential, err error) {
	if a, err = c.apiOf(ctx, tx, v); err != nil {
		return a, found, err
	}
	owner, id := store.Owner{Kind: store.APIClient, ID: a.ID}, v.Params.Value("credential")
	secrets, err := tx.SecretsOf(ctx, owner)
	if err != nil {
		return a, found, err
	}
	keys, err := tx.ClientKeysOf(ctx, owner)
	if err != nil {
		return a, found, err
	}
	left := len(secrets) + len(keys) - 1
	for _, s := range secrets {
		if s.ID == id && v.Params.Value("kind") == kindSecret {
			return a, aCredential{used: s.UsedAt, left: left, remove: func(r *registry.Registry) error { return r.DeleteSecret(ctx, s) }}, nil
		}
	}
	for _, k := range keys {
		if k.ID == id && v.Params.Value("kind") == kindKey {
			return a, aCredential{used: k.UsedAt, left: left, remove: func(r *registry.Registry) error { return r.DeleteClientKey(ctx, k) }}, nil
		}
	}
	return a, found, store.ErrNotFound
}

func (c *Console) askDeleteCredential(v *visit) error { return c.confirmDeleteCredential(v, nil, nil) }

func (c *Console) confirmDeleteCredential(v *visit, wrong problems, changed *page.Note) error {
	a, one, err := c.credential(v.Context(), c.Store, v)
	if err != nil {
		return c.failed(v, err)
	}
	to, kind := base+"/apis/"+a.ID+"/keys", v.Params.Value("kind")
	q := confirmation{
		here: "apis", up: page.Link{To: to, Text: page.Named(a.Name)}, to: to + "/delete", counted: counted(one.left),
		hidden: []page.Parameter{{Name: "kind", Value: kind}, {Name: "credential", Value: v.Params.Value("credential")}},
	}
	q.title, q.submit = page.Say("secret.delete.title"), page.Say("secret.delete")
	if kind == kindKey {
		q.title, q.submit = page.Say("key.delete.title", "id", page.Code{Text: v.Params.Value("credential")}), page.Say("key.delete")
	}
	q.stops = []page.Text{wasUsed(one.used), page.Say("credential.ends"), page.Say("credential.left", "n", one.left)}
	return c.confirm(v, q, wrong, changed)
}

func (c *Console) deleteCredential(v *visit) error {
	err := c.write(v, func(ctx context.Context, r *registry.Registry, tx store.Tx) error {
		_, one, err := c.credential(ctx, tx, v)
		if err != nil {
			return err
		}
		if err := v.confirmed(counted(one.left), ""); err != nil {
			return err
		}
		return one.remove(r)
	})
	if err == nil {
		return c.done(v, "/apis/"+v.PathValue("id")+"/keys", "deleted", v.Params.Value("credential"))
	}
	return c.refused(v, err, c.confirmDeleteCredential)
}

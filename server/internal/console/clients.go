package console

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/postern-auth/postern/internal/jws"
	"github.com/postern-auth/postern/server/internal/keyfile"
	"github.com/postern-auth/postern/server/internal/page"
	"github.com/postern-auth/postern/server/internal/registry"
	"github.com/postern-auth/postern/server/internal/secret"
	"github.com/postern-auth/postern/server/store"
)

// A client is what has secrets and keys: a service user, or an application on a server.
type client struct {
	owner    store.Owner
	clientID string // with which it proves itself
	name     string // for people
	path     string // of its page, below base
	here     string // its item of the sidebar
}

func (cl client) up() *page.Link { return &page.Link{To: base + cl.path, Text: page.Named(cl.name)} }

// A clientKind says how clients of a kind are found and shown.
type clientKind struct {
	path string
	find func(ctx context.Context, tx store.Tx, id string) (client, error)
	show func(v *visit, id string, born []page.Block) error
}

// secretPages are where the secrets and keys of clients of a kind are made and ended.
func (c *Console) secretPages(k clientKind) []at {
	ends := []string{"ends", "until", "once"}
	return []at{
		{path: k.path + "/{id}/secrets/new", show: c.askSecret(k), do: c.createSecret(k), asks: true, params: ends},
		{path: k.path + "/{id}/secrets/{secret}/delete", show: c.askDeleteSecret(k), do: c.deleteSecret(k), asks: true, params: []string{"counted"}},
		{path: k.path + "/{id}/keys/new", show: c.askKey(k), do: c.createKey(k), asks: true, params: append(ends, "algorithm")},
		{path: k.path + "/{id}/keys/{key}/delete", show: c.askDeleteKey(k), do: c.deleteKey(k), asks: true, params: []string{"counted"}},
	}
}

// of finds the client that a page is about and goes on with it.
func (c *Console) of(k clientKind, f func(*visit, client) error) func(*visit) error {
	return func(v *visit) error {
		cl, err := k.find(v.Context(), c.Store, v.PathValue("id"))
		if errors.Is(err, store.ErrNotFound) {
			return c.notThere(v)
		}
		if err != nil {
			return fmt.Errorf("console: %w", err)
		}
		return f(v, cl)
	}
}

// endFields ask when something ends.
func endFields(v *visit, usual string, wrong problems) []page.Field {
	chosen := v.Params.Value("ends")
	if chosen == "" {
		chosen = usual
	}
	return []page.Field{
		{Name: "ends", Label: page.Say("client.ends"), Kind: page.Select, Value: chosen, Problem: wrong["ends"], Options: []page.Option{
			{Value: "30", Label: page.Say("client.days", "n", 30)}, {Value: "90", Label: page.Say("client.days", "n", 90)},
			{Value: "365", Label: page.Say("client.year")}, {Value: "date", Label: page.Say("client.date")}, {Value: "never", Label: page.Say("client.never")},
		}},
		{Name: "until", Label: page.Say("client.until"), Kind: page.DateOnly, Value: v.Params.Value("until"), Optional: true, Problem: wrong["until"], Hint: page.Say("client.until.hint")},
	}
}

// maxEnd bounds how far away an end is, so that it can be written everywhere.
const maxEnd = 100 * 365 * 24 * time.Hour

// end reads when something is to end; zero: never.
func (v *visit) end(wrong problems) time.Time {
	switch chosen := v.Params.Value("ends"); chosen {
	case "30", "90", "365":
		days, _ := strconv.Atoi(chosen)
		return v.now.Add(time.Duration(days) * 24 * time.Hour)
	case "never":
		return time.Time{}
	case "date":
		day, err := time.Parse(time.DateOnly, v.typed("until"))
		end := day.Add(24 * time.Hour)
		if err != nil || !end.After(v.now) || end.After(v.now.Add(maxEnd)) {
			wrong["until"] = page.Say("problem.until")
		}
		return end
	}
	wrong["ends"] = page.Say("problem.ends")
	return time.Time{}
}

func onceHidden() []page.Parameter { return []page.Parameter{{Name: "once", Value: secret.New()}} }

func (c *Console) askSecret(k clientKind) func(*visit) error {
	return c.of(k, func(v *visit, cl client) error { return c.secretForm(v, cl, nil) })
}

func (c *Console) secretForm(v *visit, cl client, wrong problems) error {
	return c.again(v, page.Console{
		Here: cl.here, Up: cl.up(), Title: page.Say("client.secret_new"), Lead: page.Say("client.secret_new.lead"),
		Blocks: []page.Block{page.Panel{Blocks: []page.Block{page.Form{
			To: base + cl.path + "/secrets/new", Fields: endFields(v, "365", wrong), Hidden: onceHidden(), Submit: page.Say("client.secret_new"), Cancel: base + cl.path,
		}}}},
	}, wrong)
}

func (c *Console) createSecret(k clientKind) func(*visit) error {
	return c.of(k, func(v *visit, cl client) error {
		wrong := problems{}
		ends := v.end(wrong)
		if len(wrong) > 0 {
			return c.secretForm(v, cl, wrong)
		}
		var raw string
		err := c.bear(v, func(ctx context.Context, r *registry.Registry) (err error) {
			raw, err = r.CreateSecret(ctx, cl.owner, ends)
			return err
		})
		if err != nil {
			return c.unborn(v, k, err)
		}
		return k.show(v, cl.owner.ID, c.bornSecret(v, cl, raw))
	})
}

func (c *Console) askKey(k clientKind) func(*visit) error {
	return c.of(k, func(v *visit, cl client) error { return c.keyForm(v, cl, nil) })
}

func (c *Console) keyForm(v *visit, cl client, wrong problems) error {
	algorithm := page.Field{
		Name: "algorithm", Label: page.Say("client.algorithm"), Kind: page.Select, Value: v.Params.Value("algorithm"), Problem: wrong["algorithm"], Hint: page.Say("client.algorithm.hint"),
	}
	for _, alg := range registry.KeyAlgorithms {
		algorithm.Options = append(algorithm.Options, page.Option{Value: string(alg), Label: page.Named(string(alg))})
	}
	return c.again(v, page.Console{
		Here: cl.here, Up: cl.up(), Title: page.Say("client.key_new"), Lead: page.Say("client.key_new.lead"),
		Blocks: []page.Block{page.Panel{Blocks: []page.Block{page.Form{
			To: base + cl.path + "/keys/new", Fields: append(endFields(v, "365", wrong), algorithm), Hidden: onceHidden(), Submit: page.Say("client.key_new"), Cancel: base + cl.path,
		}}}},
	}, wrong)
}

func (c *Console) createKey(k clientKind) func(*visit) error {
	return c.of(k, func(v *visit, cl client) error {
		wrong := problems{}
		ends, algorithm := v.end(wrong), v.Params.Value("algorithm")
		if registry.CheckKeyAlgorithm(algorithm) != nil {
			wrong["algorithm"] = page.Say("problem.algorithm")
		}
		if len(wrong) > 0 {
			return c.keyForm(v, cl, wrong)
		}
		file, err := c.newKey(v, cl, jws.Algorithm(algorithm), ends, nil)
		if err != nil {
			return c.unborn(v, k, err)
		}
		return k.show(v, cl.owner.ID, c.bornKey(v, cl, file))
	})
}

// newKey makes a key, once before has been done in the same transaction, and returns its file.
func (c *Console) newKey(v *visit, cl client, algorithm jws.Algorithm, ends time.Time, before func(context.Context, *registry.Registry) error) (string, error) {
	private, err := jws.GenerateKey(algorithm)
	if err != nil {
		return "", fmt.Errorf("console: making a key: %w", err)
	}
	var row store.ClientKey
	err = c.bear(v, func(ctx context.Context, r *registry.Registry) error {
		if before != nil {
			if err := before(ctx, r); err != nil {
				return err
			}
		}
		row, err = r.CreateClientKey(ctx, store.ClientKey{Owner: cl.owner, ExpiresAt: ends}, private)
		return err
	})
	if err != nil {
		return "", err
	}
	file := keyfile.For(cl.owner, cl.clientID)
	file.Expiration = ends
	text, err := keyfile.Encode(file, row.ID, private)
	return string(text), err
}

// errBorn says that a form has made already what it makes.
var errBorn = errors.New("console: the form was sent before")

// bear makes what is shown once, and makes it once: the same form sent again gets errBorn.
func (c *Console) bear(v *visit, make func(context.Context, *registry.Registry) error) error {
	return c.write(v, func(ctx context.Context, r *registry.Registry, tx store.Tx) error {
		if err := v.once(ctx, tx); err != nil {
			if errors.Is(err, store.ErrExists) {
				return errBorn
			}
			return err
		}
		return make(ctx, r)
	})
}

// unborn answers where nothing was made.
func (c *Console) unborn(v *visit, k clientKind, err error) error {
	switch {
	case errors.Is(err, errBorn):
		return k.show(v, v.PathValue("id"), []page.Block{page.Panel{Blocks: []page.Block{page.Bullets{Tone: page.Warn, Items: []page.Text{page.Say("client.born_before")}}}}})
	case errors.Is(err, store.ErrNotFound):
		return c.notThere(v)
	case errors.Is(err, registry.ErrRefused):
		return k.show(v, v.PathValue("id"), []page.Block{page.Panel{Blocks: []page.Block{page.Bullets{Tone: page.Bad, Items: []page.Text{page.Say("client.has_none")}}}}})
	}
	return err
}

// bornBlock shows a credential this once: what it is, itself, and the command that uses it.
func bornBlock(what, label page.Text, text, file, command string) []page.Block {
	blocks := []page.Block{
		page.Bullets{Tone: page.Good, Items: []page.Text{what}},
		page.Source{Label: label, Spans: []page.Span{{Text: text}}, Copy: true, File: file},
	}
	if command != "" {
		blocks = append(blocks, page.Paragraph{Text: page.Say("client.command")},
			page.Source{Label: page.Say("client.command"), Spans: []page.Span{{Text: command}}, Copy: true})
	}
	return []page.Block{page.Panel{Blocks: blocks}}
}

func (c *Console) bornSecret(v *visit, cl client, raw string) []page.Block {
	file := fileName(cl.name, "-secret.txt")
	return bornBlock(page.Say("client.secret_born"), page.Say("client.secret"), raw, file, c.tokenCommand(v, cl, "client-credentials", "--client-id "+cl.clientID+" --client-secret-file "+file))
}

func (c *Console) bornKey(v *visit, cl client, text string) []page.Block {
	file := fileName(cl.name, "-key.json")
	return bornBlock(page.Say("client.key_born"), page.Say("client.key"), text, file, c.tokenCommand(v, cl, "jwt-profile", "--key-file "+file))
}

// tokenCommand is a line that gets a token for the first of what a service user may do; empty for other clients.
func (c *Console) tokenCommand(v *visit, cl client, way, proof string) string {
	if cl.owner.Kind != store.ServiceUserClient {
		return ""
	}
	held, err := c.rightsOf(v.Context(), c.Store, cl.owner.ID)
	if err != nil {
		c.Logger.WarnContext(v.Context(), "no target for a command", "service_user", cl.owner.ID, "reason", err.Error())
	}
	issuer, target, project := v.Issuer, "", ""
	if len(held) > 0 {
		if identifier, ok := quote(held[0].identifier); ok {
			issuer, target = cmp.Or(c.dialect(v, true), issuer), " --audience "+identifier
		} else if id, ok := quote(held[0].projectID); ok {
			issuer, project = cmp.Or(c.dialect(v, false), issuer), "PROJECT_ID="+id+" "
		}
	}
	return project + "postern token " + way + " --issuer " + string(issuer) + " " + proof + target
}

// ending says when something ends, and to look at it when that is soon.
func (v *visit) ending(at time.Time) page.Cell {
	switch left := at.Sub(v.now); {
	case at.IsZero():
		return page.Cell{page.Words{Text: page.Say("client.ends_never")}}
	case left <= 0:
		return page.Cell{page.Chip{Tone: page.Bad, Text: page.Say("client.ended")}, page.Moment{At: at}}
	case left < soon:
		return page.Cell{page.Chip{Tone: page.Warn, Text: page.Say("client.ends_in", "n", days(left))}}
	}
	return page.Cell{page.Moment{At: at}}
}

// soon is when an end is near enough to be looked at.
const soon = 30 * 24 * time.Hour

// days returns how many days something lasts, begun ones included.
func days(d time.Duration) int { return int((d + 24*time.Hour - 1) / (24 * time.Hour)) }

// secretsOf and keysOf are the parts of a client's page about what it proves itself with.
func (c *Console) secretsOf(v *visit, cl client) (page.Block, error) {
	rows, err := c.Store.SecretsOf(v.Context(), cl.owner)
	if err != nil {
		return nil, fmt.Errorf("console: %w", err)
	}
	table := page.Table{
		Label: page.Say("client.secrets"), Empty: page.Say("client.secrets.empty"),
		Head: []page.Column{{Text: page.Say("id")}, {Text: page.Say("created")}, {Text: page.Say("used")}, {Text: page.Say("client.ends")}},
	}
	for _, s := range rows {
		row := page.Row{Cells: []page.Cell{{page.Code{Text: s.ID}}, {page.Moment{At: s.CreatedAt}}, v.lastUse(s.UsedAt, s.CreatedAt), v.ending(s.ExpiresAt)}}
		if !v.readOnly {
			row.Acts = []page.Act{{To: base + cl.path + "/secrets/" + s.ID + "/delete", Text: page.Say("client.delete"), Danger: true}}
		}
		table.Rows = append(table.Rows, row)
	}
	return c.part(v, page.Say("client.secrets"), table, page.Act{To: base + cl.path + "/secrets/new", Text: page.Say("client.secret_new")}), nil
}

func (c *Console) clientKeysOf(v *visit, cl client) (page.Block, error) {
	rows, err := c.Store.ClientKeysOf(v.Context(), cl.owner)
	if err != nil {
		return nil, fmt.Errorf("console: %w", err)
	}
	table := page.Table{
		Label: page.Say("client.keys"), Empty: page.Say("client.keys.empty"),
		Head: []page.Column{{Text: page.Say("client.key_id")}, {Text: page.Say("created")}, {Text: page.Say("used")}, {Text: page.Say("client.ends")}},
	}
	for _, key := range rows {
		row := page.Row{Cells: []page.Cell{{page.Code{Text: key.ID}}, {page.Moment{At: key.CreatedAt}}, v.lastUse(key.UsedAt, key.CreatedAt), v.ending(key.ExpiresAt)}}
		if !v.readOnly {
			row.Acts = []page.Act{{To: base + cl.path + "/keys/" + key.ID + "/delete", Text: page.Say("client.delete"), Danger: true}}
		}
		table.Rows = append(table.Rows, row)
	}
	return c.part(v, page.Say("client.keys"), table, page.Act{To: base + cl.path + "/keys/new", Text: page.Say("client.key_new")}), nil
}

// part is a part of a page that has a list, and an act that makes it longer.
func (c *Console) part(v *visit, title page.Text, table page.Table, add page.Act) page.Block {
	panel := page.Panel{Title: title}
	if len(table.Rows) > 0 {
		panel.Blocks = []page.Block{table}
	} else {
		panel.Blocks = []page.Block{page.Paragraph{Text: table.Empty, Quiet: true}}
	}
	if !v.readOnly {
		panel.Acts = []page.Act{add}
	}
	return panel
}

func (c *Console) askDeleteSecret(k clientKind) func(*visit) error {
	return c.of(k, func(v *visit, cl client) error { return c.confirmSecret(v, cl, nil, nil) })
}

// secretOf finds the secret that a page is about, and how many the client has that have not ended.
func secretOf(ctx context.Context, tx store.Secrets, v *visit, cl client) (found store.Secret, alive int, err error) {
	rows, err := tx.SecretsOf(ctx, cl.owner)
	if err != nil {
		return found, 0, err
	}
	for _, s := range rows {
		if s.ID == v.PathValue("secret") {
			found = s
		}
		if s.ExpiresAt.IsZero() || s.ExpiresAt.After(v.now) {
			alive++
		}
	}
	if found.ID == "" {
		return found, 0, store.ErrNotFound
	}
	return found, alive, nil
}

func (c *Console) confirmSecret(v *visit, cl client, wrong problems, changed *page.Note) error {
	s, alive, err := secretOf(v.Context(), c.Store, v, cl)
	if errors.Is(err, store.ErrNotFound) {
		return c.notThere(v)
	}
	if err != nil {
		return fmt.Errorf("console: %w", err)
	}
	stops := []page.Text{wasUsed(s.UsedAt), page.Say("client.secret_stops", "name", cl.name)}
	if alive <= 1 {
		stops = append(stops, page.Say("client.secret_last", "name", cl.name))
	}
	return c.confirm(v, confirmation{
		here: cl.here, up: *cl.up(), title: page.Say("client.secret_delete"), stops: stops, final: true,
		to: base + cl.path + "/secrets/" + s.ID + "/delete", counted: strconv.Itoa(alive), submit: page.Say("client.secret_delete.do"),
	}, wrong, changed)
}

func (c *Console) deleteSecret(k clientKind) func(*visit) error {
	return c.of(k, func(v *visit, cl client) error {
		err := c.write(v, func(ctx context.Context, r *registry.Registry, tx store.Tx) error {
			s, alive, err := secretOf(ctx, tx, v, cl)
			if err != nil {
				return err
			}
			if err := v.confirmed(strconv.Itoa(alive), ""); err != nil {
				return err
			}
			return r.DeleteSecret(ctx, s)
		})
		if err != nil {
			return c.refused(v, err, func(v *visit, wrong problems, changed *page.Note) error {
				return c.confirmSecret(v, cl, wrong, changed)
			})
		}
		return c.done(v, cl.path, "secret_deleted", cl.name)
	})
}

func (c *Console) askDeleteKey(k clientKind) func(*visit) error {
	return c.of(k, func(v *visit, cl client) error { return c.confirmKey(v, cl, nil, nil) })
}

// keyOf finds the key that a page is about, and how many the client has that have not ended.
func keyOf(ctx context.Context, tx store.ClientKeys, v *visit, cl client) (found store.ClientKey, alive int, err error) {
	rows, err := tx.ClientKeysOf(ctx, cl.owner)
	if err != nil {
		return found, 0, err
	}
	for _, key := range rows {
		if key.ID == v.PathValue("key") {
			found = key
		}
		if key.ExpiresAt.IsZero() || key.ExpiresAt.After(v.now) {
			alive++
		}
	}
	if found.ID == "" {
		return found, 0, store.ErrNotFound
	}
	return found, alive, nil
}

func (c *Console) confirmKey(v *visit, cl client, wrong problems, changed *page.Note) error {
	key, alive, err := keyOf(v.Context(), c.Store, v, cl)
	if errors.Is(err, store.ErrNotFound) {
		return c.notThere(v)
	}
	if err != nil {
		return fmt.Errorf("console: %w", err)
	}
	stops := []page.Text{wasUsed(key.UsedAt), page.Say("client.key_stops")}
	if alive <= 1 {
		stops = append(stops, page.Say("client.key_last", "name", cl.name))
	}
	return c.confirm(v, confirmation{
		here: cl.here, up: *cl.up(), title: page.Say("client.key_delete", "id", key.ID), stops: stops, final: true,
		to: base + cl.path + "/keys/" + key.ID + "/delete", counted: strconv.Itoa(alive), submit: page.Say("client.key_delete.do"),
	}, wrong, changed)
}

func (c *Console) deleteKey(k clientKind) func(*visit) error {
	return c.of(k, func(v *visit, cl client) error {
		err := c.write(v, func(ctx context.Context, r *registry.Registry, tx store.Tx) error {
			key, alive, err := keyOf(ctx, tx, v, cl)
			if err != nil {
				return err
			}
			if err := v.confirmed(strconv.Itoa(alive), ""); err != nil {
				return err
			}
			return r.DeleteClientKey(ctx, key)
		})
		if err != nil {
			return c.refused(v, err, func(v *visit, wrong problems, changed *page.Note) error { return c.confirmKey(v, cl, wrong, changed) })
		}
		return c.done(v, cl.path, "key_deleted", cl.name)
	})
}

package setup

import (
	"bytes"
	"context"
	"fmt"
	"path/filepath"

	"github.com/postern-auth/postern/server/internal/document"
	"github.com/postern-auth/postern/server/internal/registry"
	"github.com/postern-auth/postern/server/store"
)

// advice is what to do about a file that is not what the document asks for.
const advice = "files are never overwritten; move it away to have a new one made, or correct the document"

// owner is whose secrets, keys and tokens are compared.
type owner struct {
	store.Owner
	label    string // for people
	clientID string
	found    bool // it is in the store already
	ended    bool // the document has it inactive
}

// output is one file that the document asks for.
type output struct {
	file   document.Word
	object string
	owner  string
	found  bool            // the owner is in the store already
	fields registry.Fields // of the row, shown when it is created
	// holds reports whether a row of the owner knows the content.
	holds func(content []byte) bool
	// create makes the row and returns the content for the file.
	create func(context.Context, *work) ([]byte, error)
	// keyed and password are set for an output that needs a new key or password.
	keyed    *document.ClientKey
	password *document.User
	// replaces says that there is a row already, of which there is one alone.
	replaces bool
}

// output compares a file with the rows, and adds what is to be done about it. It reports whether the row
// is there already.
func (c *comparison) output(o output) (bool, error) {
	path := c.target(o.file)
	content, exists, err := read(string(path))
	if err != nil {
		return false, o.file.At.Errorf("%w", err)
	}
	action := Create
	if o.replaces {
		action = Alter
	}
	change := Change{Action: action, Object: o.object, Name: o.file.Text, Owner: o.owner}
	if exists && !o.holds(content) && o.found && c.options.Keep {
		c.kept = append(c.kept, change)
		return false, nil
	}
	if exists && !o.holds(content) {
		return false, o.file.At.Errorf("file %q is there and holds no %s of %s: %s", o.file.Text, o.object, o.owner, advice)
	}
	pending, waits, err := read(path.pending())
	if err != nil {
		return false, o.file.At.Errorf("%w", err)
	}
	switch {
	case exists && !waits:
		return true, nil
	case exists || waits && o.holds(pending):
		change.Action, change.Fields = Alter, []Field{{Name: "file", Old: "unfinished", New: "finished"}}
		change.do = func(_ context.Context, w *work) error {
			w.pending = append(w.pending, path)
			return nil
		}
		c.add(change)
		return true, nil
	}
	if o.replaces && c.options.Keep {
		c.kept = append(c.kept, change)
		return false, nil
	}
	change.Fields, change.keyed, change.password = shown(o.fields), o.keyed, o.password
	change.do = func(ctx context.Context, w *work) error {
		content, err := o.create(ctx, w)
		if err != nil {
			return err
		}
		return w.write(path, content)
	}
	c.add(change)
	return false, nil
}

func (c *comparison) target(file document.Word) target {
	path := filepath.FromSlash(file.Text)
	if !filepath.IsAbs(path) {
		path = filepath.Join(c.options.Dir, path)
	}
	return target(path)
}

// idFile compares a file that holds an id, which is not a secret.
func (c *comparison) idFile(file document.Word, id, owner string) error {
	if file.Text == "" {
		return nil
	}
	_, err := c.output(output{
		file: file, object: "id file", owner: owner,
		holds:  func(content []byte) bool { return line(content) == id },
		create: func(context.Context, *work) ([]byte, error) { return []byte(id + "\n"), nil },
	})
	return err
}

func line(content []byte) string { return string(bytes.TrimSpace(content)) }

// rows reads what an owner has, unless the owner is yet to be created.
func rows[T any](ctx context.Context, o owner, list func(context.Context, store.Owner) ([]T, error)) ([]T, error) {
	if !o.found {
		return nil, nil
	}
	all, err := list(ctx, o.Owner)
	if err != nil {
		return nil, fmt.Errorf("setup: read what %s has: %w", o.label, err)
	}
	return all, nil
}

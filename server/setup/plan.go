package setup

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/postern-auth/postern/server/internal/document"
	"github.com/postern-auth/postern/server/internal/registry"
	"github.com/postern-auth/postern/server/store"
)

// Action is what a Change does to an object.
type Action string

const (
	Create Action = "create"
	Alter  Action = "change"
	Delete Action = "delete"
)

// Field is one fact of an object that a Change sets.
type Field struct {
	Name string `json:"name"`
	// Old and New are a string, a bool or a []string; nil stands for no value.
	Old any `json:"old"`
	New any `json:"new"`
}

// Change is one step of a Plan. It shows no secret, token or key.
type Change struct {
	Action Action `json:"action"`
	// Object is the kind: organization, project, api, application, service user, user, secret, key, personal
	// access token, password, invitation or id file.
	Object string `json:"object"`
	// Name is what people know the object by: its name, username or path, for a secret or key without
	// a path its id.
	Name string `json:"name"`
	// Owner is whose the object is, such as: service user "ci". Empty for what has no owner.
	Owner  string  `json:"owner,omitempty"`
	Fields []Field `json:"fields,omitempty"`

	do       func(context.Context, *work) error
	keyed    *document.ClientKey // needs a new key
	password *document.User      // needs a new password
}

var signs = map[Action]string{Create: "+", Alter: "~", Delete: "-"}

// String shows the change as lines of text, the last one without a line end.
func (c Change) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s %q", signs[c.Action], c.Object, c.Name)
	if c.Owner != "" {
		fmt.Fprintf(&b, " of %s", c.Owner)
	}
	for _, f := range c.Fields {
		if c.Action == Create {
			fmt.Fprintf(&b, "\n    %s: %s", f.Name, show(f.New))
			continue
		}
		fmt.Fprintf(&b, "\n    %s: %s → %s", f.Name, show(f.Old), show(f.New))
	}
	return b.String()
}

func show(v any) string {
	switch v := v.(type) {
	case nil:
		return "none"
	case string:
		return fmt.Sprintf("%q", v)
	case []string:
		return fmt.Sprintf("%q", v)
	}
	return fmt.Sprint(v)
}

// Options says how a Document is compared. The zero value is ready to use.
type Options struct {
	// Prune deletes what the document does not name: projects, APIs, applications, service users, and of those
	// that it names the secrets, keys and personal access tokens; people, if it names any. Without it all of that
	// stays.
	Prune bool
	// Keep leaves what is there as it is, where the document says otherwise, and only makes what is missing.
	// Plan.Kept lists what that left undone. It does not go together with Prune.
	Keep bool
	// Dir is the folder that relative paths start from; empty: the folder of the document's file.
	Dir string
	// Issuer is whose pages the links of invitations lead to. A document with such links needs one.
	Issuer string
	// Now tells the time; nil: time.Now.
	Now func() time.Time

	passwords *passwords
}

// Plan is the difference between a store and a Document, in the order in which it is to be made up:
// deletions, then projects with their APIs and applications, then service users and users, each by name. The order is the same for
// the same difference. A Plan is safe for concurrent use; its JSON is an object with the list changes.
type Plan struct {
	Changes []Change `json:"changes"`
	// Kept are the changes that Options.Keep leaves undone.
	Kept []Change `json:"kept,omitempty"`

	there map[string]int // how many objects of each kind there were that could be pruned

	store   store.Store
	now     time.Time // of the comparison
	doc     *document.Document
	options Options
}

// Empty reports whether there is nothing to do.
func (p *Plan) Empty() bool { return len(p.Changes) == 0 }

// MostOf says of which kinds the plan deletes more than half, such as "3 of 4 service users"; nothing: of none. A document
// that was cut off, or meant for another store, does so.
func (p *Plan) MostOf() []string {
	gone := make(map[string]int)
	for _, c := range p.Changes {
		if c.Action == Delete {
			gone[c.Object]++
		}
	}
	var most []string
	for _, kind := range slices.Sorted(maps.Keys(p.there)) {
		if 2*gone[kind] > p.there[kind] {
			most = append(most, fmt.Sprintf("%d of %d %ss", gone[kind], p.there[kind], kind))
		}
	}
	return most
}

// String shows the changes as text for people: "+" is created, "~" is changed, "-" is deleted.
func (p *Plan) String() string {
	if p.Empty() {
		return "nothing to do\n"
	}
	var b strings.Builder
	for _, c := range p.Changes {
		b.WriteString(c.String())
		b.WriteByte('\n')
	}
	return b.String()
}

// shown returns fields as a Plan shows them.
func shown(fields registry.Fields) []Field {
	var all []Field
	for _, f := range fields {
		all = append(all, Field(f))
	}
	return all
}

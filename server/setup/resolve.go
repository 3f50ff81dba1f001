package setup

import (
	"path/filepath"
	"slices"
	"strings"

	"github.com/postern-auth/postern/server/store"
)

// resolve joins the parts of a document: every name is there once, every reference leads somewhere.
func resolve(r *reader, doc *Document) {
	checkNames(r, doc)
	checkFiles(r, doc)
	for _, user := range doc.users {
		for _, g := range user.roles {
			resolveRoles(r, doc, g)
		}
		for _, g := range user.permissions {
			resolvePermissions(r, doc, g)
		}
		checkDistinct(r, user)
		for _, token := range user.tokens {
			for _, a := range token.audience {
				resolveAudience(r, doc, a)
			}
		}
	}
}

// names remembers where a name was given first.
type names map[string]place

func (n names) add(r *reader, w word, what string) {
	if w.text == "" {
		return
	}
	if first, taken := n[w.text]; taken {
		r.fail(w.at, "expected another %s, got %.64q, which is taken by %s in line %d", what, w.text, first.path, first.line)
		return
	}
	n[w.text] = w.at
}

func checkNames(r *reader, doc *Document) {
	projects, identifiers, clients := names{}, names{}, names{}
	for _, p := range doc.projects {
		projects.add(r, p.name, "name")
		projects.add(r, p.was, "earlier name")
		apis := names{}
		for _, a := range p.apis {
			apis.add(r, a.name, "name")
			apis.add(r, a.was, "earlier name")
			identifiers.add(r, a.identifier, "identifier")
			clients.add(r, a.clientID, "client id")
		}
	}
	for _, u := range doc.users {
		clients.add(r, u.username, "username")
		clients.add(r, u.was, "earlier username")
	}
	// A token's audience names an API by identifier or by client id: what is one API's identifier and
	// another's client id would let the second read tokens that are none of its business.
	for _, a := range doc.apis() {
		owner, taken := clients[a.identifier.text]
		if taken && owner != a.clientID.at {
			r.fail(a.identifier.at, "expected another identifier, got %.64q, which is taken by %s in line %d", a.identifier.text, owner.path, owner.line)
		}
	}
}

func (d *Document) apis() []*api {
	var all []*api
	for _, p := range d.projects {
		all = append(all, p.apis...)
	}
	return all
}

// checkFiles refuses two entries that write one file.
func checkFiles(r *reader, doc *Document) {
	files := names{}
	add := func(w word) {
		if w.text != "" {
			w.text = filepath.Clean(filepath.FromSlash(w.text))
			files.add(r, w, "file")
		}
	}
	owned := func(secrets []*secretEntry, keys []*keyEntry) {
		for _, e := range secrets {
			add(e.file)
		}
		for _, e := range keys {
			add(e.file)
		}
	}
	for _, p := range doc.projects {
		add(p.idFile)
		for _, a := range p.apis {
			add(a.clientIDFile)
			owned(a.secrets, a.keys)
		}
	}
	for _, u := range doc.users {
		add(u.idFile)
		owned(u.secrets, u.keys)
		for _, e := range u.tokens {
			add(e.file)
		}
	}
}

func resolveRoles(r *reader, doc *Document, g *grant) {
	i := slices.IndexFunc(doc.projects, func(p *project) bool { return p.name.text == g.target.text })
	if i < 0 {
		r.fail(g.target.at, "expected the name of a project in this document, got %.64q", g.target.text)
		return
	}
	g.project = doc.projects[i]
	checkHeld(r, g, g.project.roles, "role of project", g.project.name.text)
}

func resolvePermissions(r *reader, doc *Document, g *grant) {
	switch found := doc.apisNamed(g.target.text); len(found) {
	case 0:
		r.fail(g.target.at, "expected the identifier or name of an API in this document, got %.64q", g.target.text)
	case 1:
		g.api = found[0]
		checkHeld(r, g, g.api.permissions, "permission of API", g.api.name.text)
	default:
		r.fail(g.target.at, "expected one API, got %.64q, which names %d; use its identifier", g.target.text, len(found))
	}
}

// apisNamed returns the APIs that a reference may mean. An identifier is unique and goes before names.
func (d *Document) apisNamed(name string) []*api {
	var named []*api
	for _, a := range d.apis() {
		if a.identifier.text == name {
			return []*api{a}
		}
		if a.name.text == name {
			named = append(named, a)
		}
	}
	return named
}

func checkHeld(r *reader, g *grant, defined []right, what, owner string) {
	held := names{}
	for _, key := range g.keys {
		held.add(r, key, "key")
		if !slices.ContainsFunc(defined, func(d right) bool { return d.key.text == key.text }) {
			r.fail(key.at, "expected a %s %q, got %.64q", what, owner, key.text)
		}
	}
}

// checkDistinct refuses two grants on one API, which can be named in two ways.
func checkDistinct(r *reader, u *serviceUser) {
	seen := map[*api]place{}
	for _, g := range u.permissions {
		if g.api == nil {
			continue
		}
		if first, twice := seen[g.api]; twice {
			r.fail(g.target.at, "expected each API once, got API %q again, first in line %d", g.api.name.text, first.line)
		}
		seen[g.api] = g.target.at
	}
}

// resolveAudience finds what an entry means. An API without identifier is reached as its project.
func resolveAudience(r *reader, doc *Document, a *audience) {
	apis := doc.apisNamed(a.target.text)
	i := slices.IndexFunc(doc.projects, func(p *project) bool { return p.name.text == a.target.text })
	switch {
	case i < 0 && len(apis) == 0:
		r.fail(a.target.at, "expected a project or an API of this document, got %.64q", a.target.text)
	case i >= 0 && len(apis) > 0, len(apis) > 1:
		r.fail(a.target.at, "expected one project or API, got %.64q, which names %d; use an identifier", a.target.text, len(apis)+min(i+1, 1))
	case i >= 0:
		a.project = doc.projects[i]
	case apis[0].identifier.text == "":
		a.project = apis[0].project
	default:
		a.api = apis[0]
	}
}

// roles and permissions as the store has them, in the order of their keys.
func roles(rights []right) []store.Role {
	var out []store.Role
	for _, one := range rights {
		out = append(out, store.Role{Key: one.key.text, Name: one.name})
	}
	slices.SortFunc(out, func(a, b store.Role) int { return strings.Compare(a.Key, b.Key) })
	return out
}

func permissions(rights []right) []store.Permission {
	var out []store.Permission
	for _, one := range roles(rights) {
		out = append(out, store.Permission(one))
	}
	return out
}

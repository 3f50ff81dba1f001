package document

import (
	"path/filepath"
	"slices"
	"strings"
)

// resolve joins the parts of a document: every name is there once, every reference leads somewhere.
func resolve(r *reader, doc *Document) {
	checkNames(r, doc)
	checkFiles(r, doc)
	for _, user := range doc.Users {
		resolveHeld(r, doc, user.Held)
	}
	for _, user := range doc.ServiceUsers {
		resolveHeld(r, doc, user.Held)
		for _, token := range user.Tokens {
			for _, a := range token.Audience {
				resolveAudience(r, doc, a)
			}
		}
	}
}

func resolveHeld(r *reader, doc *Document, h Held) {
	for _, g := range h.Roles {
		resolveRoles(r, doc, g)
	}
	for _, g := range h.Permissions {
		resolvePermissions(r, doc, g)
	}
	checkDistinct(r, h)
}

// names remembers where a name was given first.
type names map[string]Place

func (n names) add(r *reader, w Word, what string) {
	if w.Text == "" {
		return
	}
	if first, taken := n[w.Text]; taken {
		r.fail(w.At, "expected another %s, got %.64q, which is taken by %s in line %d", what, w.Text, first.path, first.line)
		return
	}
	n[w.Text] = w.At
}

func checkNames(r *reader, doc *Document) {
	projects, identifiers, clients := names{}, names{}, names{}
	for _, p := range doc.Projects {
		projects.add(r, p.Name, "name")
		projects.add(r, p.Was, "earlier name")
		apis := names{}
		for _, a := range p.APIs {
			apis.add(r, a.Name, "name")
			apis.add(r, a.Was, "earlier name")
			identifiers.add(r, a.Identifier, "identifier")
			clients.add(r, a.ClientID, "client id")
		}
		applications := names{}
		for _, a := range p.Applications {
			applications.add(r, a.Name, "name")
			applications.add(r, a.Was, "earlier name")
			clients.add(r, a.ClientID, "client id")
		}
	}
	for _, u := range doc.ServiceUsers {
		clients.add(r, u.Username, "username")
		clients.add(r, u.Was, "earlier username")
	}
	checkLogins(r, doc)
	// A token's audience names an API by identifier or by client id: what is one API's identifier and
	// another's client id would let the second read tokens that do not concern it.
	for _, a := range doc.APIs() {
		owner, taken := clients[a.Identifier.Text]
		if taken && owner != a.ClientID.At {
			r.fail(a.Identifier.At, "expected another identifier, got %.64q, which is taken by %s in line %d", a.Identifier.Text, owner.path, owner.line)
		}
	}
}

// checkLogins refuses two people whom one name, or one verified address, would find.
func checkLogins(r *reader, doc *Document) {
	logins := names{}
	for _, u := range doc.Users {
		logins.add(r, folded(u.Login), "login name")
		logins.add(r, folded(u.Was), "earlier login name")
	}
	for _, u := range doc.Users {
		if u.EmailVerified == nil || !*u.EmailVerified || u.Email == nil || strings.EqualFold(*u.Email, u.Login.Text) {
			continue
		}
		logins.add(r, folded(Word{*u.Email, u.Login.At}), "verified address")
	}
}

// folded returns the word as logins are compared: without regard to letter case.
func folded(w Word) Word { return Word{strings.ToLower(w.Text), w.At} }

// APIs returns those of all projects.
func (d *Document) APIs() []*API {
	var all []*API
	for _, p := range d.Projects {
		all = append(all, p.APIs...)
	}
	return all
}

// Applications returns those of all projects.
func (d *Document) Applications() []*Application {
	var all []*Application
	for _, p := range d.Projects {
		all = append(all, p.Applications...)
	}
	return all
}

// checkFiles refuses two entries that write one file.
func checkFiles(r *reader, doc *Document) {
	files := names{}
	add := func(w Word) {
		if w.Text != "" {
			w.Text = filepath.Clean(filepath.FromSlash(w.Text))
			files.add(r, w, "file")
		}
	}
	owned := func(secrets []*Secret, keys []*ClientKey) {
		for _, e := range secrets {
			add(e.File)
		}
		for _, e := range keys {
			add(e.File)
		}
	}
	for _, p := range doc.Projects {
		add(p.IDFile)
		for _, a := range p.APIs {
			add(a.ClientIDFile)
			owned(a.Secrets, a.Keys)
		}
		for _, a := range p.Applications {
			add(a.ClientIDFile)
			owned(a.Secrets, a.Keys)
		}
	}
	for _, u := range doc.Users {
		add(u.IDFile)
		add(u.PasswordFile)
		add(u.InvitationFile)
	}
	for _, u := range doc.ServiceUsers {
		add(u.IDFile)
		owned(u.Secrets, u.Keys)
		for _, e := range u.Tokens {
			add(e.File)
		}
	}
}

func resolveRoles(r *reader, doc *Document, g *Assignment) {
	i := slices.IndexFunc(doc.Projects, func(p *Project) bool { return p.Name.Text == g.Target.Text })
	if i < 0 {
		r.fail(g.Target.At, "expected the name of a project in this document, got %.64q", g.Target.Text)
		return
	}
	g.Project = doc.Projects[i]
	checkHeld(r, g, g.Project.Roles, "role of project", g.Project.Name.Text)
}

func resolvePermissions(r *reader, doc *Document, g *Assignment) {
	switch found := doc.apisNamed(g.Target.Text); len(found) {
	case 0:
		r.fail(g.Target.At, "expected the identifier or name of an API in this document, got %.64q", g.Target.Text)
	case 1:
		g.API = found[0]
		checkHeld(r, g, g.API.Permissions, "permission of API", g.API.Name.Text)
	default:
		r.fail(g.Target.At, "expected one API, got %.64q, which names %d; use its identifier, or project/name", g.Target.Text, len(found))
	}
}

// apisNamed returns the APIs that a reference may mean: by identifier, by name, or by "project/name". An identifier is
// unique and goes before names, and names go before those with a project.
func (d *Document) apisNamed(name string) []*API {
	var named []*API
	for _, a := range d.APIs() {
		if a.Identifier.Text == name {
			return []*API{a}
		}
		if a.Name.Text == name {
			named = append(named, a)
		}
	}
	for _, a := range d.APIs() {
		if len(named) == 0 && a.Project.Name.Text+"/"+a.Name.Text == name {
			return []*API{a}
		}
	}
	return named
}

func checkHeld(r *reader, g *Assignment, defined []Right, what, owner string) {
	held := names{}
	for _, key := range g.Rights {
		held.add(r, key, "key")
		if !slices.ContainsFunc(defined, func(d Right) bool { return d.Key.Text == key.Text }) {
			r.fail(key.At, "expected a %s %q, got %.64q", what, owner, key.Text)
		}
	}
}

// checkDistinct refuses two grants on one API, which can be named in two ways.
func checkDistinct(r *reader, h Held) {
	seen := map[*API]Place{}
	for _, g := range h.Permissions {
		if g.API == nil {
			continue
		}
		if first, twice := seen[g.API]; twice {
			r.fail(g.Target.At, "expected each API once, got API %q again, first in line %d", g.API.Name.Text, first.line)
		}
		seen[g.API] = g.Target.At
	}
}

// resolveAudience finds what an entry means. An API without identifier is reached as its project.
func resolveAudience(r *reader, doc *Document, a *Audience) {
	apis := doc.apisNamed(a.Target.Text)
	i := slices.IndexFunc(doc.Projects, func(p *Project) bool { return p.Name.Text == a.Target.Text })
	switch {
	case i < 0 && len(apis) == 0:
		r.fail(a.Target.At, "expected a project or an API of this document, got %.64q", a.Target.Text)
	case i >= 0 && len(apis) > 0, len(apis) > 1:
		r.fail(a.Target.At, "expected one project or API, got %.64q, which names %d; use an identifier", a.Target.Text, len(apis)+min(i+1, 1))
	case i >= 0:
		a.Project = doc.Projects[i]
	case apis[0].Identifier.Text == "":
		a.Project = apis[0].Project
	default:
		a.API = apis[0]
	}
}

package document

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/postern-auth/postern/internal/jws"
	"github.com/postern-auth/postern/server/internal/registry"
)

// Parse reads a document. It is strict: an unknown field, a field given twice, a wrong type, an alias and
// a reference to nothing are errors, each with file, line and field:
//
//	postern.yaml:12: service_users[0].roles.hello[0]: expected a role of project "hello", got "read:mesages"
//
// The error joins all that is wrong, up to 20 lines. The file name is what errors show, and its folder is
// where relative paths start from; Parse opens no file.
func Parse(fileName string, data []byte) (*Document, error) {
	root, err := load(fileName, data)
	if err != nil {
		return nil, err
	}
	var r reader
	doc := r.document(root)
	if err := r.err(); err != nil {
		return nil, err
	}
	resolve(&r, doc)
	if err := r.err(); err != nil {
		return nil, err
	}
	slices.SortFunc(doc.Projects, func(a, b *Project) int { return strings.Compare(a.Name.Text, b.Name.Text) })
	slices.SortFunc(doc.ServiceUsers, func(a, b *ServiceUser) int { return strings.Compare(a.Username.Text, b.Username.Text) })
	slices.SortFunc(doc.Users, func(a, b *User) int { return strings.Compare(a.Login.Text, b.Login.Text) })
	for _, p := range doc.Projects {
		slices.SortFunc(p.APIs, func(a, b *API) int { return strings.Compare(a.Name.Text, b.Name.Text) })
		slices.SortFunc(p.Applications, func(a, b *Application) int { return strings.Compare(a.Name.Text, b.Name.Text) })
	}
	return doc, nil
}

func (r *reader) document(v value) *Document {
	doc := &Document{File: v.at.file}
	r.object(v, fields{
		"organization":  func(v value) { doc.Organization = r.organization(v) },
		"projects":      r.list(func(v value) { doc.Projects = append(doc.Projects, r.project(v)) }),
		"service_users": r.list(func(v value) { doc.ServiceUsers = append(doc.ServiceUsers, r.serviceUser(v)) }),
		"users":         r.list(func(v value) { doc.Users = append(doc.Users, r.user(v)) }),
	})
	return doc
}

func (r *reader) organization(v value) *Organization {
	o := new(Organization)
	r.object(v, fields{
		"name":           r.text(&o.Name, registry.CheckName),
		"primary_domain": r.text(&o.Domain, registry.CheckID),
	}, "name", "primary_domain")
	return o
}

func (r *reader) project(v value) *Project {
	p := &Project{Active: true}
	r.object(v, fields{
		"name":         r.word(&p.Name, registry.CheckName),
		"was":          r.word(&p.Was, registry.CheckName),
		"roles":        r.rights(&p.Roles),
		"active":       r.flag(&p.Active),
		"apis":         r.list(func(v value) { p.APIs = append(p.APIs, r.api(v, p)) }),
		"applications": r.list(func(v value) { p.Applications = append(p.Applications, r.application(v, p)) }),
		"id_file":      r.word(&p.IDFile, checkPath),
	}, "name")
	return p
}

// rights reads roles or permissions: each a key alone, or an object of key and name.
func (r *reader) rights(into *[]Right) func(value) {
	return r.list(func(v value) {
		var one Right
		if v.Kind == yaml.MappingNode {
			r.object(v, fields{"key": r.word(&one.Key, registry.CheckKey), "name": r.text(&one.Name, registry.CheckTitle)}, "key")
		} else {
			r.word(&one.Key, registry.CheckKey)(v)
		}
		if slices.ContainsFunc(*into, func(other Right) bool { return one.Key.Text != "" && other.Key.Text == one.Key.Text }) {
			r.fail(one.Key.At, "expected each key once, got %q again", one.Key.Text)
			return
		}
		*into = append(*into, one)
	})
}

func (r *reader) api(v value, p *Project) *API {
	a := &API{Project: p, Active: true}
	r.object(v, fields{
		"name":              r.word(&a.Name, registry.CheckName),
		"was":               r.word(&a.Was, registry.CheckName),
		"identifier":        r.word(&a.Identifier, registry.CheckIdentifier),
		"client_id":         r.word(&a.ClientID, registry.CheckID),
		"token":             parsed(r, &a.Form, parseForm),
		"signing_algorithm": r.text(&a.Algorithm, registry.CheckSigningAlgorithm),
		"token_lifetime":    parsed(r, &a.Lifetime, lifetime(registry.CheckLifetime)),
		"permissions":       r.rights(&a.Permissions),
		"active":            r.flag(&a.Active),
		"client_id_file":    r.word(&a.ClientIDFile, checkPath),
		"secrets":           r.secrets(&a.Secrets),
		"keys":              r.keys(&a.Keys),
		"certificates":      r.certificates(&a.Certificates),
	}, "name")
	return a
}

func (r *reader) serviceUser(v value) *ServiceUser {
	u := &ServiceUser{Active: true}
	r.object(v, fields{
		"username":               r.word(&u.Username, registry.CheckID),
		"was":                    r.word(&u.Was, registry.CheckID),
		"name":                   r.text(&u.Name, registry.CheckTitle),
		"token":                  parsed(r, &u.Form, parseForm),
		"grants":                 r.words(&u.Grants, "grant", registry.CheckServiceUserGrant),
		"active":                 r.flag(&u.Active),
		"roles":                  r.assignments(&u.Roles),
		"permissions":            r.assignments(&u.Permissions),
		"id_file":                r.word(&u.IDFile, checkPath),
		"secrets":                r.secrets(&u.Secrets),
		"keys":                   r.keys(&u.Keys),
		"certificates":           r.certificates(&u.Certificates),
		"sender_constraint":      r.text((*string)(&u.SenderConstraint), registry.CheckSenderConstraint),
		"personal_access_tokens": r.list(func(v value) { u.Tokens = append(u.Tokens, r.token(v)) }),
	}, "username")
	return u
}

// assignments reads an object of lists of keys. What the names and keys mean is for resolve.
func (r *reader) assignments(into *[]*Assignment) func(value) {
	return func(v value) {
		for name, list := range r.members(v) {
			g := &Assignment{Target: Word{name, list.at}}
			r.list(func(v value) { g.Rights = append(g.Rights, r.any(v)) })(list)
			*into = append(*into, g)
		}
	}
}

func (r *reader) any(v value) Word {
	var w Word
	r.word(&w, func(string) error { return nil })(v)
	return w
}

func (r *reader) secrets(into *[]*Secret) func(value) {
	return r.list(func(v value) {
		e := new(Secret)
		r.object(v, fields{
			"secret_file": r.word(&e.File, checkPath),
			"expires":     r.expiry(&e.Expires),
		}, "secret_file")
		*into = append(*into, e)
	})
}

func (r *reader) keys(into *[]*ClientKey) func(value) {
	return r.list(func(v value) {
		e := &ClientKey{Algorithm: jws.RS256}
		r.object(v, fields{
			"key_file":      r.word(&e.File, checkPath),
			"algorithm":     r.text((*string)(&e.Algorithm), registry.CheckKeyAlgorithm),
			"compatibility": r.flag(&e.Compatibility),
			"expires":       r.expiry(&e.Expires),
		}, "key_file")
		*into = append(*into, e)
	})
}

func (r *reader) token(v value) *PersonalAccessToken {
	e := new(PersonalAccessToken)
	r.object(v, fields{
		"name":       r.word(&e.Name, registry.CheckName),
		"token_file": r.word(&e.File, checkPath),
		"expires":    r.expiry(&e.Expires),
		"audience":   r.list(func(v value) { e.Audience = append(e.Audience, &Audience{Target: r.any(v)}) }),
	}, "name", "token_file")
	return e
}

// expiry reads text, also text that YAML takes for a time stamp.
func (r *reader) expiry(into *Expiry) func(value) {
	return func(v value) {
		node := *v.Node
		if node.Tag == "!!timestamp" {
			node.Tag = "!!str"
		}
		parsed(r, into, parseExpiry)(value{&node, v.at})
	}
}

// parsed reads text that a function turns into something else.
func parsed[T any](r *reader, into *T, parse func(string) (T, error)) func(value) {
	return func(v value) {
		var text string
		r.text(&text, func(s string) error {
			result, err := parse(s)
			if err == nil {
				*into = result
			}
			return err
		})(v)
	}
}

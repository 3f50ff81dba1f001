package setup

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/postern-auth/postern/internal/jws"
	"github.com/postern-auth/postern/server/registry"
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
	slices.SortFunc(doc.projects, func(a, b *project) int { return strings.Compare(a.name.text, b.name.text) })
	slices.SortFunc(doc.users, func(a, b *serviceUser) int { return strings.Compare(a.username.text, b.username.text) })
	for _, p := range doc.projects {
		slices.SortFunc(p.apis, func(a, b *api) int { return strings.Compare(a.name.text, b.name.text) })
	}
	return doc, nil
}

func (r *reader) document(v value) *Document {
	doc := &Document{file: v.at.file}
	r.object(v, fields{
		"organization":  func(v value) { doc.organization = r.organization(v) },
		"projects":      r.list(func(v value) { doc.projects = append(doc.projects, r.project(v)) }),
		"service_users": r.list(func(v value) { doc.users = append(doc.users, r.serviceUser(v)) }),
	})
	return doc
}

func (r *reader) organization(v value) *organization {
	o := new(organization)
	r.object(v, fields{
		"name":           r.text(&o.name, registry.CheckName),
		"primary_domain": r.text(&o.domain, registry.CheckID),
	}, "name", "primary_domain")
	return o
}

func (r *reader) project(v value) *project {
	p := &project{active: true}
	r.object(v, fields{
		"name":    r.word(&p.name, registry.CheckName),
		"was":     r.word(&p.was, registry.CheckName),
		"roles":   r.rights(&p.roles),
		"active":  r.flag(&p.active),
		"apis":    r.list(func(v value) { p.apis = append(p.apis, r.api(v, p)) }),
		"id_file": r.word(&p.idFile, checkPath),
	}, "name")
	return p
}

// rights reads roles or permissions: each a key alone, or an object of key and name.
func (r *reader) rights(into *[]right) func(value) {
	return r.list(func(v value) {
		var one right
		if v.Kind == yaml.MappingNode {
			r.object(v, fields{"key": r.word(&one.key, registry.CheckKey), "name": r.text(&one.name, registry.CheckTitle)}, "key")
		} else {
			r.word(&one.key, registry.CheckKey)(v)
		}
		if slices.ContainsFunc(*into, func(other right) bool { return one.key.text != "" && other.key.text == one.key.text }) {
			r.fail(one.key.at, "expected each key once, got %q again", one.key.text)
			return
		}
		*into = append(*into, one)
	})
}

func (r *reader) api(v value, p *project) *api {
	a := &api{project: p, active: true}
	r.object(v, fields{
		"name":              r.word(&a.name, registry.CheckName),
		"was":               r.word(&a.was, registry.CheckName),
		"identifier":        r.word(&a.identifier, registry.CheckIdentifier),
		"client_id":         r.word(&a.clientID, registry.CheckID),
		"token":             parsed(r, &a.form, parseForm),
		"signing_algorithm": r.text(&a.algorithm, registry.CheckSigningAlgorithm),
		"token_lifetime":    parsed(r, &a.lifetime, parseLifetime),
		"permissions":       r.rights(&a.permissions),
		"active":            r.flag(&a.active),
		"client_id_file":    r.word(&a.clientIDFile, checkPath),
		"secrets":           r.secrets(&a.secrets),
		"keys":              r.keys(&a.keys),
	}, "name")
	return a
}

func (r *reader) serviceUser(v value) *serviceUser {
	u := &serviceUser{active: true}
	r.object(v, fields{
		"username":               r.word(&u.username, registry.CheckID),
		"was":                    r.word(&u.was, registry.CheckID),
		"name":                   r.text(&u.name, registry.CheckTitle),
		"token":                  parsed(r, &u.form, parseForm),
		"active":                 r.flag(&u.active),
		"roles":                  r.grants(&u.roles),
		"permissions":            r.grants(&u.permissions),
		"id_file":                r.word(&u.idFile, checkPath),
		"secrets":                r.secrets(&u.secrets),
		"keys":                   r.keys(&u.keys),
		"personal_access_tokens": r.list(func(v value) { u.tokens = append(u.tokens, r.token(v)) }),
	}, "username")
	return u
}

// grants reads an object of lists of keys. What the names and keys mean is for resolve.
func (r *reader) grants(into *[]*grant) func(value) {
	return func(v value) {
		for name, list := range r.members(v) {
			g := &grant{target: word{name, list.at}}
			r.list(func(v value) { g.keys = append(g.keys, r.any(v)) })(list)
			*into = append(*into, g)
		}
	}
}

func (r *reader) any(v value) word {
	var w word
	r.word(&w, func(string) error { return nil })(v)
	return w
}

func (r *reader) secrets(into *[]*secretEntry) func(value) {
	return r.list(func(v value) {
		e := new(secretEntry)
		r.object(v, fields{
			"secret_file": r.word(&e.file, checkPath),
			"expires":     r.expiry(&e.expires),
		}, "secret_file")
		*into = append(*into, e)
	})
}

func (r *reader) keys(into *[]*keyEntry) func(value) {
	return r.list(func(v value) {
		e := &keyEntry{algorithm: jws.RS256}
		r.object(v, fields{
			"key_file":      r.word(&e.file, checkPath),
			"algorithm":     r.text((*string)(&e.algorithm), registry.CheckKeyAlgorithm),
			"compatibility": r.flag(&e.compatibility),
			"expires":       r.expiry(&e.expires),
		}, "key_file")
		*into = append(*into, e)
	})
}

func (r *reader) token(v value) *tokenEntry {
	e := new(tokenEntry)
	r.object(v, fields{
		"name":       r.word(&e.name, registry.CheckName),
		"token_file": r.word(&e.file, checkPath),
		"expires":    r.expiry(&e.expires),
		"audience":   r.list(func(v value) { e.audience = append(e.audience, &audience{target: r.any(v)}) }),
	}, "name", "token_file")
	return e
}

// expiry reads text, also text that YAML takes for a time stamp.
func (r *reader) expiry(into *expiry) func(value) {
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

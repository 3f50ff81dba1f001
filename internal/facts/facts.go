// Package facts reads the members of a claims set, be it a JWT's payload or an introspection answer, into
// what a Token holds. It gives them their types and trusts nothing: what the facts are worth is decided by
// the verifier that reads them.
//
//	names, err := facts.Compile(config.ClaimNames)
//	…
//	var reader facts.Reader
//	data, err := reader.Read(&set, names)
//	if err != nil {
//		return err // a registered claim has the wrong type
//	}
//	if data.Issuer != config.Issuer { … }
//	return postern.NewToken(data), nil
package facts

import (
	"fmt"
	"strings"
	"time"

	"github.com/postern-auth/postern"
	"github.com/postern-auth/postern/internal/claims"
)

// Names is a compiled postern.ClaimNames.
type Names struct {
	scopes, roles, permissions []path
	audience, client           []path // empty: the registered claims
}

// path leads to a claim: the name of a top-level claim and of members below it.
type path []string

// Compile returns the names ready for reading. An empty name, and one that begins with a slash and is no
// JSON Pointer, is an error.
func Compile(n postern.ClaimNames) (Names, error) {
	var names Names
	for _, list := range []struct {
		field    string
		from     []string
		fallback string
		to       *[]path
	}{
		{"Scopes", n.Scopes, "scope", &names.scopes},
		{"Roles", n.Roles, "roles", &names.roles},
		{"Permissions", n.Permissions, "permissions", &names.permissions},
		{"Audience", n.Audience, "", &names.audience},
		{"ClientID", n.ClientID, "", &names.client},
	} {
		if len(list.from) == 0 && list.fallback != "" {
			*list.to = []path{{list.fallback}}
		}
		for _, name := range list.from {
			p, err := compile(name)
			if err != nil {
				return Names{}, fmt.Errorf("ClaimNames.%s: %w", list.field, err)
			}
			*list.to = append(*list.to, p)
		}
	}
	return names, nil
}

func compile(name string) (path, error) {
	if name == "" || name == "/" {
		return nil, fmt.Errorf("claim name %q names nothing", name)
	}
	rest, pointer := strings.CutPrefix(name, "/")
	if !pointer {
		return path{name}, nil
	}
	p := strings.Split(rest, "/")
	for i, member := range p {
		if strings.Contains(strings.NewReplacer("~0", "", "~1", "").Replace(member), "~") {
			return nil, fmt.Errorf("claim name %q is no JSON Pointer: ~ stands without 0 or 1", name)
		}
		p[i] = strings.NewReplacer("~1", "/", "~0", "~").Replace(member)
	}
	return p, nil
}

// Reader is the working memory for reading claims sets, one at a time. The zero value is ready.
type Reader struct {
	list []string
}

// Read returns the facts in a claims set: Registered and Rights in one.
func (r *Reader) Read(set *claims.Object, names Names) (postern.TokenData, error) {
	data, err := r.Registered(set, names)
	if err == nil {
		err = r.Rights(&data, set, names)
	}
	if err != nil {
		return postern.TokenData{}, err
	}
	return data, nil
}

// Registered returns what the registered claims say, by which most tokens are judged. Its lists lie in the
// Reader's memory: they are valid until the next call, and postern.NewToken copies them.
//
// A registered claim of the wrong type is an error, for then two readers of one token would disagree
// about it.
func (r *Reader) Registered(set *claims.Object, names Names) (postern.TokenData, error) {
	clear(r.list) // hold on to no earlier token's text
	r.list = r.list[:0]
	data := postern.TokenData{Claims: set.String()}
	var azp, preferred string
	for name, value := range set.All() {
		switch name {
		case "azp":
			azp, _ = value.Text()
		case "preferred_username":
			preferred, _ = value.Text()
		default:
			if err := r.member(&data, name, value); err != nil {
				return postern.TokenData{}, err
			}
		}
	}
	if data.ClientID == "" {
		data.ClientID = azp
	}
	if data.Username == "" {
		data.Username = preferred
	}
	if err := r.named(&data, set, names); err != nil {
		return postern.TokenData{}, err
	}
	return data, nil
}

// Rights adds scopes, roles and permissions to what Registered returned for the same claims set. A scope
// of an unreadable shape is an error, for it is a registered claim; roles and permissions of one give no
// rights.
func (r *Reader) Rights(data *postern.TokenData, set *claims.Object, names Names) (err error) {
	if data.Scopes, err = r.scopes(set, names.scopes); err != nil {
		return err
	}
	data.Roles = r.rights(set, names.roles)
	data.Permissions = r.rights(set, names.permissions)
	return nil
}

func (r *Reader) member(data *postern.TokenData, name string, v claims.Value) (err error) {
	switch name {
	case "iss":
		data.Issuer, err = text(name, v)
	case "sub":
		data.Subject, err = text(name, v)
	case "jti":
		data.ID, err = text(name, v)
	case "client_id":
		data.ClientID, err = text(name, v)
	case "username":
		data.Username, err = text(name, v)
	case "acr":
		data.ACR, err = text(name, v)
	case "exp":
		data.Expiry, err = date(name, v)
	case "nbf":
		data.NotBefore, err = date(name, v)
	case "iat":
		data.IssuedAt, err = date(name, v)
	case "auth_time":
		data.AuthTime, err = date(name, v)
	case "aud":
		data.Audience, err = r.texts(name, v)
	case "cnf":
		data.Confirmation, err = confirmation(v)
	}
	return err
}

// named reads audience and client from the claims that an issuer has them in.
func (r *Reader) named(data *postern.TokenData, set *claims.Object, names Names) error {
	if len(names.audience) > 0 {
		start := len(r.list)
		for _, p := range names.audience {
			v := p.lookup(set)
			if v.Kind() == claims.None {
				continue
			}
			if _, err := r.texts(p[len(p)-1], v); err != nil {
				return err
			}
		}
		data.Audience = r.list[start:len(r.list):len(r.list)]
	}
	if len(names.client) > 0 {
		data.ClientID = ""
	}
	for _, p := range names.client {
		if id, ok := p.lookup(set).Text(); ok {
			data.ClientID = id
			break
		}
	}
	return nil
}

func text(name string, v claims.Value) (string, error) {
	s, ok := v.Text()
	if !ok {
		return "", fmt.Errorf("claim %s is not a string", name)
	}
	return s, nil
}

func date(name string, v claims.Value) (time.Time, error) {
	t, err := v.Time()
	if err != nil {
		return t, fmt.Errorf("claim %s: %w", name, err)
	}
	return t, nil
}

// texts appends to the Reader's list and returns what it appended.
func (r *Reader) texts(name string, v claims.Value) ([]string, error) {
	start := len(r.list)
	list, err := v.Texts(r.list)
	if err != nil {
		return nil, fmt.Errorf("claim %s: %w", name, err)
	}
	r.list = list
	return r.list[start:len(r.list):len(r.list)], nil
}

// confirmation reads cnf (RFC 7800 §3.1). One that names no method is refused: it says that the token is
// bound and does not say how.
func confirmation(v claims.Value) (map[string]string, error) {
	object, err := v.Object()
	if err != nil || object.Len() == 0 {
		return nil, fmt.Errorf("claim cnf is not an object with members")
	}
	cnf := make(map[string]string, object.Len())
	for name, value := range object.All() {
		s, ok := value.Text()
		if !ok {
			s = value.JSON()
		}
		cnf[name] = s
	}
	return cnf, nil
}

func (r *Reader) scopes(set *claims.Object, paths []path) ([]string, error) {
	start := len(r.list)
	for _, p := range paths {
		v := p.lookup(set)
		switch v.Kind() {
		case claims.None:
		case claims.String:
			r.words(v)
		default:
			if _, err := r.texts(p[len(p)-1], v); err != nil {
				return nil, err
			}
		}
	}
	return r.list[start:len(r.list):len(r.list)], nil
}

func (r *Reader) words(v claims.Value) {
	s, _ := v.Text()
	for word := range strings.SplitSeq(s, " ") {
		if word != "" {
			r.list = append(r.list, word)
		}
	}
}

func (r *Reader) rights(set *claims.Object, paths []path) []string {
	start := len(r.list)
	for _, p := range paths {
		v := p.lookup(set)
		switch v.Kind() {
		case claims.String:
			// One right, spaces and all: "super admin" must not be an admin.
			if text, _ := v.Text(); text != "" {
				r.list = append(r.list, text)
			}
		case claims.Array:
			r.texts(p[len(p)-1], v)
		case claims.Obj:
			object, err := v.Object()
			if err != nil {
				continue
			}
			for name := range object.All() {
				r.list = append(r.list, name)
			}
		}
	}
	return r.list[start:len(r.list):len(r.list)]
}

// lookup returns the value at the path, or the zero Value.
func (p path) lookup(set *claims.Object) claims.Value {
	v, _ := set.Lookup(p[0])
	for _, member := range p[1:] {
		object, err := v.Object()
		if err != nil {
			return claims.Value{}
		}
		v, _ = object.Lookup(member)
	}
	return v
}

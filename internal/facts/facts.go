// Package facts reads the members of a claims set, a JWT's payload or an introspection answer, into
// what a Token holds. It gives them their types and trusts nothing: what the facts are worth is decided by
// the verifier that reads them.
//
//	names, err := facts.Compile(config.ClaimNames)
//	…
//	var reader facts.Reader
//	data, err := reader.Read(&set, names)
//	if err != nil {
//		return err // a claim that trust rests on has the wrong type
//	}
//	if data.Issuer != config.Issuer { … }
//	return postern.NewToken(data), nil
//
// It is strict in what trust rests on and indifferent to the rest. A claim by which a token is judged (iss,
// sub, aud, exp, nbf, cnf, scope) must have the type that RFC 7519, RFC 7800 and RFC 8693 give it, or the
// whole set is refused, for two readers of one token would disagree about it. Any other claim of the wrong
// type is as good as absent: whoever needs it finds it empty, and refuses. JSON null is absent everywhere,
// but for cnf: a token that is said to be bound must say how.
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
	if err := checkText(name); err != nil {
		return nil, fmt.Errorf("claim name %w", err)
	}
	rest, pointer := strings.CutPrefix(name, "/")
	if !pointer {
		return path{name}, nil
	}
	p := strings.Split(rest, "/")
	for i, member := range p {
		if strings.Contains(strings.NewReplacer("~0", "", "~1", "").Replace(member), "~") {
			return nil, fmt.Errorf("claim name %q is not a JSON Pointer: ~ stands without 0 or 1", name)
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
// It is an error when iss, sub, aud, exp, nbf or cnf has the wrong type.
func (r *Reader) Registered(set *claims.Object, names Names) (postern.TokenData, error) {
	clear(r.list) // hold on to no earlier token's text
	r.list = r.list[:0]
	data := postern.TokenData{Claims: set.String()}
	var client, azp, username, preferred claims.Value
	for name, value := range set.All() {
		switch name {
		case "client_id":
			client = value
		case "azp":
			azp = value
		case "username":
			username = value
		case "preferred_username":
			preferred = value
		default:
			if err := r.member(&data, name, value); err != nil {
				return postern.TokenData{}, err
			}
		}
	}
	data.ClientID = either(client, azp)
	data.Username = either(username, preferred)
	if err := r.named(&data, set, names); err != nil {
		return postern.TokenData{}, err
	}
	return data, nil
}

// either returns the first text, or the second where the first is absent or empty. A first of another type
// is not absent: to read the second in its place would be a guess, and a client may be given rights by its id.
func either(first, second claims.Value) string {
	switch text, _ := first.Text(); {
	case text != "":
		return text
	case first.Kind() == claims.String || absent(first):
		text, _ = second.Text()
		return text
	}
	return ""
}

// absent reports whether a claim is not there, or there to say so.
func absent(v claims.Value) bool { return v.Kind() == claims.None || v.Kind() == claims.Null }

// Rights adds scopes, roles and permissions to what Registered returned for the same claims set. A scope
// of an unreadable shape is an error; roles and permissions of one give no rights.
func (r *Reader) Rights(data *postern.TokenData, set *claims.Object, names Names) (err error) {
	if data.Scopes, err = r.scopes(set, names.scopes); err != nil {
		return err
	}
	data.Roles = r.rights(set, names.roles)
	data.Permissions = r.rights(set, names.permissions)
	return nil
}

func (r *Reader) member(data *postern.TokenData, name string, v claims.Value) (err error) {
	if name == "cnf" {
		data.Confirmation, err = confirmation(v)
		return err
	}
	if absent(v) {
		return nil
	}
	switch name {
	case "iss":
		data.Issuer, err = text(name, v)
	case "sub":
		data.Subject, err = text(name, v)
	case "exp":
		data.Expiry, err = date(name, v)
	case "nbf":
		data.NotBefore, err = date(name, v)
	case "aud":
		data.Audience, err = r.texts(name, v)
	// From here on nothing decides whether the token is good. What cannot be read stays empty.
	case "iat":
		data.IssuedAt, _ = v.Time()
	case "jti":
		data.ID, _ = v.Text()
	case "acr":
		data.ACR, _ = v.Text()
	case "auth_time":
		data.AuthTime, _ = v.Time()
	}
	return err
}

// named reads audience and client from the claims that an issuer has them in.
func (r *Reader) named(data *postern.TokenData, set *claims.Object, names Names) error {
	if len(names.audience) > 0 {
		start := len(r.list)
		for _, p := range names.audience {
			v := p.lookup(set)
			if absent(v) {
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
		return nil, fmt.Errorf("claim cnf is not an object with members: it says that the token is bound, and not how")
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
		case claims.None, claims.Null:
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

// rights reads roles or permissions. Nothing but text that stands for a right gives one: of what is odd, an
// entry costs itself alone.
func (r *Reader) rights(set *claims.Object, paths []path) []string {
	start := len(r.list)
	for _, p := range paths {
		v := p.lookup(set)
		switch v.Kind() {
		case claims.String:
			// One right, spaces and all: "super admin" must not be an admin.
			r.right(v)
		case claims.Array:
			v.Elements(r.right)
		case claims.Obj:
			object, err := v.Object()
			if err != nil {
				continue
			}
			for name, value := range object.All() {
				if name != "" && gives(value) {
					r.list = append(r.list, name)
				}
			}
		}
	}
	return r.list[start:len(r.list):len(r.list)]
}

func (r *Reader) right(v claims.Value) {
	if text, _ := v.Text(); text != "" {
		r.list = append(r.list, text)
	}
}

// gives reports whether a member of an object of rights gives the right that it names. It does when it is
// true, or says where the right counts, as ZITADEL's {"admin":{"1001":"acme.example"}} does. Whoever writes
// false, null, 0 or {} says that the right is not given; and what a text or a number says cannot be known.
func gives(v claims.Value) bool {
	if v.Kind() != claims.Obj {
		return v.Kind() == claims.True
	}
	object, err := v.Object()
	return err == nil && object.Len() > 0
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

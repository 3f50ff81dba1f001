// Package claims reads the JSON of JWS headers, claims sets and introspection answers, strictly and in
// one pass.
//
// It exists because encoding/json forgives what an attacker needs: it matches names without regard to
// case, takes the last of two equal names and replaces broken UTF-8. Here an object is refused whole
// when anything in it, at any depth, is not exactly RFC 8259 with unique names (RFC 7519 §4):
//
//	var set claims.Object
//	if err := set.Parse(payload); err != nil {
//		return err
//	}
//	for name, value := range set.All() {
//		switch name {
//		case "iss":
//			issuer, ok = value.Text()
//		case "exp":
//			expiry, err = value.Time()
//		}
//	}
//
// Values are substrings of the input, so reading allocates nothing unless a string holds escapes.
package claims

import (
	"errors"
	"iter"
	"unicode/utf8"
)

const (
	// maxDepth bounds nesting. Claims are shallow; deeper input serves only to exhaust a stack.
	maxDepth = 32
	// maxMembers bounds the names of one object, which are compared with each other.
	maxMembers = 4096
	// inlineMembers is how many members an Object indexes without allocating.
	inlineMembers = 24
)

var errNotUTF8 = errors.New("claims: text is not UTF-8")

// Object is a JSON object whose whole text has been checked. The zero value is an empty object.
// It is safe for concurrent reading once parsed.
type Object struct {
	text   string
	count  int
	prints uint64 // a bit for the fingerprint of each name
	inline [inlineMembers]member
	more   []member
}

type member struct {
	name  string
	value Value
}

// Parse checks that text is one JSON object and nothing else, and indexes its members. On an error the
// Object is empty.
func (o *Object) Parse(text string) error {
	o.reset()
	if !utf8.ValidString(text) {
		return errNotUTF8
	}
	s := scanner{text: text}
	s.space()
	if s.peek() != '{' {
		return s.fail("want an object")
	}
	err := s.object(o)
	if err == nil {
		err = s.end()
	}
	if err != nil {
		o.reset()
		return err
	}
	o.text = text
	return nil
}

// reset empties the Object. It clears what was used, which is seldom all that there is.
func (o *Object) reset() {
	clear(o.inline[:min(o.count, inlineMembers)])
	o.text, o.count, o.prints, o.more = "", 0, 0, nil
}

func (o *Object) add(name string, v Value) {
	if o.count < inlineMembers {
		o.inline[o.count] = member{name, v}
	} else {
		o.more = append(o.more, member{name, v})
	}
	o.count++
}

func (o *Object) at(i int) *member {
	if i < inlineMembers {
		return &o.inline[i]
	}
	return &o.more[i-inlineMembers]
}

// Len returns the number of members.
func (o *Object) Len() int { return o.count }

// String returns the text that was parsed.
func (o *Object) String() string { return o.text }

// Lookup returns the member with exactly this name.
func (o *Object) Lookup(name string) (Value, bool) {
	if o.prints>>fingerprint(name)&1 == 0 {
		return Value{}, false
	}
	for i := range o.count {
		if m := o.at(i); m.name == name {
			return m.value, true
		}
	}
	return Value{}, false
}

// All yields the members in the order of the text.
func (o *Object) All() iter.Seq2[string, Value] {
	return func(yield func(string, Value) bool) {
		for i := range o.count {
			if m := o.at(i); !yield(m.name, m.value) {
				return
			}
		}
	}
}

package claims_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/postern-auth/postern/internal/claims"
)

// FuzzObject holds the strict reader against encoding/json: what we accept it must accept too, with the
// same names and values, none of them twice; and every value must be a text that we accept again.
func FuzzObject(f *testing.F) {
	for _, seed := range []string{
		typical, `{}`, ` { "a" : [ 1 , {"b":null} ] } `, `{"scope":"a","SCOPE":"b","ſcope":"c"}`,
		`{"a":1,"a":2}`, `{"a":1,"\u0061":2}`, `{"\ud83d\ude00":"\ud800"}`, `{"n":[-0,1e400,0.1E+2,01]}`,
		"{\"a\":\"\xff\"}", `{"a\u0000":1}`, `{"":{"":{"":[[[]]]}}}`, `{"exp":9223372036854775808}`, `{"a":"\\\"\/\b\f\n\r\t"}`, `{"a":tru`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var set claims.Object
		if err := set.Parse(text); err != nil {
			if set.Len() != 0 {
				t.Fatal("a refused object has members")
			}
			return
		}
		var theirs map[string]json.RawMessage
		if err := json.Unmarshal([]byte(text), &theirs); err != nil {
			t.Fatalf("encoding/json refuses what we accept: %v", err)
		}
		if len(theirs) != set.Len() {
			t.Fatalf("%d members, encoding/json has %d", set.Len(), len(theirs))
		}
		for name, v := range set.All() {
			if got, ok := theirs[name]; !ok || string(got) != v.JSON() {
				t.Fatalf("member %q is %q, encoding/json has %q", name, v.JSON(), got)
			}
			if found, ok := set.Lookup(name); !ok || found != v {
				t.Fatalf("Lookup does not find the member %q that All yields", name)
			}
			stable(t, v)
		}
	})
}

// stable checks that a value reads the same by itself as it does within its object.
func stable(t *testing.T, v claims.Value) {
	text := v.JSON()
	if err := claims.Check(text); err != nil {
		t.Fatalf("value %q is refused by itself: %v", text, err)
	}
	var theirs any
	if err := json.Unmarshal([]byte(text), &theirs); err != nil && !strings.Contains(err.Error(), "cannot unmarshal number") {
		t.Fatalf("encoding/json refuses value %q: %v", text, err)
	}
	if s, ok := v.Text(); ok && s != theirs {
		t.Fatalf("text %q, encoding/json has %q", s, theirs)
	}
	if b, ok := v.Bool(); ok && b != theirs {
		t.Fatalf("bool %v, encoding/json has %v", b, theirs)
	}
	if at, err := v.Time(); err == nil && (at.Year() < 1970 || at.Year() > 9999) {
		t.Fatalf("time %v is out of bounds", at)
	}
	if o, err := v.Object(); err == nil && o.String() != text {
		t.Fatalf("object %q differs from its value %q", o, text)
	}
	if v.Kind() == claims.Array {
		if err := v.Elements(func(e claims.Value) { stable(t, e) }); err != nil {
			t.Fatalf("array %q: %v", text, err)
		}
	}
	v.Texts(nil)
}

package claims_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/postern-auth/postern/internal/claims"
)

// typical is a claims set of 24 members, as many as an Object holds without allocating.
const typical = `{"iss":"https://login.example.com","sub":"service-user|0123456789","aud":["https://hello-world.example.com","https://other.example.com"],` +
	`"exp":1790000000,"nbf":1789996400,"iat":1789996400,"jti":"0123456789abcdef","client_id":"0123456789","azp":"0123456789",` +
	`"scope":"read:messages write:messages","permissions":["read:messages","write:messages"],"gty":"client-credentials","auth_time":1789996000,` +
	`"acr":"urn:example:loa2","amr":["pwd","otp"],"sid":"abc","org_id":"o","email_verified":true,"locale":null,"cnf":{"jkt":"x"},` +
	`"roles":{"admin":{"1":"example.com"}},"ratio":1.5e3,"a":[],"b":{}}`

func TestParseRefusesWhatIsNotExactlyOneStrictObject(t *testing.T) {
	deep := func(n int) string { return `{"a":` + strings.Repeat("[", n) + strings.Repeat("]", n) + `}` }
	tests := []struct{ name, text string }{
		{"the empty text is not an object", ``},
		{"white space alone is not an object", " \n"},
		{"an array is not an object", `[]`},
		{"a string is not an object", `"a"`},
		{"null is not an object", `null`},
		{"a byte order mark is not white space", "\ufeff{}"},
		{"a form feed is not white space", "\f{}"},
		{"a no-break space is not white space", "\u00a0{}"},
		{"a NUL behind the object is text", "{}\x00"},
		{"a second object is trailing text", `{}{}`},
		{"a comma behind the object is trailing text", `{},`},
		{"a comment is not JSON", `{/**/}`},
		{"an object without end", `{`},
		{"a name without value", `{"a"}`},
		{"a name with a colon and no value", `{"a":}`},
		{"a name in single quotes", `{'a':1}`},
		{"a name without quotes", `{a:1}`},
		{"a number for a name", `{1:1}`},
		{"a comma before the end", `{"a":1,}`},
		{"a comma at the start", `{,"a":1}`},
		{"two commas", `{"a":1,,"b":2}`},
		{"no comma", `{"a":1 "b":2}`},
		{"a closing bracket of the wrong kind", `{"a":1]`},
		{"an array closed by a brace", `{"a":[1}}`},
		{"an upper-case literal", `{"a":True}`},
		{"a literal cut short", `{"a":tru}`},
		{"a literal with a tail", `{"a":nullx}`},
		{"NaN", `{"a":NaN}`},
		{"Infinity", `{"a":-Infinity}`},
		{"a number with a plus sign", `{"a":+1}`},
		{"a number with a leading zero", `{"a":01}`},
		{"a negative number with a leading zero", `{"a":-01}`},
		{"a number without integer part", `{"a":.5}`},
		{"a number without fraction", `{"a":1.}`},
		{"a number without exponent", `{"a":1e}`},
		{"a number with a sign for an exponent", `{"a":1e+}`},
		{"a hexadecimal number", `{"a":0x1}`},
		{"a number with an underscore", `{"a":1_0}`},
		{"a number in other digits", `{"a":١}`},
		{"a minus sign alone", `{"a":-}`},
		{"a string without end", `{"a":"b`},
		{"a string that ends in a backslash", `{"a":"b\`},
		{"an escaped closing quote", `{"a":"b\"}`},
		{"an unknown escape", `{"a":"\x41"}`},
		{"an escape of a newline", "{\"a\":\"\\\n\"}"},
		{"a short escape", `{"a":"\u00e"}`},
		{"an escape with a sign", `{"a":"\u+041"}`},
		{"an escape with an underscore", `{"a":"\u0_41"}`},
		{"an escape of no hexadecimal digits", `{"a":"\u00g1"}`},
		{"an escape cut off by the end", `{"a":"\u00`},
		{"an upper-case escape letter", `{"a":"\U0041"}`},
		{"a high surrogate alone", `{"a":"\ud800"}`},
		{"a low surrogate alone", `{"a":"\udc00"}`},
		{"surrogates in the wrong order", `{"a":"\udc00\ud800"}`},
		{"two high surrogates", `{"a":"\ud800\ud800"}`},
		{"a high surrogate and a character", `{"a":"\ud800\u0041"}`},
		{"a high surrogate and an escape", `{"a":"\ud800\n"}`},
		{"a lone surrogate in a name", `{"\ud800":1}`},
		{"a lone surrogate deep down", `{"a":[{"b":["\udead"]}]}`},
		{"a byte that is not UTF-8", "{\"a\":\"\xff\"}"},
		{"an overlong slash", "{\"a\":\"\xc0\xaf\"}"},
		{"a surrogate in UTF-8", "{\"a\":\"\xed\xa0\x80\"}"},
		{"a character above U+10FFFF", "{\"a\":\"\xf4\x90\x80\x80\"}"},
		{"UTF-8 cut short", "{\"a\":\"\xe2\x82\"}"},
		{"a byte that is not UTF-8 in a name", "{\"\xff\":1}"},
		{"a byte that is not UTF-8 outside a string", "{}\xff"},
		{"an escaped NUL in a name", `{"iss\u0000":1}`},
		{"an escaped NUL in a name deep down", `{"a":[{"iss\u0000":1}]}`},
		{"an object nested too deep", strings.Repeat(`{"a":`, 33) + `1` + strings.Repeat(`}`, 33)},
		{"an array nested too deep", deep(32)},
		{"10,000 open brackets", `{"a":` + strings.Repeat("[", 10_000)},
		{"10,000 open braces", strings.Repeat(`{"a":`, 10_000)},
		{"4,097 members", members(4097)},
		{"100,000 members deep down", `{"a":` + members(100_000) + `}`},
	}
	for c := range rune(0x20) {
		tests = append(tests, struct{ name, text string }{
			fmt.Sprintf("the control character %U in a string", c), `{"a":"` + string(c) + `"}`,
		})
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			set := parsed(t, `{"left":"over"}`)
			if err := set.Parse(test.text); err == nil {
				t.Fatalf("Parse(%.80q) succeeded, want an error", test.text)
			}
			if set.Len() != 0 || set.String() != "" {
				t.Errorf("a refused object holds %d members of %.80q, want none", set.Len(), set.String())
			}
			if _, ok := set.Lookup("left"); ok {
				t.Errorf("a refused object still holds a member of the one before")
			}
		})
	}
}

func TestParseReadsEveryMember(t *testing.T) {
	tests := []struct {
		name, text string
		want       []member
	}{
		{"an empty object", `{}`, nil},
		{"white space of all four kinds", " \t\r\n{ \t\r\n} \t\r\n", nil},
		{"white space in every place", ` { "a" : [ 1 , 2 ] , "b" : { "c" : null } } `, []member{{"a", `[ 1 , 2 ]`}, {"b", `{ "c" : null }`}}},
		{"every kind of value", `{"s":"x","n":-1.5E-3,"o":{},"a":[],"t":true,"f":false,"z":null}`,
			[]member{{"s", `"x"`}, {"n", `-1.5E-3`}, {"o", `{}`}, {"a", `[]`}, {"t", `true`}, {"f", `false`}, {"z", `null`}}},
		{"an empty name", `{"":1}`, []member{{"", `1`}}},
		{"names are unescaped and values keep their text", `{"\u0061\/\"\\\b\f\n\r\t\uD83D\uDE00":"\u0000"}`, []member{{"a/\"\\\b\f\n\r\t😀", `"\u0000"`}}},
		{"equal names in different objects", `{"a":{"a":{"a":1}},"b":[{"a":1},{"a":2}]}`, []member{{"a", `{"a":{"a":1}}`}, {"b", `[{"a":1},{"a":2}]`}}},
		{"the deepest nesting", strings.Repeat(`{"a":`, 32) + `1` + strings.Repeat(`}`, 32),
			[]member{{"a", strings.Repeat(`{"a":`, 31) + `1` + strings.Repeat(`}`, 31)}}},
		{"a delete character and a noncharacter are characters", "{\"\x7f\":\"\uffff\"}", []member{{"\x7f", "\"\uffff\""}}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			set := parsed(t, test.text)
			if diff := cmp.Diff(test.want, all(set)); diff != "" {
				t.Errorf("members differ (-want +got):\n%s", diff)
			}
			if set.String() != test.text || set.Len() != len(test.want) {
				t.Errorf("String, Len = %q, %d, want the text and %d", set.String(), set.Len(), len(test.want))
			}
		})
	}
}

func TestParseKeepsAsManyMembersAsItMay(t *testing.T) {
	for _, n := range []int{1, 23, 24, 25, 26, 1000, 4096} {
		set := parsed(t, members(n))
		if set.Len() != n || len(all(set)) != n {
			t.Fatalf("of %d members %d are counted and %d listed", n, set.Len(), len(all(set)))
		}
		for i := range n {
			v, ok := set.Lookup(fmt.Sprint("m", i))
			if !ok || v.JSON() != fmt.Sprint(i) {
				t.Fatalf("member %d of %d is %q, %v", i, n, v.JSON(), ok)
			}
		}
	}
}

// J8: whoever takes the first of two equal names and whoever takes the last must not read two tokens.
func TestJ8_two_equal_names_are_refused_in_every_spelling_and_at_every_depth(t *testing.T) {
	spellings := []string{`scope`, `\u0073cope`, `s\u0063ope`, `scop\u0065`, `\u0073\u0063\u006f\u0070\u0065`, `\u0073\u0063\u006F\u0070\u0065`}
	places := map[string]string{
		"at the top":   `%s`,
		"in an object": `{"a":%s}`,
		"in an array":  `{"a":[0,%s]}`,
		"deep down":    `{"a":[{"b":{"c":[[%s]]}}]}`,
	}
	for _, first := range spellings {
		for _, second := range spellings {
			for place, frame := range places {
				for _, between := range []string{"", fillers(1), fillers(22), fillers(23), fillers(40)} {
					text := fmt.Sprintf(frame, `{"`+first+`":"a",`+between+`"`+second+`":"b"}`)
					if err := new(claims.Object).Parse(text); err == nil {
						t.Fatalf("%s: names %s and %s were both accepted in %.100q", place, first, second, text)
					}
				}
			}
		}
	}
}

func TestJ8_equal_empty_names_are_refused(t *testing.T) {
	if err := new(claims.Object).Parse(`{"":1,"":2}`); err == nil {
		t.Error("two empty names were accepted")
	}
}

func TestJ8_names_are_compared_byte_by_byte(t *testing.T) {
	others := []string{"SCOPE", "Scope", "ſcope", "scope ", " scope", "sc\u200dope", "ѕcope", "scopé", "scope\u0301"}
	text := `{"scope":"a"`
	for _, other := range others {
		text += `,"` + other + `":"admin"`
	}
	set := parsed(t, text+`}`)
	if v, ok := set.Lookup("scope"); !ok || v.JSON() != `"a"` {
		t.Errorf("scope is %s, %v, want \"a\": another name stood in for it", v.JSON(), ok)
	}
	if set.Len() != 1+len(others) {
		t.Errorf("%d members, want %d", set.Len(), 1+len(others))
	}
	for _, other := range others {
		alone := parsed(t, `{"`+other+`":"admin"}`)
		if _, ok := alone.Lookup("scope"); ok {
			t.Errorf("%q is read as scope", other)
		}
	}
}

func TestErrorsQuoteAndCutWhatTheyName(t *testing.T) {
	name := strings.Repeat("x", 1000)
	err := new(claims.Object).Parse(`{"` + name + `":1,"` + name + `":2}`)
	if err == nil || len(err.Error()) > 200 {
		t.Errorf("error is %d bytes long, want a short one", len(err.Error()))
	}
	err = new(claims.Object).Parse(`{"\r\nadmin logged in\u001b[31m":1,"\r\nadmin logged in\u001b[31m":2}`)
	if err == nil || strings.ContainsAny(err.Error(), "\r\n\x1b") {
		t.Errorf("error %q holds control characters", err)
	}
}

func TestAllStopsWhenItsReaderDoes(t *testing.T) {
	n := 0
	for range parsed(t, typical).All() {
		if n++; n == 3 {
			break
		}
	}
	if n != 3 {
		t.Errorf("%d members were yielded, want 3", n)
	}
}

func TestParseOfATypicalSetAllocatesNothing(t *testing.T) {
	if !json.Valid([]byte(typical)) {
		t.Fatal("the typical set is not JSON")
	}
	if set := parsed(t, typical); set.Len() != 24 {
		t.Fatalf("the typical set has %d members, want 24", set.Len())
	}
	var seen int
	allocs := testing.AllocsPerRun(100, func() {
		var set claims.Object
		if err := set.Parse(typical); err != nil {
			t.Fatal(err)
		}
		for name := range set.All() {
			seen += len(name)
		}
		if v, ok := set.Lookup("iss"); ok {
			iss, _ := v.Text()
			seen += len(iss)
		}
		exp, _ := set.Lookup("exp")
		if _, err := exp.Time(); err != nil {
			t.Fatal(err)
		}
	})
	if allocs != 0 || seen == 0 {
		t.Errorf("%v allocations, want 0", allocs)
	}
}

func BenchmarkParse(b *testing.B) {
	b.ReportAllocs()
	b.SetBytes(int64(len(typical)))
	for b.Loop() {
		var set claims.Object
		if err := set.Parse(typical); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkEncodingJSON is what BenchmarkParse is compared with.
func BenchmarkEncodingJSON(b *testing.B) {
	b.ReportAllocs()
	b.SetBytes(int64(len(typical)))
	for b.Loop() {
		var set map[string]json.RawMessage
		if err := json.Unmarshal([]byte(typical), &set); err != nil {
			b.Fatal(err)
		}
	}
}

type member struct{ Name, JSON string }

func parsed(t *testing.T, text string) *claims.Object {
	t.Helper()
	set := new(claims.Object)
	if err := set.Parse(text); err != nil {
		t.Fatalf("Parse(%.100q): %v", text, err)
	}
	return set
}

func all(set *claims.Object) []member {
	var list []member
	for name, v := range set.All() {
		list = append(list, member{name, v.JSON()})
	}
	return list
}

// members returns an object of n members named m0, m1 and so on.
func members(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `,"m%d":%d`, i, i)
	}
	return "{" + strings.TrimPrefix(b.String(), ",") + "}"
}

// fillers returns n members, each with a comma behind it.
func fillers(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `"f%d":0,`, i)
	}
	return b.String()
}

package claims_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/postern-auth/postern/internal/claims"
)

func TestMembersLookNoDeeperThanTheyMust(t *testing.T) {
	var got []string
	text := " {\"a\" : 1 ,\"b\":[1,{\"x\":1,\"x\":\"]}\\\"\"}],\"c\":\"\\ud800\xff\",\"a\":+x,\"\\u0064\":null,\"\\ud800\":{}}\n"
	if err := claims.Members(text, func(name, value string) { got = append(got, name+"="+value) }); err != nil {
		t.Fatal(err)
	}
	want := []string{"a=1", `b=[1,{"x":1,"x":"]}\""}]`, "c=\"\\ud800\xff\"", "a=+x", "d=null", "={}"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("members (-want +got):\n%s", diff)
	}
	deep := strings.Repeat("[", 1_000_000)
	if err := claims.Members(`{"a":`+deep+strings.Repeat("]", 1_000_000)+`}`, func(string, string) {}); err != nil {
		t.Errorf("a value a million deep: %v", err)
	}
	for _, text := range []string{
		"", "[]", "1", "{", `{"a"`, `{"a":`, `{"a":1`, `{"a":1,`, `{"a":1,}`, `{,}`, `{"a" 1}`, `{"a":}`, `{"a":,"b":1}`, `{"a":1 2}`, `{"a":"x}`,
		`{"a":"x\`, `{"a":"x\"}`, `{"a":[}`, `{"a":{"b":1}`, `{"a":]}`, `{"a"::1}`, `{a:1}`, `{"a":1}{}`, `{"a":1}x`, "{\"a\":1}\x00", `{"a":` + deep,
	} {
		if err := claims.Members(text, func(string, string) {}); err == nil {
			t.Errorf("%.40q was read as an object", text)
		}
	}
}

func TestElementsLookNoDeeperThanTheyMust(t *testing.T) {
	var got []string
	if err := claims.Elements(` [ {"a":1,"a":2} , "x,]" ,[[]], nul ,-]`, func(element string) { got = append(got, element) }); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{`{"a":1,"a":2}`, `"x,]"`, `[[]]`, `nul`, `-`}, got); diff != "" {
		t.Errorf("elements (-want +got):\n%s", diff)
	}
	for _, text := range []string{"", "{}", "[", "[1", "[1,", "[1,]", "[,1]", "[1 2]", "[1]x", `["x]`, "[{]", "[}]"} {
		if err := claims.Elements(text, func(string) {}); err == nil {
			t.Errorf("%q was read as an array", text)
		}
	}
}

func TestParseValueReadsEveryKindAndNothingBehindIt(t *testing.T) {
	for text, kind := range map[string]claims.Kind{
		`"x"`: claims.String, " 1 ": claims.Number, "{}": claims.Obj, "[]": claims.Array, "true": claims.True, "false": claims.False, "null": claims.Null,
	} {
		if v, err := claims.ParseValue(text); err != nil || v.Kind() != kind {
			t.Errorf("%s: kind %d, %v", text, v.Kind(), err)
		}
	}
	for _, text := range []string{"", "1 2", `{"a":1,"a":2}`, "\"\xff\"", "nul", strings.Repeat("[", 40) + strings.Repeat("]", 40)} {
		if v, err := claims.ParseValue(text); err == nil || v != (claims.Value{}) {
			t.Errorf("%.40q was read as %v", text, v)
		}
	}
}

// FuzzOutline: what the strict reader takes has the same members here, byte for byte, and in whatever is
// taken every value can be told from what follows it.
func FuzzOutline(f *testing.F) {
	for _, seed := range []string{`{}`, `{"a":[1,{"b":"\""}],"c":null}`, `{"a":1,"a":2}`, `{"a":[}`, `{"a":"\\"}`, `[1]`, `{"\u0061":-1e3}`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var names, values []string
		err := claims.Members(text, func(name, value string) {
			names, values = append(names, name), append(values, value)
			if value == "" {
				t.Fatalf("%q: a value without text", text)
			}
		})
		var object claims.Object
		if object.Parse(text) != nil {
			return
		}
		if err != nil || len(names) != object.Len() {
			t.Fatalf("%q: %d members, %v; the strict reader has %d", text, len(names), err, object.Len())
		}
		n := 0
		for name, value := range object.All() {
			if name != names[n] || value.JSON() != values[n] {
				t.Fatalf("%q: member %q is %q, the strict reader has %q: %q", text, names[n], values[n], name, value.JSON())
			}
			n++
		}
	})
}

package claims_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/postern-auth/postern/internal/claims"
)

// value returns the one value of an object.
func value(t *testing.T, text string) claims.Value {
	t.Helper()
	v, ok := parsed(t, `{"v":`+text+`}`).Lookup("v")
	if !ok {
		t.Fatalf("no member v in an object of %q", text)
	}
	return v
}

func TestJ9_a_time_is_a_number_of_seconds_within_1970_to_9999(t *testing.T) {
	refused := map[string]string{
		"a string of digits":                 `"1790000000"`,
		"the empty string":                   `""`,
		"a string of a date":                 `"2026-01-01T00:00:00Z"`,
		"null":                               `null`,
		"true":                               `true`,
		"an array of a number":               `[1790000000]`,
		"an object":                          `{"seconds":1}`,
		"a negative number":                  `-1`,
		"minus zero":                         `-0`,
		"minus zero with a fraction":         `-0.0`,
		"a negative fraction":                `-0.5`,
		"a negative number that underflows":  `-1e-400`,
		"the smallest int64":                 `-9223372036854775808`,
		"2^63 - 1":                           `9223372036854775807`,
		"2^63":                               `9223372036854775808`,
		"2^64":                               `18446744073709551616`,
		"2^64 + 1790000000":                  `18446744075499551616`,
		"a number of 1,000 digits":           strings.Repeat("9", 1000),
		"the first second of the year 10000": `253402300800`,
		"a fraction behind the last second":  `253402300799.5`,
		"1e400":                              `1e400`,
		"-1e400":                             `-1e400`,
		"1e99999999999999999999":             `1e99999999999999999999`,
		"1e12":                               `1e12`,
	}
	for name, text := range refused {
		t.Run(name, func(t *testing.T) {
			got, err := value(t, text).Time()
			if err == nil || !got.IsZero() {
				t.Errorf("Time of %.40s = %v, %v, want the zero time and an error", text, got, err)
			}
			if err != nil && len(err.Error()) > 150 {
				t.Errorf("error is %d bytes long", len(err.Error()))
			}
		})
	}
	accepted := []struct {
		name, text string
		want       time.Time
	}{
		{"zero", `0`, time.Unix(0, 0)},
		{"whole seconds", `1790000000`, time.Unix(1790000000, 0)},
		{"the last second of the year 9999", `253402300799`, time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)},
		{"half a second", `1790000000.5`, time.Unix(1790000000, 500_000_000)},
		{"a fraction of zero", `1790000000.0`, time.Unix(1790000000, 0)},
		{"an exponent", `1.79e9`, time.Unix(1790000000, 0)},
		{"an upper-case exponent with a sign", `179E+7`, time.Unix(1790000000, 0)},
		{"a negative exponent", `17900000000e-1`, time.Unix(1790000000, 0)},
		{"an exponent that underflows", `1e-400`, time.Unix(0, 0)},
	}
	for _, test := range accepted {
		t.Run(test.name, func(t *testing.T) {
			got, err := value(t, test.text).Time()
			if err != nil || !got.Equal(test.want) || got.Location() != time.UTC {
				t.Errorf("Time of %s = %v, %v, want %v", test.text, got, err, test.want.UTC())
			}
		})
	}
}

func TestTimeOfNoValueIsAnError(t *testing.T) {
	if _, err := (claims.Value{}).Time(); err == nil {
		t.Error("the zero Value is a time")
	}
}

func TestTextIsAStringAndNothingElse(t *testing.T) {
	tests := []struct {
		name, text, want string
		ok               bool
	}{
		{"a plain string", `"abc"`, "abc", true},
		{"the empty string", `""`, "", true},
		{"every short escape", `"\"\\\/\b\f\n\r\t"`, "\"\\/\b\f\n\r\t", true},
		{"escapes among characters", `"a\u0062c\u00e9é\u20AC\ud83d\ude00😀z"`, "abcéé€😀😀z", true},
		{"an escaped NUL in a value", `"a\u0000b"`, "a\x00b", true},
		{"an escaped replacement character", `"\ufffd"`, "\ufffd", true},
		{"the last pair of surrogates", `"\udbff\udfff"`, "\U0010ffff", true},
		{"an escaped backslash before a u", `"\\u0041"`, `\u0041`, true},
		{"a number", `1`, "", false},
		{"true", `true`, "", false},
		{"null", `null`, "", false},
		{"an array of a string", `["a"]`, "", false},
		{"an object", `{"a":"b"}`, "", false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			v := value(t, test.text)
			got, ok := v.Text()
			if got != test.want || ok != test.ok {
				t.Errorf("Text of %s = %q, %v, want %q, %v", test.text, got, ok, test.want, test.ok)
			}
			if v.JSON() != test.text {
				t.Errorf("JSON = %s, want %s", v.JSON(), test.text)
			}
		})
	}
}

func TestTextsTakesOneStringOrAnArrayOfStrings(t *testing.T) {
	tests := []struct {
		name, text string
		want       []string
	}{
		{"one string", `"a"`, []string{"a"}},
		{"the empty string is one", `""`, []string{""}},
		{"an array", `["a","b"]`, []string{"a", "b"}},
		{"an array of an empty string", `[""]`, []string{""}},
		{"equal strings", ` [ "a" , "a" ] `, []string{"a", "a"}},
		{"escapes", `["\u0061",""]`, []string{"a", ""}},
		{"an empty array", `[]`, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := value(t, strings.TrimSpace(test.text)).Texts(nil)
			if diff := cmp.Diff(test.want, got); err != nil || diff != "" {
				t.Errorf("error %v, texts differ (-want +got):\n%s", err, diff)
			}
		})
	}
	for _, text := range []string{`1`, `null`, `true`, `{}`, `{"0":"a"}`, `["a",1]`, `[null,"a"]`, `["a",["b"]]`, `[["a"]]`, `[{"a":"b"}]`, `[true]`} {
		if got, err := value(t, text).Texts(nil); err == nil || got != nil {
			t.Errorf("Texts of %s = %q, %v, want an error and no list", text, got, err)
		}
	}
}

func TestTextsAppends(t *testing.T) {
	list, err := value(t, `["b","c"]`).Texts([]string{"a"})
	if diff := cmp.Diff([]string{"a", "b", "c"}, list); err != nil || diff != "" {
		t.Errorf("error %v, list differs (-want +got):\n%s", err, diff)
	}
}

func TestBoolIsTrueOrFalse(t *testing.T) {
	tests := map[string][2]bool{
		`true`: {true, true}, `false`: {false, true},
		`"true"`: {}, `1`: {}, `0`: {}, `null`: {}, `[true]`: {}, `{}`: {}, `""`: {},
	}
	for text, want := range tests {
		if got, ok := value(t, text).Bool(); got != want[0] || ok != want[1] {
			t.Errorf("Bool of %s = %v, %v, want %v, %v", text, got, ok, want[0], want[1])
		}
	}
}

func TestObjectReadsANestedObject(t *testing.T) {
	o, err := value(t, `{"jkt":"x","n":{"m":1}}`).Object()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]member{{"jkt", `"x"`}, {"n", `{"m":1}`}}, all(o)); diff != "" {
		t.Errorf("members differ (-want +got):\n%s", diff)
	}
	for _, text := range []string{`"{}"`, `[]`, `[{}]`, `null`, `1`, `true`} {
		if o, err := value(t, text).Object(); err == nil || o != nil {
			t.Errorf("Object of %s = %v, %v, want nil and an error", text, o, err)
		}
	}
}

func TestElementsVisitsAnArray(t *testing.T) {
	var got []string
	err := value(t, `[1,"a",[2],{"b":3},null]`).Elements(func(v claims.Value) { got = append(got, v.JSON()) })
	if diff := cmp.Diff([]string{`1`, `"a"`, `[2]`, `{"b":3}`, `null`}, got); err != nil || diff != "" {
		t.Errorf("error %v, elements differ (-want +got):\n%s", err, diff)
	}
	for _, text := range []string{`"[]"`, `{}`, `null`, `1`} {
		if err := value(t, text).Elements(func(claims.Value) { t.Error("visited an element of no array") }); err == nil {
			t.Errorf("Elements of %s succeeded", text)
		}
	}
}

func TestKindNamesEveryKind(t *testing.T) {
	tests := map[string]claims.Kind{
		`""`: claims.String, `0`: claims.Number, `{}`: claims.Obj, `[]`: claims.Array,
		`true`: claims.True, `false`: claims.False, `null`: claims.Null,
	}
	for text, want := range tests {
		if got := value(t, text).Kind(); got != want {
			t.Errorf("Kind of %s = %d, want %d", text, got, want)
		}
	}
	if got := (claims.Value{}).Kind(); got != claims.None {
		t.Errorf("Kind of the zero Value = %d, want None", got)
	}
}

func TestCheckTakesOneValueOfAnyKind(t *testing.T) {
	for _, text := range []string{`1`, ` "a" `, `null`, `[1,{"a":[]}]`, `{}`, "\ttrue\n"} {
		if err := claims.Check(text); err != nil {
			t.Errorf("Check(%q): %v", text, err)
		}
	}
	for _, text := range []string{``, ` `, `1 2`, `nul`, `[1,]`, "\"\xff\"", `{"a":1,"\u0061":2}`, `"\ud800"`, strings.Repeat("[", 100_000)} {
		if err := claims.Check(text); err == nil {
			t.Errorf("Check(%.40q) succeeded", text)
		}
	}
}

func TestTimeNeverLeavesItsBounds(t *testing.T) {
	for exponent := -330; exponent <= 330; exponent++ {
		f := math.Pow10(exponent)
		got, err := value(t, jsonNumber(f)).Time()
		if inside := f <= 253402300799; inside != (err == nil) {
			t.Errorf("Time of %g: %v", f, err)
		} else if inside && (got.Year() < 1970 || got.Year() > 9999) {
			t.Errorf("Time of %g is in the year %d", f, got.Year())
		}
	}
}

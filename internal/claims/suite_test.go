package claims_test

import (
	"path"
	"strconv"
	"testing"

	"github.com/postern-auth/postern/internal/claims"
	"github.com/postern-auth/postern/internal/vectors"
)

func jsonNumber(f float64) string {
	if f > 1e308 {
		return "1e309"
	}
	return strconv.FormatFloat(f, 'e', -1, 64)
}

// either lists the files of JSONTestSuite on which RFC 8259 leaves the choice and which are accepted:
// numbers of any size, for the grammar has no bounds and the arithmetic comes later.
var either = map[string]bool{
	"i_number_double_huge_neg_exp.json":   true,
	"i_number_huge_exp.json":              true,
	"i_number_neg_int_huge_exp.json":      true,
	"i_number_pos_double_huge_exp.json":   true,
	"i_number_real_neg_overflow.json":     true,
	"i_number_real_pos_overflow.json":     true,
	"i_number_real_underflow.json":        true,
	"i_number_too_big_neg_int.json":       true,
	"i_number_too_big_pos_int.json":       true,
	"i_number_very_big_negative_int.json": true,
}

// stricter lists the files that RFC 8259 accepts and we refuse.
var stricter = map[string]string{
	"y_object_duplicated_key.json":           "RFC 7519 §4: names are unique",
	"y_object_duplicated_key_and_value.json": "RFC 7519 §4: names are unique",
	"y_object_escaped_null_in_key.json":      "a NUL ends a name for readers written in C",
}

func TestJSONTestSuite(t *testing.T) {
	count := map[byte]int{}
	for _, name := range vectors.Glob(t, "jsontestsuite/test_parsing/*.json") {
		base := path.Base(name)
		count[base[0]]++
		want := base[0] == 'y' && stricter[base] == "" || either[base]
		text := string(vectors.Read(t, name))
		if err := claims.Check(text); (err == nil) != want {
			t.Errorf("%s: Check says %v, want accepted %v", base, err, want)
		}
		if err := new(claims.Object).Parse(`{"claim":` + text + `}`); (err == nil) != want {
			t.Errorf("%s: Parse of it as a claim says %v, want accepted %v", base, err, want)
		}
	}
	t.Logf("y %d, n %d, i %d", count['y'], count['n'], count['i'])
	if count['y'] != 95 || count['n'] != 188 || count['i'] != 35 {
		t.Errorf("files: y %d, n %d, i %d, want 95, 188, 35", count['y'], count['n'], count['i'])
	}
}

func TestJSONTestSuiteTransforms(t *testing.T) {
	refused := map[string]bool{
		"object_same_key_different_values.json":    true,
		"object_same_key_same_value.json":          true,
		"object_same_key_unclear_values.json":      true,
		"string_1_escaped_invalid_codepoint.json":  true,
		"string_1_invalid_codepoint.json":          true,
		"string_2_escaped_invalid_codepoints.json": true,
		"string_2_invalid_codepoints.json":         true,
		"string_3_escaped_invalid_codepoints.json": true,
		"string_3_invalid_codepoints.json":         true,
		"object_key_nfc_nfd.json":                  false, // é composed and decomposed are two names
		"number_10000000000000000999.json":         false,
	}
	n := 0
	for _, name := range vectors.Glob(t, "jsontestsuite/test_transform/*.json") {
		n++
		if err := claims.Check(string(vectors.Read(t, name))); (err != nil) != refused[path.Base(name)] {
			t.Errorf("%s: Check says %v, want refused %v", path.Base(name), err, refused[path.Base(name)])
		}
	}
	if n != 22 {
		t.Errorf("%d files, want 22", n)
	}
}

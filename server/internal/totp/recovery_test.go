package totp

import (
	"regexp"
	"strings"
	"testing"
)

func TestRecoveryCodesAreTenAndAllDifferent(t *testing.T) {
	form := regexp.MustCompile(`^([0-9a-hjkmnp-tv-z]{4}-){3}[0-9a-hjkmnp-tv-z]{4}$`)
	seen := make(map[string]bool)
	for range 20 {
		codes := NewRecoveryCodes()
		if len(codes) != 10 {
			t.Fatalf("%d codes", len(codes))
		}
		for _, code := range codes {
			if !form.MatchString(code.Text()) || seen[code.Text()] {
				t.Errorf("%s has another form or is there twice", code.Text())
			}
			seen[code.Text()] = true
		}
	}
}

func TestWhatPeopleTypeAsRecoveryCode(t *testing.T) {
	const good = "01ab-cdef-ghjk-mnpq"
	want, ok := ParseRecoveryCode(good)
	if !ok || want.Text() != good {
		t.Fatalf("%s is read as %s, %v", good, want.Text(), ok)
	}
	for typed, same := range map[string]bool{
		"01abcdefghjkmnpq":                true,
		"01AB-CDEF-GHJK-MNPQ":             true,
		" 01ab cdef ghjk mnpq\r\n":        true,
		"01ab–cdef—ghjk‐mnpq":             true,
		"0-1-a-b-c-d-e-f-g-h-j-k-m-n-p-q": true,
		"OIab-cdef-ghjk-mnpq":             true,
		"olab-cdef-ghjk-mnpq":             true,
		"oLab-cdef-ghjk-mnpq":             true,
		"01ab\u00a0cdef\tghjk mnpq":       true,

		"":                                false,
		"----":                            false,
		"01ab-cdef-ghjk-mnp":              false,
		"01ab-cdef-ghjk-mnpqr":            false,
		"01ab-cdef-ghjk-mnpu":             false, // u is not in the alphabet
		"01ab-cdef-ghjk-mnp=":             false,
		"01ab-cdef-ghjk-mnp\x00":          false,
		"01ab_cdef_ghjk_mnpq":             false,
		"０１ab-cdef-ghjk-mnpq":             false,
		"01ab-cdef-g\u212ak-mnpq":         false, // the Kelvin sign, whose small letter is k
		"01ab-cdef-ghjk-mn\xffq":          false,
		good + "\n" + good:                false,
		strings.Repeat(" ", 1<<20) + good: false,
		strings.Repeat("0", 1<<20):        false,
	} {
		code, ok := ParseRecoveryCode(typed)
		if ok != same || ok && code.Digest() != want.Digest() {
			t.Errorf("%.40q: got %s, %v, want %v", typed, code.Text(), ok, same)
		}
		if !ok && code != (RecoveryCode{}) {
			t.Errorf("%.40q: refused and returned", typed)
		}
	}
	other, ok := ParseRecoveryCode("01ab-cdef-ghjk-mnpr")
	if !ok || other.Digest() == want.Digest() {
		t.Error("another code has the same digest")
	}
	if (RecoveryCode{}).Text() != "" {
		t.Error("the zero value has a text")
	}
}

// What can be read is shown in one way and read again as the same.
func FuzzRecoveryCode(f *testing.F) {
	f.Add("01ab-cdef-ghjk-mnpq")
	f.Add("OIL0 1234\u00a05678–9abc")
	f.Add("\xff\u212a\x00")
	f.Fuzz(func(t *testing.T, typed string) {
		code, ok := ParseRecoveryCode(typed)
		if !ok {
			return
		}
		again, ok := ParseRecoveryCode(code.Text())
		if !ok || again != code || again.Digest() != code.Digest() || len(code.Text()) != 19 {
			t.Fatalf("%q is %q, which is read as %q, %v", typed, code.Text(), again.Text(), ok)
		}
	})
}

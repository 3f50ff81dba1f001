package oauth

import "testing"

func TestAConfirmationIsStoredAndReadBack(t *testing.T) {
	for _, c := range []Confirmation{{}, {ConfirmationKey, "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}, {ConfirmationCertificate, "x"}} {
		if got, err := ParseConfirmation(c.String()); got != c || err != nil {
			t.Errorf("%q: got %v, %v", c.String(), got, err)
		}
	}
}

func TestAConfirmationThatCannotBeCheckedIsNone(t *testing.T) {
	for _, text := range []string{
		`{}`, `null`, `[]`, `"jkt"`, `x`, `{"jkt":""}`, `{"jkt":null}`, `{"jkt":1}`, `{"jwk":"x"}`, `{"kid":"x"}`,
		`{"jkt":"x","x5t#S256":"y"}`, `{"jkt":"x","kid":"y"}`, `{"JKT":"x"}`, ` `,
	} {
		if got, err := ParseConfirmation(text); err == nil || got != (Confirmation{}) {
			t.Errorf("%s: got %v, %v", text, got, err)
		}
	}
}

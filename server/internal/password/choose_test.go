package password

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

func TestNewPasswords(t *testing.T) {
	own := []string{"Jördis Falkenberg", "jfalkenberg", "joerdis.falkenberg@example.com", "J"}
	for _, row := range []struct {
		name, text string
		want       Reason
	}{
		{"four words that nobody puts together", "correct horse battery staple", ""},
		{"twelve bytes of chance", "k3J-9xQz!vTr", ""},
		{"twelve small letters of chance", "wmxqkbtrzneh", ""},
		{"fourteen figures of chance", "83911402786655", ""},
		{"no kinds of characters are asked for", "the quiet harbour at dawn", ""},
		{"another alphabet", "тихая гавань", ""},
		{"six characters of two bytes", "ýäöüßé", ""},
		{"256 bytes", sentence(256), ""},
		{"a common word within much else", "my password is a rowing boat", ""},
		{"a name within much else", "falkenberg sails at half past nine", ""},

		{"nothing", "", TooShort},
		{"eleven bytes", "k3J-9xQz!vT", TooShort},
		{"eleven bytes in normal form C", "a\u0308a\u0308a\u0308xkqwz", TooShort},
		{"257 bytes", sentence(257), TooLong},
		{"257 bytes that normal form C makes longer", sentence(254) + "\u0958", TooLong},
		{"a megabyte", strings.Repeat("long", 1<<18), TooLong},
		{"bytes that are not UTF-8", "k3J-9xQz!vTr\xff", NotText},
		{"a NUL", "k3J-9xQz!\x00vTr", NotText},
		{"a line end", "k3J-9xQz!vTr\n", NotText},

		{"a common word and figures", "password1234", Common},
		{"the same with look-alikes", "P@ssw0rd!2019", Common},
		{"a season and a year", "Sommer2026!!", Common},
		{"two common words", "monkeydragon", Common},
		{"a common word twice", "passwordpassword", Common},
		{"a row of the keyboard", "qwertyuiop12", Common},
		{"a row backwards", "poiuytrewq12", Common},
		{"columns of the keyboard", "1qaz2wsx3edc", Common},
		{"figures in order", "123456789012", Common},
		{"the alphabet", "abcdefghijklm", Common},
		{"one letter", "aaaaaaaaaaaa", Common},
		{"one block again and again", "xk9xk9xk9xk9xk9xk9", Common},
		{"one pair again and again", "kxkxkxkxkxkx", Common},
		{"only spaces", "            ", Common},
		{"the product and a year", "Postern-2026", Common},

		{"the user's own name", "Jördis Falkenberg", Own},
		{"the same in normal form D", norm.NFD.String("Jördis Falkenberg"), Own},
		{"the own address", "joerdis.falkenberg@example.com", Own},
		{"the address in capitals", "JOERDIS.FALKENBERG@EXAMPLE.COM", Own},
		{"the part before the at sign", "joerdis.falkenberg", Own},
		{"the own name and a year", "Falkenberg1984", Own},
		{"the own name with look-alikes", "F4lk3nb3rg!", TooShort},
		{"the own name with look-alikes and a sign", "F4lk3nb3rg!!!", Own},
		{"the user name and a figure", "jfalkenberg1", Own},
		{"the own name after a common word", "welcomefalkenberg", Own},
	} {
		t.Run(row.name, func(t *testing.T) {
			p, err := Choose(row.text, own...)
			var choice *ChoiceError
			switch {
			case row.want == "" && err != nil:
				t.Errorf("refused: %v (%d pieces)", err, pieces(row.text, ownWords(own)))
			case row.want == "" && p.text != norm.NFC.String(row.text):
				t.Errorf("got %q", p.text)
			case row.want != "" && (!errors.As(err, &choice) || choice.Reason != row.want):
				t.Errorf("got %v, want %s (%d pieces)", err, row.want, pieces(row.text, ownWords(own)))
			case row.want != "" && p != Password{}:
				t.Error("refused and returned")
			case err != nil && len(row.text) > 2 && strings.Contains(err.Error(), row.text):
				t.Errorf("the error shows the password: %v", err)
			}
		})
	}
}

// sentence returns so many bytes that nobody guesses.
func sentence(bytes int) string {
	var b strings.Builder
	for i := 0; b.Len() < bytes; i++ {
		b.WriteByte(byte('!' + (i*i*7+i*31)%90))
	}
	return b.String()[:bytes]
}

func TestANameOfLettersThatAreInEverythingRefusesNothing(t *testing.T) {
	if _, err := Choose("k3J-9xQz!vTr", "k3", "J9", "x", "", "  ", "@"); err != nil {
		t.Error(err)
	}
}

func TestCommonWordsAreWrittenAsTheyAreCompared(t *testing.T) {
	if len(common) < 200 {
		t.Fatalf("%d words", len(common))
	}
	seen := make(map[string]bool)
	for _, runes := range common {
		word := string(runes)
		if seen[word] {
			t.Errorf("%s is there twice", word)
		}
		seen[word] = true
		if word != strings.ToLower(norm.NFC.String(word)) || strings.ContainsAny(word, " \t") {
			t.Errorf("%q is not one word of small letters", word)
		}
	}
}

func FuzzChoose(f *testing.F) {
	f.Add("correct horse battery staple", "Anna Beispiel")
	f.Add("P@ssw0rd!2019", "a@b")
	f.Add("a\u0308\u0958", "\xff")
	f.Fuzz(func(t *testing.T, text, own string) {
		p, err := Choose(text, own)
		if err != nil {
			var choice *ChoiceError
			if !errors.As(err, &choice) || !slices.Contains([]Reason{TooShort, TooLong, NotText, Common, Own}, choice.Reason) {
				t.Fatalf("%v is not a ChoiceError", err)
			}
			return
		}
		if len(p.text) < MinBytes || len(p.text) > MaxBytes || !utf8.ValidString(p.text) || !norm.NFC.IsNormalString(p.text) {
			t.Fatalf("%q passed as %q", text, p.text)
		}
		// What is chosen can be typed again.
		if again, err := Typed(text); err != nil || again != p {
			t.Fatalf("%q is %q when typed, %q when chosen (%v)", text, again.text, p.text, err)
		}
	})
}

package usercode

import (
	"strings"
	"testing"
)

func TestCodesAreReadAsTheyAreShown(t *testing.T) {
	seen, used := make(map[string]bool), make(map[rune]int)
	const n = 2000
	for range n {
		code := New()
		if read, ok := Read(Show(code)); !ok || read != code || len(code) != 8 || seen[code] {
			t.Fatalf("%q is read as %q, %v", Show(code), read, ok)
		}
		seen[code] = true
		for _, r := range code {
			used[r]++
		}
	}
	for _, r := range letters {
		// Each is expected 800 times, with a standard deviation of 28.
		if used[r] < 800-200 || used[r] > 800+200 {
			t.Errorf("the letter %c is in %d of %d places, want about %d", r, used[r], n*length, n*length/len(letters))
		}
	}
}

func TestRead(t *testing.T) {
	for typed, want := range map[string]string{
		"WDJBMJHT": "WDJBMJHT", "wdjb-mjht": "WDJBMJHT", " Wdjb  mjht\t": "WDJBMJHT", "w.d.j.b.m.j.h.t": "WDJBMJHT",
		"WDJB–MJHT": "WDJBMJHT", "WDJB\u00a0MJHT": "WDJBMJHT",
		"": "", "-": "", "WDJBMJH": "", "WDJBMJHTW": "", "WDJBMJHA": "", "WDJB MJH1": "", "WDJB\nMJHT": "", "WDJB\x00MJHT": "",
		"ＷＤＪＢＭＪＨＴ": "", "WDJBMJHT\xff": "", "WDJBMJHK\u212a": "", strings.Repeat(" ", 57) + "WDJBMJHT": "",
	} {
		if got, ok := Read(typed); ok != (want != "") || ok && got != want {
			t.Errorf("Read(%q) = %q, %v, want %q", typed, got, ok, want)
		}
	}
}

// FuzzRead holds that what is read is a code, and that reading what is shown of it yields it again.
func FuzzRead(f *testing.F) {
	for _, seed := range []string{"", "WDJB-MJHT", "wdjbmjht", "ß", "ı", "\u212a", "WDJB\x00MJHT"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, typed string) {
		code, ok := Read(typed)
		if !ok {
			return
		}
		if len(code) != length || strings.Trim(code, letters) != "" {
			t.Errorf("%q is read as %q", typed, code)
		}
		if again, ok := Read(Show(code)); !ok || again != code {
			t.Errorf("%q is shown as %q and read as %q", code, Show(code), again)
		}
	})
}

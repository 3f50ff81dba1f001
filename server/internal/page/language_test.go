package page

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestChooseTakesTheFirstLanguageThatWeSpeak(t *testing.T) {
	for _, row := range []struct {
		name, locales, accept string
		want                  Language
	}{
		{"nothing is asked", "", "", "en"},
		{"ui_locales goes before the browser", "de", "en", "de"},
		{"the first of ui_locales that we speak", "se de en", "", "de"},
		{"a region is answered by its language", "de-AT", "", "de"},
		{"tags have no case", "DE-at", "", "de"},
		{"unknown ui_locales leave it to the browser", "se", "de", "de"},
		{"unknown everywhere", "se", "se", "en"},
		{"the browser's order by weight", "", "en;q=0.5, de;q=0.9", "de"},
		{"the first of equal weight", "", "de, en", "de"},
		{"a weight of zero is a refusal", "", "de;q=0", "en"},
		{"a weight that cannot be read is none", "", "de;q=x, en;q=0.1", "en"},
		{"a star is not a language", "", "*", "en"},
		{"markup is not a language", "<script>", "\"><script>", "en"},
		{"a path is not a language", "../de", "", "en"},
		{"what stands behind many others is not looked at", strings.Repeat("se ", 1000) + "de", strings.Repeat("se,", 1000) + "de", "en"},
	} {
		if got := Choose(row.locales, row.accept); got != row.want {
			t.Errorf("%s: %q, not %q", row.name, got, row.want)
		}
	}
}

func TestALanguageThatWeDoNotSpeakIsEnglish(t *testing.T) {
	if w := render(t, "../../etc", Login{}); w.Header().Get("Content-Language") != "en" {
		t.Errorf("answered in %q", w.Header().Get("Content-Language"))
	}
}

// pattern is what a sentence is filled with: names, and whether it has strong words and a link.
func pattern(s sentence) string {
	var names []string
	for _, p := range s {
		if p.kind != 0 {
			names = append(names, string(p.kind)+p.text)
		}
	}
	slices.Sort(names)
	return strings.Join(slices.Compact(names), " ")
}

func TestEveryLanguageHasEverySentenceWithTheSameValues(t *testing.T) {
	if len(Languages()) < 2 {
		t.Fatalf("%d languages", len(Languages()))
	}
	// Another language may have more or fewer forms beside a number.
	form := regexp.MustCompile(`\.(one|other)$`)
	english := catalogues[English]
	for _, lang := range Languages() {
		for key, s := range english {
			other, ok := catalogues[lang][key]
			if !ok && form.MatchString(key) {
				other, ok = catalogues[lang][form.ReplaceAllString(key, ".other")]
			}
			if !ok || len(other) == 0 {
				t.Errorf("%s has no sentence %q", lang, key)
			} else if pattern(other) != pattern(s) {
				t.Errorf("%s: %q has the values %q, not %q", lang, key, pattern(other), pattern(s))
			}
		}
		for key := range catalogues[lang] {
			if _, ok := english[key]; !ok && !form.MatchString(key) {
				t.Errorf("%s has %q, which English does not have", lang, key)
			}
		}
		if months := strings.Fields(lang.plain("months")); len(months) != 12 {
			t.Errorf("%s has %d months", lang, len(months))
		}
	}
}

func TestEverySentenceIsUsed(t *testing.T) {
	used := ""
	files, _ := filepath.Glob("*.go")
	more, _ := filepath.Glob("html/*.html")
	for _, file := range append(files, more...) {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		used += string(text)
	}
	// These are put together of a group, a key and what is said.
	group := regexp.MustCompile(`^(problem|error|notice|confirm|saved|mail|start_again|console.outcome)\.([a-z_]+)(\.[a-z]+)?$`)
	for _, key := range slices.Sorted(maps.Keys(catalogues[English])) {
		plain := strings.TrimSuffix(strings.TrimSuffix(key, ".one"), ".other")
		if strings.Contains(used, `"`+plain+`"`) {
			continue
		}
		if strings.HasPrefix(plain, "console.") && !strings.HasPrefix(plain, "console.outcome.") {
			continue // package console says it; a test there looks
		}
		if m := group.FindStringSubmatch(plain); m != nil && strings.Contains(used, `"`+m[2]+`"`) {
			continue
		}
		t.Errorf("nothing says %q", key)
	}
}

// These words are not ours (design.md §9): others say the same thing better.
func TestNoSentenceHasAWordThatWeDoNotUse(t *testing.T) {
	unused := regexp.MustCompile(`(?i)\b(tenant|resource server|machine user|authorization|grant|credential|validate|invalid|failed|error occurred|successfully|please|simply|oops|mandant|ungültig|fehlgeschlagen|erfolgreich|bitte)\b`)
	for _, lang := range Languages() {
		for key := range catalogues[lang] {
			if text := lang.plain(key); unused.MatchString(text) {
				t.Errorf("%s: %q says %q", lang, key, text)
			}
		}
	}
}

func TestACatalogueThatIsWrongIsRefused(t *testing.T) {
	for name, text := range map[string]string{
		"no sign between key and sentence": "a b",
		"a key twice":                      "a = b\na = c",
		"a value that does not end":        "a = {b",
		"a value without a name":           "a = {}",
		"a bracket that closes nothing":    "a = b}",
		"a link that does not end":         "a = [b",
		"a link that does not begin":       "a = b]",
		"a link in a link":                 "a = [[b]]",
		"strong words that do not end":     "a = *b",
	} {
		if got, err := parseCatalogue(text); err == nil {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestNumbersAndTimesAreWrittenAsTheLanguageWritesThem(t *testing.T) {
	for _, row := range []struct {
		lang    Language
		n       int
		want    string
		moment  string
		forever string
	}{
		{"en", 1234567, "1,234,567", `<time datetime="2026-02-03T14:31:00Z">3 February 2026, 14:31 UTC</time>`, "never"},
		{"de", -123456, "-123.456", `<time datetime="2026-02-03T14:31:00Z">3. Februar 2026, 14:31 UTC</time>`, "nie"},
		{"de", 999, "999", `<time datetime="2026-02-03T14:31:00Z">3. Februar 2026, 14:31 UTC</time>`, "nie"},
	} {
		if got := row.lang.number(row.n); got != row.want {
			t.Errorf("%s: %d is %q", row.lang, row.n, got)
		}
		if got, err := row.lang.moment(at("2026-02-03 14:31")); err != nil || string(got) != row.moment {
			t.Errorf("%s: %q, %v", row.lang, got, err)
		}
		if got, err := row.lang.day(at("0001-01-01 00:00")); err != nil || string(got) != row.forever {
			t.Errorf("%s: %q, %v", row.lang, got, err)
		}
	}
}

func TestSentencesWithoutTheirValuesAreErrors(t *testing.T) {
	if got, err := English.html("login.title"); err == nil {
		t.Errorf("%q", got)
	}
	if got, err := English.text("login.title", "application"); err == nil {
		t.Errorf("%q", got)
	}
	if got, err := English.html("no.such.sentence"); err == nil {
		t.Errorf("%q", got)
	}
}

package page

import (
	"embed"
	"fmt"
	"html/template"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// A Language is the tag of a language of the catalogue, "en" or "de". Any other is read as English.
type Language string

// English is the language of who asks for none that we speak.
const English Language = "en"

//go:embed languages
var languageFiles embed.FS

//go:embed html/*.html
var templateFiles embed.FS

// A catalogue holds the sentences of a file of languages/ by their keys.
type catalogue map[string]sentence

// A tongue is a language as a link names it: in itself.
type tongue struct {
	Tag  Language
	Name string
}

// catalogues holds the sentences of each language, which is the name of its files below languages/. A file that cannot be read is a mistake of the build.
var catalogues = func() map[Language]catalogue {
	all := make(map[Language]catalogue)
	err := fs.WalkDir(languageFiles, "languages", func(file string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := languageFiles.ReadFile(file)
		if err != nil {
			return err
		}
		sentences, err := parseCatalogue(string(data))
		if err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		lang := Language(strings.TrimSuffix(path.Base(file), ".txt"))
		if all[lang] == nil {
			all[lang] = make(catalogue)
		}
		for key, s := range sentences {
			if _, twice := all[lang][key]; twice {
				return fmt.Errorf("%s: key %q stands in two files", file, key)
			}
			all[lang][key] = s
		}
		return nil
	})
	if err != nil {
		panic("page: " + err.Error())
	}
	return all
}()

// parseCatalogue reads lines of the form "key = sentence". Lines that are empty or begin with # say nothing.
func parseCatalogue(text string) (catalogue, error) {
	sentences := make(catalogue)
	for i, line := range strings.Split(text, "\n") {
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		key, value, ok := strings.Cut(line, " = ")
		if !ok {
			return nil, fmt.Errorf("line %d: %q is not of the form key = sentence", i+1, line)
		}
		if _, twice := sentences[key]; twice {
			return nil, fmt.Errorf("line %d: key %q stands twice", i+1, key)
		}
		s, err := parseSentence(value)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", i+1, err)
		}
		sentences[key] = s
	}
	return sentences, nil
}

// Languages returns the tags of the catalogue's languages, sorted; discovery publishes them.
func Languages() []Language { return slices.Sorted(maps.Keys(catalogues)) }

// known returns English for a language that the catalogue does not have.
func (l Language) known() Language {
	if _, ok := catalogues[l]; !ok {
		return English
	}
	return l
}

// others returns every language but this one.
func (l Language) others() []tongue {
	var list []tongue
	for _, other := range Languages() {
		if other != l {
			list = append(list, tongue{other, other.plain("language")})
		}
	}
	return list
}

func (l Language) template(file string) *template.Template {
	t, ok := templates()[l][file]
	if !ok {
		panic("page: there is no html/" + file + ".html")
	}
	return t
}

// templates are the sets of every language, parsed when the first page is rendered: the programs of the binary
// that render none do not wait for them.
var templates = sync.OnceValue(func() map[Language]map[string]*template.Template {
	all := make(map[Language]map[string]*template.Template)
	for _, l := range Languages() {
		all[l] = parseTemplates(l)
	}
	return all
})

// parseTemplates makes a set for each file of html/, over the layouts and parts that all share, with the
// functions that speak this language.
func parseTemplates(l Language) map[string]*template.Template {
	shared := template.Must(template.New("").Funcs(l.functions()).ParseFS(templateFiles, "html/layout.html", "html/parts.html"))
	files, err := fs.Glob(templateFiles, "html/*.html")
	if err != nil {
		panic(err)
	}
	sets := make(map[string]*template.Template)
	for _, file := range files {
		with := []string{file}
		switch file {
		case "html/layout.html", "html/parts.html", "html/blocks.html":
			continue // are no pages
		case "html/console.html":
			with = append(with, "html/blocks.html") // of which no other page is made
		}
		set := template.Must(template.Must(shared.Clone()).ParseFS(templateFiles, with...))
		sets[strings.TrimSuffix(strings.TrimPrefix(file, "html/"), ".html")] = set
	}
	return sets
}

// maxWanted bounds how many languages of a request are looked at.
const maxWanted = 20

// Choose returns the language for a request: the first of ui_locales that the catalogue has (OpenID Connect
// Core §3.1.2.1: tags with spaces between them), else the best of Accept-Language (RFC 9110 §12.5.4), else
// English. A tag fits by its first part: de-AT is answered in German.
func Choose(uiLocales, acceptLanguage string) Language {
	for i, tag := range strings.Fields(uiLocales) {
		if lang, ok := speak(tag); ok && i < maxWanted {
			return lang
		}
	}
	best, weight := English, 0.0
	for i, item := range strings.SplitN(acceptLanguage, ",", maxWanted+1) {
		tag, q := weighed(item)
		if lang, ok := speak(tag); ok && q > weight && i < maxWanted {
			best, weight = lang, q
		}
	}
	return best
}

// weighed splits an item of Accept-Language; a weight that cannot be read is none.
func weighed(item string) (tag string, q float64) {
	tag, parameter, ok := strings.Cut(item, ";")
	if !ok {
		return strings.TrimSpace(tag), 1
	}
	q, err := strconv.ParseFloat(strings.TrimPrefix(strings.TrimSpace(parameter), "q="), 64)
	if err != nil {
		q = 0
	}
	return strings.TrimSpace(tag), q
}

// LanguageOf returns the language of the catalogue that a tag names; empty for any other.
func LanguageOf(tag string) Language {
	if lang, ok := speak(tag); ok {
		return lang
	}
	return ""
}

func speak(tag string) (Language, bool) {
	primary, _, _ := strings.Cut(strings.ToLower(tag), "-")
	_, ok := catalogues[Language(primary)]
	return Language(primary), ok
}

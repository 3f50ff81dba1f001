package page

import (
	"fmt"
	"html/template"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// A sentence is a text of the catalogue: words in which {name} stands for a value, *words* are strong and
// [words] are a link to the value named link.
type sentence []piece

type piece struct {
	kind rune // 0 text, '{' a value, '*' strong begins or ends, '[' and ']' a link begins and ends
	text string
}

func parseSentence(text string) (sentence, error) {
	var s sentence
	strong, link := false, false
	for text != "" {
		i := strings.IndexAny(text, "{}*[]")
		if i < 0 {
			return append(s, piece{0, text}), openEnds(strong, link)
		}
		if i > 0 {
			s = append(s, piece{0, text[:i]})
		}
		mark := rune(text[i])
		text = text[i+1:]
		name := ""
		switch mark {
		case '{':
			var ok bool
			if name, text, ok = strings.Cut(text, "}"); !ok || name == "" {
				return nil, fmt.Errorf("a value begins with { and does not end")
			}
		case '*':
			strong = !strong
		case '[', ']':
			if link == (mark == '[') {
				return nil, fmt.Errorf("the brackets of a link do not match")
			}
			link = !link
		default:
			return nil, fmt.Errorf("%c stands alone", mark)
		}
		s = append(s, piece{mark, name})
	}
	return s, openEnds(strong, link)
}

func openEnds(strong, link bool) error {
	if strong || link {
		return fmt.Errorf("* or [ is not closed")
	}
	return nil
}

// values are what the names of a sentence stand for.
type values map[string]any

// pairs reads names and values in turn, as templates give them.
func pairs(args []any) (values, error) {
	v := make(values)
	for pair := range slices.Chunk(args, 2) {
		name, ok := pair[0].(string)
		if !ok || len(pair) != 2 {
			return nil, fmt.Errorf("names and values in turn were expected, not %d of them", len(args))
		}
		v[name] = pair[1]
	}
	return v, nil
}

// find returns a sentence by its key, and what its names stand for; where a number n is among those, it is the
// plural form beside it.
func (l Language) find(key string, args []any) (sentence, values, error) {
	v, err := pairs(args)
	if err != nil {
		return nil, nil, err
	}
	if n, ok := v["n"].(int); ok {
		key += "." + l.plural(n)
	}
	s, ok := catalogues[l][key]
	if !ok {
		return nil, nil, fmt.Errorf("language %s has no sentence %q", l, key)
	}
	return s, v, nil
}

// plural returns the form of a noun beside a number, by the rule that the language's file names.
func (l Language) plural(n int) string {
	switch l.plain("plural") {
	case "one for 1":
		if n == 1 {
			return "one"
		}
	case "one for 0 and 1":
		if n == 0 || n == 1 {
			return "one"
		}
	}
	return "other"
}

// html returns a sentence with its values, escaped, for the text of an element.
func (l Language) html(key string, args ...any) (template.HTML, error) {
	s, v, err := l.find(key, args)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	strong := false
	for _, p := range s {
		switch p.kind {
		case 0:
			b.WriteString(template.HTMLEscapeString(p.text))
		case '*':
			strong = !strong
			b.WriteString(map[bool]string{true: "<strong>", false: "</strong>"}[strong])
		case '[':
			fmt.Fprintf(&b, `<a href="%s">`, template.HTMLEscapeString(ownPath(v["link"])))
		case ']':
			b.WriteString("</a>")
		default:
			value, err := l.value(v, p.text)
			if err != nil {
				return "", fmt.Errorf("sentence %q: %w", key, err)
			}
			b.WriteString(string(value))
		}
	}
	return template.HTML(b.String()), nil
}

// value returns what stands for a name in a sentence. Names that people chose are isolated, so that their
// direction of writing ends with them.
func (l Language) value(v values, name string) (template.HTML, error) {
	switch value := v[name].(type) {
	case template.HTML:
		return value, nil
	case string:
		return bdi(value), nil
	case int:
		return template.HTML(l.number(value)), nil
	case Code:
		return code(value.Text), nil
	case Text:
		return l.say(value)
	case time.Time:
		return l.moment(value)
	}
	return "", fmt.Errorf("%q has no value", name)
}

// text is html for where no element can stand: titles, attributes, mails.
func (l Language) text(key string, args ...any) (string, error) {
	s, v, err := l.find(key, args)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	for _, p := range s {
		switch p.kind {
		case 0:
			b.WriteString(p.text)
		case '{':
			switch value := v[p.text].(type) {
			case string:
				b.WriteString(shown(value, maxName))
			case int:
				b.WriteString(l.number(value))
			case Code:
				b.WriteString(shown(value.Text, maxCode))
			case Text:
				words, err := l.words(value)
				if err != nil {
					return "", err
				}
				b.WriteString(words)
			default:
				return "", fmt.Errorf("sentence %q: %q has no value", key, p.text)
			}
		}
	}
	return b.String(), nil
}

// say is html for a Text.
func (l Language) say(t Text) (template.HTML, error) {
	if t.key == "" {
		return bdi(t.plain), nil
	}
	return l.html(t.key, t.args...)
}

// words is text for a Text.
func (l Language) words(t Text) (string, error) {
	if t.key == "" {
		return shown(t.plain, maxName), nil
	}
	return l.text(t.key, t.args...)
}

// plain returns a sentence without values, which every language has: a test sees to it.
func (l Language) plain(key string) string {
	var b strings.Builder
	for _, p := range catalogues[l][key] {
		b.WriteString(p.text)
	}
	return b.String()
}

// ownPath returns a path of this server, and # for anything else: sentences link nowhere else.
func ownPath(value any) string {
	path, _ := value.(string)
	if !strings.HasPrefix(path, "/") || strings.HasPrefix(path, "//") || strings.ContainsFunc(path, func(r rune) bool { return r == '\\' || r < ' ' }) {
		return "#"
	}
	return path
}

// Lengths in characters to which values are cut where they are shown.
const (
	maxName = 200
	maxCode = 2048
)

// shown returns a value as it may be looked at: without control characters and marks that turn the direction
// of writing, which could make it look like something else, and cut.
func shown(value string, most int) string {
	var b strings.Builder
	n := 0
	for _, r := range value {
		if n == most {
			b.WriteString("…")
			break
		}
		n++
		b.WriteRune(inert(r))
	}
	return b.String()
}

// inert returns a character, unless it could make what stands around it look like something else.
func inert(r rune) rune {
	if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) {
		return unicode.ReplacementChar
	}
	return r
}

// typed returns code as it may be looked at: shown, but with its lines, and whole.
func typed(value string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' {
			return r
		}
		return inert(r)
	}, value)
}

func bdi(value string) template.HTML {
	return template.HTML("<bdi>" + template.HTMLEscapeString(shown(value, maxName)) + "</bdi>")
}

func code(value string) template.HTML {
	return template.HTML("<code>" + template.HTMLEscapeString(shown(value, maxCode)) + "</code>")
}

// number writes a number with the language's separator of thousands.
func (l Language) number(n int) string {
	digits := strconv.Itoa(n)
	for i := len(digits) - 3; i > 0 && digits[i-1] != '-'; i -= 3 {
		digits = digits[:i] + l.plain("thousands") + digits[i:]
	}
	return digits
}

// day writes a date; the zero time is "never".
func (l Language) day(t time.Time) (template.HTML, error) {
	if t.IsZero() {
		return l.html("never")
	}
	date, err := l.date(t)
	return stamp(t, date), err
}

// moment writes a date and a time of day in UTC; the zero time is "never".
func (l Language) moment(t time.Time) (template.HTML, error) {
	if t.IsZero() {
		return l.html("never")
	}
	date, err := l.date(t)
	if err != nil {
		return "", err
	}
	text, err := l.text("moment", "date", date, "time", t.UTC().Format("15:04"))
	return stamp(t, text), err
}

func (l Language) date(t time.Time) (string, error) {
	t = t.UTC()
	months := strings.Fields(l.plain("months"))
	if len(months) != 12 {
		return "", fmt.Errorf("language %s has %d months", l, len(months))
	}
	return l.text("date", "day", strconv.Itoa(t.Day()), "month", months[t.Month()-1], "year", strconv.Itoa(t.Year()))
}

func stamp(t time.Time, text string) template.HTML {
	return template.HTML(`<time datetime="` + t.UTC().Format(time.RFC3339) + `">` + template.HTMLEscapeString(text) + `</time>`)
}

// initials returns the first letters of a name's first and last word.
func initials(name string) string {
	var letters []rune
	for _, word := range strings.Fields(name) {
		for _, r := range word {
			if unicode.IsLetter(r) || unicode.IsDigit(r) {
				letters = append(letters, unicode.ToUpper(r))
				break
			}
		}
	}
	if len(letters) > 2 {
		letters = []rune{letters[0], letters[len(letters)-1]}
	}
	return string(letters)
}

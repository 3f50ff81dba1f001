package snippet

import (
	"regexp"
	"strings"

	"github.com/postern-auth/postern/server/internal/page"
)

// The colours of page.Span.
const (
	keyword = 1
	text    = 2
	number  = 3
	comment = 4
	name    = 5
)

// word finds what may have a colour: a placeholder, a comment, a string without escapes, a word and what may make it
// a call, a number.
var word = regexp.MustCompile(`«[a-z]+»|(?m:(?:^|\s)(?://|# ).*$)|@?"[^"\n]*"|'[^'\n]*'|[#@$]?[A-Za-z_]\w*\(?|\b\d+\b`)

// coloured splits code into spans. Only code of this package comes here; values enter by quoted, each as one string.
func coloured(code, keywords string, quoted func(placeholder string) string) []page.Span {
	var spans []page.Span
	add := func(colour int, s string) {
		if s == "" {
			return
		}
		if last := len(spans) - 1; last >= 0 && spans[last].Colour == colour {
			spans[last].Text += s
			return
		}
		spans = append(spans, page.Span{Colour: colour, Text: s})
	}
	done := 0
	for _, at := range word.FindAllStringIndex(code, -1) {
		add(0, code[done:at[0]])
		found := code[at[0]:at[1]]
		done = at[1]
		plain, called := strings.CutSuffix(found, "(")
		switch {
		case strings.HasPrefix(found, "«"):
			add(text, quoted(found))
		case strings.Contains(keywords, " "+plain+" "):
			add(keyword, plain)
			add(0, found[len(plain):])
		case strings.ContainsAny(found, `"'`) && !strings.Contains(found, "//"):
			add(text, found)
		case strings.Contains(found, "//") || strings.Contains(found, "# "):
			add(comment, found)
		case '0' <= found[0] && found[0] <= '9':
			add(number, found)
		case called:
			add(name, plain)
			add(0, "(")
		default:
			add(0, found)
		}
	}
	add(0, code[done:])
	return spans
}

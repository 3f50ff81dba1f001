package snippet

import (
	_ "embed"
	"encoding/json"
	"strconv"
	"strings"

	"github.com/postern-auth/postern/server/internal/page"
)

// A Protection is what an API has to know to check a JWT by itself.
type Protection struct {
	Issuer     string
	KeySet     string // the address of the issuer's keys
	Algorithm  string
	Audience   string
	Permission string // empty: a good token is enough
}

//go:embed protect/go.txt
var protectGo string

//go:embed protect/python.txt
var protectPython string

//go:embed protect/node.txt
var protectNode string

// A Server is a language in which an API can be written that lets a request through with a JWT of the issuer for the
// audience which has the permission, and answers 401, 403 and, where the keys cannot be read, 503.
type Server struct {
	Name     string // as people write it
	code     string // with placeholders
	quote    func(string) string
	keywords string // between spaces
}

// Servers are those languages, ours first.
var Servers = []Server{
	{"Go", protectGo, strconv.Quote, " package import func if nil "},
	{"Python", protectPython, literal, " import from def return try except as if and or not in "},
	{"Node", protectNode, literal, " import from const async function await return try catch if "},
}

// Spans returns the server in the language.
func (s Server) Spans(p Protection) []page.Span {
	requirement := ""
	if p.Permission != "" {
		requirement = "postern.Permission(" + s.quote(p.Permission) + ")"
	}
	return coloured(s.code, s.keywords, func(name string) string {
		switch name {
		case "«issuer»":
			return s.quote(p.Issuer)
		case "«audience»":
			return s.quote(p.Audience)
		case "«keys»":
			return s.quote(p.KeySet)
		case "«algorithm»":
			return s.quote(p.Algorithm)
		case "«permission»":
			return s.quote(p.Permission)
		}
		return requirement
	})
}

// literal quotes a value for Python and JavaScript, which read every string of JSON.
func literal(value string) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(value); err != nil {
		panic("snippet: a string in JSON: " + err.Error())
	}
	return strings.TrimSuffix(b.String(), "\n")
}

package mutation

var pageMutants = []mutant{
	{"page: who may frame is an origin", "server/internal/page/header.go", `u.Host != "" && originForm.MatchString(origin) {`, `u.Host != "" {`, nil},
	{"page: a private scheme is one", "server/internal/page/header.go", `case privateScheme.MatchString(p.scheme):`, `case p.scheme != "":`, nil},
	{"page: framing is denied", "server/internal/page/header.go", `if len(origins(p.frames)) == 0 {`, `if false {`, nil},
	{"page: no page is kept", "server/internal/page/header.go", `h.Set("Cache-Control", "no-store")`, `h.Set("Cache-Control", "private")`, nil},
	{"page: the origin is told for a form post alone", "server/internal/page/header.go", `if p.originToOthers {`, `if true {`, nil},
	{"page: popups of an authorization keep their opener", "server/internal/page/header.go", `if p.alone {`, `if true {`, nil},
	{"page: where a page goes on to is of the web", "server/internal/page/page.go", `u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {`, `u.Host == "" && false {`, nil},
	{"page: values of a page are checked", "server/internal/page/page.go", `if err := c.check(); err != nil {`, `if err := c.check(); false {`, nil},
	{"page: sentences link to our own paths", "server/internal/page/sentence.go", `!strings.HasPrefix(path, "/") || `, ``, nil},
	{"page: names are escaped", "server/internal/page/sentence.go", `"<bdi>" + template.HTMLEscapeString(shown(value, maxName))`, `"<bdi>" + (shown(value, maxName))`, nil},
	{"page: codes are escaped", "server/internal/page/sentence.go", `"<code>" + template.HTMLEscapeString(shown(value, maxCode))`, `"<code>" + (shown(value, maxCode))`, nil},
	{"page: marks that turn the direction of writing", "server/internal/page/sentence.go", `unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r)`, `unicode.IsControl(r)`, nil},
	{"page: control characters", "server/internal/page/sentence.go", `unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r)`, `unicode.Is(unicode.Bidi_Control, r)`, nil},
	{"page: a link in a mail is of the web", "server/internal/page/mail.go", `if err := webAddress(l.Link); err != nil {`, `if err := webAddress(l.Link); false {`, nil},
	{"page: authenticator addresses", "server/internal/page/account.go", `if !strings.HasPrefix(p.URI, otpauth) {`, `if false {`, nil},
}

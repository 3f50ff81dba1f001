package main

import (
	"context"
	"html/template"
	"io"
	"net"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/postern-auth/postern/internal/fetch"
	"github.com/postern-auth/postern/server"
)

// devMailPath is the page of the mails that dev does not send.
const devMailPath = "/dev/mail"

// maxDevMails is how many mails dev keeps, the latest.
const maxDevMails = 100

// devMails shows mails at a page instead of sending them. It is a server.Mailer, and safe for concurrent use.
type devMails struct {
	now func() time.Time

	mu   sync.Mutex
	last int // how many there have been
	list []devMail
}

// devMail is one mail, with its number.
type devMail struct {
	server.Mail
	Number int
	At     time.Time
}

// Send keeps a mail.
func (m *devMails) Send(_ context.Context, mail server.Mail) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.last++
	m.list = append(m.list, devMail{mail, m.last, m.now().UTC()})
	if len(m.list) > maxDevMails {
		m.list = m.list[1:]
	}
	return nil
}

// in puts the page in front of the authorization server. It answers by a name of this machine alone: any other may be
// a stranger's, whose page would read the links.
func (m *devMails) in(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, err := net.SplitHostPort(r.Host)
		if err != nil {
			host = r.Host
		}
		number, one := strings.CutPrefix(r.URL.Path, devMailPath+"/")
		if !one && r.URL.Path != devMailPath || !fetch.Loopback(host) || r.Method != http.MethodGet && r.Method != http.MethodHead {
			next.ServeHTTP(w, r)
			return
		}
		h := w.Header()
		h.Set("Cache-Control", "no-store")
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
		h.Set("Content-Type", "text/html; charset=utf-8")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("X-Content-Type-Options", "nosniff")
		switch {
		case number == "style.css":
			h.Set("Content-Type", "text/css; charset=utf-8")
			io.WriteString(w, devMailStyle)
		case one:
			m.showOne(w, number)
		default:
			m.showList(w)
		}
	})
}

const devMailStyle = `body { margin: 24px auto; max-width: 44em; padding: 0 16px; font: 16px/1.5 system-ui, sans-serif; overflow-wrap: anywhere }
`

var devMailPage = template.Must(template.New("mail").Parse(`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<link rel="stylesheet" href="/dev/mail/style.css">
{{if .One}}{{with .One}}<title>{{.Subject}} · postern dev</title>
<main>
<h1>{{.Subject}}</h1>
<p>To {{.To}}, <time datetime="{{.At.Format "2006-01-02T15:04:05Z"}}">{{.At.Format "15:04:05"}} UTC</time></p>
{{range $.Paragraphs}}<p>{{if .Link}}<a href="{{.Link}}">{{.Link}}</a>{{else}}{{.Text}}{{end}}</p>
{{end}}<p><a href="/dev/mail">All mails</a></p>
</main>{{end}}{{else}}<title>Mails · postern dev</title>
<main>
<h1>Mails</h1>
<p>postern dev sends no mails. It shows them here, and forgets them when it ends.</p>
{{if .List}}<ul>
{{range .List}}<li><a href="/dev/mail/{{.Number}}">{{.Subject}}</a>, to {{.To}}, <time datetime="{{.At.Format "2006-01-02T15:04:05Z"}}">{{.At.Format "15:04:05"}} UTC</time></li>
{{end}}</ul>{{else}}<p>None yet. One comes when somebody forgets a password or creates an account; load this page again then.</p>{{end}}
</main>{{end}}
</html>
`))

// devParagraph is one of a mail's: text, or a link alone.
type devParagraph struct{ Text, Link string }

var (
	devParagraphs = regexp.MustCompile(`\n\n+`)
	devLink       = regexp.MustCompile(`^https?://\S+$`)
)

func (m *devMails) showList(w http.ResponseWriter) {
	m.mu.Lock()
	var list []devMail
	for i := len(m.list) - 1; i >= 0; i-- {
		list = append(list, m.list[i])
	}
	m.mu.Unlock()
	devMailPage.Execute(w, map[string]any{"List": list})
}

func (m *devMails) showOne(w http.ResponseWriter, number string) {
	m.mu.Lock()
	var found *devMail
	for _, mail := range m.list {
		if strconv.Itoa(mail.Number) == number {
			found = &mail
		}
	}
	m.mu.Unlock()
	if found == nil {
		w.WriteHeader(http.StatusNotFound)
		m.showList(w)
		return
	}
	var paragraphs []devParagraph
	for _, text := range devParagraphs.Split(found.Text, -1) {
		if devLink.MatchString(text) {
			paragraphs = append(paragraphs, devParagraph{Link: text})
		} else {
			paragraphs = append(paragraphs, devParagraph{Text: text})
		}
	}
	devMailPage.Execute(w, map[string]any{"One": found, "Paragraphs": paragraphs})
}

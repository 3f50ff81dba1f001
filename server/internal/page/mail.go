package page

import (
	"bytes"
	"fmt"
	"strings"
)

// A Letter is a mail that carries a link.
type Letter struct {
	Reason Reason
	// Name is what to call the person; empty: nothing.
	Name string
	// Link is the address that the mail is about, on this server.
	Link string
}

// A Reason is why a mail is sent.
type Reason struct{ key string }

// The reasons of mails.
var (
	ForVerification = Reason{"verification"}
	ForReset        = Reason{"reset"}
	ForInvitation   = Reason{"invitation"}
)

// Sentence returns the key of one of the reason's sentences.
func (r Reason) Sentence(which string) string { return "mail." + r.key + "." + which }

// Mail is a message for somebody: a subject of one line, and the same words as plain text and as HTML. What
// sends it encodes it.
type Mail struct{ Subject, Text, HTML string }

// Write writes a letter.
func (s Site) Write(lang Language, l Letter) (Mail, error) {
	if err := webAddress(l.Link); err != nil {
		return Mail{}, fmt.Errorf("page: mail: %w", err)
	}
	if s.Organisation == "" {
		s.Organisation = "Postern"
	}
	lang = lang.known()
	var m Mail
	var err error
	if m.Subject, err = lang.text(l.Reason.Sentence("subject"), "organisation", s.Organisation); err != nil {
		return Mail{}, fmt.Errorf("page: mail: %w", err)
	}
	if m.Text, err = s.plainLetter(lang, l); err != nil {
		return Mail{}, fmt.Errorf("page: mail: %w", err)
	}
	var b bytes.Buffer
	v := struct {
		Site
		Letter
		Lang    Language
		Subject string
	}{s, l, lang, m.Subject}
	if err := lang.template("mail").ExecuteTemplate(&b, "mail", v); err != nil {
		return Mail{}, fmt.Errorf("page: mail: %w", err)
	}
	m.HTML = b.String()
	return m, nil
}

func (s Site) plainLetter(lang Language, l Letter) (string, error) {
	greeting, err := lang.text("mail.greeting_plain")
	if l.Name != "" {
		greeting, err = lang.text("mail.greeting", "name", l.Name)
	}
	if err != nil {
		return "", err
	}
	signature, err := lang.text("mail.signature", "organisation", s.Organisation, "host", s.Host)
	if err != nil {
		return "", err
	}
	people := lang.plain(l.Reason.Sentence("people"))
	return strings.Join([]string{greeting, people, l.Link, lang.plain("mail.not_you"), signature}, "\n\n") + "\n", nil
}

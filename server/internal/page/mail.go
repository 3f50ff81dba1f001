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
type Reason struct {
	key string
	// done is set where the mail tells of what has happened, and its link is for whoever did not do it.
	done bool
}

// The reasons of mails.
var (
	ForVerification = Reason{key: "verification"}
	ForReset        = Reason{key: "reset"}
	ForInvitation   = Reason{key: "invitation"}
	// ForKnownAddress answers a sign-up by the address of an account.
	ForKnownAddress = Reason{key: "known_address"}

	AfterPassword      = Reason{"after_password", true}
	AfterEmail         = Reason{"after_email", true} // to the former address
	BeforeEmail        = Reason{"before_email", true}
	AfterFactor        = Reason{"after_factor", true}
	AfterFactorRemoved = Reason{"after_factor_removed", true}
	AfterPasskey       = Reason{"after_passkey", true}
	AfterPasskeyGone   = Reason{"after_passkey_gone", true}
	AfterRecovery      = Reason{"after_recovery", true}
	AfterPasskeyCopied = Reason{"after_passkey_copied", true}
	AfterRecoveryNew   = Reason{"after_recovery_new", true}
	AfterWrongCodes    = Reason{"after_wrong_codes", true}
)

// Done reports whether the mail tells of what has happened.
func (r Reason) Done() bool { return r.done }

// Ending returns the key of the sentence for whoever has not asked for the mail, or not done what it tells of.
func (r Reason) Ending() string {
	if r.done {
		return "mail.not_done"
	}
	return "mail.not_you"
}

// Go returns the key of what the link is called.
func (r Reason) Go() string {
	if r.done {
		return "mail.reset.go"
	}
	return r.Sentence("go")
}

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
	if l.Reason.done {
		return strings.Join([]string{greeting, people, lang.plain(l.Reason.Ending()), l.Link, signature}, "\n\n") + "\n", nil
	}
	return strings.Join([]string{greeting, people, l.Link, lang.plain(l.Reason.Ending()), signature}, "\n\n") + "\n", nil
}

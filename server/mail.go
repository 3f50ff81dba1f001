package server

import (
	"context"
	"crypto/tls"
	"fmt"

	"github.com/postern-auth/postern/server/internal/mail"
)

// Mail is a message to one person: a subject of one line, and the same words as plain text and as HTML.
type Mail struct {
	To      string // an address alone, such as anna@example.com
	Subject string
	Text    string
	HTML    string
}

// A Mailer sends mails. The server calls it after the request that a mail is about, with a minute for each, and
// again later when it fails, for a day; an error that wraps ErrUndeliverable ends that. It is called by several
// goroutines at once.
type Mailer interface {
	Send(context.Context, Mail) error
}

// ErrUndeliverable says that a mail cannot be delivered, however often it is tried.
var ErrUndeliverable error = mail.ErrUndeliverable

// MailSecurity is how the connection to the mail server is encrypted.
type MailSecurity string

const (
	// StartTLS begins in the clear and goes on encrypted (RFC 3207), or not at all: as on port 587.
	StartTLS MailSecurity = MailSecurity(mail.StartTLS)
	// ImplicitTLS is encrypted from the first byte (RFC 8314): as on port 465.
	ImplicitTLS MailSecurity = MailSecurity(mail.TLS)
	// InsecureNoTLS is never encrypted, and no password is sent then. Whoever listens reads the links of mails, which
	// open accounts. It is for a server on the same machine.
	InsecureNoTLS MailSecurity = MailSecurity(mail.InsecureNone)
)

// SMTP says through which server mails go (RFC 5321).
type SMTP struct {
	// Address is the server's host and port, such as smtp.example.com:587. Required.
	Address string
	// User and Password are who sends, where the server asks. Both or neither.
	User, Password string
	// From is the sender: an address, or Example Company <login@example.com>. Required.
	From string
	// Security is how the connection is encrypted. Default: StartTLS.
	Security MailSecurity
	// TLS is what the server's certificate is checked against. Nil: the authorities of the system.
	TLS *tls.Config
}

// Mailer returns what sends mails through the server. It does no I/O. Errors name what is wrong, and never quote the
// password.
func (s SMTP) Mailer() (Mailer, error) {
	sender, err := mail.New(mail.Config{
		Address: s.Address, User: s.User, Password: s.Password, From: s.From, Security: mail.Security(s.Security), TLS: s.TLS,
	})
	if err != nil {
		return nil, fmt.Errorf("server: %w", err)
	}
	return smtpMailer{sender}, nil
}

type smtpMailer struct{ sender *mail.SMTP }

func (m smtpMailer) Send(ctx context.Context, message Mail) error {
	return m.sender.Send(ctx, mail.Message(message))
}

// Package mail sends mails over SMTP (RFC 5321), encrypted or not at all.
//
//	smtp, err := mail.New(mail.Config{
//		Address: "smtp.example.com:587", User: "postern", Password: password,
//		From: "Example Company <login@example.com>",
//	})
//	err = smtp.Send(ctx, mail.Message{To: "anna@example.com", Subject: subject, Text: text, HTML: html})
//
// An error that wraps ErrUndeliverable concerns the message, and will not pass; any other may.
package mail

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/mail"
	"net/smtp"
	"net/textproto"
	"strings"
	"time"
)

// Security is how the connection to the mail server is encrypted.
type Security string

const (
	// StartTLS begins in the clear and goes on encrypted (RFC 3207), or not at all: as on port 587. The default.
	StartTLS Security = "starttls"
	// TLS is encrypted from the first byte (RFC 8314): as on port 465.
	TLS Security = "tls"
	// InsecureNone is never encrypted. Whoever listens reads the links, which are as good as passwords.
	InsecureNone Security = "insecure-none"
)

// Config says through which server mails go.
type Config struct {
	// Address is the server's host and port. Required.
	Address string
	// User and Password are who sends, where the server asks. Both or neither; never without encryption.
	User, Password string
	// From is the sender, an address with or without a name. Required.
	From     string
	Security Security // default: StartTLS
	// TLS is what certificates are checked against. nil: the system's authorities. The name is that of Address.
	TLS *tls.Config
	// Now is the clock of Date. Default: time.Now.
	Now func() time.Time
}

// ErrUndeliverable says that a message cannot be delivered, however often it is tried.
var ErrUndeliverable = errors.New("undeliverable")

// SMTP sends mails through one server, on a connection for each. It is safe for concurrent use.
type SMTP struct {
	config Config
	host   string
	from   mail.Address
}

// New checks the configuration. It does no I/O. Errors name the field that is wrong, and never quote the password.
func New(c Config) (*SMTP, error) {
	host, port, err := net.SplitHostPort(c.Address)
	if err != nil || host == "" || port == "" {
		return nil, fmt.Errorf("mail: the address of the SMTP server is %.64q, want host:port such as smtp.example.com:587", c.Address)
	}
	from, err := mail.ParseAddress(c.From)
	if err != nil {
		return nil, fmt.Errorf("mail: the sender is %.64q, want an address such as login@example.com or Example <login@example.com>", c.From)
	}
	if _, err := address(from.Address); err != nil {
		return nil, fmt.Errorf("mail: the sender's address is %.64q, want one in ASCII without quotes", from.Address)
	}
	c.Security = cmp.Or(c.Security, StartTLS)
	switch c.Security {
	case StartTLS, TLS, InsecureNone:
	default:
		return nil, fmt.Errorf("mail: the encryption of SMTP is %.64q, want %s, %s or %s", c.Security, StartTLS, TLS, InsecureNone)
	}
	if (c.User == "") != (c.Password == "") {
		return nil, errors.New("mail: of user and password of SMTP one is there, want both or neither")
	}
	if c.User != "" && c.Security == InsecureNone {
		return nil, errors.New("mail: a password is not sent to an SMTP server without encryption")
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return &SMTP{config: c, host: host, from: *from}, nil
}

const (
	// tryTime bounds a mail whose context has no end.
	tryTime = time.Minute
	// maxAnswers bounds what the server may say over one mail, in bytes.
	maxAnswers = 1 << 20
)

// Send sends a message. It returns nil when the server has taken it; what happens to it then is not known here.
func (s *SMTP) Send(ctx context.Context, m Message) error {
	text, err := compose(envelope{s.from, s.config.Now(), newID()}, m)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, tryTime)
	defer cancel()
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", s.config.Address)
	if err != nil {
		return fmt.Errorf("mail: %w", err)
	}
	// Whatever waits for the server ends with the context.
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	defer conn.Close()
	if err := s.talk(ctx, conn, m.To, text); err != nil {
		return fmt.Errorf("mail: SMTP server %s: %w", s.config.Address, cmp.Or(ctx.Err(), err))
	}
	return nil
}

func (s *SMTP) talk(ctx context.Context, conn net.Conn, to string, text []byte) error {
	client, err := s.greet(ctx, &bounded{Conn: conn, left: maxAnswers})
	if err != nil {
		return err
	}
	if s.config.User != "" {
		if err := s.authenticate(client); err != nil {
			return err
		}
	}
	if err := client.Mail(s.from.Address); err != nil {
		return fmt.Errorf("it refuses the sender %s: %w", s.from.Address, err)
	}
	if err := client.Rcpt(to); err != nil {
		return fmt.Errorf("it refuses the recipient: %w", final(err))
	}
	w, err := client.Data()
	if err != nil {
		return err
	}
	if _, err := w.Write(text); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return fmt.Errorf("it refuses the mail: %w", final(err))
	}
	client.Quit() // it has the mail: how it says good-bye does not matter
	return nil
}

// greet goes as far as an encrypted connection.
func (s *SMTP) greet(ctx context.Context, conn net.Conn) (*smtp.Client, error) {
	settings := s.config.TLS.Clone()
	if settings == nil {
		settings = new(tls.Config)
	}
	settings.ServerName = cmp.Or(settings.ServerName, s.host)
	settings.MinVersion = max(settings.MinVersion, tls.VersionTLS12)
	if s.config.Security == TLS {
		encrypted := tls.Client(conn, settings)
		if err := encrypted.HandshakeContext(ctx); err != nil {
			return nil, err
		}
		conn = encrypted
	}
	client, err := smtp.NewClient(conn, s.host)
	if err != nil {
		return nil, err
	}
	if err := client.Hello(domain(s.from.Address)); err != nil {
		return nil, err
	}
	if s.config.Security != StartTLS {
		return client, nil
	}
	if offered, _ := client.Extension("STARTTLS"); !offered {
		return nil, errors.New("it offers no STARTTLS on this port, and nothing is sent unencrypted; servers that are encrypted from the beginning are mostly on port 465")
	}
	return client, client.StartTLS(settings)
}

func (s *SMTP) authenticate(client *smtp.Client) error {
	_, methods := client.Extension("AUTH")
	list := strings.Fields(strings.ToUpper(methods))
	var auth smtp.Auth
	for _, method := range list {
		switch {
		case method == "PLAIN":
			auth = smtp.PlainAuth("", s.config.User, s.config.Password, s.host)
		case method == "LOGIN" && auth == nil:
			auth = &loginAuth{s.config.User, s.config.Password}
		}
	}
	if auth == nil {
		return fmt.Errorf("it offers the authentication %.64q, want PLAIN or LOGIN", methods)
	}
	if err := client.Auth(auth); err != nil {
		return fmt.Errorf("it refuses user and password: %w", err)
	}
	return nil
}

// loginAuth is the mechanism LOGIN, the only one of some large services. It is used on encrypted connections alone:
// New sees to that.
type loginAuth struct{ user, password string }

func (a *loginAuth) Start(info *smtp.ServerInfo) (string, []byte, error) {
	if !info.TLS {
		return "", nil, errors.New("the connection is not encrypted")
	}
	return "LOGIN", nil, nil
}

func (a *loginAuth) Next(question []byte, more bool) ([]byte, error) {
	if !more {
		return nil, nil
	}
	switch strings.ToLower(strings.TrimSuffix(string(question), ":")) {
	case "username", "user name":
		return []byte(a.user), nil
	case "password":
		return []byte(a.password), nil
	}
	return nil, errors.New("it asks for something else than user name and password")
}

// final marks a refusal that will not pass (RFC 5321 §4.2.1): a code of 5xx.
func final(err error) error {
	var answer *textproto.Error
	if errors.As(err, &answer) && answer.Code >= 500 {
		return fmt.Errorf("%w: %w", ErrUndeliverable, err)
	}
	return err
}

// bounded is a connection on which the other side may say so much.
type bounded struct {
	net.Conn
	left int
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, fmt.Errorf("it says more than %d bytes: %w", maxAnswers, io.ErrUnexpectedEOF)
	}
	n, err := b.Conn.Read(p[:min(len(p), b.left)])
	b.left -= n
	return n, err
}

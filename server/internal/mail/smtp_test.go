package mail_test

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"io"
	"math/big"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	netmail "net/mail"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/postern-auth/postern/server/internal/mail"
)

// smtpServer is a small SMTP server that keeps what it hears.
type smtpServer struct {
	t        *testing.T
	listener net.Listener
	cert     tls.Certificate
	roots    *x509.CertPool

	implicit bool              // TLS from the first byte
	offers   []string          // of EHLO
	answers  map[string]string // by verb, in place of the usual
	silent   bool              // says nothing at all

	mu       sync.Mutex
	heard    []string // lines, and whether they came encrypted
	messages []string
	rcpt     []string
}

func newSMTP(t *testing.T, change ...func(*smtpServer)) *smtpServer {
	t.Helper()
	s := &smtpServer{t: t, offers: []string{"STARTTLS", "AUTH PLAIN LOGIN", "8BITMIME"}, answers: make(map[string]string)}
	for _, f := range change {
		f(s)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	s.cert = tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	s.roots = x509.NewCertPool()
	s.roots.AddCert(parsed)
	if s.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	running.Go(func() {
		for {
			conn, err := s.listener.Accept()
			if err != nil {
				return
			}
			running.Go(func() { s.serve(conn) })
		}
	})
	t.Cleanup(func() {
		s.listener.Close()
		running.Wait()
	})
	return s
}

func (s *smtpServer) serve(conn net.Conn) {
	defer func() { conn.Close() }()
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	encrypted := false
	if s.silent {
		io.Copy(io.Discard, conn)
		return
	}
	if s.implicit {
		conn, encrypted = tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{s.cert}}), true
	}
	r := bufio.NewReader(conn)
	say := func(line string) { io.WriteString(conn, line+"\r\n") }
	say("220 small ESMTP")
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		line = strings.TrimRight(line, "\r\n")
		s.mu.Lock()
		s.heard = append(s.heard, map[bool]string{true: "+ ", false: "- "}[encrypted]+line)
		s.mu.Unlock()
		verb, rest, _ := strings.Cut(line, " ")
		if answer := s.answers[verb]; answer != "" {
			say(answer)
			continue
		}
		switch verb {
		case "EHLO":
			say("250-small")
			for _, offer := range s.offers {
				if !encrypted || offer != "STARTTLS" {
					say("250-" + offer)
				}
			}
			say("250 HELP")
		case "STARTTLS":
			say("220 go on")
			conn, encrypted = tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{s.cert}}), true
			r = bufio.NewReader(conn)
		case "AUTH":
			if rest == "LOGIN" {
				for _, question := range []string{"Username:", "Password:"} {
					say("334 " + base64.StdEncoding.EncodeToString([]byte(question)))
					answer, _ := r.ReadString('\n')
					text, _ := base64.StdEncoding.DecodeString(strings.TrimSpace(answer))
					s.mu.Lock()
					s.heard = append(s.heard, "  "+string(text))
					s.mu.Unlock()
				}
			}
			say("235 welcome")
		case "RCPT":
			s.mu.Lock()
			s.rcpt = append(s.rcpt, rest)
			s.mu.Unlock()
			say("250 ok")
		case "DATA":
			say("354 go on")
			var message strings.Builder
			for {
				line, err := r.ReadString('\n')
				if err != nil {
					return
				}
				if line == ".\r\n" {
					break
				}
				message.WriteString(strings.TrimPrefix(line, "."))
			}
			if answer := s.answers["."]; answer != "" {
				say(answer)
				continue
			}
			s.mu.Lock()
			s.messages = append(s.messages, message.String())
			s.mu.Unlock()
			say("250 taken")
		case "QUIT":
			say("221 bye")
			return
		default:
			say("250 ok")
		}
	}
}

// said returns what the server heard, a line each: + encrypted, - in the clear.
func (s *smtpServer) said() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.heard, "\n")
}

// message returns the one message that the server has, if it is to one address.
func (s *smtpServer) message(to string) string {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.messages) != 1 || strings.Join(s.rcpt, " ") != "TO:<"+to+">" {
		s.t.Fatalf("expected one message to %s, got %d to %q", to, len(s.messages), s.rcpt)
	}
	return s.messages[0]
}

func (s *smtpServer) config() mail.Config {
	return mail.Config{
		Address: s.listener.Addr().String(), User: "postern", Password: "pa55-w0rd", From: "Jördis & Söhne <login@example.com>",
		TLS: &tls.Config{RootCAs: s.roots}, Now: func() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) },
	}
}

var letter = mail.Message{
	To: "anna@example.com", Subject: "Wählen Sie ein neues Passwort", Text: "Hallo Jördis,\n\nhttps://login.example.com/reset/abc\n.\nEnde\n",
	HTML: "<p>Hallo Jördis</p>",
}

func send(t *testing.T, c mail.Config, m mail.Message) error {
	t.Helper()
	s, err := mail.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return s.Send(t.Context(), m)
}

func TestAMailArrivesAsItWasWritten(t *testing.T) {
	for name, change := range map[string]func(*smtpServer, *mail.Config){
		"STARTTLS":       func(*smtpServer, *mail.Config) {},
		"TLS":            func(s *smtpServer, c *mail.Config) { s.implicit, c.Security = true, mail.TLS },
		"LOGIN":          func(s *smtpServer, c *mail.Config) { s.offers = []string{"STARTTLS", "AUTH LOGIN"} },
		"no encryption":  func(_ *smtpServer, c *mail.Config) { c.Security, c.User, c.Password = mail.InsecureNone, "", "" },
		"no credentials": func(_ *smtpServer, c *mail.Config) { c.User, c.Password = "", "" },
	} {
		t.Run(name, func(t *testing.T) {
			var c mail.Config
			s := newSMTP(t, func(s *smtpServer) { change(s, &c) })
			c = s.config()
			change(new(smtpServer), &c)
			if err := send(t, c, letter); err != nil {
				t.Fatal(err)
			}
			read(t, s.message("anna@example.com"))
			for line := range strings.Lines(s.said()) {
				if c.Security != mail.InsecureNone && strings.HasPrefix(line, "- ") && !strings.HasPrefix(line, "- EHLO example.com") && !strings.HasPrefix(line, "- STARTTLS") {
					t.Errorf("expected nothing in the clear, got %q", line)
				}
			}
		})
	}
}

// read checks a message as a reader of mail sees it.
func read(t *testing.T, raw string) {
	t.Helper()
	for line := range strings.SplitSeq(raw, "\r\n") {
		if len(line) > 78 && !strings.HasPrefix(line, "Content-Type:") || strings.ContainsFunc(line, func(r rune) bool { return r > '~' }) {
			t.Errorf("expected short lines of ASCII, got %q", line)
		}
	}
	m, err := netmail.ReadMessage(strings.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	words := new(mime.WordDecoder)
	subject, err := words.DecodeHeader(m.Header.Get("Subject"))
	if err != nil || subject != letter.Subject {
		t.Errorf("expected the subject %q, got %q and %v", letter.Subject, subject, err)
	}
	from, err := m.Header.AddressList("From")
	if err != nil || from[0].Name != "Jördis & Söhne" || from[0].Address != "login@example.com" {
		t.Errorf("expected the sender, got %v and %v", from, err)
	}
	if date := m.Header.Get("Date"); date != "Sun, 01 Mar 2026 12:00:00 +0000" {
		t.Errorf("expected the date, got %q", date)
	}
	if id := m.Header.Get("Message-ID"); !strings.HasSuffix(id, "@example.com>") || len(id) < 30 {
		t.Errorf("expected a Message-ID, got %q", id)
	}
	kind, parameters, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/alternative" {
		t.Fatalf("expected multipart/alternative, got %q and %v", kind, err)
	}
	var got []string
	for parts := multipart.NewReader(m.Body, parameters["boundary"]); ; {
		part, err := parts.NextRawPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(quotedprintable.NewReader(part))
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, part.Header.Get("Content-Type")+": "+strings.ReplaceAll(string(text), "\r\n", "\n"))
	}
	want := []string{"text/plain; charset=utf-8: " + letter.Text, "text/html; charset=utf-8: " + letter.HTML}
	if strings.Join(got, "|") != strings.Join(want, "|") {
		t.Errorf("expected %q, got %q", want, got)
	}
}

func TestNothingIsSentWhereItCouldBeRead(t *testing.T) {
	strangers := newSMTP(t)
	for name, test := range map[string]struct {
		server func(*smtpServer)
		config func(*mail.Config)
		want   string
	}{
		"STARTTLS is not offered":                   {func(s *smtpServer) { s.offers = []string{"AUTH PLAIN"} }, func(*mail.Config) {}, "offers no STARTTLS"},
		"STARTTLS is refused":                       {func(s *smtpServer) { s.answers["STARTTLS"] = "454 not now" }, func(*mail.Config) {}, "454"},
		"another's certificate":                     {func(*smtpServer) {}, func(c *mail.Config) { c.TLS.RootCAs = strangers.roots }, "certificate"},
		"another name":                              {func(*smtpServer) {}, func(c *mail.Config) { c.TLS.ServerName = "smtp.example.com" }, "certificate"},
		"a server in the clear where TLS is wanted": {func(*smtpServer) {}, func(c *mail.Config) { c.Security = mail.TLS }, "tls"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSMTP(t, test.server)
			c := s.config()
			test.config(&c)
			err := send(t, c, letter)
			if err == nil || !strings.Contains(err.Error(), test.want) || errors.Is(err, mail.ErrUndeliverable) {
				t.Errorf("expected an error that will pass, with %q, got %v", test.want, err)
			}
			if said := s.said(); strings.Contains(said, "MAIL") || strings.Contains(said, "AUTH ") {
				t.Errorf("expected nothing to be said, got\n%s", said)
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	for name, test := range map[string]struct {
		verb, answer, want string
		final              bool
	}{
		"greylisting":              {"RCPT", "450 come again", "450", false},
		"nobody there":             {"RCPT", "550 no such user", "550", true},
		"the sender is not liked":  {"MAIL", "550 not you", "login@example.com", false},
		"wrong password":           {"AUTH", "535 no", "refuses user and password", false},
		"the mail is spam":         {".", "554 spam", "554", true},
		"the disk is full":         {".", "452 full", "452", false},
		"no data now":              {"DATA", "421 shutting down", "421", false},
		"an answer without an end": {"RCPT", "250-" + strings.Repeat("x", 70_000) + strings.Repeat("\r\n250-"+strings.Repeat("x", 70_000), 20), "more than", false},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSMTP(t, func(s *smtpServer) { s.answers[test.verb] = test.answer })
			err := send(t, s.config(), letter)
			if err == nil || !strings.Contains(err.Error(), test.want) || errors.Is(err, mail.ErrUndeliverable) != test.final {
				t.Errorf("expected an error with %q, final %v, got %v", test.want, test.final, err)
			}
			if err != nil && strings.Contains(err.Error(), "pa55") {
				t.Errorf("expected no password in %v", err)
			}
		})
	}
}

func TestNoValueBecomesAnotherHeaderOrCommand(t *testing.T) {
	s := newSMTP(t)
	for _, to := range []string{
		"anna@example.com\r\nRCPT TO:<evil@example.com>", "anna@example.com, evil@example.com", "Anna <anna@example.com>", "<anna@example.com>",
		`"anna@example.com>\r\nDATA"@example.com`, "anna@example.com\nBcc: evil@example.com", "", "anna", "jördis@example.com", "anna@[127.0.0.1]",
		"anna@example.com (x)", strings.Repeat("x", 250) + "@example.com", "anna@example.com\x00",
	} {
		m := letter
		m.To = to
		if err := send(t, s.config(), m); !errors.Is(err, mail.ErrUndeliverable) {
			t.Errorf("%q: expected ErrUndeliverable, got %v", to, err)
		}
	}
	if said := s.said(); said != "" {
		t.Errorf("expected nothing to be said, got\n%s", said)
	}
	m := letter
	m.Subject = "Hello\r\nBcc: evil@example.com\r\n\r\n<p>" + strings.Repeat("é", 200)
	m.Text = "\r\n.\r\nMAIL FROM:<x@example.com>\r\n"
	if err := send(t, s.config(), m); err != nil {
		t.Fatal(err)
	}
	read, err := netmail.ReadMessage(strings.NewReader(s.message("anna@example.com")))
	if err != nil {
		t.Fatal(err)
	}
	subject, err := new(mime.WordDecoder).DecodeHeader(read.Header.Get("Subject"))
	if err != nil || subject != m.Subject || read.Header.Get("Bcc") != "" {
		t.Errorf("expected the subject to stay one header, got %q, Bcc %q", subject, read.Header.Get("Bcc"))
	}
}

func TestASilentServerEndsWithTheContext(t *testing.T) {
	s := newSMTP(t, func(s *smtpServer) { s.silent = true })
	sender, err := mail.New(s.config())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- sender.Send(ctx, letter) }()
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("expected the end of the context, got %v", err)
	}
}

func TestConfigurationsThatAreRefused(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*mail.Config)
		want   string
	}{
		"no address":                     {func(c *mail.Config) { c.Address = "" }, "host:port"},
		"an address without a port":      {func(c *mail.Config) { c.Address = "smtp.example.com" }, "host:port"},
		"an address without a host":      {func(c *mail.Config) { c.Address = ":587" }, "host:port"},
		"no sender":                      {func(c *mail.Config) { c.From = "" }, "sender"},
		"a sender with a line end":       {func(c *mail.Config) { c.From = "a@example.com\r\nBcc: b@example.com" }, "sender"},
		"a sender in quotes":             {func(c *mail.Config) { c.From = `"a b"@example.com` }, "sender"},
		"two senders":                    {func(c *mail.Config) { c.From = "a@example.com, b@example.com" }, "sender"},
		"another encryption":             {func(c *mail.Config) { c.Security = "ssl" }, "starttls, tls or insecure-none"},
		"a user alone":                   {func(c *mail.Config) { c.Password = "" }, "both or neither"},
		"a password alone":               {func(c *mail.Config) { c.User = "" }, "both or neither"},
		"a password without encryption":  {func(c *mail.Config) { c.Security = mail.InsecureNone }, "without encryption"},
		"a sender beyond ASCII":          {func(c *mail.Config) { c.From = "jördis@example.com" }, "ASCII"},
		"an address with another scheme": {func(c *mail.Config) { c.Address = "smtp://smtp.example.com:587" }, "host:port"},
	} {
		t.Run(name, func(t *testing.T) {
			c := mail.Config{Address: "smtp.example.com:587", User: "postern", Password: "pa55-w0rd", From: "login@example.com"}
			test.change(&c)
			_, err := mail.New(c)
			if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "pa55") {
				t.Errorf("expected an error with %q and without the password, got %v", test.want, err)
			}
		})
	}
}

func FuzzMessage(f *testing.F) {
	f.Add("anna@example.com", "Hello", "text", "<p>html</p>")
	f.Add("a@b\r\nBcc: c@d", "x\r\nBcc: c@d", "\r\n.\r\n", "\x00")
	f.Fuzz(func(t *testing.T, to, subject, text, html string) {
		raw, err := mail.Compose(mail.Message{To: to, Subject: subject, Text: text, HTML: html})
		if err != nil {
			return
		}
		m, err := netmail.ReadMessage(strings.NewReader(string(raw)))
		if err != nil {
			t.Fatalf("what is composed cannot be read: %v\n%q", err, raw)
		}
		for name := range m.Header {
			if !strings.Contains(" From To Subject Date Message-Id Auto-Submitted Mime-Version Content-Type ", " "+name+" ") {
				t.Fatalf("expected none but our headers, got %q", name)
			}
		}
		if got := m.Header.Get("To"); got != "<"+to+">" {
			t.Fatalf("expected the recipient %q, got %q", to, got)
		}
	})
}

package mail

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"net/textproto"
	"strings"
	"time"
)

// Message is a mail to one person: a subject of one line, and the same words as plain text and as HTML.
type Message struct {
	To      string // an address alone, such as anna@example.com
	Subject string
	Text    string
	HTML    string
}

// envelope is what is written above a message.
type envelope struct {
	from mail.Address
	at   time.Time
	id   string // of the Message-ID, left of the @
}

// compose writes a message as it is sent (RFC 5322, RFC 2045, RFC 2047): in ASCII and short lines, whatever is in
// it, so that no value can end the line that it stands in.
func compose(e envelope, m Message) ([]byte, error) {
	to, err := address(m.To)
	if err != nil {
		return nil, err
	}
	var body bytes.Buffer
	parts := multipart.NewWriter(&body)
	for _, part := range []struct{ kind, text string }{{"text/plain", m.Text}, {"text/html", m.HTML}} {
		header := textproto.MIMEHeader{}
		header.Set("Content-Type", part.kind+"; charset=utf-8")
		header.Set("Content-Transfer-Encoding", "quoted-printable")
		w, err := parts.CreatePart(header)
		if err != nil {
			return nil, err
		}
		quoted := quotedprintable.NewWriter(w)
		if _, err := quoted.Write([]byte(part.text)); err != nil {
			return nil, err
		}
		if err := quoted.Close(); err != nil {
			return nil, err
		}
	}
	if err := parts.Close(); err != nil {
		return nil, err
	}
	var b bytes.Buffer
	for _, line := range [][2]string{
		{"From", e.from.String()},
		{"To", "<" + to + ">"},
		{"Subject", oneLine(m.Subject)},
		{"Date", e.at.UTC().Format(time.RFC1123Z)},
		{"Message-ID", "<" + e.id + "@" + domain(e.from.Address) + ">"},
		{"Auto-Submitted", "auto-generated"}, // RFC 3834: no answer of a machine
		{"MIME-Version", "1.0"},
		{"Content-Type", mime.FormatMediaType("multipart/alternative", map[string]string{"boundary": parts.Boundary()})},
	} {
		fmt.Fprintf(&b, "%s: %s\r\n", line[0], line[1])
	}
	b.WriteString("\r\n")
	b.Write(body.Bytes())
	return b.Bytes(), nil
}

// oneLine writes text as encoded words, each on a line of its own where they are many.
func oneLine(text string) string {
	return strings.ReplaceAll(mime.QEncoding.Encode("utf-8", text), "?= =?", "?=\r\n =?")
}

// address returns an address that stands for itself in a header and in SMTP: what a server would read in two ways
// is refused.
func address(text string) (string, error) {
	parsed, err := mail.ParseAddress(text)
	odd := func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune(`"(),:;<>[\]`, r) }
	if err != nil || parsed.Address != text || strings.ContainsFunc(text, odd) || len(text) > 254 {
		return "", fmt.Errorf("mail: expected an address such as anna@example.com, got %.64q: %w", text, ErrUndeliverable)
	}
	return text, nil
}

func domain(address string) string { return address[strings.LastIndexByte(address, '@')+1:] }

func newID() string { return strings.ToLower(rand.Text()) }

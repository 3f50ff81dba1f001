package main

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"github.com/postern-auth/postern"
	"github.com/postern-auth/postern/internal/claims"
	"golang.org/x/term"
)

// content is what a JWT says, whoever wrote it.
type content struct {
	header, claims claims.Object
}

// decodeJWT decodes a JWT, also one that no verifier would take. It trusts nothing.
func decodeJWT(raw string) (*content, error) {
	parts := strings.Split(raw, ".")
	if len(parts) == 5 {
		return nil, errors.New("it is encrypted (five parts)")
	}
	if len(parts) != 3 {
		return nil, fmt.Errorf("a JWT has three parts with dots between, this has %d", len(parts))
	}
	var c content
	for i, part := range []struct {
		name string
		set  *claims.Object
	}{{"header", &c.header}, {"claims", &c.claims}} {
		text, err := base64.RawURLEncoding.DecodeString(parts[i])
		if err != nil {
			return nil, fmt.Errorf("%s: not base64url", part.name)
		}
		if err := part.set.Parse(string(text)); err != nil {
			return nil, fmt.Errorf("%s: %w", part.name, err)
		}
	}
	return &c, nil
}

// claim returns a claim that is a string, or "".
func (c *content) claim(name string) string {
	if c == nil {
		return ""
	}
	value, _ := c.claims.Lookup(name)
	text, _ := value.Text()
	return text
}

// result is the outcome of an inspection: a verified token, a refusal with advice, or neither when nothing
// was verified. The content is nil when the token is no JWT.
type result struct {
	content *content
	token   *postern.Token
	err     error
	advice  string
}

// refusal returns the error to end with.
func (r result) refusal() error {
	if r.err == nil {
		return nil
	}
	return fmt.Errorf("refused: %w\n%s", r.err, r.advice)
}

// object is the result for machines.
func (r result) object() any {
	o := struct {
		Verified bool            `json:"verified"`
		Error    string          `json:"error,omitempty"`
		Advice   string          `json:"advice,omitempty"`
		Header   json.RawMessage `json:"header,omitempty"`
		Claims   any             `json:"claims,omitempty"`
	}{Verified: r.token != nil, Advice: r.advice}
	if r.err != nil {
		o.Error = r.err.Error()
	}
	switch {
	case r.content != nil:
		o.Header = json.RawMessage(r.content.header.String())
		o.Claims = json.RawMessage(r.content.claims.String())
	case r.token != nil:
		o.Claims = factsObject(r.token)
	}
	return o
}

// text is the result for people.
func (r result) text(p palette, now time.Time) string {
	var b strings.Builder
	switch {
	case r.token != nil:
		b.WriteString(p.paint(green, "VERIFIED") + "\n")
	case r.err != nil:
		b.WriteString(p.paint(red, "REFUSED") + "\n")
	default:
		b.WriteString(p.paint(yellow, "NOT VERIFIED") + ": anybody can have written this\n")
	}
	if r.content != nil {
		table(&b, "header", &r.content.header, now)
		table(&b, "claims", &r.content.claims, now)
	} else if r.token != nil {
		var set claims.Object
		text, err := json.Marshal(factsObject(r.token))
		if err == nil && set.Parse(string(text)) == nil {
			table(&b, "introspection", &set, now)
		}
	}
	return b.String()
}

// factsObject is what introspection told of a token, by the names of RFC 7662 §2.2.
func factsObject(t *postern.Token) any {
	return struct {
		Issuer      string            `json:"iss,omitempty"`
		Subject     string            `json:"sub,omitempty"`
		ClientID    string            `json:"client_id,omitempty"`
		Username    string            `json:"username,omitempty"`
		ID          string            `json:"jti,omitempty"`
		Audience    []string          `json:"aud,omitempty"`
		Scope       string            `json:"scope,omitempty"`
		Roles       []string          `json:"roles,omitempty"`
		Permissions []string          `json:"permissions,omitempty"`
		IssuedAt    int64             `json:"iat,omitempty"`
		NotBefore   int64             `json:"nbf,omitempty"`
		Expiry      int64             `json:"exp,omitempty"`
		Binding     map[string]string `json:"cnf,omitempty"`
	}{
		t.Issuer(), t.Subject(), t.ClientID(), t.Username(), t.ID(),
		slices.Collect(t.Audience()), strings.Join(slices.Collect(t.Scopes()), " "),
		slices.Collect(t.Roles()), slices.Collect(t.Permissions()),
		seconds(t.IssuedAt()), seconds(t.NotBefore()), seconds(t.Expiry()), maps.Collect(t.Confirmation()),
	}
}

func seconds(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}

// table writes the members of an object in aligned columns.
func table(b *strings.Builder, title string, set *claims.Object, now time.Time) {
	fmt.Fprintf(b, "\n%s\n", title)
	w := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	for name, value := range set.All() {
		fmt.Fprintf(w, "  %s\t%s\n", printable(name), describe(name, value, now))
	}
	w.Flush()
}

// describe puts a claim's value into words: a time also as a date and how far off it is.
func describe(name string, value claims.Value, now time.Time) string {
	switch name {
	case "exp", "iat", "nbf", "auth_time", "updated_at":
		at, err := value.Time()
		if err != nil {
			break
		}
		return fmt.Sprintf("%s  %s (%s)", value.JSON(), at.Format(time.RFC3339), distance(at.Sub(now)))
	}
	text, ok := value.Text()
	if !ok {
		text = value.JSON()
	}
	return printable(text)
}

// distance tells how far off a time is, to the second, and beyond two days to the day.
func distance(d time.Duration) string {
	d = d.Round(time.Second)
	if d == 0 {
		return "now"
	}
	span := d.Abs().String()
	if days := d.Abs() / (24 * time.Hour); days > 1 {
		span = fmt.Sprintf("%d days", days)
	}
	if d < 0 {
		return span + " ago"
	}
	return "in " + span
}

// printable escapes what a terminal would take for more than a character: the token's writer is not known.
func printable(s string) string {
	if strings.IndexFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) < 0 {
		return s
	}
	quoted := strconv.Quote(s)
	return quoted[1 : len(quoted)-1]
}

// The colours of ECMA-48.
const (
	red    = "\x1b[31m"
	green  = "\x1b[32m"
	yellow = "\x1b[33m"
	reset  = "\x1b[0m"
)

// palette says whether to use colours.
type palette bool

// newPalette uses colours on a terminal, unless NO_COLOR is set or the terminal is dumb.
func newPalette(e *env) palette {
	file, ok := e.stdout.(*os.File)
	if !ok || !term.IsTerminal(int(file.Fd())) {
		return false
	}
	plain, _ := e.lookup("NO_COLOR")
	kind, _ := e.lookup("TERM")
	return plain == "" && kind != "dumb"
}

func (p palette) paint(colour, text string) string {
	if !p {
		return text
	}
	return colour + text + reset
}

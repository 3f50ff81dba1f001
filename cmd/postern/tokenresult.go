package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"github.com/postern-auth/postern"
	"github.com/postern-auth/postern/internal/claims"
	"github.com/postern-auth/postern/internal/inspect"
)

// result is the outcome of an inspection: a verified token, a refusal with advice, or neither when nothing
// was verified. The content is nil when the token is not a JWT.
type result struct {
	content *inspect.Content
	token   *postern.Token
	err     error
	advice  string
	checks  []inspect.Check // of a JWT that was refused
	// revocation says whether a JWT was revoked, in words; empty when the question does not arise.
	revocation string
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
		Verified   bool            `json:"verified"`
		Error      string          `json:"error,omitempty"`
		Advice     string          `json:"advice,omitempty"`
		Revocation string          `json:"revocation,omitempty"`
		Checks     []checkObject   `json:"checks,omitempty"`
		Header     json.RawMessage `json:"header,omitempty"`
		Claims     any             `json:"claims,omitempty"`
	}{Verified: r.token != nil, Advice: r.advice, Revocation: r.revocation}
	if r.err != nil {
		o.Error = r.err.Error()
	}
	for _, c := range r.checks {
		o.Checks = append(o.Checks, checkObject(c))
	}
	switch {
	case r.content != nil:
		o.Header = json.RawMessage(r.content.Header.String())
		o.Claims = json.RawMessage(r.content.Claims.String())
	case r.token != nil:
		o.Claims = factsObject(r.token)
	}
	return o
}

// checkObject is a check for machines.
type checkObject struct {
	Name     inspect.Name    `json:"name"`
	Outcome  inspect.Outcome `json:"outcome"`
	Expected []string        `json:"expected,omitempty"`
	Got      []string        `json:"got,omitempty"`
	Fault    inspect.Fault   `json:"fault,omitempty"`
}

// text is the result for people.
func (r result) text(p palette, now time.Time) string {
	var b strings.Builder
	switch {
	case r.token != nil:
		b.WriteString(p.paint(green, "VERIFIED") + "\n")
		if r.revocation != "" {
			fmt.Fprintf(&b, "revoked: %s\n", printable(r.revocation))
		}
	case r.err != nil:
		b.WriteString(p.paint(red, "REFUSED") + "\n")
	default:
		b.WriteString(p.paint(yellow, "NOT VERIFIED") + ": anybody can have written this\n")
	}
	list(&b, r.checks, p)
	if r.content != nil {
		table(&b, "header", &r.content.Header, now)
		table(&b, "claims", &r.content.Claims, now)
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

// list writes checks in aligned columns, each with what was expected and found where it has not passed.
func list(b *strings.Builder, checks []inspect.Check, p palette) {
	if len(checks) == 0 {
		return
	}
	b.WriteString("\nchecks\n")
	for _, c := range checks {
		word, colour := outcome(c.Outcome)
		line := fmt.Sprintf("  %-9s  %s", c.Name, p.paint(colour, word))
		if c.Outcome == inspect.Failed || c.Outcome == inspect.Doubted {
			line += compared(c)
		}
		b.WriteString(line + "\n")
	}
}

func outcome(o inspect.Outcome) (word, colour string) {
	switch o {
	case inspect.Passed:
		return "passed", green
	case inspect.Failed:
		return "FAILED", red
	case inspect.Doubted:
		return "passed, and worth a look", yellow
	}
	return "not checked", yellow
}

// compared says what was expected of a check, and what was found.
func compared(c inspect.Check) string {
	var text string
	if len(c.Expected) > 0 {
		text = "  expected " + printable(strings.Join(c.Expected, " or "))
	}
	if got := strings.TrimSpace(strings.Join(c.Got, " ")); got != "" {
		text += "  got " + printable(got)
	}
	if c.Fault == inspect.FinalSlash {
		text += "  (they differ by the slash at the end)"
	}
	return text
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
		return fmt.Sprintf("%s  %s (%s)", value.JSON(), at.Format(time.RFC3339), distance(at, now))
	}
	text, ok := value.Text()
	if !ok {
		text = value.JSON()
	}
	return printable(text)
}

// distance tells in words how far off a time is, in the greatest unit of which there are two or more.
func distance(at, now time.Time) string {
	span := at.Sub(now).Round(time.Second).Abs()
	days := (at.Unix() - now.Unix()) / (24 * 60 * 60) // a Duration ends after 292 years
	if days < 0 {
		days = -days
	}
	words := ""
	switch {
	case span == 0:
		return "now"
	case days >= 2*365:
		words = fmt.Sprintf("%d years", days*400/146097) // of the Gregorian calendar
	case days >= 2:
		words = fmt.Sprintf("%d days", days)
	case span >= 2*time.Hour:
		words = fmt.Sprintf("%d hours", span/time.Hour)
	case span >= 2*time.Minute:
		words = fmt.Sprintf("%d minutes", span/time.Minute)
	case span == time.Second:
		words = "1 second"
	default:
		words = fmt.Sprintf("%d seconds", span/time.Second)
	}
	if at.Before(now) {
		return words + " ago"
	}
	return "in " + words
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
	if !terminal(e.stdout) {
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

package redirect

import (
	"net/url"
	"strings"
)

// A Field is a parameter of an answer.
type Field struct{ Name, Value string }

// Append returns the URI with the fields behind what it has already. Values come back byte for byte,
// whether the receiver reads them as a form or as a URI: a space is %20, never a plus.
func Append(uri string, fields []Field) string {
	var b strings.Builder
	b.WriteString(uri)
	separator := "?"
	if strings.Contains(uri, "?") {
		separator = "&"
	}
	if strings.HasSuffix(uri, "?") || strings.HasSuffix(uri, "&") && separator == "&" {
		separator = ""
	}
	for _, field := range fields {
		b.WriteString(separator + escape(field.Name) + "=" + escape(field.Value))
		separator = "&"
	}
	return b.String()
}

func escape(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }

// Origin returns the origin of an http or https URI that Check admits, as a browser writes it (RFC 6454
// §6.2), or the empty string: what has a private scheme has no origin.
func Origin(uri string) string {
	u, err := url.Parse(uri)
	if err != nil || Check(uri) != nil || !IsWeb(uri) {
		return ""
	}
	host := u.Host
	if u.Scheme == "http" {
		host = strings.TrimSuffix(host, ":80")
	}
	return u.Scheme + "://" + host
}

// IsWeb reports whether a browser itself goes to the URI, and does not hand it to another program.
func IsWeb(uri string) bool {
	return strings.HasPrefix(uri, "https://") || strings.HasPrefix(uri, "http://")
}

// Scheme returns the scheme of a URI with its colon, as form-action of a Content Security Policy names it.
func Scheme(uri string) string {
	scheme, _, _ := strings.Cut(uri, ":")
	return scheme + ":"
}

// Repeats reports whether the redirect_uri that came with a code is the one that the code was asked for
// with (RFC 6749 §4.1.3). Client libraries send back the URI of the page that they find themselves on: as
// the URL parser writes it and without its query. So the comparison is of what the parser makes of both,
// and when the code is bound by PKCE, which proves more, the query or the whole parameter may be missing
// (OAuth 2.1 has dropped it).
func Repeats(used, sent string, bound bool) bool {
	if sent == used {
		return true
	}
	if sent == "" {
		return bound
	}
	if strings.Contains(sent, "#") || len(sent) > MaxLength {
		return false
	}
	a, errA := url.Parse(used)
	b, errB := url.Parse(sent)
	if errA != nil || errB != nil || a.Opaque != "" || b.Opaque != "" || b.User != nil {
		return false
	}
	sameQuery := a.RawQuery == b.RawQuery || bound && b.RawQuery == ""
	return a.Scheme == b.Scheme && hostOf(a) == hostOf(b) && pathOf(a) == pathOf(b) && sameQuery
}

// hostOf returns the host in lower case without the port that its scheme implies.
func hostOf(u *url.URL) string {
	host := strings.ToLower(u.Host)
	switch u.Scheme {
	case "https":
		return strings.TrimSuffix(host, ":443")
	case "http":
		return strings.TrimSuffix(host, ":80")
	}
	return host
}

func pathOf(u *url.URL) string {
	if path := u.EscapedPath(); path != "" {
		return path
	}
	return "/"
}

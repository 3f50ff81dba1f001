package page

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
)

// A policy is what a page is allowed beside showing text in our own style. The zero policy is the strictest:
// no script, no frame, forms to this origin alone.
type policy struct {
	// script is a source of script-src.
	script string
	// fetches lets the script ask this server.
	fetches bool
	// scheme is a private URI scheme that the answer to a form may go on to.
	scheme string
	// formsAnywhere leaves out form-action.
	formsAnywhere bool
	// frames are the origins that may hold the page in a frame.
	frames []string
	// originToOthers tells the site that the page goes on to which origin it came from.
	originToOthers bool
	// alone cuts the page off from windows that opened it. No page of an authorization is: an application
	// may have opened it as a popup and waits for its message.
	alone bool
}

// set writes the headers of a page.
func (p policy) set(h http.Header) {
	h.Set("Content-Security-Policy", p.contentSecurity())
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	// Without a referrer at all, browsers would send "Origin: null" with our own forms.
	h.Set("Referrer-Policy", "same-origin")
	if p.originToOthers {
		h.Set("Referrer-Policy", "strict-origin")
	}
	if len(origins(p.frames)) == 0 {
		h.Set("X-Frame-Options", "DENY")
	}
	if p.alone {
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
	}
}

func (p policy) contentSecurity() string {
	directives := []string{"default-src 'none'", "style-src 'self'", "img-src 'self'", "base-uri 'none'"}
	if p.script != "" {
		directives = append(directives, "script-src "+p.script)
	}
	if p.fetches {
		directives = append(directives, "connect-src 'self'")
	}
	switch {
	case p.formsAnywhere:
	case privateScheme.MatchString(p.scheme):
		directives = append(directives, "form-action 'self' "+p.scheme+":")
	default:
		directives = append(directives, "form-action 'self'")
	}
	ancestors := "'none'"
	if listed := origins(p.frames); len(listed) > 0 {
		ancestors = strings.Join(listed, " ")
	}
	return strings.Join(append(directives, "frame-ancestors "+ancestors), "; ")
}

// privateScheme holds a dot, as RFC 8252 §7.1 wants of schemes that an application makes up.
var privateScheme = regexp.MustCompile(`^[a-z][a-z0-9+-]*(\.[a-z0-9+-]+)+$`)

var originForm = regexp.MustCompile(`^https?://[A-Za-z0-9.:\[\]-]+$`)

// origins returns those of a list that are origins and nothing more: what else came cannot become part of a
// policy.
func origins(list []string) []string {
	var listed []string
	for _, origin := range list {
		if u, err := url.Parse(origin); err == nil && u.Host != "" && originForm.MatchString(origin) {
			listed = append(listed, origin)
		}
	}
	return listed
}

package authorize

import (
	"net/http"

	"github.com/postern-auth/postern/server/internal/oauth"
	"github.com/postern-auth/postern/server/internal/redirect"
)

// Mode is how the answer reaches the client (response_mode).
type Mode string

// Modes of an answer. Each keeps a code out of URLs' fragments, which scripts of the page can read.
const (
	Query      Mode = "query"       // the redirect URI with parameters
	FormPost   Mode = "form_post"   // a page that posts them (OAuth 2.0 Form Post Response Mode)
	WebMessage Mode = "web_message" // a page that hands them to the window that opened or framed it
)

func (m Mode) known() bool { return m == Query || m == FormPost || m == WebMessage }

// Reply is where an answer goes, and what it carries in any case. The zero value goes nowhere, and so does that of a
// device, which has an Issuer alone.
type Reply struct {
	Issuer      oauth.Issuer `json:"issuer"` // the one that was asked, in its own spelling (RFC 9207)
	RedirectURI string       `json:"redirect_uri"`
	Mode        Mode         `json:"response_mode"`
	State       string       `json:"state,omitempty"` // exactly as sent; empty: none was sent
}

// After is what the browser has just done, which decides how it can be sent on.
type After int

// What a browser may have done.
const (
	AfterGet  After = iota // a GET to the authorization endpoint that needed no page
	AfterPost              // the same by POST
	AfterForm              // a form of one of the server's own pages was sent
)

// Way is how an answer is carried out.
type Way int

// Ways of an answer.
const (
	Location Way = iota // redirect to URL with Status
	Refresh             // a page with the header Refresh: 0; url=… and a link to URL
	Post                // a page that posts Fields to URL
	Message             // a page that hands Fields to Origin
)

// Answer is what the browser is to be told. Its values are as they are: whoever writes a page escapes them.
type Answer struct {
	Way    Way
	Status int    // of HTTP
	URL    string // in a redirect with the fields in it, else without
	// Origin is the only one that may frame the page and be told the answer, for Message.
	Origin string
	Fields []redirect.Field // in their order, for Post and Message
}

// Code returns the answer that carries an authorization code.
func (r Reply) Code(code string, after After) Answer {
	return r.answer(after, redirect.Field{Name: "code", Value: code})
}

// Refuse returns the answer that carries an error. The text is a sentence of the server's own, never one
// that came with the request (RFC 6749 §4.1.2.1).
func (r Reply) Refuse(code oauth.Code, text string, after After) Answer {
	return r.answer(after, redirect.Field{Name: "error", Value: string(code)}, redirect.Field{Name: "error_description", Value: text})
}

func (r Reply) answer(after After, fields ...redirect.Field) Answer {
	if r.State != "" {
		fields = append(fields, redirect.Field{Name: "state", Value: r.State})
	}
	fields = append(fields, redirect.Field{Name: "iss", Value: string(r.Issuer)})
	switch r.Mode {
	case FormPost:
		return Answer{Way: Post, Status: http.StatusOK, URL: r.RedirectURI, Fields: fields}
	case WebMessage:
		return Answer{Way: Message, Status: http.StatusOK, Origin: redirect.Origin(r.RedirectURI), Fields: fields}
	}
	answer := Answer{URL: redirect.Append(r.RedirectURI, fields)}
	answer.Way, answer.Status = way(after, redirect.IsWeb(r.RedirectURI))
	return answer
}

// way says how a browser can be sent on. The policy form-action 'self' has it stop at every redirect that
// leads a form away from the server, further ones of the application's own too; a Refresh is none. It opens
// other programs only while it follows what a person has just pressed, which a Refresh is not.
func way(after After, web bool) (Way, int) {
	switch {
	case after == AfterGet:
		return Location, http.StatusFound
	case after == AfterForm && web:
		return Refresh, http.StatusOK
	}
	return Location, http.StatusSeeOther
}

// FormAction returns what the policy form-action of the server's pages has to name beside 'self' for the
// answer to arrive: a private scheme, or nothing.
func (r Reply) FormAction() string {
	if redirect.IsWeb(r.RedirectURI) {
		return ""
	}
	return redirect.Scheme(r.RedirectURI)
}

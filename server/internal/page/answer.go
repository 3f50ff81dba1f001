package page

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"html/template"
)

// Done is the last answer to a login or consent form: the browser goes on to the application by itself, or by
// the page's link. A redirect would not do: browsers hold each hop after a form to the form-action of its page.
type Done struct {
	Application string
	// To is the redirect URI with its answer, of http or https. A private scheme is answered with a 303 and is
	// not a Done: browsers open those only from a person's own click.
	To string
}

func (p Done) shape() shape {
	return shape{file: "done", layout: "card", refresh: p.To, fixed: true}
}

func (p Done) check() error { return webAddress(p.To) }

// FormPost carries an authorization response to the application by a form (OAuth 2.0 Form Post Response Mode
// §2): a script sends it, or the person by a button.
type FormPost struct {
	Application string
	// To is the redirect URI, of http or https.
	To string
	// Fields are the parameters of the response, in this order.
	Fields []Parameter
}

// A Parameter is one of a response.
type Parameter struct{ Name, Value string }

func (p FormPost) shape() shape {
	// The form's address is the registered one and nobody typed into the page, so form-action would guard
	// nothing; it would break applications that redirect on, and cannot name [::1] at all.
	return shape{file: "form_post", layout: "card", fixed: true, policy: policy{
		script: hashSource(submitScript), formsAnywhere: true, originToOthers: true,
	}}
}

func (p FormPost) check() error { return webAddress(p.To) }

// SubmitScript sends the form.
func (FormPost) SubmitScript() template.JS { return template.JS(submitScript) }

// WebMessage posts an authorization response to the window that opened this one or holds it in a frame
// (response_mode=web_message). Nothing of it is seen.
type WebMessage struct {
	// Target is the origin of the redirect URI: the only one that gets the message.
	Target string
	// Frames are the origins that may hold the page in a frame: the application's allowed ones among that of
	// the redirect URI. None: framing is denied.
	Frames []string
	// Response holds the parameters.
	Response map[string]string
}

func (p WebMessage) shape() shape {
	return shape{file: "web_message", layout: "bare", fixed: true, policy: policy{
		script: hashSource(postScript), frames: p.Frames,
	}}
}

func (p WebMessage) check() error { return webAddress(p.Target) }

// PostScript posts the message.
func (WebMessage) PostScript() template.JS { return template.JS(postScript) }

// Data is what the script reads; the template writes it as JSON in which no character can end its element.
func (p WebMessage) Data() any {
	return struct {
		Target  string  `json:"target"`
		Message message `json:"message"`
	}{p.Target, message{"authorization_response", p.Response}}
}

type message struct {
	Type     string            `json:"type"`
	Response map[string]string `json:"response"`
}

var (
	//go:embed static/submit.js
	submitScript string
	//go:embed static/post.js
	postScript string
)

// hashSource allows one inline script, by what it says.
func hashSource(script string) string {
	sum := sha256.Sum256([]byte(script))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

package page

import (
	"html/template"
	"net/url"
)

// functions are what templates call, in one language.
func (l Language) functions() template.FuncMap {
	return template.FuncMap{
		"t":              l.html,
		"text":           l.text,
		"bdi":            bdi,
		"shown":          func(value string) string { return shown(value, maxName) },
		"code":           code,
		"day":            l.day,
		"moment":         l.moment,
		"field":          newField,
		"button":         newButton,
		"segment":        url.PathEscape,
		"stylesheet":     func() string { return stylesheetPath },
		"mark":           func() string { return markPath },
		"passkeys":       func() string { return passkeyPath },
		"say":            l.say,
		"words":          l.words,
		"typed":          typed,
		"console_script": func() string { return consolePath },
		"authenticator": func(p EnrolTOTP) (template.URL, error) {
			// The one address of a scheme of its own that a page links to; nothing in it can leave it.
			return template.URL(p.URI), p.check()
		},
		"tab":         newTab,
		"passkey":     newOffer,
		"passkeyForm": newPasskeyForm,
	}
}

// A field is one that people type into.
type field struct {
	Name, Label, Autocomplete, Value string
	Problem                          Problem
}

// newField makes a field whose kind follows from what a browser may fill it with.
func newField(name, label, autocomplete, value string, p Problem) field {
	if p.field != name {
		p = Problem{}
	}
	return field{name, label, autocomplete, value, p}
}

// Type returns the type of the input.
func (f field) Type() string {
	switch f.Autocomplete {
	case "current-password", "new-password":
		return "password"
	case "email":
		return "email"
	}
	return "text"
}

// Names reports whether the field is for a name, of which browsers may correct the spelling.
func (f field) Names() bool {
	switch f.Autocomplete {
	case "name", "given-name", "family-name":
		return true
	}
	return false
}

// Required reports whether the field must not be left empty. Not everybody has a name in two parts.
func (f field) Required() bool {
	return f.Autocomplete != "given-name" && f.Autocomplete != "family-name"
}

// Sentence returns the key of a problem's sentence.
func (p Problem) Sentence() string { return "problem." + p.key }

// Field is the field beside which the problem stands; empty: above the form.
func (p Problem) Field() string { return p.field }

// Any reports whether there is a problem.
func (p Problem) Any() bool { return p.key != "" }

// Above reports whether there is a problem that concerns no one field.
func (p Problem) Above() bool { return p.key != "" && p.field == "" }

// Seconds is how long to wait.
func (p Problem) Seconds() int { return p.seconds }

// A button sends a form with an answer.
type button struct{ Class, Answer, Label string }

func newButton(class, answer, label string) button { return button{class, answer, label} }

// An offer is the button that asks for a passkey. It belongs to a form of its own, since forms do not nest.
type offer struct{ Class, Label, Path string }

func newOffer(class, label, path string) offer { return offer{class, label, path} }

type passkeyForm struct {
	Lang            Language
	Action, Passkey string
}

func newPasskeyForm(lang Language, action, path string) passkeyForm {
	return passkeyForm{lang, action, path}
}

// A tab is a link to a page of the account.
type tab struct {
	Path, Label string
	Here        bool
}

func newTab(base, path, label string, here string) tab {
	return tab{base + path, label, path == here}
}

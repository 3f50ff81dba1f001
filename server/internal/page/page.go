// Package page renders what people see of the server: log in, consent, their account, what went wrong, the
// mails they get. A page is a value; rendering it takes nothing from the request and decides nothing.
//
//	site := page.Site{Organisation: "Example Company", Host: "login.example.com"}
//	lang := page.Choose(r.FormValue("ui_locales"), r.Header.Get("Accept-Language"))
//	err := site.Render(w, lang, page.Login{
//		Authorization: page.Authorization{Application: "Hello World", ReturnsTo: "hello-world.example.com"},
//		Action:        "/login/" + id,
//		Identifier:    typed,
//		Problem:       page.WrongPassword,
//	})
//
// Every text is a sentence of the catalogue in languages/, one file a language; every value is escaped where
// it stands. The pages work without JavaScript and load nothing from elsewhere; their stylesheet is served by
// Static. A form sends the language of its page along as ui_locales, so that its answer can speak it too.
package page

import (
	"bytes"
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// A Site says whose pages these are. It is safe for concurrent use.
type Site struct {
	// Organisation is who runs the server, as people know it. Empty: Postern.
	Organisation string
	// Host is the host of this server, shown at the foot so that people can check where they type a password.
	Host string
	// Help is where people get help: an https or mailto address. Empty: no link.
	Help string
}

// A Page is one of the types of this package: Login, Consent, Error and so on.
type Page interface {
	// shape says how the page is drawn and answered.
	shape() shape
}

// A shape is what rendering needs to know of a page beside its values.
type shape struct {
	file   string // of html/, without its ending
	layout string // of html/layout.html
	status int    // zero: 200
	policy policy
	// refresh is an address to which the browser goes on by itself.
	refresh string
	// wait is what Retry-After says, in seconds. Zero: nothing.
	wait int
	// fixed is set where asking for the same address again would not show the same page, so that other
	// languages cannot be offered by a link.
	fixed bool
}

// view is what templates see.
type view struct {
	Site
	Lang   Language
	Others []tongue
	Page   Page
}

// Render writes a page with its status and headers. An error says what is wrong with the page's values, and
// then a bare 500 has been written instead, or that w did not take the bytes.
func (s Site) Render(w http.ResponseWriter, lang Language, p Page) error {
	lang = lang.known()
	sh := p.shape()
	body, err := s.body(lang, p, sh)
	if err != nil {
		policy{}.set(w.Header())
		http.Error(w, "This page cannot be shown.", http.StatusInternalServerError)
		return fmt.Errorf("page: %s: %w", sh.file, err)
	}
	h := w.Header()
	sh.policy.set(h)
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Language", string(lang))
	h.Set("Content-Length", strconv.Itoa(len(body)))
	if sh.refresh != "" {
		h.Set("Refresh", "0; url="+inHeader(sh.refresh))
	}
	if sh.wait > 0 {
		h.Set("Retry-After", strconv.Itoa(sh.wait))
	}
	w.WriteHeader(cmp.Or(sh.status, http.StatusOK))
	_, err = w.Write(body)
	return err
}

func (s Site) body(lang Language, p Page, sh shape) ([]byte, error) {
	if c, ok := p.(interface{ check() error }); ok {
		if err := c.check(); err != nil {
			return nil, err
		}
	}
	if s.Organisation == "" {
		s.Organisation = "Postern"
	}
	v := view{Site: s, Lang: lang, Page: p}
	if !sh.fixed {
		v.Others = lang.others()
	}
	var b bytes.Buffer
	if err := lang.template(sh.file).ExecuteTemplate(&b, sh.layout, v); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// webAddress reports an error unless an address is an absolute one of http or https. Anything else must not
// be gone on to from a page: it would run here, or nowhere.
func webAddress(address string) error {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return fmt.Errorf("an address of http or https was expected, not %.64q", address)
	}
	return nil
}

// inHeader returns an address as a header can carry it: browsers do not read UTF-8 there.
func inHeader(address string) string {
	var b strings.Builder
	for _, c := range []byte(address) {
		if c <= ' ' || c > '~' {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// A Person is somebody who is logged in, or may be.
type Person struct {
	Name       string // empty: Identifier is shown alone
	Identifier string // e-mail address or user name
}

// Called returns what to call a person by.
func (p Person) Called() string {
	if p.Name != "" {
		return p.Name
	}
	return p.Identifier
}

// Initials returns one or two letters for a person's picture.
func (p Person) Initials() string { return initials(p.Called()) }

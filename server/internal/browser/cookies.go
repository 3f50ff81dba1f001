// Package browser keeps in a browser what ties it to its session and to the logins that it has begun: two
// cookies, each a random value whose digest the store has. A third one marks it as known to somebody.
//
//	cookies := browser.For("https://login.example.com")
//	value, ok := cookies.Session(r)      // absent, twice there, or not of our making: false
//	session, err := sessions.Session(ctx, value.Digest())
//	…
//	binding, ok := cookies.Binding(r)
//	if !ok || !binding.Matches(pending.Browser) {
//		// another browser than the one that began the login
//	}
//
// The session's cookie goes along from other sites (SameSite=None), for silent login in a frame and for
// requests that a client posts; so it is read where a client sends the person to, and nowhere else. Every page
// with a form wants the binding, too, which other sites cannot have sent with a post (SameSite=Lax). Posts of
// pages stand behind SameOrigin besides.
package browser

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"
)

// Cookies are the cookies of one issuer. Browsers tell cookies apart by host and not by port or scheme, so
// that the names carry a hash of the issuer: two servers on localhost do not overwrite each other's.
type Cookies struct {
	session string // name
	binding string // name
	known   string // name
}

// For returns the cookies of an issuer, which is its exact string.
func For(issuer string) Cookies {
	sum := sha256.Sum256([]byte(issuer))
	id := hex.EncodeToString(sum[:4])
	return Cookies{session: "__Host-postern-" + id, binding: "__Host-postern-b-" + id, known: "__Host-postern-k-" + id}
}

// Keeps reports whether browsers keep the cookies of an issuer: those of https, and of http on this machine's
// loopback. Elsewhere on http they drop what is Secure, so that nobody could log in.
func Keeps(issuer string) bool {
	u, err := url.Parse(issuer)
	if err != nil || u.Host == "" {
		return false
	}
	return u.Scheme == "https" || u.Scheme == "http" && loopback(u.Hostname())
}

func loopback(host string) bool {
	host = strings.ToLower(host)
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	address, err := netip.ParseAddr(host)
	return err == nil && address.IsLoopback()
}

// Session returns the value of the session's cookie, if the request has one that can be ours.
func (c Cookies) Session(r *http.Request) (Value, bool) { return read(r, c.session) }

// Binding returns the value of the cookie that ties what was begun to this browser.
func (c Cookies) Binding(r *http.Request) (Value, bool) { return read(r, c.binding) }

// maxKnown is the length beyond which a mark is none.
const maxKnown = 1024

// Known returns the mark of a browser in which somebody has logged in before, whatever it holds: whether it is ours is
// for whoever has made it to say.
func (c Cookies) Known(r *http.Request) (string, bool) {
	found := r.CookiesNamed(c.known)
	if len(found) != 1 || found[0].Quoted || len(found[0].Value) > maxKnown {
		return "", false
	}
	return found[0].Value, true
}

// SetKnown has the browser keep a mark for so long.
func (c Cookies) SetKnown(w http.ResponseWriter, mark string, keep time.Duration) {
	set(w, c.known, mark, http.SameSiteLaxMode, keep)
}

// SetSession has the browser keep the session's value: for so long, or with 0 until it is closed. How long the
// session lives is for its row to say.
func (c Cookies) SetSession(w http.ResponseWriter, value Value, keep time.Duration) {
	set(w, c.session, value.text, http.SameSiteNoneMode, keep)
}

// SetBinding has the browser keep the binding until it is closed.
func (c Cookies) SetBinding(w http.ResponseWriter, value Value) {
	set(w, c.binding, value.text, http.SameSiteLaxMode, 0)
}

// ClearSession has the browser forget the session's value. The row is for the caller to delete.
func (c Cookies) ClearSession(w http.ResponseWriter) {
	set(w, c.session, "", http.SameSiteNoneMode, -1)
}

// ClearBinding has the browser forget the binding.
func (c Cookies) ClearBinding(w http.ResponseWriter) {
	set(w, c.binding, "", http.SameSiteLaxMode, -1)
}

// set writes what the prefix __Host- demands: Secure, Path=/ and no Domain. Of several calls for one name the
// last counts, so that no answer carries two cookies of one name, whose order decided.
func set(w http.ResponseWriter, name, value string, sameSite http.SameSite, keep time.Duration) {
	cookie := &http.Cookie{
		Name:     name,
		Value:    value,
		Path:     "/",
		MaxAge:   maxAge(keep),
		Secure:   true,
		HttpOnly: true,
		SameSite: sameSite,
	}
	header := w.Header()
	others := header["Set-Cookie"]
	header.Del("Set-Cookie")
	for _, other := range others {
		if !strings.HasPrefix(other, name+"=") {
			header.Add("Set-Cookie", other)
		}
	}
	http.SetCookie(w, cookie)
}

// maxAge returns seconds: 0 for no Max-Age, and no less than 1 for a time to keep.
func maxAge(keep time.Duration) int {
	if keep <= 0 {
		return int(max(keep, -1))
	}
	return max(1, int(keep/time.Second))
}

// read returns the one cookie of the name. Two of one name were not both set by us: which of them a browser
// sends first is another's choice, so neither counts.
func read(r *http.Request, name string) (Value, bool) {
	found := r.CookiesNamed(name)
	if len(found) != 1 || found[0].Quoted {
		return Value{}, false
	}
	return parse(found[0].Value)
}

const valueBytes = 32

// A Value is what a browser keeps: 256 random bits as base64url. It does not print itself.
type Value struct{ text string }

// NewValue returns a new value.
func NewValue() Value {
	var b [valueBytes]byte
	rand.Read(b[:])
	return Value{base64.RawURLEncoding.EncodeToString(b[:])}
}

func parse(text string) (Value, bool) {
	if len(text) != base64.RawURLEncoding.EncodedLen(valueBytes) {
		return Value{}, false
	}
	// The decoder skips line ends: what is longer than it seems is shorter when decoded.
	b, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(b) != valueBytes {
		return Value{}, false
	}
	return Value{text}, true
}

// Digest returns what the store keeps of the value.
func (v Value) Digest() [sha256.Size]byte { return sha256.Sum256([]byte(v.text)) }

// Matches reports, in time that depends on neither, whether digest is the value's. The zero value matches
// nothing.
func (v Value) Matches(digest [sha256.Size]byte) bool {
	sum := v.Digest()
	return subtle.ConstantTimeCompare(sum[:], digest[:]) == 1 && v.text != ""
}

const redacted = "[redacted]"

// Format implements fmt.Formatter: no verb shows the value.
func (Value) Format(f fmt.State, _ rune) { f.Write([]byte(redacted)) }

// LogValue implements slog.LogValuer.
func (Value) LogValue() slog.Value { return slog.StringValue(redacted) }

package login

import (
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/postern-auth/postern/server/internal/endpoint"
	"github.com/postern-auth/postern/server/internal/secret"
)

// knownFor is how long a browser is known after somebody logged in in it.
const knownFor = 180 * 24 * time.Hour

// A mark is what a browser has in which a person has logged in before. Their tries in it are counted by themselves,
// so that strangers who guess delay strangers. It opens nothing: whoever has the cookie may guess as slowly as all
// others do.
type mark struct {
	id   string    // names its counters
	user string    // who logged in
	at   time.Time // when they last did, in seconds
}

// What is counted of a person's tries.
const (
	countsPasswords = "user"
	countsCodes     = "factor"
)

const knownPurpose = "known browser"

// know marks the browser as one in which the person of the request has logged in.
func (l *Login) know(w http.ResponseWriter, s *state) {
	if !l.Keys.Any() {
		return
	}
	k, ok := l.knownBrowser(s.Request, s.session.UserID)
	if !ok {
		k.id = secret.New()
	}
	k.user, k.at = s.session.UserID, s.now
	cookies(s.Request).SetKnown(w, l.marked(s.Request, k), knownFor)
}

// marked returns the text of the cookie, which only the server can make, and for this issuer.
func (l *Login) marked(r *endpoint.Request, k mark) string {
	at := strconv.FormatInt(k.at.Unix(), 10)
	sum := l.Keys.Mark(knownPurpose, string(r.Issuer), k.id, k.user, at)
	encode := base64.RawURLEncoding.EncodeToString
	return strings.Join([]string{k.id, encode([]byte(k.user)), at, encode(sum)}, ".")
}

// knownBrowser returns the mark of a browser, if it has one for the user.
func (l *Login) knownBrowser(r *endpoint.Request, userID string) (mark, bool) {
	text, ok := cookies(r).Known(r.Request)
	parts := strings.Split(text, ".")
	if !ok || userID == "" || len(parts) != 4 {
		return mark{}, false
	}
	user, err := base64.RawURLEncoding.Strict().DecodeString(parts[1])
	if err != nil || string(user) != userID {
		return mark{}, false
	}
	sum, err := base64.RawURLEncoding.Strict().DecodeString(parts[3])
	if err != nil || !l.Keys.Marked(sum, knownPurpose, string(r.Issuer), parts[0], userID, parts[2]) {
		return mark{}, false
	}
	at, err := strconv.ParseInt(parts[2], 10, 64)
	if err != nil {
		return mark{}, false
	}
	k := mark{parts[0], userID, time.Unix(at, 0)}
	return k, l.Now().Before(k.at.Add(knownFor))
}

// counter returns what counts the tries of a kind at a person, in this browser where it is known.
func (l *Login) counter(r *endpoint.Request, kind, userID string) string {
	if k, ok := l.knownBrowser(r, userID); ok {
		return kind + ":" + userID + ":" + k.id
	}
	return kind + ":" + userID
}

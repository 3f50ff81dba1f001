package console

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/postern-auth/postern/server/internal/oauth"
	"github.com/postern-auth/postern/server/internal/page"
	"github.com/postern-auth/postern/server/store"
)

// problems are what has to be changed in a form before it does anything, by field. As an error, they have the
// transaction leave everything as it is.
type problems map[string]page.Text

func (p problems) Error() string { return fmt.Sprintf("console: %d fields need a change", len(p)) }

// or returns the problems as an error, if there are any.
func (p problems) or() error {
	if len(p) == 0 {
		return nil
	}
	return p
}

// errChanged says that somebody else has changed meanwhile what a form was filled in from, or what a confirmation
// has counted.
var errChanged = errors.New("console: it has been changed meanwhile")

// changedMeanwhile is the note of a form that was filled in from what is no longer there: it holds what was typed, to be
// sent again, and the way to what is there now.
func (v *visit) changedMeanwhile() *page.Note {
	return &page.Note{Tone: page.Warn, Text: page.Say("changed_meanwhile"), Acts: []page.Act{{To: v.URL.Path, Text: page.Say("take_theirs")}}}
}

// version names a state of an object, for a form to say from which it was filled in.
func version(object any) string {
	text, err := json.Marshal(object)
	if err != nil {
		panic("console: version of an object: " + err.Error()) // it is of our own plain types
	}
	sum := sha256.Sum256(text)
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}

// typed returns a parameter without the spaces around it.
func (v *visit) typed(name string) string { return strings.TrimSpace(v.Params.Value(name)) }

// onceOnly is the issuer under which the store remembers which forms have done what they do once.
const onceOnly = "urn:postern:console"

// once lets a form that makes something do so one time: store.ErrExists says that it has.
func (v *visit) once(ctx context.Context, tx store.Tx) error {
	id := v.Params.Value("once")
	if len(id) < 32 || len(id) > 64 {
		return badForm()
	}
	return tx.UseAssertion(ctx, onceOnly, v.user.ID+" "+id, v.now.Add(24*time.Hour))
}

// badForm refuses what no form of the console sends.
func badForm() error {
	return oauth.Refuse(oauth.InvalidRequest, "the form is not one of this page; open the page again", nil)
}

package keys

import (
	"time"

	"github.com/postern-auth/postern/server/store"
)

// State is what a key is good for at a time.
type State string

// The states of a key, in the order in which it has them.
const (
	Waiting   State = "waiting"   // published, and signs soon
	Signing   State = "signing"   // signs what is issued
	Verifying State = "verifying" // published for the tokens that it signed
	Ended     State = "ended"     // not published any more; it still recognises the ID tokens of logouts
)

// StateOf returns the state of a key.
func StateOf(row store.SigningKey, now time.Time) State {
	k := key{SigningKey: row}
	switch {
	case !k.published(now):
		return Ended
	case k.signs(now):
		return Signing
	case now.Before(row.SignsFrom):
		return Waiting
	}
	return Verifying
}

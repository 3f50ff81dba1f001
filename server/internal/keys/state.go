package keys

import (
	"slices"
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

// Due returns the algorithms whose newest key has signed for as long as a time, sorted. One whose next key waits already is
// not among them.
func Due(rows []store.SigningKey, now time.Time, every time.Duration) (algs []string) {
	newest := make(map[string]time.Time)
	for _, row := range rows {
		if state := StateOf(row, now); state == Waiting || state == Signing {
			newest[row.Algorithm] = later(newest[row.Algorithm], row.SignsFrom)
		}
	}
	for alg, from := range newest {
		if now.Sub(from) >= every {
			algs = append(algs, alg)
		}
	}
	slices.Sort(algs)
	return algs
}

package keyset

import (
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/postern-auth/postern/internal/claims"
	"github.com/postern-auth/postern/internal/jws"
	"github.com/postern-auth/postern/internal/wholefile"
)

// Snapshot is a file that holds the last good set, so that a process that starts during an outage can
// work. It must be as well protected as the program itself: whoever writes it chooses the keys. The zero
// value keeps none.
type Snapshot struct {
	Path   string
	Issuer string // a snapshot of another issuer is not used
}

// maxSnapshot bounds the file.
const maxSnapshot = 1 << 20

// save writes the set. It is a help for another day, so a failure changes nothing today.
func (p Snapshot) save(set jws.KeySet) error {
	if p.Path == "" {
		return nil
	}
	text, err := json.Marshal(map[string]any{"issuer": p.Issuer, "fetched": time.Now().Unix(), "keys": set.Keys})
	if err != nil {
		return err
	}
	return wholefile.Write(p.Path, text)
}

// load reads the set and when it was fetched.
func (p Snapshot) load() (jws.KeySet, time.Time, error) {
	if p.Path == "" {
		return jws.KeySet{}, time.Time{}, os.ErrNotExist
	}
	if info, err := os.Stat(p.Path); err != nil || info.Size() > maxSnapshot {
		return jws.KeySet{}, time.Time{}, fmt.Errorf("keyset: no usable snapshot")
	}
	text, err := os.ReadFile(p.Path)
	if err != nil {
		return jws.KeySet{}, time.Time{}, err
	}
	var object claims.Object
	if err := object.Parse(string(text)); err != nil {
		return jws.KeySet{}, time.Time{}, err
	}
	if v, _ := object.Lookup("issuer"); v.JSON() == "" || !sameText(v, p.Issuer) {
		return jws.KeySet{}, time.Time{}, fmt.Errorf("keyset: snapshot is of another issuer than %q", p.Issuer)
	}
	v, _ := object.Lookup("fetched")
	fetched, err := v.Time()
	if err != nil {
		return jws.KeySet{}, time.Time{}, err
	}
	set, err := jws.ParseKeySet(string(text))
	return set, fetched, err
}

func sameText(v claims.Value, want string) bool {
	got, ok := v.Text()
	return ok && got == want
}

// fromSnapshot adopts the snapshot as if it had been fetched when it was: so its age counts, and the
// first use renews it.
func (s *Set) fromSnapshot() {
	set, fetched, err := s.config.Snapshot.load()
	age := time.Since(fetched)
	if err != nil || len(set.Keys) == 0 || age < 0 || age > s.config.MaxStale {
		return
	}
	s.adopt(set, time.Now().Add(-age))
}

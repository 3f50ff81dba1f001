package clientdocument

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	// maxKept is how many documents are kept.
	maxKept = 1000
	// A document is kept for as long as its header says, but at least atLeast and at most atMost.
	atLeast  = 5 * time.Minute
	atMost   = 24 * time.Hour
	standard = time.Hour
	// failure is how long it is kept that a document could not be had: a developer who corrects one does not wait for
	// long, and its host is not asked again by everybody who has the link.
	failure = 10 * time.Second
)

// entry is what came of asking for a document.
type entry struct {
	client   Client
	err      error
	since    time.Time
	lifetime time.Duration
}

// alive reports whether the entry still counts. A clock that was set back makes it older, not younger.
func (e entry) alive(now time.Time) bool {
	age := now.Sub(e.since)
	return age >= 0 && age < e.lifetime
}

func (e entry) end() time.Time { return e.since.Add(e.lifetime) }

// kept are the latest answers, by client id.
type kept struct{ entries map[string]entry }

func (k *kept) at(clientID string, now time.Time) (entry, bool) {
	e, ok := k.entries[clientID]
	return e, ok && e.alive(now)
}

// add keeps an answer. When there are too many, those go that have ended, or else the one that ends first.
func (k *kept) add(clientID string, e entry) {
	if _, there := k.entries[clientID]; !there && len(k.entries) >= maxKept {
		k.makeRoom(e.since)
	}
	k.entries[clientID] = e
}

func (k *kept) makeRoom(now time.Time) {
	first := ""
	for id, e := range k.entries {
		if !e.alive(now) {
			delete(k.entries, id)
		} else if first == "" || e.end().Before(k.entries[first].end()) {
			first = id
		}
	}
	if len(k.entries) >= maxKept {
		delete(k.entries, first)
	}
}

// lifetime returns for how long a document may be kept (RFC 9111 §5.2.2).
func lifetime(header http.Header) time.Duration {
	asked := standard
	for _, line := range header["Cache-Control"] {
		for directive := range strings.SplitSeq(line, ",") {
			name, value, _ := strings.Cut(strings.ToLower(strings.TrimSpace(directive)), "=")
			switch name {
			case "no-store", "no-cache":
				return atLeast
			case "max-age":
				if seconds, err := strconv.ParseUint(strings.Trim(value, `"`), 10, 31); err == nil {
					asked = time.Duration(seconds) * time.Second
				}
			}
		}
	}
	return min(max(asked, atLeast), atMost)
}

const (
	// perHost and inAll are how many documents are asked for in a minute, of one host and in all.
	perHost = 10
	inAll   = 120
)

// budget is what may be asked for in the present minute.
type budget struct {
	began  time.Time
	inAll  int
	byHost map[string]int
}

// take reports whether a host may be asked, and counts it.
func (b *budget) take(host string, now time.Time) bool {
	if age := now.Sub(b.began); age < 0 || age >= time.Minute {
		*b = budget{began: now, byHost: make(map[string]int)}
	}
	if b.inAll >= inAll || b.byHost[host] >= perHost {
		return false
	}
	b.inAll++
	b.byHost[host]++
	return true
}

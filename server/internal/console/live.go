package console

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/postern-auth/postern/server/internal/oauth"
	"github.com/postern-auth/postern/server/store"
)

const livePath = eventsPath + "/live"

const (
	// lookEvery is how often is looked for new events, and beat how often a stream says that it is there and it is
	// looked whether its reader may still read.
	lookEvery, beat = time.Second, 5 * time.Second
	// streamTime is how long a stream lasts. A page then opens the next, as one who comes anew.
	streamTime = time.Hour
	// streamsOfSession is how many streams a session may have, and streamsInAll how many all may.
	streamsOfSession, streamsInAll = 2, 64
)

// tail has streams hear of new events. One look at the store is for them all, and only while there is one.
type tail struct {
	latest func(context.Context) ([]store.Event, error)

	mu        sync.Mutex
	streams   map[*stream]struct{}
	following bool          // somebody looks
	newest    []store.Event // at the last look
}

// stream is one that hears of the newest events whenever there are others; of several looks the last.
type stream struct {
	session string
	news    chan []store.Event
}

// join adds a stream of a session; false: there are as many as may be.
func (t *tail) join(session string) (*stream, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	of := 0
	for s := range t.streams {
		if s.session == session {
			of++
		}
	}
	if of >= streamsOfSession || len(t.streams) >= streamsInAll {
		return nil, false
	}
	s := &stream{session, make(chan []store.Event, 1)}
	if t.streams == nil {
		t.streams = make(map[*stream]struct{})
	}
	t.streams[s] = struct{}{}
	if t.newest != nil {
		s.news <- t.newest
	}
	if !t.following {
		t.following = true
		go t.follow()
	}
	return s, true
}

func (t *tail) leave(s *stream) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.streams, s)
}

// follow looks for new events until nobody listens. A store that does not answer is asked again.
func (t *tail) follow() {
	for {
		ctx, cancel := context.WithTimeout(context.Background(), beat)
		events, err := t.latest(ctx)
		cancel()
		if !t.tell(events, err == nil) {
			return
		}
		time.Sleep(lookEvery)
	}
}

// tell hands the newest events to the streams, unless they are the same as before. False: there is no stream.
func (t *tail) tell(events []store.Event, ok bool) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.streams) == 0 {
		t.following, t.newest = false, nil
		return false
	}
	if !ok || t.newest != nil && sameEvents(events, t.newest) {
		return true
	}
	t.newest = events
	for s := range t.streams {
		select {
		case <-s.news:
		default:
		}
		s.news <- events
	}
	return true
}

// sameEvents compares all, for one of another process may come late and stand between others.
func sameEvents(a, b []store.Event) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i].ID != b[i].ID {
			return false
		}
	}
	return true
}

// liveEvents tells the page of events how many there are that it does not show yet. It tells no more, for the page asks
// for itself then.
func (c *Console) liveEvents(v *visit) error {
	if !strings.Contains(v.Header.Get("Accept"), "text/event-stream") {
		return &oauth.Error{Status: http.StatusNotAcceptable, Code: oauth.InvalidRequest, Text: "this is a stream for the page of events; open that instead"}
	}
	s, ok := c.tail.join(v.session.ID)
	if !ok {
		return &oauth.Error{Status: http.StatusTooManyRequests, Code: oauth.TemporarilyUnavailable, Text: "this session has as many live pages as it may have; close one of them"}
	}
	defer c.tail.leave(s)
	v.w.Header().Set("Content-Type", "text/event-stream")
	v.w.WriteHeader(http.StatusOK)
	out := feed{v.w, http.NewResponseController(v.w)}
	fresh := unread{c: c, v: v, filter: v.eventFilter(), since: v.Params.Value("since")}
	if last := v.Header.Get("Last-Event-ID"); last != "" {
		fresh.since = last
	}
	over, alive := time.NewTimer(streamTime), time.NewTicker(beat)
	defer over.Stop()
	defer alive.Stop()
	for said := ": live\n\n"; ; {
		if may, err := c.still(v); err != nil || !may || out.say(said) != nil {
			return nil // it is too late for another answer: the page asks again, and is told why
		}
		said = ": live\n\n"
		select {
		case <-v.Context().Done():
			return nil
		case <-c.Ends:
			return nil
		case <-over.C:
			return nil
		case <-alive.C:
		case events := <-s.news:
			n, last, err := fresh.count(events)
			if err != nil {
				return nil
			}
			if n > 0 {
				said = fmt.Sprintf("id: %s\ndata: %d\n\n", last, n)
			}
		}
	}
}

// feed is what a stream writes to.
type feed struct {
	http.ResponseWriter
	control *http.ResponseController
}

func (f feed) say(text string) error {
	if _, err := f.Write([]byte(text)); err != nil {
		return err
	}
	return f.control.Flush()
}

// still reports whether the session and a role are still there.
func (c *Console) still(v *visit) (bool, error) {
	s, err := c.Store.Session(v.Context(), v.session.Digest)
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if now := c.Now(); !now.Before(s.IdleExpiresAt) || !now.Before(s.ExpiresAt) {
		return false, nil
	}
	role, err := c.roleOf(v.Context(), c.Store, v.user)
	return role != "", err
}

// unread are the events that a page does not show.
type unread struct {
	c      *Console
	v      *visit
	filter eventFilter
	since  string          // the newest that it shows
	known  map[string]bool // nil before the first look
}

// count returns how many of the newest events are new to the page and wanted by its filter, and the newest of all.
func (u *unread) count(newest []store.Event) (n int, last string, err error) {
	known, who := make(map[string]bool), u.c.names(u.v)
	for _, e := range newest {
		known[e.ID] = true
		if u.known == nil && e.ID <= u.since || u.known[e.ID] {
			continue
		}
		actor, err := who.actor(e, u.filter)
		if err != nil {
			return 0, "", err
		}
		if u.filter.wants(e, actor) {
			n++
		}
	}
	u.known = known
	if len(newest) > 0 {
		last = newest[0].ID
	}
	return n, last, nil
}

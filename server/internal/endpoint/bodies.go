package endpoint

import (
	"bytes"
	"container/list"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/postern-auth/postern/server/internal/oauth"
)

const (
	// MaxBody is the length in bytes beyond which a request's body is refused.
	MaxBody = 64 << 10
	// maxPlainBody is the same for a body that holds neither an assertion nor a token, which may be JWTs.
	maxPlainBody = 16 << 10
	// BodyTime is how long a body may take to come.
	BodyTime = 5 * time.Second

	// maxUnread bounds the requests whose bodies are being read, and maxHeld the bytes of all bodies that
	// are in memory.
	maxUnread = 512
	maxHeld   = 4 << 20
)

// received are the bodies of all endpoints of the process.
var received = &bodies{maxUnread: maxUnread, maxHeld: maxHeld}

// bodies bounds what the bodies of requests take. When there are too many, those give way that have been
// waiting for the rest of theirs the longest: an honest body comes in one piece with its header, so whoever
// stalls makes room for it.
type bodies struct {
	maxUnread, maxHeld int

	mu     sync.Mutex
	unread list.List // of *body, the oldest first
	held   int       // bytes
}

// body is the body of one request, from before it is read until the request is answered.
type body struct {
	all     *bodies
	unread  *list.Element // nil once it is read, or has given way
	size    int
	giveWay func() // ends the reading
}

var errCrowded = errors.New("endpoint: too many bodies are being read")

// beginBody bounds the time of a request's body and counts it among those that are being read.
func beginBody(w http.ResponseWriter, began time.Time) *body {
	deadline := http.NewResponseController(w).SetReadDeadline // an error means that there are none
	deadline(began.Add(BodyTime))
	return received.begin(func() { deadline(began) })
}

func (all *bodies) begin(giveWay func()) *body {
	b := &body{all: all, giveWay: giveWay}
	all.mu.Lock()
	defer all.mu.Unlock()
	b.unread = all.unread.PushBack(b)
	for all.unread.Len() > all.maxUnread {
		all.dismissOldest()
	}
	return b
}

// grow makes room for so many bytes more, or fails when there is none.
func (b *body) grow(n int) error {
	b.all.mu.Lock()
	defer b.all.mu.Unlock()
	for b.unread != nil && b.all.held+n > b.all.maxHeld {
		b.all.dismissOldest()
	}
	if b.unread == nil {
		return errCrowded
	}
	b.size += n
	b.all.held += n
	return nil
}

// dismissOldest has the body give way that has been waiting the longest. It needs the lock, and one that
// waits.
func (all *bodies) dismissOldest() {
	oldest := all.unread.Front().Value.(*body)
	oldest.leave()
	all.held -= oldest.size
	oldest.size = 0
	oldest.giveWay()
}

func (b *body) leave() {
	b.all.unread.Remove(b.unread)
	b.unread = nil
}

// complete takes the body from those that give way, unless it has done so.
func (b *body) complete() error {
	b.all.mu.Lock()
	defer b.all.mu.Unlock()
	if b.unread == nil {
		return errCrowded
	}
	b.leave()
	return nil
}

// end forgets the body.
func (b *body) end() {
	b.all.mu.Lock()
	defer b.all.mu.Unlock()
	if b.unread != nil {
		b.leave()
	}
	b.all.held -= b.size
}

// read returns the text of the body within its bounds.
func (b *body) read(w http.ResponseWriter, r *http.Request) (string, error) {
	if r.ContentLength > MaxBody {
		return "", tooLong(MaxBody)
	}
	text, err := b.readAll(http.MaxBytesReader(w, r.Body, MaxBody))
	if done := b.complete(); done != nil {
		err = done
	}
	if err != nil {
		return "", unreadable(err)
	}
	return string(text), nil
}

func (b *body) readAll(from io.Reader) ([]byte, error) {
	var text []byte
	for {
		if len(text) == cap(text) {
			size := min(max(1<<10, 4*cap(text)), MaxBody+1)
			if err := b.grow(size - cap(text)); err != nil {
				return nil, err
			}
			text = append(make([]byte, 0, size), text...)
		}
		n, err := from.Read(text[len(text):cap(text)])
		text = text[:len(text)+n]
		if len(text) > maxPlainBody && !bytes.Contains(text, []byte("assertion")) && !bytes.Contains(text, []byte(oauth.ParamToken)) {
			return nil, tooLong(maxPlainBody)
		}
		if err == io.EOF {
			return text, nil
		}
		if err != nil {
			return nil, err
		}
	}
}

func tooLong(limit int) error {
	return &oauth.Error{
		Status: http.StatusRequestEntityTooLarge, Code: oauth.InvalidRequest,
		Text: fmt.Sprintf("the body is longer than %d bytes", limit),
	}
}

// unreadable says why a body could not be read.
func unreadable(err error) error {
	var tooLarge *http.MaxBytesError
	var refusal *oauth.Error
	var timeout interface{ Timeout() bool }
	switch {
	case errors.As(err, &refusal):
		return refusal
	case errors.As(err, &tooLarge):
		return tooLong(MaxBody)
	case errors.Is(err, errCrowded):
		return oauth.Refuse(oauth.TemporarilyUnavailable, "too many requests are waiting for their bodies; try again in a few seconds", err)
	case errors.As(err, &timeout) && timeout.Timeout():
		return &oauth.Error{
			Status: http.StatusRequestTimeout, Code: oauth.InvalidRequest, Err: err,
			Text: fmt.Sprintf("the body did not come within %s", BodyTime),
		}
	}
	return oauth.Refuse(oauth.InvalidRequest, "the body ended early", err)
}

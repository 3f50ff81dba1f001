package endpoint

import (
	"bufio"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/postern-auth/postern/server/internal/oauth"
)

// stalled begins a body that never comes, and says whether it was told to give way.
func stalled(all *bodies) (b *body, dismissed *bool) {
	dismissed = new(bool)
	return all.begin(func() { *dismissed = true }), dismissed
}

func TestFindingS1_TheOldestUnreadBodyGivesWay(t *testing.T) {
	all := &bodies{maxUnread: 2, maxHeld: 1 << 20}
	first, firstGone := stalled(all)
	second, secondGone := stalled(all)
	third, thirdGone := stalled(all)
	if !*firstGone || *secondGone || *thirdGone {
		t.Errorf("gave way: %t, %t, %t; want the first alone", *firstGone, *secondGone, *thirdGone)
	}
	if err := first.complete(); !errors.Is(err, errCrowded) {
		t.Errorf("the first completes with %v, want errCrowded", err)
	}
	for _, b := range []*body{second, third} {
		if err := b.complete(); err != nil {
			t.Errorf("another completes with %v", err)
		}
	}
	for _, b := range []*body{first, second, third} {
		b.end()
	}
	if all.held != 0 || all.unread.Len() != 0 {
		t.Errorf("%d bytes of %d bodies are left", all.held, all.unread.Len())
	}
}

func TestFindingS1_BytesInMemoryAreBounded(t *testing.T) {
	all := &bodies{maxUnread: 100, maxHeld: 100}
	answering, answeringGone := stalled(all)
	if err := errors.Join(answering.grow(60), answering.complete()); err != nil {
		t.Fatal(err)
	}
	waiting, waitingGone := stalled(all)
	if err := waiting.grow(40); err != nil {
		t.Fatal(err)
	}
	next, nextGone := stalled(all)
	if err := next.grow(30); err != nil {
		t.Errorf("a body that takes the room of a stalled one: %v", err)
	}
	if *answeringGone || !*waitingGone || *nextGone {
		t.Errorf("gave way: %t, %t, %t; want the one that waits for its rest alone", *answeringGone, *waitingGone, *nextGone)
	}
	if err := next.grow(30); !errors.Is(err, errCrowded) {
		t.Errorf("growing beyond what those that are being answered leave: %v, want errCrowded", err)
	}
	for _, b := range []*body{answering, waiting, next} {
		b.end()
	}
	if all.held != 0 {
		t.Errorf("%d bytes are left", all.held)
	}
}

func TestFindingS1_ABodyWithoutAJWTHas16KBAtMost(t *testing.T) {
	for _, row := range []struct {
		name, body string
		status     int // 0: read
	}{
		{"16 KB", "x=" + strings.Repeat("a", maxPlainBody-2), 0},
		{"a byte more", "x=" + strings.Repeat("a", maxPlainBody-1), 413},
		{"60 KB", "x=" + strings.Repeat("a", 60<<10), 413},
		{"60 KB with an assertion", "client_assertion=" + strings.Repeat("a", 60<<10), 0},
		{"60 KB with a token", "token=" + strings.Repeat("a", 60<<10), 0},
		{"64 KB with an assertion", "assertion=" + strings.Repeat("a", MaxBody-len("assertion=")), 0},
		{"64 KB and a byte with an assertion", "assertion=" + strings.Repeat("a", MaxBody-len("assertion=")+1), 413},
	} {
		for _, length := range []string{"known", "unknown"} {
			t.Run(row.name+", length "+length, func(t *testing.T) {
				var from io.Reader = strings.NewReader(row.body)
				if length == "unknown" {
					from = io.MultiReader(from)
				}
				r := httptest.NewRequest(http.MethodPost, "/", from)
				r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				_, err := parse(r)
				switch {
				case row.status == 0 && err != nil:
					t.Errorf("refused: %v", err)
				case row.status != 0 && (err == nil || status(oauth.AsError(err)) != row.status):
					t.Errorf("got %v, want status %d", err, row.status)
				}
			})
		}
	}
	if received.held != 0 || received.unread.Len() != 0 {
		t.Errorf("%d bytes of %d bodies are left", received.held, received.unread.Len())
	}
}

// pipe is a listener with one connection.
type pipe struct {
	net.Conn
	accepted atomic.Bool
	closed   chan struct{}
}

func (p *pipe) Accept() (net.Conn, error) {
	if p.accepted.CompareAndSwap(false, true) {
		return p.Conn, nil
	}
	<-p.closed
	return nil, net.ErrClosed
}

func (p *pipe) Close() error   { close(p.closed); return nil }
func (p *pipe) Addr() net.Addr { return p.Conn.LocalAddr() }

// serveOne serves one connection with an endpoint that answers nothing, and returns its other end.
func serveOne(t *testing.T) net.Conn {
	client, server := net.Pipe()
	endpoint := &Form{Name: "test", Logger: slog.New(slog.DiscardHandler), Answer: func(context.Context, *Request) (any, error) { return nil, nil }}
	s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { endpoint.Serve(w, r, "") })}
	go s.Serve(&pipe{Conn: server, closed: make(chan struct{})})
	t.Cleanup(func() { s.Close() })
	return client
}

// post sends a request of which the text is all that comes, and returns the answer's status and header.
func post(t *testing.T, client net.Conn, text string) *http.Response {
	t.Helper()
	if _, err := io.WriteString(client, "POST / HTTP/1.1\r\nHost: x\r\n"+text); err != nil {
		t.Fatal(err)
	}
	answer, err := http.ReadResponse(bufio.NewReader(client), nil)
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

const form = "Content-Type: application/x-www-form-urlencoded\r\n"

func TestFindingS1_WhoGivesWayIsToldToComeAgain(t *testing.T) {
	all := received
	received = &bodies{maxUnread: 1, maxHeld: maxHeld}
	defer func() { received = all }()
	synctest.Test(t, func(t *testing.T) {
		began, first := time.Now(), make(chan *http.Response, 1)
		stalling, honest := serveOne(t), serveOne(t)
		go func() { first <- post(t, stalling, form+"Content-Length: 10\r\n\r\nabc") }()
		synctest.Wait()
		if answer := post(t, honest, form+"Content-Length: 3\r\n\r\na=b"); answer.StatusCode != http.StatusOK {
			t.Errorf("the honest one gets %d, want 200", answer.StatusCode)
		}
		answer := <-first
		if answer.StatusCode != http.StatusServiceUnavailable || answer.Header.Get("Retry-After") == "" || time.Since(began) != 0 {
			t.Errorf("the stalling one gets %d %v after %s, want 503 with Retry-After at once", answer.StatusCode, answer.Header, time.Since(began))
		}
	})
}

func TestFindingS1_ABodyHasFiveSeconds(t *testing.T) {
	for name, row := range map[string]struct {
		rest   string
		status int
	}{
		"a form that stalls":              {form + "Content-Length: 10\r\n\r\nabc", http.StatusRequestTimeout},
		"chunks that stall":               {form + "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", http.StatusRequestTimeout},
		"a type that nobody reads stalls": {"Content-Type: text/plain\r\nContent-Length: 10\r\n\r\nabc", http.StatusUnsupportedMediaType},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				answer := post(t, serveOne(t), row.rest)
				if took := time.Since(began); answer.StatusCode != row.status || took != BodyTime {
					t.Errorf("status %d after %s, want %d after %s", answer.StatusCode, took, row.status, BodyTime)
				}
			})
		})
	}
}

package oauth

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
				case row.status != 0 && (err == nil || asError(err).Status != row.status):
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

func TestFindingS1_ABodyHasFiveSeconds(t *testing.T) {
	for name, row := range map[string]struct {
		head   string
		status int
	}{
		"a form that stalls":              {"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 10\r\n\r\nabc", http.StatusRequestTimeout},
		"chunks that stall":               {"Content-Type: application/x-www-form-urlencoded\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", http.StatusRequestTimeout},
		"a type that nobody reads stalls": {"Content-Type: text/plain\r\nContent-Length: 10\r\n\r\nabc", http.StatusUnsupportedMediaType},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client, server := net.Pipe()
				endpoint := &Endpoint{Name: "test", Logger: slog.New(slog.DiscardHandler), Answer: func(context.Context, *Request) (any, error) { return nil, nil }}
				s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { endpoint.Serve(w, r, Entry{}) })}
				l := &pipe{Conn: server, closed: make(chan struct{})}
				go s.Serve(l)
				defer s.Close()
				began := time.Now()
				if _, err := io.WriteString(client, "POST / HTTP/1.1\r\nHost: x\r\n"+row.head); err != nil {
					t.Fatal(err)
				}
				answer, err := http.ReadResponse(bufio.NewReader(client), nil)
				if err != nil {
					t.Fatal(err)
				}
				if took := time.Since(began); answer.StatusCode != row.status || took != BodyTime {
					t.Errorf("status %d after %s, want %d after %s", answer.StatusCode, took, row.status, BodyTime)
				}
			})
		})
	}
}

package httpd

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// pipe is a listener with one connection.
type pipe struct {
	conn     net.Conn
	accepted atomic.Bool
	closed   chan struct{}
}

func (p *pipe) Accept() (net.Conn, error) {
	if p.accepted.CompareAndSwap(false, true) {
		return p.conn, nil
	}
	<-p.closed
	return nil, net.ErrClosed
}

func (p *pipe) Close() error {
	select {
	case <-p.closed:
	default:
		close(p.closed)
	}
	return nil
}

func (p *pipe) Addr() net.Addr { return p.conn.LocalAddr() }

// serveOne serves one connection in a bubble of synctest and returns its other end, and what is logged.
func serveOne(t *testing.T, handler http.HandlerFunc) (net.Conn, *bytes.Buffer) {
	client, server := net.Pipe()
	log := new(bytes.Buffer)
	g := &Group{Logger: slog.New(slog.NewTextHandler(log, nil))}
	g.Serve(&Listener{&pipe{conn: server, closed: make(chan struct{})}, nil}, handler)
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(func() {
		client.Close()
		cancel()
		g.Wait(ctx)
	})
	return client, log
}

func send(t *testing.T, c net.Conn, text string) {
	t.Helper()
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
}

const get = "GET /it HTTP/1.1\r\nHost: x\r\n\r\n"

func TestB6_AStreamedAnswerMayTakeLongerThanAnyOfItsWrites(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, _ := serveOne(t, func(w http.ResponseWriter, r *http.Request) {
			for n := range 20 {
				if r.Context().Err() != nil {
					t.Errorf("the context ended at event %d: %v", n, context.Cause(r.Context()))
				}
				fmt.Fprintf(w, "event %d\n", n)
				w.(http.Flusher).Flush()
				time.Sleep(45 * time.Second) // longer than a write may take, also between two of them
			}
		})
		for range 2 { // on one connection
			send(t, client, get)
			answer, err := http.ReadResponse(bufio.NewReader(client), nil)
			if err != nil {
				t.Fatal(err)
			}
			text, err := io.ReadAll(answer.Body)
			if err != nil || strings.Count(string(text), "\n") != 20 {
				t.Errorf("got %q, %v; want 20 events", text, err)
			}
		}
	})
}

func TestB6_AnUploadedBodyDoesNotEndTheContextOfALongAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, _ := serveOne(t, func(w http.ResponseWriter, r *http.Request) {
			io.Copy(io.Discard, r.Body)
			time.Sleep(5 * time.Minute)
			if err := r.Context().Err(); err != nil {
				t.Errorf("the context ended: %v", err)
			}
		})
		send(t, client, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc")
		answer, err := http.ReadResponse(bufio.NewReader(client), nil)
		if err != nil || answer.StatusCode != http.StatusOK {
			t.Errorf("got %v, %v", answer, err)
		}
	})
}

func TestF20_AClientThatTakesNothingIsLetGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ended := make(chan error, 1)
		client, _ := serveOne(t, func(w http.ResponseWriter, r *http.Request) {
			for {
				if _, err := w.Write(make([]byte, 64<<10)); err != nil {
					ended <- err
					return
				}
			}
		})
		began := time.Now()
		send(t, client, get)
		if err := <-ended; time.Since(began) != writeTime {
			t.Errorf("ended after %s with %v, want after %s", time.Since(began), err, writeTime)
		}
	})
}

func TestF20_ABodyThatNeverComesIsLetGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began, ended := time.Now(), make(chan error, 1)
		client, _ := serveOne(t, func(w http.ResponseWriter, r *http.Request) {
			_, err := io.ReadAll(r.Body)
			ended <- err
		})
		send(t, client, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\na")
		if err := <-ended; err == nil || time.Since(began) != bodyTime {
			t.Errorf("ended after %s with %v, want an error after %s", time.Since(began), err, bodyTime)
		}
		io.Copy(io.Discard, client)
	})
}

func TestB5_APanicReachesTheOperatorWithoutWhatTheClientSent(t *testing.T) {
	for name, row := range map[string]struct {
		cause func(r *http.Request)
		want  string
	}{
		"a text that quotes the client":  {func(r *http.Request) { panic("bad path " + r.URL.Path) }, "reason=string"},
		"an error that quotes it":        {func(r *http.Request) { panic(errors.New(r.URL.Path)) }, "reason=*errors.errorString"},
		"the runtime's own":              {func(r *http.Request) { _ = []int{}[len(r.URL.Path)] }, `reason="runtime error: index out of range [14] with length 0"`},
		"one behind a body and its type": {func(r *http.Request) { r.Body = nil; panic(r.URL) }, "reason=*url.URL"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				mux := http.NewServeMux()
				mux.HandleFunc("GET /{any...}", func(w http.ResponseWriter, r *http.Request) {
					w.Header().Set("X-Half", "way")
					row.cause(r)
				})
				client, log := serveOne(t, mux.ServeHTTP)
				for range 2 { // on one connection, for the program lives
					send(t, client, "GET /marked-secret HTTP/1.1\r\nHost: x\r\n\r\n")
					answer, err := http.ReadResponse(bufio.NewReader(client), nil)
					if err != nil {
						t.Fatal(err)
					}
					text, err := io.ReadAll(answer.Body)
					if answer.StatusCode != 500 || string(text) != "internal server error\n" || err != nil || answer.Header.Get("X-Half") != "" {
						t.Errorf("the client gets %d %q %v, %v; want 500 alone", answer.StatusCode, text, answer.Header, err)
					}
				}
				synctest.Wait()
				for _, want := range []string{"level=ERROR", `msg="handler panicked"`, row.want, `pattern="GET /{any...}"`, "httpd.TestB5_"} {
					if !strings.Contains(log.String(), want) {
						t.Errorf("no %s in the log:\n%s", want, log)
					}
				}
				if strings.Contains(log.String(), "marked-secret") {
					t.Errorf("the log quotes the client:\n%s", log)
				}
			})
		})
	}
}

func TestB5_APanicWithinAnAnswerEndsTheConnection(t *testing.T) {
	for name, begin := range map[string]func(http.ResponseWriter){
		"a status":        func(w http.ResponseWriter) { w.WriteHeader(200) },
		"a body":          func(w http.ResponseWriter) { io.WriteString(w, "half") },
		"a flush":         func(w http.ResponseWriter) { w.(http.Flusher).Flush() },
		"a stream's half": func(w http.ResponseWriter) { io.WriteString(w, "half"); w.(http.Flusher).Flush() },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client, log := serveOne(t, func(w http.ResponseWriter, _ *http.Request) { begin(w); panic("half way") })
				send(t, client, get)
				text, _ := io.ReadAll(client)
				if strings.Contains(string(text), "500") || strings.Contains(string(text), "internal server error") {
					t.Errorf("the client gets %q, want an answer that is cut off", text)
				}
				answer, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(text)), nil)
				if err == nil {
					_, err = io.ReadAll(answer.Body)
				}
				if err == nil {
					t.Errorf("the client takes %q for a whole answer", text)
				}
				synctest.Wait()
				if !strings.Contains(log.String(), "handler panicked") {
					t.Errorf("not in the log: %s", log)
				}
			})
		})
	}
}

func TestAPanicBehindAHintIsStill500(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, _ := serveOne(t, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusEarlyHints)
			panic("behind a hint")
		})
		send(t, client, get)
		from := bufio.NewReader(client)
		for _, want := range []int{http.StatusEarlyHints, http.StatusInternalServerError} {
			answer, err := http.ReadResponse(from, nil)
			if err != nil || answer.StatusCode != want {
				t.Fatalf("got %v, %v; want %d", answer, err, want)
			}
		}
	})
}

func TestB5_AnAbortIsNoPanic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, log := serveOne(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
		send(t, client, get)
		io.Copy(io.Discard, client)
		synctest.Wait()
		if log.Len() > 0 {
			t.Errorf("logged %s", log)
		}
	})
}

// closing is a connection that tells when it is closed.
type closing struct {
	net.Conn
	closed chan struct{}
}

func (c *closing) Close() error { close(c.closed); return nil }

func (c *closing) isClosed() bool {
	select {
	case <-c.closed:
		return true
	default:
		return false
	}
}

func TestFindingS1_TheConnectionThatWaitsTheLongestMakesRoom(t *testing.T) {
	for _, row := range []struct {
		name  string
		first []string // what each of the connections does, in the order of their coming
		want  int      // the one that is closed for one more; -1: that one
	}{
		{"for the oldest header", []string{"new", "new", "new"}, 0},
		{"for the oldest body", []string{"answered", "body", "body"}, 1},
		{"for a header before an idle one", []string{"idle", "answered", "new"}, 2},
		{"for an idle one before one that is answered", []string{"answered", "idle", "idle"}, 1},
		{"not for one of whose requests one is answered", []string{"body and answered", "body", "answered"}, 1},
		{"for none when all are answered", []string{"answered", "answered", "answered"}, -1},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				all := newConns(len(row.first))
				var open []*closing
				connect := func() context.Context {
					c := &closing{closed: make(chan struct{})}
					open = append(open, c)
					all.state(c, http.StateNew)
					return all.context(t.Context(), c)
				}
				for _, doing := range row.first {
					ctx := connect()
					c := open[len(open)-1]
					switch doing {
					case "idle":
						all.state(c, http.StateIdle)
					case "body":
						all.change(ctx, 1, 1)
					case "answered":
						all.change(ctx, 1, 0)
					case "body and answered":
						all.change(ctx, 2, 1)
					}
					time.Sleep(time.Second)
				}
				connect()
				synctest.Wait()
				for i, c := range open {
					if want := i == row.want || row.want < 0 && i == len(open)-1; c.isClosed() != want {
						t.Errorf("connection %d closed: %t, want %t", i, c.isClosed(), want)
					}
				}
			})
		})
	}
}

func TestOnlyWhatIsAboutThisProgramIsPassedOn(t *testing.T) {
	log := new(bytes.Buffer)
	errors := ourErrors{slog.New(slog.NewTextHandler(log, nil))}
	fmt.Fprint(errors, "http: TLS handshake error from 192.0.2.1:1: remote error\n")
	fmt.Fprint(errors, "http: Accept error: accept tcp: too many open files; retrying in 5ms\n")
	if got := strings.Count(log.String(), "\n"); got != 1 || !strings.Contains(log.String(), "too many open files") {
		t.Errorf("logged %s", log)
	}
}

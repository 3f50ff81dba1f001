package httpd

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync/atomic"
	"time"
)

const (
	// bodyTime is how long a request's body may take to come.
	bodyTime = 30 * time.Second
	// writeTime is how long the client may take to take what one write has for it. An answer that is
	// streamed may last for ever.
	writeTime = 30 * time.Second
)

// bounded is a handler within the bounds of a Group.
type bounded struct {
	handler  http.Handler
	conns    *conns
	logger   *slog.Logger
	answered func(*http.Request, Answered) // nil: nobody is told
}

func (b *bounded) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a := &answer{ResponseWriter: w, control: http.NewResponseController(w)}
	if b.answered != nil {
		began := time.Now()
		defer func() { b.answered(r, Answered{cmp.Or(a.status, http.StatusOK), a.bytes, time.Since(began)}) }()
	}
	defer b.recover(a, r)
	// The deadline of the answer before, on the same connection.
	a.control.SetWriteDeadline(time.Time{})
	b.conns.change(r.Context(), 1, 0)
	defer b.conns.change(r.Context(), -1, 0)
	if r.ContentLength != 0 {
		defer b.bound(a, r).left()
	}
	b.handler.ServeHTTP(a, r)
	if !a.hijacked {
		a.control.SetWriteDeadline(time.Now().Add(writeTime)) // for what is still buffered
	}
}

// bound gives the request's body its time.
func (b *bounded) bound(a *answer, r *http.Request) *body {
	ctx := r.Context()
	a.control.SetReadDeadline(time.Now().Add(bodyTime))
	b.conns.change(ctx, 0, 1)
	bounded := &body{
		ReadCloser: r.Body,
		came:       func() { a.control.SetReadDeadline(time.Time{}) }, // or it would end the context of a long answer
		over:       func() { b.conns.change(ctx, 0, -1) },
	}
	r.Body = bounded
	return bounded
}

// recover tells the operator of a handler that panicked, and the client by 500, or where an answer has begun by
// the end of the connection. What it panicked with is left out unless the runtime wrote it, for it may quote the
// client.
func (b *bounded) recover(a *answer, r *http.Request) {
	reason := recover()
	if reason == nil {
		return
	}
	if reason == http.ErrAbortHandler {
		panic(reason)
	}
	text := fmt.Sprintf("%T", reason)
	if err, ok := reason.(runtime.Error); ok {
		text = err.Error()
	}
	b.logger.Error("handler panicked", "reason", text, "pattern", r.Pattern, "stack", stack())
	if a.begun() || a.hijacked {
		panic(http.ErrAbortHandler)
	}
	// The headers are of an answer that never came.
	clear(a.Header())
	http.Error(a, "internal server error", http.StatusInternalServerError)
}

// stack returns where a panic came from, without any argument.
func stack() string {
	callers := make([]uintptr, 32)
	frames := runtime.CallersFrames(callers[:runtime.Callers(4, callers)])
	var text strings.Builder
	for {
		frame, more := frames.Next()
		fmt.Fprintf(&text, "%s:%d\n", frame.Function, frame.Line)
		if !more {
			return text.String()
		}
	}
}

// body is the body of a request, which tells when nobody waits for it any more.
type body struct {
	io.ReadCloser
	came func() // to its end
	over func() // came to its end, or was given up
	done atomic.Bool
}

func (b *body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err == io.EOF && b.done.CompareAndSwap(false, true) {
		b.came()
		b.over()
	}
	return n, err
}

// left notes that the request has been answered.
func (b *body) left() {
	if b.done.CompareAndSwap(false, true) {
		b.over()
	}
}

// answer is a ResponseWriter whose every write has a deadline of its own.
type answer struct {
	http.ResponseWriter
	control  *http.ResponseController
	status   int // that is on the way; 0: none is
	bytes    int64
	hijacked bool
}

// Unwrap is for http.ResponseController.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

func (a *answer) begun() bool { return a.status != 0 }

// begin notes the status that is about to leave, of which the first counts.
func (a *answer) begin(status int) {
	if !a.begun() {
		a.status = status
	}
}

// WriteHeader sends the status, which for 1xx is not yet that of the answer.
func (a *answer) WriteHeader(status int) {
	if status >= http.StatusOK || status == http.StatusSwitchingProtocols {
		a.begin(status)
	}
	a.ResponseWriter.WriteHeader(status)
}

func (a *answer) Write(p []byte) (int, error) {
	a.begin(http.StatusOK)
	// Over HTTP/2 a deadline ends the stream also when nobody writes, so none is left behind.
	a.control.SetWriteDeadline(time.Now().Add(writeTime))
	defer a.control.SetWriteDeadline(time.Time{})
	n, err := a.ResponseWriter.Write(p)
	a.bytes += int64(n)
	return n, err
}

// Flush is http.Flusher's, which programs ask for by its type.
func (a *answer) Flush() { a.FlushError() }

// FlushError is for http.ResponseController.
func (a *answer) FlushError() error {
	a.begin(http.StatusOK)
	a.control.SetWriteDeadline(time.Now().Add(writeTime))
	defer a.control.SetWriteDeadline(time.Time{})
	return a.control.Flush()
}

// Hijack is http.Hijacker's, which programs ask for by its type. The deadlines are theirs then.
func (a *answer) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	c, buffered, err := a.control.Hijack()
	if err == nil {
		a.hijacked = true
		err = c.SetDeadline(time.Time{})
	}
	return c, buffered, err
}

// ourErrors passes on what an http.Server says about this program. The rest is about strangers' connections,
// and quotes them.
type ourErrors struct{ logger *slog.Logger }

func (e ourErrors) Write(line []byte) (int, error) {
	if text, ok := strings.CutPrefix(string(line), "http: Accept error: "); ok {
		e.logger.Error("no connection can be accepted", "reason", strings.TrimSpace(text))
	}
	return len(line), nil
}

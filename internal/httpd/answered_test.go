package httpd

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestItIsToldHowARequestWasAnswered(t *testing.T) {
	for name, row := range map[string]struct {
		handler http.HandlerFunc
		status  int
		bytes   int64
	}{
		"nothing said":          {func(http.ResponseWriter, *http.Request) {}, 200, 0},
		"a body alone":          {func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "hello"); io.WriteString(w, "!") }, 200, 6},
		"a status":              {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(404); io.WriteString(w, "no") }, 404, 2},
		"a hint before":         {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(103); w.WriteHeader(204) }, 204, 0},
		"a panic":               {func(http.ResponseWriter, *http.Request) { panic("x") }, 500, 22},
		"the first status wins": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(201); w.WriteHeader(500) }, 201, 0},
	} {
		t.Run(name, func(t *testing.T) {
			mux := http.NewServeMux()
			mux.HandleFunc("GET /{any}", row.handler)
			told := make(chan Answered, 1)
			pattern := make(chan string, 1)
			g := Group{Answered: func(r *http.Request, a Answered) { pattern <- r.Pattern; told <- a }}
			g.once.Do(g.begin)
			server := httptest.NewServer(&bounded{mux, g.conns, g.Logger, g.Answered})
			defer server.Close()
			answer, err := server.Client().Get(server.URL + "/x")
			if err != nil {
				t.Fatal(err)
			}
			answer.Body.Close()
			if got := <-pattern; got != "GET /{any}" {
				t.Errorf("pattern %q", got)
			}
			if got := <-told; got.Status != row.status || got.Bytes != row.bytes || got.Duration <= 0 || got.Status != answer.StatusCode {
				t.Errorf("told %+v, want %d and %d bytes; the client got %d", got, row.status, row.bytes, answer.StatusCode)
			}
		})
	}
}

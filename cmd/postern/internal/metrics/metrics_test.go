package metrics

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/postern-auth/postern/internal/httpd"
	"github.com/postern-auth/postern/server"
)

// scrape returns what m answers, without comments.
func scrape(t *testing.T, m *Metrics) []string {
	t.Helper()
	w := httptest.NewRecorder()
	m.ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	if w.Code != http.StatusOK {
		t.Fatalf("answered %d: %s", w.Code, w.Body)
	}
	var lines []string
	for line := range strings.Lines(w.Body.String()) {
		if !strings.HasPrefix(line, "#") {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	return lines
}

func TestWhatClientsSendMakesNoSeries(t *testing.T) {
	m := New()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /users/{id}", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("/any/", func(http.ResponseWriter, *http.Request) {})
	before := 0
	for n := range 2000 {
		for _, path := range []string{"/users/marked-%d", "/any/marked-%d", "/marked-%d?code=marked-%d"} {
			for _, method := range []string{"GET", fmt.Sprintf("MARKED%d", n)} {
				r := httptest.NewRequest(method, strings.ReplaceAll(path, "%d", fmt.Sprint(n)), nil)
				mux.ServeHTTP(httptest.NewRecorder(), r)
				m.Answered(r, httpd.Answered{Status: 200 + n%2*204, Duration: time.Millisecond})
			}
		}
		if n == 1 {
			before = len(scrape(t, m))
		}
	}
	lines := scrape(t, m)
	if len(lines) > before+10 { // Go's own may grow by a few
		t.Errorf("%d series, want the %d that there were after two rounds", len(lines), before)
	}
	text := strings.Join(lines, "\n")
	if strings.Contains(strings.ToLower(text), "marked") {
		t.Error("a label quotes a client")
	}
	for _, want := range []string{
		`postern_http_request_duration_seconds_count{method="GET",route="/users/{id}",status="2xx"} 1000`,
		`postern_http_request_duration_seconds_count{method="GET",route="/users/{id}",status="4xx"} 1000`,
		`postern_http_request_duration_seconds_count{method="other",route="/any/",status="2xx"} 1000`,
		`postern_http_request_duration_seconds_count{method="other",route="none",status="4xx"} 2000`,
	} {
		if !strings.Contains(text, want+"\n") {
			t.Errorf("no line %s", want)
		}
	}
}

func TestTokensAndRefusalsAreCounted(t *testing.T) {
	m := New()
	m.Issued(t.Context(), server.Issued{Grant: "client_credentials", Form: "opaque", ID: "marked", ClientID: "marked"})
	m.Issued(t.Context(), server.Issued{Grant: "client_credentials", Form: "opaque"})
	m.Refused("token", "invalid_client")
	text := strings.Join(scrape(t, m), "\n")
	for _, want := range []string{
		`postern_tokens_issued_total{form="opaque",grant="client_credentials"} 2`,
		`postern_refusals_total{endpoint="token",reason="invalid_client"} 1`,
		"go_goroutines ", "go_build_info{",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s", want)
		}
	}
	if strings.Contains(text, "marked") {
		t.Error("a label tells of one token")
	}
}

func TestClassesOfStatus(t *testing.T) {
	for status, want := range map[int]string{0: "other", 101: "1xx", 200: "2xx", 404: "4xx", 599: "5xx", 600: "other", -1: "other"} {
		if got := class(status); got != want {
			t.Errorf("%d: got %s, want %s", status, got, want)
		}
	}
}

// What a request costs more where there is a listener for operators.
func BenchmarkAnswered(b *testing.B) {
	m := New()
	r := httptest.NewRequest("POST", "/oauth/v2/token", nil)
	r.Pattern = "POST /oauth/v2/token"
	b.ReportAllocs()
	for b.Loop() {
		m.Answered(r, httpd.Answered{Status: 200, Duration: time.Millisecond})
	}
}

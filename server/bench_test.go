package server_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/postern-auth/postern/server/store"
)

// direct calls the handler without a socket and returns the status.
func (w *world) direct(path, user string, form url.Values) int {
	r := httptest.NewRequest(http.MethodPost, w.issuer+path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	id, secret, _ := strings.Cut(user, ":")
	r.SetBasicAuth(id, secret)
	answer := httptest.NewRecorder()
	w.server.ServeHTTP(answer, r)
	return answer.Code
}

func BenchmarkEndpoints(b *testing.B) {
	w := newWorld(b)
	project := values("grant_type", clientCredentials, "scope", sampleScope)
	api := values("grant_type", clientCredentials, "audience", messages)
	opaque := values("token", w.token("robot", "scope", sampleScope))
	run := func(name, path, user string, form url.Values) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if status := w.direct(path, user, form); status != http.StatusOK {
						b.Error("status", status)
					}
				}
			})
		})
	}
	run("introspect opaque", "/oauth/v2/introspect", "samples@P:samples-secret", opaque)
	run("token opaque", "/oauth/v2/token", "robot:robot-secret", project)
	w.form("robot", "a-messages", store.FormRFC9068)
	run("token ES256", "/oauth/v2/token", "robot:robot-secret", api)
	w.form("robot", "a-messages", store.FormAuth0)
	run("token RS256", "/oauth/v2/token", "robot:robot-secret", api)
}

// BenchmarkS10 reports by how much the median of an unknown client differs from that of a wrong secret.
func BenchmarkS10(b *testing.B) {
	w := newWorld(b)
	form := values("grant_type", clientCredentials)
	took := make(map[string][]time.Duration)
	users := []string{"nobody:wrong", "robot:wrong", "samples@P:wrong"}
	for b.Loop() {
		for _, user := range users { // in turn, so that all meet the same noise
			begin := time.Now()
			w.direct("/oauth/v2/token", user, form)
			took[user] = append(took[user], time.Since(begin))
		}
	}
	median := func(user string) float64 {
		slices.Sort(took[user])
		return float64(took[user][len(took[user])/2])
	}
	for _, user := range users[1:] {
		b.ReportMetric(100*(median(user)/median(users[0])-1), "%"+strings.TrimSuffix(user, ":wrong"))
	}
}

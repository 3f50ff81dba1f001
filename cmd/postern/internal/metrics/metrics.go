// Package metrics counts what a server does, for Prometheus. Every label has a bounded set of values, whatever clients
// send.
//
//	m := metrics.New()
//	servers := httpd.Group{Answered: m.Answered}
//	s, err := server.New(ctx, server.Config{OnIssue: m.Issued, OnRefusal: m.Refused, …})
//	mux.Handle("GET /metrics", m)
package metrics

import (
	"context"
	"net/http"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/postern-auth/postern/internal/httpd"
	"github.com/postern-auth/postern/server"
)

// Metrics are those of one server. They are safe for concurrent use.
type Metrics struct {
	http.Handler // answers with them

	requests        *prometheus.HistogramVec
	issued, refused *prometheus.CounterVec
}

// New returns Metrics that have counted nothing, with those of the process and of Go.
func New() *Metrics {
	registry := prometheus.NewRegistry() // not the global one, to which any package may add
	m := &Metrics{
		Handler: promhttp.HandlerFor(registry, promhttp.HandlerOpts{}),
		requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "postern_http_request_duration_seconds",
			Help:    "How long requests took to answer, by the route that was found, the method, and the class of the status.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		}, []string{"route", "method", "status"}),
		issued: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "postern_tokens_issued_total",
			Help: "Access tokens that were issued, by grant_type and form.",
		}, []string{"grant", "form"}),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "postern_refusals_total",
			Help: "Refusals, by where they were and their reason: an OAuth error code, or why a token is not good.",
		}, []string{"endpoint", "reason"}),
	}
	registry.MustRegister(m.requests, m.issued, m.refused,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), collectors.NewBuildInfoCollector())
	return m
}

// Answered counts a request.
func (m *Metrics) Answered(r *http.Request, a httpd.Answered) {
	m.requests.WithLabelValues(Route(r), method(r.Method), class(a.Status)).Observe(a.Duration.Seconds())
}

// Issued counts a token.
func (m *Metrics) Issued(_ context.Context, t server.Issued) {
	m.issued.WithLabelValues(t.Grant, t.Form).Inc()
}

// Refused counts a refusal.
func (m *Metrics) Refused(where, reason string) { m.refused.WithLabelValues(where, reason).Inc() }

// Route returns the path that a request's handler is mounted at, and none when there is no such handler. It holds
// nothing that the client sent.
func Route(r *http.Request) string {
	if r.Pattern == "" {
		return "none"
	}
	if _, path, found := strings.Cut(r.Pattern, " "); found {
		return path
	}
	return r.Pattern
}

// method returns a method of those that there are: a client may send any word.
func method(m string) string {
	switch m {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return m
	}
	return "other"
}

// class returns the class of a status, such as 2xx.
func class(status int) string {
	if status < 100 || status > 599 {
		return "other"
	}
	return [...]string{"1xx", "2xx", "3xx", "4xx", "5xx"}[status/100-1]
}

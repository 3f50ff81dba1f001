package posterntest

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
)

// Endpoint is a place at the issuer, by its path.
type Endpoint string

// The endpoints that an Issuer has.
const (
	Metadata      Endpoint = "/.well-known/openid-configuration"
	KeySet        Endpoint = "/keys"
	Introspection Endpoint = "/introspect"
)

// Calls returns how many calls an endpoint has had, answered or not.
func (i *Issuer) Calls(endpoint Endpoint) int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.calls[endpoint]
}

// Strays returns how many calls the Client was asked to make to any other host.
func (i *Issuer) Strays() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.strays
}

// Outage makes endpoints, or all of them when none is named, answer as the handler does, until Recover.
// Status, Body, Hang and Reset are such handlers.
func (i *Issuer) Outage(handler http.Handler, endpoints ...Endpoint) {
	if len(endpoints) == 0 {
		endpoints = []Endpoint{Metadata, KeySet, Introspection}
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	for _, endpoint := range endpoints {
		i.outages[endpoint] = handler
	}
}

// Recover ends every outage.
func (i *Issuer) Recover() {
	i.mu.Lock()
	defer i.mu.Unlock()
	clear(i.outages)
}

// Status is an outage with a status and an HTML page.
func Status(code int) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(code)
		io.WriteString(w, "<html><title>Sorry</title></html>")
	})
}

// Body is an outage that answers 200 with a text.
func Body(text string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, text)
	})
}

// Hang is an outage that answers nothing until the caller gives up.
func Hang() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
}

// Reset is an outage that ends the connection without an answer.
func Reset() http.Handler {
	return http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
}

// ServeHTTP serves the issuer's endpoints.
func (i *Issuer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	endpoint := Endpoint(r.URL.Path)
	i.mu.Lock()
	i.calls[endpoint]++
	outage := i.outages[endpoint]
	i.mu.Unlock()
	if outage != nil {
		outage.ServeHTTP(w, r)
		return
	}
	switch endpoint {
	case Metadata:
		i.serveMetadata(w)
	case KeySet:
		i.serveKeySet(w)
	case Introspection:
		i.serveIntrospection(w, r)
	default:
		http.NotFound(w, r)
	}
}

func (i *Issuer) serveMetadata(w http.ResponseWriter) {
	i.write(w, map[string]any{
		"issuer":                 i.URL,
		"jwks_uri":               i.URL + string(KeySet),
		"introspection_endpoint": i.URL + string(Introspection),
	})
}

func (i *Issuer) serveKeySet(w http.ResponseWriter) {
	i.mu.Lock()
	keys := make([]any, len(i.published))
	for n, key := range i.published {
		keys[n] = key.public
	}
	i.mu.Unlock()
	i.write(w, map[string]any{"keys": keys})
}

// serveIntrospection answers every request with a client authentication of any kind: checking it is up
// to the real server.
func (i *Issuer) serveIntrospection(w http.ResponseWriter, r *http.Request) {
	_, _, basic := r.BasicAuth()
	if !basic && r.PostFormValue("client_assertion") == "" && r.PostFormValue("client_id") == "" {
		w.Header().Set("WWW-Authenticate", "Basic")
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	io.WriteString(w, i.introspect(r.PostFormValue("token")))
}

func (i *Issuer) write(w http.ResponseWriter, document any) {
	w.Header().Set("Content-Type", "application/json")
	w.Write(i.json(document))
}

// Client returns an http.Client that reaches the issuer without a network, and nobody else.
func (i *Issuer) Client() *http.Client { return &http.Client{Transport: transport{i}} }

type transport struct{ issuer *Issuer }

// RoundTrip calls the issuer's handler, and returns early when the request's context ends.
func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if own, err := url.Parse(t.issuer.URL); err != nil || r.URL.Host != own.Host {
		t.issuer.mu.Lock()
		t.issuer.strays++
		t.issuer.mu.Unlock()
		closeBody(r)
		return nil, fmt.Errorf("posterntest: no host %s here", r.URL.Host)
	}
	inner := r.Clone(r.Context())
	inner.RequestURI = r.URL.RequestURI()
	if inner.Body == nil {
		inner.Body = io.NopCloser(strings.NewReader(""))
	}
	defer closeBody(r)
	recorder := httptest.NewRecorder()
	if err := serve(t.issuer, recorder, inner); err != nil {
		return nil, err
	}
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	response := recorder.Result()
	response.Request = r
	return response, nil
}

func closeBody(r *http.Request) {
	if r.Body != nil {
		r.Body.Close()
	}
}

// serve turns the panic by which a handler ends a connection into the error that a client sees.
func serve(handler http.Handler, w http.ResponseWriter, r *http.Request) (err error) {
	defer func() {
		switch reason := recover(); reason {
		case nil:
		case http.ErrAbortHandler:
			err = fmt.Errorf("posterntest: connection reset: %w", io.ErrUnexpectedEOF)
		default:
			panic(reason)
		}
	}()
	handler.ServeHTTP(w, r)
	return nil
}

// Package browserclient is a single-page application that logs people in and calls the API of package
// helloworld for them: the counterpart of Auth0's single-page samples, with their pages and variables, in plain
// ES modules and without a build step.
//
//	handler, err := browserclient.New(os.Getenv)
//	if err != nil {
//		log.Fatal(err)
//	}
//	log.Fatal(http.ListenAndServe("127.0.0.1:4040", handler))
//
// Its pages are /, /profile, /public, /protected, /admin and /callback. The handler serves files and settings; all
// else happens in the browser, in app/: oauth.js gets tokens by the authorization code flow with PKCE, keeps them
// in memory and renews them, main.js draws the pages.
//
// Variables: AUTH0_DOMAIN is the issuer's host, with a port where it needs one, or ISSUER the whole issuer, of any
// vendor; AUTH0_CLIENT_ID the application; AUTH0_CALLBACK_URL its callback, at this application; AUTH0_AUDIENCE the
// API's identifier; API_SERVER_URL the API's origin, http://localhost:6060 unless set. PORT is the port to listen on.
package browserclient

import (
	"cmp"
	"embed"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"

	"github.com/postern-auth/postern/examples/sampleapi"
	"github.com/postern-auth/postern/internal/look"
)

//go:embed app
var app embed.FS

// Settings is what the pages need to know. All of it is public.
type Settings struct {
	Issuer   string `json:"issuer"`
	ClientID string `json:"client_id"`
	Callback string `json:"callback"`
	Audience string `json:"audience"`
	API      string `json:"api"` // origin
}

// Listen returns the address of the application.
func Listen(getenv func(string) string) string { return sampleapi.Local(getenv, "4040") }

// New returns the application. The error names the variables that are missing or wrong.
func New(getenv func(string) string) (http.Handler, error) {
	env := sampleapi.Environment{Getenv: getenv}
	s := Settings{Issuer: getenv("ISSUER")}
	if s.Issuer == "" {
		s.Issuer = env.Auth0Issuer("AUTH0_DOMAIN")
	}
	s.ClientID, s.Callback = env.Required("AUTH0_CLIENT_ID"), env.Required("AUTH0_CALLBACK_URL")
	s.Audience = env.Required("AUTH0_AUDIENCE")
	s.API = cmp.Or(env.Origin("API_SERVER_URL"), "http://localhost:6060")
	if err := env.Err(); err != nil {
		return nil, fmt.Errorf("browser-client: %w", err)
	}
	return s.Handler()
}

// paths are those of the pages. One document serves them all, so that each can be opened and reloaded.
var paths = []string{"/{$}", "/profile", "/public", "/protected", "/admin", "/callback"}

// Handler returns the application with these settings.
func (s Settings) Handler() (http.Handler, error) {
	issuer, err := url.Parse(s.Issuer)
	if err != nil || issuer.Host == "" || issuer.Scheme != "https" && issuer.Scheme != "http" {
		return nil, fmt.Errorf("browser-client: ISSUER is %.64q, want a URL such as https://login.example.com", s.Issuer)
	}
	settings, err := json.Marshal(s)
	if err != nil {
		return nil, err
	}
	origin := issuer.Scheme + "://" + issuer.Host
	policy := fmt.Sprintf("default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' %[1]s; connect-src 'self' %[1]s %[2]s; "+
		"base-uri 'none'; form-action 'none'; frame-ancestors 'none'", origin, s.API)
	mux := http.NewServeMux()
	serve := func(pattern string, h http.Handler) {
		mux.HandleFunc("GET "+pattern, func(w http.ResponseWriter, r *http.Request) {
			header := w.Header()
			header.Set("Content-Security-Policy", policy)
			header.Set("X-Content-Type-Options", "nosniff")
			header.Set("Referrer-Policy", "no-referrer") // the callback's address holds a code
			header.Set("Cache-Control", "no-cache")
			h.ServeHTTP(w, r)
		})
	}
	for _, path := range paths {
		serve(path, file("index.html"))
	}
	for _, name := range []string{"main.js", "oauth.js", "dom.js"} {
		serve("/"+name, file(name))
	}
	serve("/style.css", look.Stylesheet())
	serve("/mark.svg", look.Mark())
	serve("/settings.json", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Write(settings)
	}))
	return mux, nil
}

func file(name string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { http.ServeFileFS(w, r, app, "app/"+name) })
}

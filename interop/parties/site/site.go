// Package site is what the websites of this folder have in common; interop/README.md says what they
// do. A site knows the person who logged in last, for it has one visitor.
package site

import (
	"encoding/json"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
)

// Settings are the variables that a site is started with.
type Settings struct {
	Issuer, ClientID, ClientSecret string
	KeyFile                        string // in the place of a secret
	PKCE                           bool
	Scopes                         []string
	URL                            string // of the site itself
}

// Read returns the settings of this process.
func Read() Settings {
	return Settings{
		Issuer: os.Getenv("ISSUER"), ClientID: os.Getenv("CLIENT_ID"), ClientSecret: os.Getenv("CLIENT_SECRET"),
		KeyFile: os.Getenv("KEY_FILE"), PKCE: os.Getenv("PKCE") == "true", Scopes: strings.Fields(os.Getenv("SCOPE")),
		URL: os.Getenv("URL"),
	}
}

// Callback is the redirect URI, and Goodbye the address after a logout.
func (s Settings) Callback() string { return s.URL + "/callback" }
func (s Settings) Goodbye() string  { return s.URL + "/goodbye" }

// Login is what a site knows of a person who is logged in.
type Login struct {
	Claims       map[string]any `json:"claims"` // of the ID token
	Userinfo     map[string]any `json:"userinfo"`
	AccessToken  string         `json:"access_token"`
	RefreshToken string         `json:"-"`
	IDToken      string         `json:"-"`
}

// Site serves what a library does. An error is the library's, and the site's visitor sees it.
type Site struct {
	Begin    http.HandlerFunc                            // leads to the login
	Callback http.HandlerFunc                            // calls Arrived
	Renew    func(*http.Request, *Login) error           // replaces the tokens of a login
	Leave    func(*http.Request, *Login) (string, error) // returns where the browser goes for the logout

	mu    sync.Mutex
	login *Login
}

// Arrived is for the callback: it remembers the login and shows it.
func (s *Site) Arrived(w http.ResponseWriter, r *http.Request, login *Login) {
	s.mu.Lock()
	s.login = login
	s.mu.Unlock()
	http.Redirect(w, r, "/", http.StatusFound)
}

// Fail shows an error of the library.
func Fail(w http.ResponseWriter, err error) { http.Error(w, err.Error(), http.StatusBadGateway) }

// Serve serves the site until it is killed.
func (s *Site) Serve(settings Settings) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /login", s.Begin)
	mux.HandleFunc("/callback", s.Callback)
	mux.HandleFunc("GET /goodbye", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "goodbye") })
	mux.HandleFunc("GET /{$}", s.known(func(w http.ResponseWriter, r *http.Request, login *Login) {
		json.NewEncoder(w).Encode(login)
	}))
	mux.HandleFunc("GET /renew", s.known(func(w http.ResponseWriter, r *http.Request, login *Login) {
		if err := s.Renew(r, login); err != nil {
			Fail(w, err)
			return
		}
		json.NewEncoder(w).Encode(login)
	}))
	mux.HandleFunc("GET /logout", s.known(func(w http.ResponseWriter, r *http.Request, login *Login) {
		to, err := s.Leave(r, login)
		if err != nil {
			Fail(w, err)
			return
		}
		http.Redirect(w, r, to, http.StatusFound)
	}))
	listener, err := net.Listen("tcp", strings.TrimPrefix(settings.URL, "http://"))
	if err != nil {
		log.Fatal(err)
	}
	log.Printf("listening on %s", settings.URL)
	log.Fatal(http.Serve(listener, mux))
}

func (s *Site) known(f func(http.ResponseWriter, *http.Request, *Login)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.login == nil {
			http.Error(w, "nobody is logged in", http.StatusUnauthorized)
			return
		}
		f(w, r, s.login)
	}
}

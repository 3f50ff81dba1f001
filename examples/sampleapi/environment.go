package sampleapi

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// Environment reads a sample's variables and remembers what is wrong with them, so that a user is told
// everything at once. It is not safe for concurrent use.
type Environment struct {
	// Getenv is os.Getenv or one like it. Required.
	Getenv func(string) string

	missing []string
	wrong   []error
}

// Required returns the value of a variable that must be set.
func (e *Environment) Required(name string) string {
	value := e.Getenv(name)
	if value == "" {
		e.Missing(name)
	}
	return value
}

// Missing notes that something is not set, in words that name the variables.
func (e *Environment) Missing(names string) { e.missing = append(e.missing, names) }

// Auth0Issuer returns the issuer for a variable that holds an Auth0 domain: https, the host, a slash. A domain that
// begins with http:// is one on this machine; whoever takes the issuer refuses others.
func (e *Environment) Auth0Issuer(name string) string {
	variable := e.Required(name)
	domain, plain := strings.CutPrefix(variable, "http://")
	issuer := "https://" + domain + "/"
	if plain {
		issuer = variable + "/"
	}
	u, err := url.Parse(issuer)
	if variable != "" && (err != nil || domain == "" || u.Host != domain) {
		e.wrong = append(e.wrong, fmt.Errorf("%s is %.64q, want a host such as example.eu.auth0.com, without https:// and slashes", name, variable))
	}
	return issuer
}

// Origin returns the value of a variable that holds a web origin (RFC 6454 §6.2), or "" when it is not set.
func (e *Environment) Origin(name string) string {
	origin := e.Getenv(name)
	u, err := url.Parse(origin)
	if origin != "" && (err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.Scheme+"://"+u.Host != origin) {
		e.wrong = append(e.wrong, fmt.Errorf("%s is %.64q, want an origin such as http://localhost:4040, without a path and a final slash", name, origin))
	}
	return origin
}

// MissingError says which variables are not set.
type MissingError struct{ Names []string }

func (e *MissingError) Error() string {
	return fmt.Sprintf("missing %s: set in the environment or in .env", strings.Join(e.Names, ", "))
}

// Err returns what is missing and what is wrong, or nil.
func (e *Environment) Err() error {
	var list []error
	if len(e.missing) > 0 {
		list = append(list, &MissingError{e.missing})
	}
	return errors.Join(append(list, e.wrong...)...)
}

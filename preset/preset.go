// Package preset knows how identity providers write their access tokens: the form of the issuer, where
// rights are, what tells an access token from an ID token, and what is missing.
//
//	verifier, err := jwt.NewVerifier(preset.Auth0("tenant.eu.auth0.com", "https://api.example.com"))
//	if err != nil {
//		log.Fatal(err)
//	}
//	guard := &postern.Guard{Verifier: verifier}
//	readers := guard.Require(postern.Permission("read:messages"))
//
// A preset is a Config and nothing more: change what differs at your provider before use.
//
//	config := preset.Keycloak("https://login.example.com", "staff", "messages-api")
//	config.Algorithms = []string{jwt.ES256}
//
// Presets weaken no check. A missing argument leaves a required field empty; one that the provider's tokens
// cannot have leaves a sentence about it where the issuer would be. The constructor of the verifier then
// names both.
//
// A provider's domain may be written with https:// and a final slash or without: the issuer gets the form
// that the provider's tokens have. Providers that are not here need no preset when their tokens are as
// RFC 9068 has them.
package preset

import "strings"

// site returns the URL of a domain that has nothing behind it, as origin does. Where something is, it says so.
func site(domain string) string {
	url := origin(domain)
	if _, host, _ := strings.Cut(url, "://"); strings.Contains(host, "/") {
		return "a path behind the domain: " + host // no URL, which the verifier's constructor says
	}
	return url
}

// origin returns the URL of a domain, however it was written, without a final slash.
func origin(domain string) string {
	if domain == "" {
		return ""
	}
	if !strings.Contains(domain, "://") {
		domain = "https://" + domain
	}
	return strings.TrimSuffix(domain, "/")
}

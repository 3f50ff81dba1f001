package registry

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/postern-auth/postern/server/internal/oauth"
	"github.com/postern-auth/postern/server/internal/redirect"
	"github.com/postern-auth/postern/server/store"
)

const (
	// maxList bounds how many URIs, origins or grants an application has.
	maxList = 100
	// maxRefreshLifetime bounds how long what belongs to one login is remembered.
	maxRefreshLifetime = 365 * 24 * time.Hour
)

// ApplicationTypes are the types of applications.
var ApplicationTypes = []store.ApplicationType{store.BrowserApplication, store.NativeApplication, store.WebApplication}

// CheckApplicationType admits the type of an application.
func CheckApplicationType(s string) error { return oneOf(s, ApplicationTypes) }

// CheckIDTokenClaims admits how much an ID token says.
func CheckIDTokenClaims(s string) error {
	return oneOf(s, []store.IDTokenClaims{store.FullClaims, store.MinimalClaims})
}

// CheckGrant admits a grant_type that obtains tokens on behalf of people. Programs that act for themselves are
// service users.
func CheckGrant(s string) error {
	if s == oauth.GrantClientCredentials || s == oauth.GrantJWTBearer {
		return fmt.Errorf("expected a grant on behalf of people; the grant %s is for service users", s)
	}
	return oneOf(s, []string{oauth.GrantAuthorizationCode, oauth.GrantRefreshToken, oauth.GrantDeviceCode, oauth.GrantTokenExchange})
}

// CheckServiceUserGrant admits a grant_type of service users. What people allow is for applications.
func CheckServiceUserGrant(s string) error {
	return oneOf(s, []string{oauth.GrantClientCredentials, oauth.GrantJWTBearer, oauth.GrantTokenExchange})
}

// CheckExchange refuses the grant of exchanging tokens to an application that keeps no secret: whoever has stolen a
// token could hide behind it.
func CheckExchange(t store.ApplicationType, grants []string) error {
	if !slices.Contains(grants, oauth.GrantTokenExchange) || Confidential(t) {
		return nil
	}
	return fmt.Errorf("expected an application of type %s to have the grant %s, got %s", store.WebApplication, oauth.GrantTokenExchange, t)
}

// CheckInitiateURI admits the address where a person begins to log in: https, or http on loopback.
func CheckInitiateURI(s string) error {
	if err := CheckRedirectURI(s); err != nil {
		return err
	}
	if !redirect.IsWeb(s) {
		return fmt.Errorf("expected a URL with https, got %.64q", s)
	}
	return nil
}

// CheckGrants admits the grants of an application that has so many redirect URIs.
func CheckGrants(grants []string, redirectURIs int) error {
	switch {
	case len(grants) == 0:
		return errors.New("expected at least one grant")
	case slices.Contains(grants, oauth.GrantAuthorizationCode) && redirectURIs == 0:
		return fmt.Errorf("expected a redirect URI, for there is none and the grant %s needs one", oauth.GrantAuthorizationCode)
	}
	return nil
}

func oneOf[T ~string](s string, known []T) error {
	if slices.Contains(known, T(s)) {
		return nil
	}
	names := make([]string, len(known))
	for i, name := range known {
		names[i] = string(name)
	}
	return fmt.Errorf("expected one of %s, got %.64q", strings.Join(names, ", "), s)
}

// CheckRedirectURI admits an address that a browser is sent to after a login or a logout: https, http on
// loopback, or a private scheme (RFC 8252 §7). It is compared byte for byte, so it holds no pattern.
func CheckRedirectURI(s string) error {
	if err := redirect.Check(s); err != nil {
		return errors.New(strings.TrimPrefix(err.Error(), "redirect: "))
	}
	return nil
}

// CheckURIOfType refuses an address that CheckRedirectURI admits and that applications of the type cannot be
// reached at.
func CheckURIOfType(t store.ApplicationType, uri string) error {
	if t == store.NativeApplication || redirect.IsWeb(uri) {
		return nil
	}
	return fmt.Errorf("%.64q: a private scheme leads to an application of type %s, and this one has type %s; use https",
		uri, store.NativeApplication, t)
}

// CheckOrigin admits the origin of pages (RFC 6454 §6.2) as a browser writes it, which is how it is compared.
func CheckOrigin(s string) error {
	if origin := redirect.Origin(s); origin == "" || origin != s {
		return fmt.Errorf("expected an origin such as https://app.example.com or http://localhost:3000, without a path or a slash, got %.64q", s)
	}
	return nil
}

// CheckBackchannelURI admits the address that the server calls when a login ends.
func CheckBackchannelURI(s string) error {
	if err := CheckRedirectURI(s); err != nil {
		return err
	}
	if !strings.HasPrefix(s, "https://") {
		return fmt.Errorf("expected a URL with https, got %.64q", s)
	}
	return nil
}

// CheckRefreshLifetime admits how long refresh tokens last.
func CheckRefreshLifetime(d time.Duration) error {
	if d < time.Second || d > maxRefreshLifetime {
		return fmt.Errorf("expected a duration from 1s to %dh, got %s", int(maxRefreshLifetime.Hours()), d)
	}
	return nil
}

// CheckRefreshLifetimes admits how long a refresh token lasts that is not used, and how long all of a login do.
// Zero is the server's default.
func CheckRefreshLifetimes(idle, all time.Duration) error {
	if idle != 0 && all != 0 && idle > all {
		return fmt.Errorf("expected refresh tokens that are not used to last no longer than the %s of all of a login, got %s", all, idle)
	}
	return nil
}

// CheckNoPKCE refuses to do without a code challenge where there is no secret either.
func CheckNoPKCE(t store.ApplicationType, insecure bool) error {
	if !insecure || Confidential(t) {
		return nil
	}
	return fmt.Errorf("expected an application of type %s to do without PKCE, got %s", store.WebApplication, t)
}

// CheckProfile admits the name of a profile.
func CheckProfile(s string) error { return oneOf(s, []string{oauth.ProfileFAPI2}) }

// CheckSenderConstraint admits to what access tokens are bound; empty: to nothing in particular.
func CheckSenderConstraint(s string) error {
	if s == "" {
		return nil
	}
	return oneOf(s, []store.SenderConstraint{store.ConstrainedByProof, store.ConstrainedByCertificate})
}

// CheckFAPI refuses what contradicts the FAPI 2.0 Security Profile in an application that is to keep it.
func CheckFAPI(a store.Application) error {
	if a.Profile != oauth.ProfileFAPI2 {
		return nil
	}
	switch {
	case !Confidential(a.Type):
		return fmt.Errorf("expected an application of type %s, for the profile %s is for those that prove who they are; got %s", store.WebApplication, a.Profile, a.Type)
	case a.InsecureNoPKCE:
		return fmt.Errorf("expected no insecure_no_pkce beside the profile %s, which requires PKCE", a.Profile)
	case a.IDTokenAlgorithm != "" && !slices.Contains(oauth.AlgorithmsFAPI2, a.IDTokenAlgorithm):
		return fmt.Errorf("expected an id_token_algorithm that the profile %s lets in, one of %s, got %.64q", a.Profile, strings.Join(oauth.AlgorithmsFAPI2, ", "), a.IDTokenAlgorithm)
	}
	for _, uri := range a.RedirectURIs {
		if !strings.HasPrefix(uri, "https://") {
			return fmt.Errorf("expected redirect URIs with https, which the profile %s requires, got %.64q", a.Profile, uri)
		}
	}
	return nil
}

func checkList(what string, list []string, check func(string) error) error {
	if len(list) > maxList {
		return fmt.Errorf("expected at most %d of %s, got %d", maxList, what, len(list))
	}
	for i, s := range list {
		if err := check(s); err != nil {
			return err
		}
		if slices.Contains(list[:i], s) {
			return fmt.Errorf("expected each %s once, got %.64q again", what, s)
		}
	}
	return nil
}

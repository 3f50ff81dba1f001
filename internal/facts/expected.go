package facts

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// What an operator configures is compared with claims byte for byte, so a slip there would refuse every
// token, one by one. The functions here find slips at start: texts that no honest issuer writes.

// CheckIssuer reports why no iss can be the text.
func CheckIssuer(text string) error {
	if err := checkText(text); err != nil {
		return err
	}
	if before, _, found := strings.Cut(text, "/.well-known/"); found {
		return fmt.Errorf("%.128q is a document of the issuer's and not the issuer: set what its member issuer says, such as %.64q", text, before)
	}
	if u, err := url.Parse(text); err == nil && u.Host != "" && (u.RawQuery != "" || u.ForceQuery) {
		return fmt.Errorf("%.128q has a query, which no issuer has (RFC 8414 §2)", text)
	}
	return nil
}

// CheckAudience reports why no aud can hold the text.
func CheckAudience(text string) error { return checkText(text) }

// Audiences is what the Config of a verifier says of them.
type Audiences struct {
	One  string   // Config.Audience
	More []string // Config.Audiences
	None bool     // Config.InsecureNoAudience
	// Optional says that they need not be there, and None neither.
	Optional bool
}

// Accepted returns the audiences, each of which is accepted. Errors name the field of the Config.
func (a Audiences) Accepted() ([]string, error) {
	accepted := slices.Clone(a.More)
	for i, audience := range accepted {
		if err := CheckAudience(audience); err != nil {
			return nil, fmt.Errorf("Config.Audiences[%d]: %w", i, err)
		}
	}
	if err := CheckAudience(a.One); err != nil {
		return nil, fmt.Errorf("Config.Audience: %w", err)
	}
	if a.One != "" {
		accepted = append(accepted, a.One)
	}
	switch {
	case slices.Contains(accepted, ""):
		return nil, errors.New("Config.Audiences holds an empty string")
	case a.None && len(accepted) > 0:
		return nil, errors.New("Config has an audience and InsecureNoAudience")
	case len(accepted) == 0 && !a.None && !a.Optional:
		return nil, errors.New("Config.Audience is empty: set the identifier that tokens for this API carry in aud")
	}
	return accepted, nil
}

// CheckEndpoint reports that a URL is that of the metadata, which say where the endpoint is.
func CheckEndpoint(text string) error {
	for _, document := range []string{"openid-configuration", "oauth-authorization-server"} {
		if strings.Contains(text, "/.well-known/"+document) {
			return fmt.Errorf("%.128q is the issuer's metadata: leave this empty, and what they say is used", text)
		}
	}
	return nil
}

func checkText(text string) error {
	odd := func(r rune) bool { return !unicode.IsPrint(r) }
	switch at := strings.IndexFunc(text, odd); {
	case !utf8.ValidString(text):
		return fmt.Errorf("%.128q is not UTF-8", text)
	case at >= 0:
		r, _ := utf8.DecodeRuneInString(text[at:])
		return fmt.Errorf("%.128q has the invisible character %+q at byte %d: was it read from a file?", text, r, at)
	case strings.TrimSpace(text) != text:
		return fmt.Errorf("%.128q begins or ends with a space", text)
	case len(text) > 1 && text[0] == text[len(text)-1] && strings.IndexByte(`"'`, text[0]) >= 0:
		return fmt.Errorf("%.128q is in quotes, which would be compared, too", text)
	}
	if !strings.Contains(text, "://") {
		return nil
	}
	if at := strings.IndexAny(text, " {}<>\"\\^`|"); at >= 0 {
		return fmt.Errorf("%.128q has %q at byte %d, which no URL has: is it a placeholder, or a list?", text, text[at:at+1], at)
	}
	return nil
}

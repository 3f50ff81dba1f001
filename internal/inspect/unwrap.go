package inspect

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
)

// Unwrap takes an access token out of what people have at hand: a header, quotes, the answer of a token
// endpoint, a URL, lines that were broken. It says what it was taken from, or nothing when it stood alone.
func Unwrap(text string) (token, from string, err error) {
	token = strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(text), "\ufeff"))
	for range 4 { // such as a header in quotes
		inner, wrapping, err := unwrapOnce(token)
		if err != nil {
			return "", "", err
		}
		if wrapping == "" {
			break
		}
		token, from = inner, wrapping
	}
	if token == "" {
		return "", "", errors.New("there is none: give it as an argument, or by standard input")
	}
	return token, from, nil
}

var (
	// tokenHeader is a header, or a scheme alone, before a token.
	tokenHeader = regexp.MustCompile(`(?is)^(?:authorization\s*:\s*)?(?:bearer|dpop)(?:\s+|$)(.*)$`)
	// jwtAnywhere finds a JWT in other text.
	jwtAnywhere = regexp.MustCompile(`eyJ[A-Za-z0-9_-]+\.eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*`)
	// brokenToken is a token with line ends or spaces within.
	brokenToken = regexp.MustCompile(`^[A-Za-z0-9._~+/=-]+(\s+[A-Za-z0-9._~+/=-]+)+$`)
)

func unwrapOnce(text string) (inner, from string, err error) {
	if header := tokenHeader.FindStringSubmatch(text); header != nil {
		return strings.TrimSpace(header[1]), "a header", nil
	}
	if n := len(text); n > 1 && strings.IndexByte("\"'`", text[0]) >= 0 && text[n-1] == text[0] {
		return strings.TrimSpace(text[1 : n-1]), "quotes", nil
	}
	switch {
	case strings.HasPrefix(text, "{"):
		return unwrapAnswer(text)
	case strings.Contains(text, "access_token="):
		return unwrapQuery(text)
	}
	if found := jwtAnywhere.FindAllString(text, 2); len(found) == 1 && found[0] != text && strings.ContainsAny(text, " /?&=:\n\"'") && !brokenToken.MatchString(text) {
		return found[0], "a longer text", nil
	}
	if brokenToken.MatchString(text) && (strings.HasPrefix(text, "eyJ") || strings.Contains(text, "\n")) {
		return strings.Join(strings.Fields(text), ""), "broken lines", nil
	}
	return text, "", nil
}

// unwrapAnswer takes the token out of the answer of a token endpoint.
func unwrapAnswer(text string) (inner, from string, err error) {
	var answer struct {
		AccessToken string `json:"access_token"`
		IDToken     string `json:"id_token"`
		Error       string `json:"error"`
	}
	if json.Unmarshal([]byte(text), &answer) != nil {
		return "", "", errors.New("it begins like JSON and is not JSON: give the value of access_token alone")
	}
	switch {
	case answer.AccessToken != "":
		return strings.TrimSpace(answer.AccessToken), "the answer of a token endpoint", nil
	case answer.Error != "":
		return "", "", fmt.Errorf("this is an answer without a token: the token endpoint refused, %.64q", answer.Error)
	case answer.IDToken != "":
		return "", "", errors.New("the answer holds an ID token alone, which is not an access token")
	}
	return "", "", errors.New("the JSON has no access_token")
}

// unwrapQuery takes the token out of a URL's query or fragment, or a form.
func unwrapQuery(text string) (inner, from string, err error) {
	for part := range strings.FieldsFuncSeq(text, func(r rune) bool { return r == '?' || r == '#' }) {
		values, err := url.ParseQuery(part)
		if token := values.Get("access_token"); err == nil && token != "" {
			return strings.TrimSpace(token), "a URL, where it should not be: URLs are logged", nil
		}
	}
	return "", "", errors.New("access_token in it cannot be read: give its value alone")
}

// Package inspect reads what people take for an access token, and says of a JWT check by check whether an API would
// take it and why not. The command line and the console tell it in their own words.
//
//	raw, _, err := inspect.Unwrap(text)
//	…
//	content, err := inspect.Decode(raw)
//	…
//	for _, check := range inspect.JWT(raw, content, inspect.Want{Issuers: issuers, Now: now}) {
//		fmt.Println(check.Name, check.Outcome, check.Expected, check.Got)
//	}
//
// Unlike the verifiers, which stop at the first fault, it goes on. It decides nothing: nobody may let a token in
// because of what it says.
package inspect

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/postern-auth/postern/internal/claims"
)

// Content is what a JWT says, whoever wrote it.
type Content struct {
	Header, Claims claims.Object
}

// ErrDamaged says that a text begins like a JWT and is not one.
var ErrDamaged = errors.New("was cut or changed on its way")

// Decode decodes a JWT, even one that no verifier would accept. It trusts nothing.
func Decode(raw string) (*Content, error) {
	parts := strings.Split(raw, ".")
	if len(parts) == 5 {
		return nil, errors.New("it is encrypted (five parts)")
	}
	if strings.HasPrefix(raw, "eyJ") && len(parts) < 3 {
		return nil, fmt.Errorf("%w: it begins as a JWT and has %d of three parts", ErrDamaged, len(parts))
	}
	if len(parts) != 3 {
		return nil, fmt.Errorf("a JWT has three parts with dots between, this has %d", len(parts))
	}
	var c Content
	for i, part := range []struct {
		name string
		set  *claims.Object
	}{{"header", &c.Header}, {"claims", &c.Claims}} {
		text, err := base64.RawURLEncoding.DecodeString(parts[i])
		if err == nil {
			err = part.set.Parse(string(text))
		} else {
			err = errors.New("not base64url")
		}
		if err != nil && strings.HasPrefix(raw, "eyJ") {
			return nil, fmt.Errorf("%w: its %s cannot be read: %w", ErrDamaged, part.name, err)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", part.name, err)
		}
	}
	return &c, nil
}

// Claim returns a claim that is a string, or "".
func (c *Content) Claim(name string) string {
	if c == nil {
		return ""
	}
	value, _ := c.Claims.Lookup(name)
	text, _ := value.Text()
	return text
}

// Algorithm returns the alg of the header, or "".
func (c *Content) Algorithm() string {
	if c == nil {
		return ""
	}
	value, _ := c.Header.Lookup("alg")
	text, _ := value.Text()
	return text
}

// HasAudience reports whether aud names an audience.
func (c *Content) HasAudience(audience string) bool {
	if c == nil || audience == "" {
		return false
	}
	value, _ := c.Claims.Lookup("aud")
	var list []string
	if json.Unmarshal([]byte(value.JSON()), &list) == nil {
		return slices.Contains(list, audience)
	}
	text, _ := value.Text()
	return text == audience
}

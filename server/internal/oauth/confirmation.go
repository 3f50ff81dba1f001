package oauth

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Members of the cnf claim.
const (
	ConfirmationKey         = "jkt"      // of a DPoP key; RFC 9449 §6.1
	ConfirmationCertificate = "x5t#S256" // of a TLS certificate; RFC 8705 §3.1
)

// Confirmation (cnf) is the key that whoever sends a token has to hold (RFC 7800 §3.1). The zero value is none.
type Confirmation struct {
	Member     string // ConfirmationKey or ConfirmationCertificate
	Thumbprint string // its SHA-256, in base64url
}

// Claim returns the value of the cnf claim, nil for none.
func (c Confirmation) Claim() map[string]string {
	if c == (Confirmation{}) {
		return nil
	}
	return map[string]string{c.Member: c.Thumbprint}
}

// String returns the text by which the confirmation is stored, empty for none.
func (c Confirmation) String() string {
	if c == (Confirmation{}) {
		return ""
	}
	text, err := json.Marshal(c.Claim())
	if err != nil {
		panic("oauth: confirmation is not JSON: " + err.Error()) // it is two strings
	}
	return string(text)
}

// ParseConfirmation returns the confirmation of a text that String returned.
func ParseConfirmation(text string) (Confirmation, error) {
	if text == "" {
		return Confirmation{}, nil
	}
	var claim map[string]string
	if err := json.Unmarshal([]byte(text), &claim); err != nil {
		return Confirmation{}, fmt.Errorf("oauth: stored confirmation: %w", err)
	}
	return ConfirmationOf(claim)
}

// ConfirmationOf returns the confirmation that a cnf claim of ours holds. One of another kind, or of two, is an error:
// who cannot check all of it must not pass the token.
func ConfirmationOf(claim map[string]string) (Confirmation, error) {
	for _, member := range []string{ConfirmationKey, ConfirmationCertificate} {
		if thumbprint := claim[member]; thumbprint != "" && len(claim) == 1 {
			return Confirmation{member, thumbprint}, nil
		}
	}
	return Confirmation{}, errors.New("oauth: expected a confirmation (cnf) with jkt or x5t#S256 alone")
}

// TokenType returns the token_type of tokens that are bound so: DPoP, or Bearer (RFC 9449 §5, RFC 8705 §3).
func (c Confirmation) TokenType() string {
	if c.Member == ConfirmationKey {
		return "DPoP"
	}
	return "Bearer"
}

// Proof is a proof of possession that came with a request. The zero value is none.
type Proof struct {
	Confirmation Confirmation // the key that made it
	// ID is what a second proof of the same making has too. Expires is until when it has to be remembered.
	ID      string
	Expires time.Time
}

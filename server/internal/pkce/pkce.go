// Package pkce ties an authorization code to who asked for it (RFC 7636), by the method S256 alone.
//
// The client sends a challenge with its authorization request, and the verifier, of which the challenge is
// the hash, with the code:
//
//	if !pkce.IsChallenge(challenge) { // at the authorization endpoint
//		…
//	}
//	if !pkce.Verify(code.Challenge, verifier) { // at the token endpoint
//		return oauth.Refuse(oauth.InvalidGrant, …)
//	}
package pkce

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
)

// S256 is the only code_challenge_method there is (RFC 7636 §4.2). The other one, plain, is also what the
// RFC takes a challenge without a method for, so the method has to be named.
const S256 = "S256"

// encoding refuses padding, line breaks and unused bits, so each hash has one spelling.
var encoding = base64.RawURLEncoding.Strict()

const challengeLength = 43 // of 32 bytes in base64url

// IsChallenge reports whether s is a code_challenge (RFC 7636 §4.2): the base64url form of a SHA-256 hash.
func IsChallenge(s string) bool {
	if len(s) != challengeLength {
		return false
	}
	var hash [sha256.Size]byte
	n, err := encoding.Decode(hash[:], []byte(s))
	// The decoder skips line breaks, which leaves fewer bytes.
	return err == nil && n == len(hash)
}

// IsVerifier reports whether s is a code_verifier (RFC 7636 §4.1): 43 to 128 letters, digits and - . _ ~.
func IsVerifier(s string) bool {
	if len(s) < 43 || len(s) > 128 {
		return false
	}
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case c == '-', c == '.', c == '_', c == '~':
		default:
			return false
		}
	}
	return true
}

// Challenge returns the challenge of a verifier.
func Challenge(verifier string) string {
	hash := sha256.Sum256([]byte(verifier))
	return encoding.EncodeToString(hash[:])
}

// Verify reports whether a code that was asked for with the challenge may be redeemed with the verifier.
// Either may be empty for one that was not sent: a challenge has to be answered, and a verifier without a
// challenge is refused too, for somebody took the challenge out of the request on its way (RFC 9700
// §4.8.2). Without either the answer is true: whether a client may do without PKCE is decided before a
// code is made.
func Verify(challenge, verifier string) bool {
	if challenge == "" || verifier == "" {
		return challenge == verifier
	}
	return IsVerifier(verifier) && subtle.ConstantTimeCompare([]byte(Challenge(verifier)), []byte(challenge)) == 1
}

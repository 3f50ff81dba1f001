// Package opaque is the form of the opaque tokens that Postern's authorization server hands out: a prefix
// for people and for scanners of leaked secrets, an id, a secret, and a checksum by which other texts are
// told from tokens without any look-up.
//
//	raw := opaque.Seal(opaque.AccessToken, id, secret)
//	id, ok := opaque.ID(raw)
//
// The checksum proves nothing: anybody can make one. The server's digest of the token decides.
package opaque

import (
	"crypto/sha256"
	"encoding/base64"
	"strings"
)

// The prefixes of the kinds of tokens.
const (
	AccessToken         = "postern_at_"
	PersonalAccessToken = "postern_pat_"
)

const (
	// IDSize and SecretSize are the lengths of a token's parts.
	IDSize     = 26 // 128 bits in base32
	SecretSize = 43 // 256 bits in base64url
	checkSize  = 6  // 36 bits of SHA-256 in base64url
)

// Seal returns the token made of the parts.
func Seal(prefix, id, secret string) string {
	body := prefix + id + secret
	return body + checksum(body)
}

// ID returns the id within a token. It is false for everything that Seal cannot have made: a wrong prefix,
// length or checksum.
func ID(raw string) (id string, ok bool) {
	rest, ok := strings.CutPrefix(raw, AccessToken)
	if !ok {
		if rest, ok = strings.CutPrefix(raw, PersonalAccessToken); !ok {
			return "", false
		}
	}
	if len(rest) != IDSize+SecretSize+checkSize {
		return "", false
	}
	end := len(raw) - checkSize
	if checksum(raw[:end]) != raw[end:] {
		return "", false
	}
	return rest[:IDSize], true
}

func checksum(body string) string {
	sum := sha256.Sum256([]byte(body))
	return base64.RawURLEncoding.EncodeToString(sum[:])[:checkSize]
}

// Package ascii folds the case of names that are ASCII by their specification.
package ascii

import "strings"

// Lower returns the text with the letters A to Z in lower case and all else as it is: Unicode has letters,
// such as the Kelvin sign, that fold to ASCII ones.
func Lower(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}

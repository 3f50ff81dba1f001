package password

import (
	_ "embed"
	"strings"
)

//go:embed common.txt
var commonText string

var common = commonWords(commonText)

func commonWords(text string) (words [][]rune) {
	for line := range strings.Lines(text) {
		if word := strings.TrimSpace(line); word != "" && !strings.HasPrefix(word, "#") {
			words = append(words, []rune(word))
		}
	}
	return words
}

// rows are what fingers and children walk along, in either direction.
var rows = []string{
	"abcdefghijklmnopqrstuvwxyz", "12345678901234567890",
	"qwertyuiop", "asdfghjkl", "zxcvbnm", "qwertzuiopü", "yxcvbnm", "azertyuiop",
	"1qaz2wsx3edc4rfv5tgb6yhn7ujm", "!@#$%^&*()_+", "!\"§$%&/()=?",
}

// alike are the letters that a sign stands for.
var alike = map[rune]string{
	'0': "o", '1': "il", '3': "e", '4': "a", '5': "s", '7': "t", '8': "b", '9': "g",
	'@': "a", '$': "s", '!': "i", '|': "il", '+': "t", '€': "e",
}

// few is how many pieces a password has that is guessed sooner or later: two words, a year and a sign.
const few = 4

// pieces returns how many pieces somebody who guesses would put a password together of, at least: a common
// word or one of own, a run along a row, a year, something that stands there already, or a single character.
func pieces(password string, own [][]rune) int {
	text := []rune(strings.ToLower(password))
	least := make([]int, len(text)+1) // of the first i characters
	for i := range text {
		least[i+1] = len(text) + 1
	}
	for i := range text {
		reach := func(length int) {
			if end := i + length; end <= len(text) {
				least[end] = min(least[end], least[i]+1)
			}
		}
		reach(1)
		for _, words := range [][][]rune{common, own} {
			for _, word := range words {
				if begins(text[i:], word) {
					reach(len(word))
				}
			}
		}
		if year(text[i:]) {
			reach(4)
		}
		for length := 3; length <= run(text[i:]); length++ {
			reach(length)
		}
		for length := 1; length <= repeated(text, i); length++ {
			reach(length)
		}
	}
	return least[len(text)]
}

// begins reports whether text begins with word, in letters or in signs that look like them.
func begins(text, word []rune) bool {
	if len(text) < len(word) {
		return false
	}
	for i, letter := range word {
		if text[i] != letter && !strings.ContainsRune(alike[text[i]], letter) {
			return false
		}
	}
	return true
}

func year(text []rune) bool {
	if len(text) < 4 || !digit(text[2]) || !digit(text[3]) {
		return false
	}
	century := string(text[:2])
	return century == "19" || century == "20"
}

func digit(r rune) bool { return '0' <= r && r <= '9' }

// run returns how many characters at the beginning of text lie side by side on one row, in one direction.
func run(text []rune) (longest int) {
	for _, row := range rows {
		keys := []rune(row)
		for at, key := range keys {
			if key != text[0] {
				continue
			}
			for _, step := range []int{1, -1} {
				length := 1
				for k := at + step; length < len(text) && k >= 0 && k < len(keys) && keys[k] == text[length]; k += step {
					length++
				}
				longest = max(longest, length)
			}
		}
	}
	return longest
}

// repeated returns how many characters from i on repeat those right before them.
func repeated(text []rune, i int) (longest int) {
	for distance := 1; distance <= i; distance++ {
		length := 0
		for i+length < len(text) && text[i+length] == text[i+length-distance] {
			length++
		}
		if length >= distance { // the whole block, or it is chance
			longest = max(longest, length)
		}
	}
	return longest
}

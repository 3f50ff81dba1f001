package jws

import (
	"bytes"
	"encoding/base64"
	"strings"
	"testing"
)

// reference is encoding/base64 without its tolerance for line ends.
func reference(s string) ([]byte, bool) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	return b, err == nil && !strings.ContainsAny(s, "\r\n")
}

func checkDecoded(t *testing.T, s string) {
	t.Helper()
	want, wantOK := reference(s)
	got, ok := appendDecoded([]byte("before"), s)
	if ok != wantOK {
		t.Errorf("%q: decoded is %t, encoding/base64 says %t", s, ok, wantOK)
	}
	if ok && !bytes.Equal(got, append([]byte("before"), want...)) {
		t.Errorf("%q: got %x, want %x behind what was there", s, got, want)
	}
}

func TestDecodingIsThatOfTheStandardLibrary(t *testing.T) {
	text := make([]byte, 40)
	for i := range text {
		text[i] = byte(i*37 + 200)
	}
	for n := range text {
		checkDecoded(t, base64.RawURLEncoding.EncodeToString(text[:n]))
	}
}

func TestEveryByteAtEveryPlaceIsTakenOrRefusedAsByTheStandardLibrary(t *testing.T) {
	for length := 1; length <= 17; length++ {
		for place := range length {
			for c := range 256 {
				s := []byte(strings.Repeat("A", length))
				s[place] = byte(c)
				checkDecoded(t, string(s))
			}
		}
	}
}

func FuzzDecodingIsThatOfTheStandardLibrary(f *testing.F) {
	for _, seed := range []string{"", "A", "AA", "AB", "AAB", "eyJhbGciOiJFUzI1NiJ9", "AAAA\n", "AA==", "A+/A", "é"} {
		f.Add(seed)
	}
	f.Fuzz(checkDecoded)
}

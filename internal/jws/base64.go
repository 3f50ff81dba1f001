package jws

import (
	"encoding/binary"
	"slices"
)

// sextets[i] holds for each byte the six bits that it stands for in base64url (RFC 4648 §5), where they
// belong when it is the byte with the index i of four; or notBase64.
var sextets = func() (table [4][256]uint32) {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	for i := range table {
		for c := range table[i] {
			table[i][c] = notBase64
		}
		for bits, c := range []byte(alphabet) {
			table[i][c] = uint32(bits) << (18 - 6*i)
		}
	}
	return table
}()

const notBase64 = 1 << 31

// decodingRoom is what appendDecoded wants room for beyond the three bytes that each four characters give.
const decodingRoom = 8

// appendDecoded appends what unpadded base64url stands for, and reports whether s is that to the byte:
// unlike encoding/base64, even strict, it takes no line ends, so that no message has two spellings. It also
// takes half the time, and a token has more base64 than anything else around its signature check.
func appendDecoded(b []byte, s string) ([]byte, bool) {
	var seen uint32
	n := len(b)
	b = slices.Grow(b, len(s)/4*3+decodingRoom)
	// Each eight are stored as the six that they stand for and two that the next ones overwrite.
	first, second, third, fourth := &sextets[0], &sextets[1], &sextets[2], &sextets[3]
	for out := b[n:cap(b)]; len(s) >= 8 && len(out) >= 8; out, s = out[6:], s[8:] {
		v := first[s[0]] | second[s[1]] | third[s[2]] | fourth[s[3]]
		w := first[s[4]] | second[s[5]] | third[s[6]] | fourth[s[7]]
		seen |= v | w
		binary.BigEndian.PutUint64(out, uint64(v)<<40|uint64(w)<<16)
		n += 6
	}
	b = b[:n]
	if len(s) >= 4 {
		v := sextets[0][s[0]] | sextets[1][s[1]] | sextets[2][s[2]] | sextets[3][s[3]]
		seen |= v
		b = append(b, byte(v>>16), byte(v>>8), byte(v))
		s = s[4:]
	}
	var unused uint32 // bits of the last group, which RFC 4648 §3.5 lets us refuse when they are set
	switch len(s) {
	case 1:
		return b, false
	case 2:
		v := sextets[0][s[0]] | sextets[1][s[1]]
		seen, unused = seen|v, v&0xffff
		b = append(b, byte(v>>16))
	case 3:
		v := sextets[0][s[0]] | sextets[1][s[1]] | sextets[2][s[2]]
		seen, unused = seen|v, v&0xff
		b = append(b, byte(v>>16), byte(v>>8))
	}
	return b, seen&notBase64 == 0 && unused == 0
}

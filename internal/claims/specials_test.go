package claims

import (
	"encoding/binary"
	"math/bits"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// Every byte, at every place of a word and beside every neighbour that could lend it a bit.
func TestSpecialsFindsTheFirstByteThatDoesNotStandForItself(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	check := func(b [8]byte) {
		want := 8
		for i, c := range b {
			if c < 0x20 || c == '"' || c == '\\' {
				want = i
				break
			}
		}
		if got := bits.TrailingZeros64(specials(binary.LittleEndian.Uint64(b[:]))) / 8; got != want {
			t.Fatalf("%q: the first is found at %d, want %d", b, got, want)
		}
		if got := word(string(b[:])); got != binary.LittleEndian.Uint64(b[:]) {
			t.Fatalf("%q: word is %#x", b, got)
		}
	}
	for place := range 8 {
		for c := range 256 {
			for _, other := range []byte{0, 1, 0x1f, 0x20, 0x21, '"', '#', '\\', ']', 0x7f, 0x80, 0xa0, 0xff, 'a'} {
				b := [8]byte{other, other, other, other, other, other, other, other}
				b[place] = byte(c)
				check(b)
			}
		}
	}
	for range 1_000_000 {
		var b [8]byte
		binary.LittleEndian.PutUint64(b[:], random.Uint64())
		check(b)
	}
}

func TestStringsOfEveryLengthEndWhereTheyEnd(t *testing.T) {
	for n := range 40 {
		for before := range 10 {
			text := strings.Repeat(" ", before) + `"` + strings.Repeat("é", n/2) + strings.Repeat("x", n%2) + `"` + strings.Repeat(`"`, 9)
			s := scanner{text: text, pos: before}
			v, err := s.str()
			if got, _ := v.Text(); err != nil || len(got) != n || s.pos != before+n+2 {
				t.Fatalf("length %d behind %d: %q, %v, at %d", n, before, got, err, s.pos)
			}
		}
	}
}

func TestTextsAreTheSameWithAndWithoutAnEscape(t *testing.T) {
	for _, array := range []string{
		`[]`, `[ ]`, `["a"]`, `[ "a" , "" ,` + "\n\t" + `"b c" ]`, `["a",1]`, `[1]`, `["a",["b"]]`, `[{"a":"b"}]`, `[null]`, `["é\t"]`, `["a",null,"b"]`, `["\u0061"]`,
	} {
		var o Object
		if err := o.Parse(`{"a":` + array + `}`); err != nil {
			t.Fatal(err)
		}
		v, _ := o.Lookup("a")
		got, err := v.Texts([]string{"before"})
		s := scanner{text: array}
		want, ok := []string{"before"}, true
		s.array(func(e Value) {
			text, isText := e.Text()
			want, ok = append(want, text), ok && isText
		})
		if ok != (err == nil) || ok && !slices.Equal(got, want) {
			t.Errorf("%s: %q, %v; want %q, %t", array, got, err, want, ok)
		}
	}
}

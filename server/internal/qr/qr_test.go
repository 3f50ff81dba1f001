package qr

import (
	"slices"
	"strings"
	"testing"
)

// The example of "HELLO WORLD" in version 1, level M, which tutorials of the standard work out by hand.
func TestCorrectionOfAWorkedExample(t *testing.T) {
	data := []byte{32, 91, 11, 120, 209, 114, 220, 77, 67, 64, 236, 17, 236, 17, 236, 17}
	want := []byte{196, 35, 39, 119, 235, 215, 231, 226, 93, 23}
	if got := remainder(data, generator(10)); !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestCapacities(t *testing.T) {
	for version, want := range map[int]int{1: 14, 2: 26, 3: 42, 4: 62, 5: 84, 6: 106, 7: 122, 8: 152, 9: 180, 10: 213, 11: 251, 12: 287, 13: 331, 14: 362, 15: MaxBytes} {
		if _, ok := codewords(strings.Repeat("x", want), version); !ok {
			t.Errorf("version %d does not hold %d bytes", version, want)
		}
		if _, ok := codewords(strings.Repeat("x", want+1), version); ok {
			t.Errorf("version %d holds more than %d bytes", version, want)
		}
	}
	if _, ok := Encode(strings.Repeat("x", MaxBytes+1)); ok {
		t.Error("a text that is too long has a code")
	}
}

// read takes a code apart, from the modules alone.
func read(t *testing.T, modules [][]bool) string {
	t.Helper()
	size := len(modules)
	version := (size - 17) / 4
	var bits int // of the format, around the first large pattern
	for i, at := range [][2]int{{8, 0}, {8, 1}, {8, 2}, {8, 3}, {8, 4}, {8, 5}, {8, 7}, {8, 8}, {7, 8}, {5, 8}, {4, 8}, {3, 8}, {2, 8}, {1, 8}, {0, 8}} {
		if modules[at[1]][at[0]] {
			bits |= 1 << i
		}
	}
	mask := map[int]int{0x5412: 0, 0x5125: 1, 0x5e7c: 2, 0x5b4b: 3, 0x45f9: 4, 0x40ce: 5, 0x4f97: 6, 0x4aa0: 7} // ISO/IEC 18004, annex C
	m, ok := mask[bits]
	if !ok {
		t.Fatalf("format %#x", bits)
	}
	c := newCanvas(version)
	c.patterns(version)
	c.format(0)
	var all []byte
	n := 0
	c.places(func(x, y int) {
		if n%8 == 0 {
			all = append(all, 0)
		}
		if modules[y][x] != masks[m](x, y) {
			all[n/8] |= 0x80 >> (n % 8)
		}
		n++
	})
	total, _ := capacity(version)
	all = all[:total]
	count, extra := blocks[version], correction[version]
	parts := make([][]byte, count)
	short, long := total/count-extra, total%count
	i := 0
	for k := range short + 1 {
		for j := range count {
			if k < short || j >= count-long {
				parts[j] = append(parts[j], all[i])
				i++
			}
		}
	}
	var data []byte
	for _, part := range parts {
		data = append(data, part...)
	}
	for range extra {
		for j := range count {
			parts[j] = append(parts[j], all[i])
			i++
		}
	}
	for _, part := range parts { // a block is divisible by what made it: zero at each root
		root := byte(1)
		for range extra {
			sum := byte(0)
			for _, c := range part {
				sum = times(sum, root) ^ c
			}
			if sum != 0 {
				t.Fatal("a block does not correct itself")
			}
			root = times(root, 2)
		}
	}
	if data[0]>>4 != 4 {
		t.Fatalf("mode %d", data[0]>>4)
	}
	nibbles := func(from int) byte { return data[from]<<4 | data[from+1]>>4 }
	length, from := int(nibbles(0)), 1
	if version >= 10 {
		length, from = int(nibbles(0))<<8|int(nibbles(1)), 2
	}
	var text []byte
	for k := range length {
		text = append(text, nibbles(from+k))
	}
	return string(text)
}

func TestEveryVersionCanBeReadAgain(t *testing.T) {
	sizes := make(map[int]bool)
	for n := 0; n <= MaxBytes; n += 7 {
		text := strings.Repeat("otpauth://totp/Ä:1?", 30)[:n]
		modules, ok := Encode(text)
		if !ok {
			t.Fatal(n)
		}
		sizes[len(modules)] = true
		if got := read(t, modules); got != text {
			t.Errorf("%d bytes: %q", n, got)
		}
	}
	if len(sizes) != 15 {
		t.Errorf("%d sizes", len(sizes))
	}
}

func FuzzEncode(f *testing.F) {
	f.Add("otpauth://totp/Example:anna@example.com?secret=AAAA")
	f.Fuzz(func(t *testing.T, text string) {
		modules, ok := Encode(text)
		if ok != (len(text) <= MaxBytes) {
			t.Fatal(len(text))
		}
		if ok && read(t, modules) != text {
			t.Errorf("%q", text)
		}
	})
}

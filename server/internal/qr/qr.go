// Package qr makes QR codes (ISO/IEC 18004) of short texts, such as the address that gives an app the secret of
// one-time codes: byte mode, error correction level M, up to 412 bytes. It draws nothing.
//
//	modules, ok := qr.Encode(secret.URI("Example", "anna@example.com"))
//	dark := modules[y][x]
package qr

// MaxBytes is the length of the longest text.
const MaxBytes = 412

// What level M gives each version up to the last that is made: how many codewords correct errors in a block, and how
// many blocks there are.
var (
	correction = [...]int{0, 10, 16, 26, 18, 24, 16, 18, 22, 22, 26, 30, 22, 22, 24, 24}
	blocks     = [...]int{0, 1, 1, 1, 2, 2, 4, 4, 4, 5, 5, 5, 8, 9, 9, 10}
)

// Encode returns the modules of the smallest code that holds the text, row by row and true for dark, without the margin
// of four light modules that belongs around it. It is false for a text that is too long.
func Encode(text string) (modules [][]bool, ok bool) {
	for version := 1; version < len(blocks); version++ {
		if data, ok := codewords(text, version); ok {
			return draw(version, interleave(data, version)), true
		}
	}
	return nil, false
}

// capacity returns how many codewords a version has, and how many of them hold data.
func capacity(version int) (all, data int) {
	modules := (16*version+128)*version + 64
	if version >= 2 {
		n := version/7 + 2
		modules -= (25*n-10)*n - 55
	}
	if version >= 7 {
		modules -= 36
	}
	return modules / 8, modules/8 - correction[version]*blocks[version]
}

// codewords returns the text as the data of a version; false: it does not fit.
func codewords(text string, version int) ([]byte, bool) {
	_, room := capacity(version)
	counter := 8
	if version >= 10 {
		counter = 16
	}
	if 4+counter+8*len(text) > 8*room {
		return nil, false
	}
	var bits []bool
	add := func(value, n int) {
		for i := n - 1; i >= 0; i-- {
			bits = append(bits, value>>i&1 == 1)
		}
	}
	add(0b0100, 4) // bytes
	add(len(text), counter)
	for _, c := range []byte(text) {
		add(int(c), 8)
	}
	add(0, min(4, 8*room-len(bits)))
	add(0, (8-len(bits)%8)%8)
	for pad := 0xec; len(bits) < 8*room; pad ^= 0xec ^ 0x11 {
		add(pad, 8)
	}
	data := make([]byte, room)
	for i, bit := range bits {
		if bit {
			data[i/8] |= 0x80 >> (i % 8)
		}
	}
	return data, true
}

// interleave divides the data into blocks, adds to each what corrects it, and mixes them, so that a stain spoils a
// little of each.
func interleave(data []byte, version int) []byte {
	all, _ := capacity(version)
	count, extra := blocks[version], correction[version]
	short := all/count - extra // data of a short block
	long := all % count        // how many blocks have one more, the last ones
	divisor := generator(extra)
	var parts, checks [][]byte
	for i := range count {
		n := short
		if i >= count-long {
			n++
		}
		parts, checks = append(parts, data[:n]), append(checks, remainder(data[:n], divisor))
		data = data[n:]
	}
	var mixed []byte
	for i := range short + 1 {
		for _, part := range parts {
			if i < len(part) {
				mixed = append(mixed, part[i])
			}
		}
	}
	for i := range extra {
		for _, check := range checks {
			mixed = append(mixed, check[i])
		}
	}
	return mixed
}

// times multiplies in the field of 256 elements with the polynomial 0x11d.
func times(a, b byte) (product byte) {
	for i := 7; i >= 0; i-- {
		carry := product >> 7
		product = product<<1 ^ carry*0x1d
		if b>>i&1 == 1 {
			product ^= a
		}
	}
	return product
}

// generator returns the coefficients of (x-1)(x-2)(x-4)… of a degree, without the first, which is 1.
func generator(degree int) []byte {
	g := make([]byte, degree)
	g[degree-1] = 1
	root := byte(1)
	for range degree {
		for i := range g {
			g[i] = times(g[i], root)
			if i+1 < len(g) {
				g[i] ^= g[i+1]
			}
		}
		root = times(root, 2)
	}
	return g
}

// remainder returns what is left of the data, as a polynomial, divided by the generator.
func remainder(data, divisor []byte) []byte {
	left := make([]byte, len(divisor))
	for _, c := range data {
		factor := c ^ left[0]
		copy(left, left[1:])
		left[len(left)-1] = 0
		for i, d := range divisor {
			left[i] ^= times(d, factor)
		}
	}
	return left
}

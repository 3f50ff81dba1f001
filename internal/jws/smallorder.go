package jws

import "crypto/ed25519"

// smallOrders are the y coordinates of the eight points of edwards25519 whose order divides 8, as RFC 8032
// §5.1.2 encodes them with the sign bit clear: 0 and ±1, the two solutions of dy⁴ + 2y² = 1, and the
// field's size and one more, which are read as 0 and 1.
var smallOrders = map[[ed25519.PublicKeySize]byte]bool{
	{}:     true,
	{0: 1}: true,
	{
		0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0,
		0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05,
	}: true,
	{
		0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f,
		0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a,
	}: true,
	nearFieldSize(0xec): true,
	nearFieldSize(0xed): true,
	nearFieldSize(0xee): true,
}

// nearFieldSize returns the number that differs from 2²⁵⁵ - 19 in its lowest byte alone.
func nearFieldSize(lowest byte) (y [ed25519.PublicKeySize]byte) {
	for i := range y {
		y[i] = 0xff
	}
	y[0], y[len(y)-1] = lowest, 0x7f
	return y
}

// smallOrder reports whether a key is a point of small order. Times the hash of a message it is one of eight
// points at most, so that a signature for every eighth message can be made without a private key. The
// standard library verifies it, as RFC 8032 allows.
func smallOrder(key ed25519.PublicKey) bool {
	y := [ed25519.PublicKeySize]byte(key)
	y[len(y)-1] &= 0x7f
	return smallOrders[y]
}

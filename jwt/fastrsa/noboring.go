//go:build !boringcrypto

package fastrsa

const boring = false

package fastrsa

import (
	"bytes"
	"crypto"
	"crypto/fips140"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"math/big"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/postern-auth/postern/internal/jws"
)

// testKey is a key pair whose private operation takes any number, also one that no signer would make.
type testKey struct {
	name    string
	public  *rsa.PublicKey
	private *big.Int
	check   jws.RSACheck
}

// testKeys are a usual key, one with the least exponent, and one whose length is not a multiple of 64 bits.
var testKeys = sync.OnceValue(func() []testKey {
	return []testKey{
		newKey("2048 bits", 1024, 1024, 65537),
		newKey("exponent 3", 1024, 1024, 3),
		newKey("2056 bits", 1040, 1016, 65537),
	}
})

func newKey(name string, pBits, qBits int, e int64) testKey {
	one, exponent := big.NewInt(1), big.NewInt(e)
	for {
		p, errP := rand.Prime(rand.Reader, pBits)
		q, errQ := rand.Prime(rand.Reader, qBits)
		if errP != nil || errQ != nil {
			panic("fastrsa: no prime")
		}
		phi := new(big.Int).Mul(new(big.Int).Sub(p, one), new(big.Int).Sub(q, one))
		d := new(big.Int).ModInverse(exponent, phi)
		n := new(big.Int).Mul(p, q)
		if d == nil || n.BitLen() != pBits+qBits {
			continue
		}
		public := &rsa.PublicKey{N: n, E: int(e)}
		return testKey{name, public, d, prepare(public)}
	}
}

// sign returns the signature whose encoded message is em, taken as a number below the modulus.
func (k testKey) sign(em []byte) []byte {
	s := new(big.Int).Exp(new(big.Int).Mod(new(big.Int).SetBytes(em), k.public.N), k.private, k.public.N)
	return s.FillBytes(make([]byte, k.public.Size()))
}

// verify is the check by this package; it fails the test when crypto/rsa decides otherwise.
func (k testKey) verify(t *testing.T, hash crypto.Hash, digest, signature []byte) bool {
	t.Helper()
	ours := k.check(hash, digest, signature)
	if theirs := rsa.VerifyPKCS1v15(k.public, hash, digest, signature) == nil; ours != theirs {
		t.Errorf("%s, %s: accepted is %t here and %t in crypto/rsa\ndigest %x\nsignature %x", k.name, hash, ours, theirs, digest, signature)
	}
	return ours
}

var hashes = []crypto.Hash{crypto.SHA256, crypto.SHA384, crypto.SHA512}

func digestOf(hash crypto.Hash, message []byte) []byte {
	switch hash {
	case crypto.SHA384:
		sum := sha512.Sum384(message)
		return sum[:]
	case crypto.SHA512:
		sum := sha512.Sum512(message)
		return sum[:]
	}
	sum := sha256.Sum256(message)
	return sum[:]
}

// encoding returns the encoded message of a digest.
func encoding(size int, hash crypto.Hash, digest []byte) []byte {
	tail := slices.Concat([]byte{0}, prefixes[hash], digest)
	em := append([]byte{0, 1}, bytes.Repeat([]byte{0xff}, size-2-len(tail))...)
	return append(em, tail...)
}

func TestGoodSignatureVerifies(t *testing.T) {
	for _, key := range testKeys() {
		for _, hash := range hashes {
			digest := digestOf(hash, []byte("message"))
			signature := key.sign(encoding(key.public.Size(), hash, digest))
			if !key.verify(t, hash, digest, signature) {
				t.Errorf("%s, %s: refused", key.name, hash)
			}
			for _, other := range hashes {
				if other != hash && key.verify(t, other, digestOf(other, []byte("message")), signature) {
					t.Errorf("%s: a signature of %s passes for one of %s", key.name, hash, other)
				}
			}
			if key.verify(t, hash, digestOf(hash, []byte("Message")), signature) {
				t.Errorf("%s, %s: passes for another message", key.name, hash)
			}
		}
	}
}

// Every byte of the encoded message counts: an attacker whom some do not concern can, with a small exponent,
// compute a signature without the key (Bleichenbacher 2006).
func TestEveryByteOfTheEncodingCounts(t *testing.T) {
	for n, key := range testKeys() {
		digest := digestOf(crypto.SHA256, []byte("message"))
		em := encoding(key.public.Size(), crypto.SHA256, digest)
		for i := 0; i < len(em); i += 1 + 4*n {
			change := byte(1) << (i % 8)
			em[i] ^= change
			if key.verify(t, crypto.SHA256, digest, key.sign(em)) {
				t.Errorf("%s: byte %d changed by %#x: accepted", key.name, i, change)
			}
			em[i] ^= change
		}
	}
}

func TestOtherEncodingsAreRefused(t *testing.T) {
	digest := digestOf(crypto.SHA256, []byte("message"))
	der := slices.Concat(prefixes[crypto.SHA256], digest)
	withoutNull := slices.Concat([]byte{0x30, 0x2f, 0x30, 0x0b}, der[4:15], der[17:])
	for _, key := range testKeys() {
		size := key.public.Size()
		padded := func(kind byte, filling int, tail ...byte) []byte {
			em := append([]byte{0, kind}, bytes.Repeat([]byte{0xff}, filling)...)
			return append(append(em, 0), tail...)
		}
		full := size - 3 - len(der)
		for name, em := range map[string][]byte{
			"block type 2":                      padded(2, full, der...),
			"block type 0":                      padded(0, full, der...),
			"less padding, garbage behind":      append(padded(1, 8, der...), make([]byte, full-8)...),
			"a byte less padding, a zero more":  padded(1, full-1, append([]byte{0}, der...)...),
			"no padding":                        append(padded(1, 0, der...), make([]byte, full)...),
			"digest alone":                      padded(1, size-3-len(digest), digest...),
			"no NULL in the algorithm":          padded(1, size-3-len(withoutNull), withoutNull...),
			"prefix of SHA-384 in front of it":  padded(1, full, append(slices.Clone(prefixes[crypto.SHA384]), digest...)...),
			"digest cut, all moved by one byte": padded(1, full+1, der[:len(der)-1]...),
			"zero":                              make([]byte, size),
		} {
			if len(em) != size {
				t.Fatalf("%s: %d bytes", name, len(em))
			}
			if key.verify(t, crypto.SHA256, digest, key.sign(em)) {
				t.Errorf("%s: %s: accepted", key.name, name)
			}
		}
	}
}

func TestSignatureIsANumberBelowTheModulusAtFullLength(t *testing.T) {
	for _, key := range testKeys() {
		digest := digestOf(crypto.SHA256, []byte("message"))
		good := key.sign(encoding(key.public.Size(), crypto.SHA256, digest))
		above := new(big.Int).Add(new(big.Int).SetBytes(good), key.public.N)
		for n := byte(0); above.BitLen() > key.public.N.BitLen(); n++ { // until the sum has the length of a signature
			digest = digestOf(crypto.SHA256, []byte{n})
			good = key.sign(encoding(key.public.Size(), crypto.SHA256, digest))
			above.Add(new(big.Int).SetBytes(good), key.public.N)
		}
		if key.verify(t, crypto.SHA256, digest, above.FillBytes(make([]byte, len(good)))) {
			t.Errorf("%s: the signature plus the modulus passes", key.name)
		}
		for name, signature := range map[string][]byte{
			"nothing": {}, "a zero in front": append([]byte{0}, good...), "a zero behind": append(slices.Clone(good), 0),
			"a byte less": good[1:], "the modulus": key.public.N.Bytes(), "above the modulus": above.Bytes(),
			"all ones": bytes.Repeat([]byte{0xff}, len(good)), "zero": make([]byte, len(good)), "one": append(make([]byte, len(good)-1), 1),
		} {
			if key.verify(t, crypto.SHA256, digest, signature) {
				t.Errorf("%s: %s passes", key.name, name)
			}
		}
	}
}

func TestDigestOfAnotherLengthOrHashIsRefused(t *testing.T) {
	key := testKeys()[0]
	digest := digestOf(crypto.SHA256, []byte("message"))
	signature := key.sign(encoding(key.public.Size(), crypto.SHA256, digest))
	for _, digest := range [][]byte{nil, digest[:31], append(slices.Clone(digest), 0)} {
		if key.check(crypto.SHA256, digest, signature) {
			t.Errorf("a digest of %d bytes passes", len(digest))
		}
	}
	for _, hash := range []crypto.Hash{0, crypto.SHA1, crypto.SHA224, crypto.SHA3_256} {
		if key.check(hash, digest, signature) {
			t.Errorf("hash %d passes", hash)
		}
	}
}

func TestKeyThatTheStandardLibraryWouldRefuseIsLeftToIt(t *testing.T) {
	n := testKeys()[0].public.N
	for name, key := range map[string]*rsa.PublicKey{
		"exponent 1": {N: n, E: 1}, "a negative exponent": {N: n, E: -3}, "an exponent of 33 bits": {N: n, E: 1<<32 + 1}, "no modulus": {N: new(big.Int), E: 3},
	} {
		if prepare(key) != nil {
			t.Errorf("%s: prepared", name)
		}
	}
}

const child = "POSTERN_TEST_FIPS_CHILD"

// TestFIPSModeUsesTheStandardLibrary runs itself again in FIPS 140 mode, which a program cannot change.
func TestFIPSModeUsesTheStandardLibrary(t *testing.T) {
	if os.Getenv(child) != "" {
		checkUnused(t)
		return
	}
	if fips140.Enabled() {
		checkUnused(t)
	} else if jws.PrepareRSA(prepare) == nil {
		t.Error("the package is imported and has no effect")
	}
	for _, mode := range []string{"on", "only"} {
		command := exec.Command(os.Args[0], "-test.run=^TestFIPSModeUsesTheStandardLibrary$", "-test.v")
		command.Env = append(os.Environ(), child+"=1", "GODEBUG=fips140="+mode)
		out, err := command.CombinedOutput()
		if err != nil || !strings.Contains(string(out), "--- PASS") {
			t.Errorf("fips140=%s: %v\n%s", mode, err, out)
		}
	}
}

func checkUnused(t *testing.T) {
	t.Helper()
	if !fips140.Enabled() {
		t.Fatal("FIPS 140 mode is off")
	}
	if jws.PrepareRSA(nil) != nil {
		t.Error("signatures are checked by other code than the validated one")
	}
}

// FuzzAgainstCryptoRSA has this package and crypto/rsa decide about the same signatures: of encoded messages
// that the fuzzer makes out of good ones, and of its own bytes.
func FuzzAgainstCryptoRSA(f *testing.F) {
	f.Add([]byte("message"), uint8(0), uint8(0), uint16(0), uint8(0), []byte(nil))
	f.Add([]byte(""), uint8(1), uint8(1), uint16(1), uint8(3), []byte(nil))
	f.Add([]byte("message"), uint8(2), uint8(2), uint16(200), uint8(0xff), []byte("garbage"))
	f.Add([]byte("message"), uint8(0), uint8(0), uint16(0), uint8(0), bytes.Repeat([]byte{0xff}, 256))
	f.Fuzz(func(t *testing.T, message []byte, which, of uint8, at uint16, change uint8, raw []byte) {
		key, hash := testKeys()[int(which)%3], hashes[int(of)%3]
		digest := digestOf(hash, message)
		em := encoding(key.public.Size(), hash, digest)
		em[int(at)%len(em)] ^= change
		copy(em[int(at)%len(em):], raw)
		same := bytes.Equal(em, encoding(len(em), hash, digest))
		if key.verify(t, hash, digest, key.sign(em)) != same {
			t.Errorf("%s, %s: accepted is %t for the encoded message %x", key.name, hash, !same, em)
		}
		key.verify(t, hash, digest, raw)
		key.verify(t, hash, digest, append(make([]byte, max(0, len(em)-len(raw))), raw...))
	})
}

func BenchmarkVerify(b *testing.B) {
	key := testKeys()[0]
	digest := digestOf(crypto.SHA256, []byte("message"))
	signature := key.sign(encoding(key.public.Size(), crypto.SHA256, digest))
	b.Run("crypto/rsa", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if rsa.VerifyPKCS1v15(key.public, crypto.SHA256, digest, signature) != nil {
				b.Fatal("refused")
			}
		}
	})
	b.Run("prepared", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if !key.check(crypto.SHA256, digest, signature) {
				b.Fatal("refused")
			}
		}
	})
}

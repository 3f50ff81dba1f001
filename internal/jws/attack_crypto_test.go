package jws_test

import (
	"crypto"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"testing"

	"github.com/postern-auth/postern/internal/jws"
)

func TestJ14_a_token_has_one_spelling(t *testing.T) {
	for _, alg := range []jws.Algorithm{jws.RS256, jws.ES256, jws.EdDSA} {
		for _, payload := range []string{`{}`, `{ }`, `{  }`} { // a payload of each length modulo 3
			raw, key := sign(t, alg, "", payload)
			for i := range len(raw) + 1 {
				for _, insert := range []string{"\r", "\n", "\r\n", " ", "\t", "=", "==", "?", "+", "/", "%", "\x00", "\x0b", "\u00a0", "\u200b", "A="} {
					wantRefused(t, raw[:i]+insert+raw[i:], key)
				}
			}
			for i, part := range strings.Split(raw, ".") {
				for _, other := range respelled(t, part) {
					parts := strings.Split(raw, ".")
					parts[i] = other
					wantRefused(t, strings.Join(parts, "."), key)
				}
			}
		}
	}
}

// respelled returns the other spellings of a part that lax decoders take for the same bytes.
func respelled(t *testing.T, part string) []string {
	t.Helper()
	b, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, enc := range []*base64.Encoding{base64.URLEncoding, base64.StdEncoding, base64.RawStdEncoding} {
		list = append(list, enc.EncodeToString(b))
	}
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	for _, last := range alphabet { // the unused bits of the last character
		other := part[:len(part)-1] + string(last)
		if same, err := base64.RawURLEncoding.DecodeString(other); err == nil && string(same) == string(b) {
			list = append(list, other)
		}
	}
	var others []string
	for _, other := range list {
		if other != part {
			others = append(others, other)
		}
	}
	return others
}

func TestJ14_a_part_with_unused_bits_set_is_malformed(t *testing.T) {
	for _, raw := range []string{"e31.e30.AA", "e30.e31.AA", "e30.e30.AB", "e30.e30.AAB", "e30.e30.A", "e30.e.AA"} {
		wantMalformed(t, strings.Replace(raw, "e30.", encode(`{"alg":"ES256"}`)+".", 1))
	}
}

func TestJ15_an_ECDSA_signature_has_one_form(t *testing.T) {
	for _, alg := range []jws.Algorithm{jws.ES256, jws.ES384, jws.ES512} {
		raw, key := sign(t, alg, "", "{}")
		dot := strings.LastIndexByte(raw, '.')
		signature, err := base64.RawURLEncoding.DecodeString(raw[dot+1:])
		if err != nil {
			t.Fatal(err)
		}
		size := len(signature) / 2
		n := map[jws.Algorithm]elliptic.Curve{jws.ES256: elliptic.P256(), jws.ES384: elliptic.P384(), jws.ES512: elliptic.P521()}[alg].Params().N
		r, s := new(big.Int).SetBytes(signature[:size]), new(big.Int).SetBytes(signature[size:])
		for name, bad := range map[string][]byte{
			"DER":                        derOf(t, signature),
			"r is zero":                  join(size, new(big.Int), s),
			"s is zero":                  join(size, r, new(big.Int)),
			"both are zero":              make([]byte, 2*size),
			"both are one":               join(size, big.NewInt(1), big.NewInt(1)),
			"r is the order":             join(size, n, s),
			"s is the order":             join(size, r, n),
			"r is the order plus one":    join(size, new(big.Int).Add(n, big.NewInt(1)), s),
			"all bits are set":           []byte(strings.Repeat("\xff", 2*size)),
			"swapped":                    join(size, s, r),
			"one byte short":             signature[:2*size-1],
			"one byte long":              append(append([]byte{}, signature...), 0),
			"a zero in front":            append([]byte{0}, signature...),
			"zeros in front of each":     join(size+1, r, s),
			"r alone":                    signature[:size],
			"twice":                      append(append([]byte{}, signature...), signature...),
			"as long as for other curve": make([]byte, 2*(size+16)),
			"one byte":                   {1},
		} {
			if verified(raw[:dot+1]+base64.RawURLEncoding.EncodeToString(bad), key) == nil {
				t.Errorf("%s: a signature verifies although %s", alg, name)
			}
		}
		// RFC 7518 §3.4 has no rule on the half of s: the negated one is a signature too, by mathematics.
		negated := join(size, r, new(big.Int).Sub(n, s))
		if err := verified(raw[:dot+1]+base64.RawURLEncoding.EncodeToString(negated), key); err != nil {
			t.Errorf("%s: the negated s: %v", alg, err)
		}
	}
}

// join writes r and s at a fixed size each, or longer where they do not fit.
func join(size int, r, s *big.Int) []byte {
	out := make([]byte, 2*size)
	r.FillBytes(out[:size])
	s.FillBytes(out[size:])
	return out
}

func TestJ15_a_JWK_off_its_curve_is_refused(t *testing.T) {
	for _, alg := range []jws.Algorithm{jws.ES256, jws.ES384, jws.ES512} {
		key := signer(t, alg).Key()
		curve := map[jws.Algorithm]elliptic.Curve{jws.ES256: elliptic.P256(), jws.ES384: elliptic.P384(), jws.ES512: elliptic.P521()}[alg].Params()
		size := (curve.BitSize + 7) / 8
		coordinate := func(i *big.Int) string { return base64.RawURLEncoding.EncodeToString(i.FillBytes(make([]byte, size))) }
		jwk := func(x, y string) string {
			return fmt.Sprintf(`{"kty":"EC","crv":%q,"x":%q,"y":%q}`, curve.Name, x, y)
		}
		gx, gy := coordinate(curve.Gx), coordinate(curve.Gy)
		if _, err := jws.ParseKey(jwk(gx, gy)); err != nil {
			t.Fatalf("%s: the base point: %v", curve.Name, err)
		}
		zero := coordinate(new(big.Int))
		for name, text := range map[string]string{
			"off the curve":             jwk(gx, coordinate(big.NewInt(1))),
			"the point at infinity":     jwk(zero, zero),
			"x is the field's size":     jwk(coordinate(curve.P), gy),
			"y is beyond the field":     jwk(gx, coordinate(new(big.Int).Add(curve.P, big.NewInt(1)))),
			"coordinates swapped":       jwk(gy, gx),
			"x without y":               fmt.Sprintf(`{"kty":"EC","crv":%q,"x":%q}`, curve.Name, gx),
			"empty x":                   jwk("", gy),
			"x a byte short":            jwk(encode(string(curve.Gx.Bytes()[1:])), gy),
			"x with a zero in front":    jwk(base64.RawURLEncoding.EncodeToString(curve.Gx.FillBytes(make([]byte, size+1))), gy),
			"a byte moved from x to y":  jwk(encode(string(curve.Gx.FillBytes(make([]byte, size))[:size-1])), encode(string(curve.Gx.FillBytes(make([]byte, size))[size-1:])+string(curve.Gy.FillBytes(make([]byte, size))))),
			"x of a hundred bytes":      jwk(encode(strings.Repeat("\x00", 100)+string(curve.Gx.Bytes())), gy),
			"x with too much padding":   jwk(gx+"==", gy),
			"x with padding in front":   jwk("="+gx, gy),
			"x with a line end":         strings.Replace(jwk(gx, gy), gx, gx[:4]+`\n`+gx[4:], 1),
			"a name of another curve":   strings.Replace(jwk(gx, gy), curve.Name, "P-224", 1),
			"an algorithm of no curve":  withMember(t, key, "alg", `"RS256"`),
			"an algorithm of the other": withMember(t, key, "alg", map[bool]string{true: `"ES384"`, false: `"ES256"`}[alg == jws.ES256]),
		} {
			if _, err := jws.ParseKey(text); err == nil {
				t.Errorf("%s: a key was read although %s", curve.Name, name)
			}
		}
	}
}

func TestJ16_an_RSA_key_that_is_weak_or_a_burden_is_refused(t *testing.T) {
	modulus := func(bits int) *big.Int { // of exactly that many bits, and odd
		n := new(big.Int).Lsh(big.NewInt(1), uint(bits)-1)
		return n.Or(n, big.NewInt(1))
	}
	even := new(big.Int).Sub(modulus(2048), big.NewInt(1))
	three, f4 := big.NewInt(3), big.NewInt(65537)
	tests := []struct {
		name string
		n, e *big.Int
		ok   bool
	}{
		{"512 bits", modulus(512), f4, false},
		{"1024 bits", modulus(1024), f4, false},
		{"2047 bits", modulus(2047), f4, false},
		{"2048 bits", modulus(2048), f4, true},
		{"8192 bits", modulus(8192), f4, true},
		{"8193 bits", modulus(8193), f4, false},
		{"16384 bits", modulus(16384), f4, false},
		{"65536 bits", modulus(65536), f4, false},
		{"an even modulus", even, f4, false},
		{"modulus one", big.NewInt(1), f4, false},
		{"exponent three", modulus(2048), three, true},
		{"exponent one", modulus(2048), big.NewInt(1), false},
		{"exponent two", modulus(2048), big.NewInt(2), false},
		{"exponent 65536", modulus(2048), big.NewInt(65536), false},
		{"exponent zero", modulus(2048), big.NewInt(0), false},
		{"exponent 2^31 - 1", modulus(2048), big.NewInt(1<<31 - 1), true},
		{"exponent 2^31 + 1", modulus(2048), big.NewInt(1<<31 + 1), false},
		{"exponent 2^32 + 1", modulus(2048), big.NewInt(1<<32 + 1), false},
		{"exponent 2^64 + 3", modulus(2048), new(big.Int).Add(new(big.Int).Lsh(big.NewInt(1), 64), three), false},
		{"an exponent as long as the modulus", modulus(2048), modulus(2048), false},
	}
	for _, test := range tests {
		b64 := base64.RawURLEncoding.EncodeToString
		text := fmt.Sprintf(`{"kty":"RSA","n":%q,"e":%q}`, b64(test.n.Bytes()), b64(append(make([]byte, max(0, 1-len(test.e.Bytes()))), test.e.Bytes()...)))
		if key, err := jws.ParseKey(text); (err == nil) != test.ok || (key != nil) != test.ok {
			t.Errorf("%s: key %v, error %v, want it read: %v", test.name, key != nil, err, test.ok)
		}
		if !test.e.IsInt64() {
			continue
		}
		public := &rsa.PublicKey{N: test.n, E: int(test.e.Int64())}
		if key, err := jws.NewKey("", "", public); err == nil != test.ok && test.e.Int64() < 1<<31 || (key != nil) != (err == nil) {
			t.Errorf("%s: NewKey returns %v, %v", test.name, key != nil, err)
		}
	}
}

func TestJ16_a_PSS_salt_is_as_long_as_the_hash(t *testing.T) {
	private := privateKeys()[jws.PS256].(*rsa.PrivateKey)
	for alg, h := range map[jws.Algorithm]crypto.Hash{jws.PS256: crypto.SHA256, jws.PS384: crypto.SHA384, jws.PS512: crypto.SHA512} {
		text := encode(`{"alg":"`+string(alg)+`"}`) + ".e30"
		digest := h.New()
		digest.Write([]byte(text))
		sum := digest.Sum(nil)
		for _, salt := range []int{1, 8, 20, 31, 32, 33, 47, 48, 49, 63, 64, 65, 100, 128, rsa.PSSSaltLengthAuto, rsa.PSSSaltLengthEqualsHash} {
			signature, err := rsa.SignPSS(rand.Reader, private, h, sum, &rsa.PSSOptions{SaltLength: salt})
			if err != nil {
				t.Fatal(err)
			}
			err = verified(text+"."+base64.RawURLEncoding.EncodeToString(signature), signer(t, alg).Key())
			if want := salt == h.Size() || salt == rsa.PSSSaltLengthEqualsHash; (err == nil) != want {
				t.Errorf("%s with a salt of %d bytes: %v", alg, salt, err)
			}
		}
	}
}

func TestJ17_what_is_too_large_is_refused_without_being_read(t *testing.T) {
	good, _ := sign(t, jws.ES256, "", "{}")
	var many strings.Builder
	for i := range 100_000 {
		fmt.Fprintf(&many, `"c%d":0,`, i)
	}
	for name, raw := range map[string]string{
		"a million dots":       strings.Repeat(".", 1_000_000),
		"a header of 900 KB":   strings.Repeat("A", 900_000) + "." + good,
		"a token of 10 MB":     good + strings.Repeat("A", 10_000_000),
		"100,000 claims":       encode(`{"alg":"ES256"}`) + "." + encode("{"+many.String()+`"x":0}`) + ".AA",
		"one byte too many":    encode(`{"alg":"ES256"}`) + ".e30." + strings.Repeat("A", jws.MaxSize-25+1),
		"16 KB of dots":        strings.Repeat(".", jws.MaxSize),
		"16 KB without a dot":  strings.Repeat("A", jws.MaxSize),
		"16 KB of line breaks": strings.Repeat("\n", jws.MaxSize),
	} {
		wantMalformed(t, raw)
		if allocs := testing.AllocsPerRun(10, func() { jws.Parse(raw) }); allocs > 1 {
			t.Errorf("%s: %v allocations, want the error alone", name, allocs)
		}
	}
}

func TestTheLargestMessageIsRead(t *testing.T) {
	raw := encode(`{"alg":"ES256"}`) + ".e30." + strings.Repeat("A", jws.MaxSize-27) + "gA"
	if _, err := jws.Parse(raw); err != nil || len(raw) != jws.MaxSize {
		t.Errorf("a message of %d bytes: %v", len(raw), err)
	}
}

func TestJ18_nothing_is_decrypted_or_inflated(t *testing.T) {
	bomb := `{"alg":"PBES2-HS512+A256KW","enc":"A256GCM","p2c":2147483647,"p2s":"AAAA","zip":"DEF"}`
	wantMalformed(t, encode(bomb)+".AAAA.AAAA.AAAA.AAAA")
	wantMalformed(t, encode(bomb)+".AAAA.AAAA")
	for _, alg := range []string{"PBES2-HS256+A128KW", "PBES2-HS384+A192KW", "PBES2-HS512+A256KW", "dir", "A256KW", "RSA1_5", "RSA-OAEP", "ECDH-ES"} {
		raw := signHeader(t, jws.RS256, `{"alg":"`+alg+`","p2c":2147483647,"p2s":"AAAA"}`, "{}")
		wantRefused(t, raw, signer(t, jws.RS256).Key())
		free, err := jws.NewKey("", "", signer(t, jws.RS256).Key().Public())
		if err != nil {
			t.Fatal(err)
		}
		wantRefused(t, raw, free)
	}
}

func TestJ19_no_secret_can_be_made_a_key(t *testing.T) {
	for _, secret := range []any{[]byte("secret"), "secret", nil, struct{}{}, big.NewInt(1), privateKeys()[jws.RS256]} {
		if key, err := jws.NewKey("", "", secret); err == nil || key != nil {
			t.Errorf("NewKey took a %T", secret)
		}
	}
	for _, alg := range jws.Algorithms() {
		if strings.HasPrefix(string(alg), "HS") || strings.EqualFold(string(alg), "none") {
			t.Errorf("%s is an algorithm", alg)
		}
	}
	if err := new(jws.Key).Accepts(jws.RS256); !errors.Is(err, jws.ErrSignature) {
		t.Errorf("the zero Key: %v, want ErrSignature", err)
	}
}

package jws_test

import (
	"os"
	"testing"

	"github.com/postern-auth/postern/internal/jws"
)

// TestAnyChangedByteIsRefused replaces every byte of a token by all 255 others. Most of them are no
// base64url and cost nothing; the rest is a signature check each, so that the slow algorithms are sampled
// unless POSTERN_DEEP=1 asks for the whole.
func TestAnyChangedByteIsRefused(t *testing.T) {
	deep := os.Getenv("POSTERN_DEEP") == "1"
	steps := map[jws.Algorithm]int{ // of the changes that reach the signature check, one in so many
		jws.RS256: 1, jws.ES256: 1, jws.EdDSA: 1, jws.Ed25519: 7, jws.RS384: 7, jws.RS512: 7,
		jws.PS256: 7, jws.PS384: 7, jws.PS512: 7, jws.ES384: 67, jws.ES512: 101,
	}
	for _, alg := range jws.Algorithms() {
		step := steps[alg]
		if step == 0 {
			t.Fatalf("%s has no step", alg)
		}
		switch {
		case deep:
			step = 1
		case racy > 0:
			step *= 11
		}
		t.Run(string(alg), func(t *testing.T) {
			t.Parallel()
			raw, key := sign(t, alg, "at+jwt", `{"sub":"a"}`)
			if err := verified(raw, key); err != nil {
				t.Fatal(err)
			}
			if jws.Prepared(key) {
				changeEveryByte(t, raw, jws.Plain(key), step)
			}
			changed, checked := changeEveryByte(t, raw, key, step)
			t.Logf("%d changes, %d of them as far as the signature", changed, checked)
			if changed != len(raw)*255 || checked == 0 {
				t.Errorf("%d changes and %d checks of a token of %d bytes", changed, checked, len(raw))
			}
		})
	}
}

// changeEveryByte returns how many changes were tried, and how many signatures were checked for them.
func changeEveryByte(t *testing.T, raw string, key *jws.Key, step int) (changed, checked int) {
	t.Helper()
	parsed := 0
	b := []byte(raw)
	for i, old := range b {
		for c := range 256 {
			if byte(c) == old {
				continue
			}
			b[i] = byte(c)
			changed++
			message, err := jws.Parse(string(b))
			if err != nil {
				continue
			}
			if parsed++; parsed%step != 0 {
				continue
			}
			checked++
			if message.Verify(key) == nil {
				t.Fatalf("byte %d changed from %q to %q: still verifies", i, old, byte(c))
			}
		}
		b[i] = old
	}
	return changed, checked
}

func TestAnyCutTokenIsRefused(t *testing.T) {
	for _, alg := range []jws.Algorithm{jws.RS256, jws.ES256, jws.EdDSA} {
		raw, key := sign(t, alg, "at+jwt", `{"sub":"a"}`)
		for i := range raw {
			wantRefused(t, raw[:i], key)
			if i > 0 {
				wantRefused(t, raw[i:], key)
			}
			wantRefused(t, raw[:i]+raw[i+1:], key)
			wantRefused(t, raw[:i]+raw[i:i+1]+raw[i:], key)
		}
	}
}

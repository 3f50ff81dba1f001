package jws_test

import (
	"crypto/fips140"
	"testing"

	"github.com/postern-auth/postern/internal/jws"
	// Every test of this package thereby tests both ways to check an RSA signature.
	_ "github.com/postern-auth/postern/jwt/fastrsa"
)

func TestRSAKeysAreCheckedBothWays(t *testing.T) {
	for _, alg := range jws.Algorithms() {
		raw, key := sign(t, alg, "at+jwt", `{"sub":"a"}`)
		isRSA := alg[:2] == "RS" || alg[:2] == "PS"
		if want := isRSA && !fips140.Enabled(); jws.Prepared(key) != want {
			t.Errorf("%s: prepared is %t, want %t", alg, jws.Prepared(key), want)
		}
		if jws.Prepared(jws.Plain(key)) {
			t.Errorf("%s: a plain key is prepared", alg)
		}
		for name, key := range map[string]*jws.Key{"as it is": key, "plain": jws.Plain(key)} {
			if err := verified(raw, key); err != nil {
				t.Errorf("%s, key %s: %v", alg, name, err)
			}
		}
	}
}

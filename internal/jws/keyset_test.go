package jws_test

import (
	"crypto/ecdh"
	"fmt"
	"strings"
	"testing"

	"github.com/postern-auth/postern/internal/jws"
)

// listed returns the key as a key set lists it, with members of another value.
func listed(t *testing.T, alg jws.Algorithm, members ...string) string {
	t.Helper()
	text := withMember(t, signer(t, alg).Key(), "kid", `"k1"`)
	for i := 0; i < len(members); i += 2 {
		key, err := jws.ParseKey(text)
		if err != nil {
			t.Fatal(err)
		}
		text = withMember(t, key, members[i], members[i+1])
	}
	return text
}

// withText returns the JWK with a text in another's place.
func withText(t *testing.T, jwk, old, new string) string {
	t.Helper()
	if strings.Count(jwk, old) != 1 {
		t.Fatalf("%s does not hold %s once", jwk, old)
	}
	return strings.Replace(jwk, old, new, 1)
}

func TestFindingK1_OneOddKeyCostsThatKeyAlone(t *testing.T) {
	rs, es := listed(t, jws.RS256), listed(t, jws.ES256)
	other := withText(t, listed(t, jws.ES384), `"kid":"k1"`, `"kid":"other"`)
	id := func(jwk, id string) string { return withText(t, jwk, `"kid":"k1"`, id) }
	alg := func(alg string) string { return withText(t, rs, `"alg":"RS256"`, alg) }
	rival := withText(t, withText(t, rfc7515RSA, `{`, `{"kid":"k1",`), `{`, `{"alg":"RS256",`)
	deep := withText(t, es, `{`, `{"x-deep":`+strings.Repeat("[", 40)+strings.Repeat("]", 40)+`,`)
	for _, test := range []struct {
		name    string
		keys    []string // beside the other key
		used    int
		leftOut int
		reason  string
	}{
		{"the same key twice is one", []string{rs, rs}, 1, 0, ""},
		{"one key for two algorithms", []string{rs, alg(`"alg":"PS256"`)}, 2, 0, ""},
		{"one key for one algorithm and for any", []string{rs, alg(`"alg":null`)}, 2, 0, ""},
		{"keys of different types", []string{rs, es}, 2, 0, ""},
		{"keys of different types, each for any algorithm", []string{alg(`"alg":null`), withText(t, es, `"ES256"`, `null`)}, 2, 0, ""},
		{"keys of different curves", []string{es, withText(t, other, `"kid":"other"`, `"kid":"k1"`)}, 2, 0, ""},
		{"two keys for one algorithm", []string{rs, rival}, 0, 2, "another key with this id"},
		{"two keys for one algorithm and a third", []string{rs, es, rival}, 1, 2, "another key with this id"},
		{"two keys, one for any algorithm", []string{alg(`"alg":null`), withText(t, rival, `"alg":"RS256"`, `"alg":"PS256"`)}, 0, 2, "another key with this id"},
		{"two keys, each for its algorithm", []string{rs, withText(t, rival, `"alg":"RS256"`, `"alg":"PS256"`)}, 2, 0, ""},
		{"two spellings of one id", []string{rs, id(rival, `"kid":"k\u0031"`)}, 0, 2, "another key with this id"},
		{"an id that differs in case", []string{rs, id(rival, `"kid":"K1"`)}, 2, 0, ""},
		{"keys without id", []string{id(rs, `"kid":null`), id(es, `"kid":""`), id(rival, `"other":1`)}, 3, 0, ""},
		{"a member twice", []string{withText(t, es, `{`, `{"kty":"EC",`)}, 0, 1, "a second member"},
		{"an id twice", []string{withText(t, es, `{`, `{"kid":"k1",`)}, 0, 1, "a second member"},
		{"a member twice deep inside", []string{withText(t, es, `{`, `{"x-a":[{"b":{"c":1,"c":2}}],`)}, 0, 1, "a second member"},
		{"a deep member", []string{deep}, 0, 1, "deeper"},
		{"text that is not UTF-8", []string{withText(t, es, `{`, "{\"x-a\":\"\xff\",")}, 0, 1, "UTF-8"},
		{"half a surrogate pair", []string{withText(t, es, `{`, `{"x-a":"\ud800",`)}, 0, 1, "escape"},
		{"a number that is not one", []string{withText(t, es, `{`, `{"x-a":+1,`)}, 0, 1, "value"},
		{"null, numbers, texts, lists", []string{`null`, `1`, `"]},{"`, `[{}]`, `{}`, `true`}, 0, 6, ""},
		{"an id that is a number", []string{id(rs, `"kid":1`)}, 0, 1, "member kid"},
		{"an id of a megabyte", []string{id(rs, `"kid":"`+strings.Repeat("k", 1<<20)+`"`)}, 0, 1, "key id"},
		{"use null", []string{withText(t, rs, `"use":"sig"`, `"use":null`)}, 1, 0, ""},
		{"use unknown", []string{withText(t, rs, `"use":"sig"`, `"use":"any"`)}, 0, 1, `use is "any"`},
		{"a key for encryption", []string{withText(t, rs, `"use":"sig"`, `"use":"enc"`)}, 0, 1, "not for signatures"},
		{"key_ops null", []string{withText(t, rs, `{`, `{"key_ops":null,`)}, 1, 0, ""},
		{"key_ops with verify among others", []string{withText(t, rs, `{`, `{"key_ops":["encrypt","verify"],`)}, 1, 0, ""},
		{"key_ops without verify", []string{withText(t, rs, `{`, `{"key_ops":[],`)}, 0, 1, "key_ops"},
		{"key_ops that is a text", []string{withText(t, rs, `{`, `{"key_ops":"verify",`)}, 0, 1, "key_ops"},
		{"an algorithm of another family", []string{alg(`"alg":"ES256"`)}, 0, 1, "does not fit"},
		{"an algorithm for encryption", []string{alg(`"alg":"RSA-OAEP"`)}, 0, 1, "does not fit"},
		{"certificates that are anything", []string{withText(t, rs, `{`, `{"x5c":{"a":1},"x5t":7,"x5u":[],"x5t#S256":null,`)}, 1, 0, ""},
		{"members of another kty", []string{withText(t, rs, `{`, `{"crv":1,"x":[],"y":{},`)}, 1, 0, ""},
		{"a private member", []string{withText(t, rs, `{`, `{"d":"AQ",`)}, 0, 1, "secret member d"},
		{"a private member that is null", []string{withText(t, rs, `{`, `{"d":null,`)}, 1, 0, ""},
		{"a modulus that is null", []string{withText(t, rs, `"n":`, `"n":null,"m":`)}, 0, 1, "no member n"},
	} {
		text := `{"keys":[` + strings.Join(append(test.keys, other), ",") + `]}`
		set, err := jws.ParseKeySet(text)
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		if len(set.Keys) != test.used+1 || len(set.LeftOut) != test.leftOut || set.Keys[test.used].ID != "other" {
			t.Errorf("%s: %d keys and left out %v, want %d beside the other and %d", test.name, len(set.Keys)-1, set.LeftOut, test.used, test.leftOut)
		}
		for _, out := range set.LeftOut {
			if !strings.Contains(out.Reason.Error(), test.reason) || len(out.Reason.Error()) > 250 {
				t.Errorf("%s: left out for %q, want that it says %q", test.name, out.Reason, test.reason)
			}
		}
	}
}

func TestFindingK1_WhatBelongsToNoKeyMayBeAnything(t *testing.T) {
	for _, text := range []string{
		`{"a":1,"a":2,"keys":[%s]}`, `{"keys":[%s],"a":` + strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000) + `}`,
		`{"\u0000":"\ud800","keys":[%s],"Keys":7}`, "{\"\xff\":\"\xff\",\"keys\":[%s]}", `{"\u006beys":[%s]}`,
	} {
		if set, err := jws.ParseKeySet(fmt.Sprintf(text, rfc7515EC)); err != nil || len(set.Keys) != 1 {
			t.Errorf("%.60s: %d keys, %v", text, len(set.Keys), err)
		}
	}
	if _, err := jws.ParseKeySet(`{"keys":[` + rfc7515EC + `],"\u006beys":[]}`); err == nil {
		t.Error("a set with two members keys was read")
	}
}

func TestFindingK1_OfTooManyKeysTheFirstAreUsed(t *testing.T) {
	var keys []string
	for n := range 300 {
		keys = append(keys, withText(t, listed(t, jws.ES256), `"kid":"k1"`, fmt.Sprintf(`"kid":"k%d"`, n)), `{"kid":"odd"}`)
	}
	set, err := jws.ParseKeySet(`{"keys":[` + strings.Join(keys, ",") + `]}`)
	if err != nil || len(set.Keys) != 256 || set.Keys[255].ID != "k255" {
		t.Fatalf("%d keys, %v; want the first 256", len(set.Keys), err)
	}
	last := set.LeftOut[len(set.LeftOut)-1]
	if len(set.LeftOut) != 256 || !strings.Contains(last.Reason.Error(), "kty") {
		t.Errorf("%d left out, the last for %v; want 256 remembered", len(set.LeftOut), last)
	}
	set, err = jws.ParseKeySet(`{"keys":[` + strings.Repeat(rfc7515EC+",", 1000) + rfc8037OKP + `]}`)
	if err != nil || len(set.Keys) != 2 {
		t.Errorf("one key a thousand times and another: %d keys, %v", len(set.Keys), err)
	}
}

func TestFindingK3_AKeyThatDecodesUnambiguouslyIsRead(t *testing.T) {
	rs, err := jws.ParseKey(rfc7515RSA)
	if err != nil {
		t.Fatal(err)
	}
	n := rfc7515RSA[strings.Index(rfc7515RSA, `"n":"`)+5 : len(rfc7515RSA)-2]
	decoded, _ := jsonOf(n)
	zeros := encode("\x00\x00\x00" + string(decoded))
	for name, test := range map[string]struct {
		text string
		ok   bool
	}{
		"n with padding":                    {withText(t, rfc7515RSA, n, n+"=="), true},
		"n in the standard alphabet":        {withText(t, rfc7515RSA, n, strings.NewReplacer("-", "+", "_", "/").Replace(n)+"=="), true},
		"n with leading zeros":              {withText(t, rfc7515RSA, n, zeros), true},
		"e with leading zeros":              {withText(t, rfc7515RSA, "AQAB", "AAAAAQAB"), true},
		"n with padding in front":           {withText(t, rfc7515RSA, n, "=="+n), false},
		"n with too much padding":           {withText(t, rfc7515RSA, n, n+"==="), false},
		"n with too little padding":         {withText(t, rfc7515RSA, n, n+"="), false},
		"n with a space":                    {withText(t, rfc7515RSA, n, n[:4]+" "+n[4:]), false},
		"n with a line end":                 {withText(t, rfc7515RSA, n, n[:4]+`\n`+n[4:]), false},
		"n whose unused bits are not zeros": {withText(t, rfc7515RSA, n, n[:len(n)-1]+"R"), false},
		"n that is padding alone":           {withText(t, rfc7515RSA, n, "===="), false},
	} {
		key, err := jws.ParseKey(test.text)
		if (err == nil) != test.ok || test.ok && !key.Equal(rs) {
			t.Errorf("%s: %v, want ok %v", name, err, test.ok)
		}
	}
}

// A writer that drops leading zeros makes one P-256 coordinate in 256 a byte short.
func TestFindingK3_AShortCoordinateIsRead(t *testing.T) {
	const short = `{"kty":"EC","crv":"P-256","x":%q,"y":%q}`
	x, y := shortPoint(t)
	want, err := jws.ParseKey(fmt.Sprintf(short, encode("\x00"+x), encode(y)))
	if err != nil {
		t.Fatal(err)
	}
	got, err := jws.ParseKey(fmt.Sprintf(short, encode(x), encode(y)))
	if err != nil || !got.Equal(want) || got.Thumbprint() != want.Thumbprint() {
		t.Errorf("%v, %v; want the key with the zero in front", got, err)
	}
	if _, err := jws.ParseKey(fmt.Sprintf(short, encode("\x00\x00"+x), encode(y))); err == nil {
		t.Error("a coordinate of 33 bytes was read")
	}
}

// shortPoint returns the coordinates of the public key of the private key 379, the first whose x begins with
// a zero, and x without it.
func shortPoint(t *testing.T) (x, y string) {
	t.Helper()
	private, err := ecdh.P256().NewPrivateKey(append(make([]byte, 30), 379>>8, 379&0xff))
	if err != nil {
		t.Fatal(err)
	}
	point := private.PublicKey().Bytes()
	if point[1] != 0 {
		t.Fatalf("x is %x, want one that begins with a zero", point[1:33])
	}
	return string(point[2:33]), string(point[33:])
}

package jws_test

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"hash"
	"math/big"
	"strings"
	"testing"

	"github.com/postern-auth/postern/internal/claims"
	"github.com/postern-auth/postern/internal/jws"
)

// The names of these tests begin with the ids of the attack cases that they refuse. Every message is
// signed by the right key where a signature can be had, so that nothing but the attack is wrong with it.

func TestJ1_alg_none_is_refused_in_every_spelling(t *testing.T) {
	spellings := []string{`none`, `None`, `NONE`, `nOnE`, `noNe`, `NoNe`, `none `, ` none`, `\u006eone`, `n\u006Fne`, `none\u0000`, `none\n`, `nonе`, `null`, ``}
	for _, alg := range jws.Algorithms() {
		raw, key := sign(t, alg, "", "{}")
		signature := raw[strings.LastIndexByte(raw, '.'):]
		for _, spelling := range spellings {
			header := `{"alg":"` + spelling + `","kid":"k1"}`
			text := encode(header) + "." + encode("{}")
			for _, tail := range []string{"", ".", "..", signature, ".AA"} {
				wantRefused(t, text+tail, key)
			}
			wantRefused(t, signHeader(t, alg, header, "{}"), key)
		}
	}
	for _, header := range []string{`{}`, `{"typ":"JWT"}`, `{"alg":null}`, `{"alg":false}`, `{"alg":[]}`, `{"alg":["RS256"]}`, `{"Alg":"RS256"}`} {
		wantMalformed(t, signHeader(t, jws.RS256, header, "{}"))
	}
}

func TestJ1_a_token_without_its_signature_is_refused(t *testing.T) {
	raw, key := sign(t, jws.ES256, "", "{}")
	parts := strings.Split(raw, ".")
	for _, cut := range []string{
		"", ".", "..", "...", parts[0], parts[0] + ".", parts[0] + "." + parts[1], parts[0] + "." + parts[1] + ".",
		parts[0] + parts[1] + "." + parts[2], "." + parts[1] + "." + parts[2], parts[0] + ".." + parts[2], raw + ".", "." + raw, raw + raw,
	} {
		wantRefused(t, cut, key)
	}
}

func TestJ1_an_empty_signature_is_malformed(t *testing.T) {
	for _, alg := range jws.Algorithms() {
		wantMalformed(t, encode(`{"alg":"`+string(alg)+`"}`)+".e30.")
	}
}

func TestJ2_a_public_key_is_no_HMAC_secret(t *testing.T) {
	hashes := map[string]func() hash.Hash{"HS256": sha256.New, "HS384": sha512.New384, "HS512": sha512.New}
	for _, alg := range []jws.Algorithm{jws.RS256, jws.PS256, jws.ES256, jws.EdDSA} {
		pinned := signer(t, alg).Key()
		free, err := jws.NewKey("k1", "", pinned.Public())
		if err != nil {
			t.Fatal(err)
		}
		for form, secret := range textsOf(t, pinned) {
			for name, h := range hashes {
				for _, spelling := range []string{name, strings.ToLower(name), string(alg)} {
					text := encode(`{"alg":"`+spelling+`","kid":"k1"}`) + "." + encode("{}")
					mac := hmac.New(h, secret)
					mac.Write([]byte(text))
					raw := text + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
					for _, key := range []*jws.Key{pinned, free} {
						if verified(raw, key) == nil {
							t.Errorf("%s: %s with the public key's %s for a secret verifies", alg, spelling, form)
						}
						wantRefused(t, raw, key)
					}
				}
			}
		}
	}
}

// textsOf returns a public key in the forms that an attacker would try as a secret.
func textsOf(t *testing.T, key *jws.Key) map[string][]byte {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	jwk, err := json.Marshal(key)
	if err != nil {
		t.Fatal(err)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	texts := map[string][]byte{
		"DER": der, "PEM": text, "PEM without its last line end": text[:len(text)-1], "JWK": jwk,
		"base64": []byte(base64.StdEncoding.EncodeToString(der)), "thumbprint": []byte(key.Thumbprint()), "nothing": {},
	}
	if public, ok := key.Public().(*rsa.PublicKey); ok {
		der := x509.MarshalPKCS1PublicKey(public)
		texts["PKCS #1"] = der
		texts["PKCS #1 PEM"] = pem.EncodeToMemory(&pem.Block{Type: "RSA PUBLIC KEY", Bytes: der})
		texts["modulus"] = public.N.Bytes()
		texts["SSH"] = sshText(public)
	}
	return texts
}

// sshText writes an RSA key as RFC 4253 §6.6 has it in an authorized_keys file.
func sshText(public *rsa.PublicKey) []byte {
	var wire []byte
	for _, field := range [][]byte{[]byte("ssh-rsa"), big.NewInt(int64(public.E)).Bytes(), append([]byte{0}, public.N.Bytes()...)} {
		wire = binary.BigEndian.AppendUint32(wire, uint32(len(field)))
		wire = append(wire, field...)
	}
	return []byte("ssh-rsa " + base64.StdEncoding.EncodeToString(wire))
}

func TestJ3_a_key_takes_no_algorithm_but_its_own(t *testing.T) {
	for _, mine := range jws.Algorithms() {
		key := signer(t, mine).Key()
		for _, other := range jws.Algorithms() {
			raw, _ := sign(t, other, "", "{}")
			if err := verified(raw, key); (err == nil) != (mine == other) {
				t.Errorf("a message by %s and a key for %s: %v", other, mine, err)
			}
			wantFit := family(mine) == family(other)
			if free, err := jws.NewKey("k1", "", key.Public()); err != nil {
				t.Error(err)
			} else if err := verified(raw, free); (err == nil) != wantFit {
				t.Errorf("a message by %s and a free key of the kind of %s: %v", other, mine, err)
			}
			// The signature is genuine, the header says another algorithm.
			lied := signHeader(t, mine, `{"alg":"`+string(other)+`"}`, "{}")
			if err := verified(lied, key); (err == nil) != (mine == other) {
				t.Errorf("a message by %s that says %s: %v", mine, other, err)
			}
			if _, err := jws.NewKey("", other, key.Public()); (err == nil) != wantFit {
				t.Errorf("a key of the kind of %s for %s: %v", mine, other, err)
			}
		}
	}
}

func TestJ3_ES256_with_a_key_on_another_curve_is_refused(t *testing.T) {
	for _, alg := range []jws.Algorithm{jws.ES384, jws.ES512} {
		free, err := jws.NewKey("", "", signer(t, alg).Key().Public())
		if err != nil {
			t.Fatal(err)
		}
		wantRefused(t, signHeader(t, alg, `{"alg":"ES256"}`, "{}"), free)
	}
}

func TestJ3_a_JWK_whose_members_contradict_each_other_is_refused(t *testing.T) {
	for _, alg := range []jws.Algorithm{jws.RS256, jws.ES256, jws.ES384, jws.EdDSA} {
		for name, values := range map[string][]string{
			"alg":     {`"none"`, `"HS256"`, `"RSA-OAEP"`, `"es256"`, `"ES256K"`, `"ES521"`, `1`, `["RS256"]`},
			"kty":     {`"oct"`, `"rsa"`, `"ec"`, `"AKP"`, `""`, `null`, `1`},
			"use":     {`"enc"`, `"SIG"`, `"signature"`, `1`, `["sig"]`},
			"key_ops": {`[]`, `["sign"]`, `["encrypt"]`, `"verify"`, `["VERIFY"]`, `["verify",1]`, `{}`},
			"crv":     {`"P-224"`, `"secp256k1"`, `"Ed448"`, `"X25519"`, `"p-256"`, `1`},
			"d":       {`"AA"`, `1`}, "k": {`"AA"`}, "p": {`1`}, "oth": {`[]`},
		} {
			if name == "crv" && alg == jws.RS256 {
				continue // an RSA key has no curve, so nobody reads it
			}
			for _, value := range values {
				text := withMember(t, signer(t, alg).Key(), name, value)
				if key, err := jws.ParseKey(text); err == nil || key != nil {
					t.Errorf("%s key with %s %s was read", alg, name, value)
				}
			}
		}
	}
}

// withMember returns the JWK of a key with one member replaced or added.
func withMember(t *testing.T, key *jws.Key, name, value string) string {
	t.Helper()
	text, err := json.Marshal(key)
	if err != nil {
		t.Fatal(err)
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(text, &members); err != nil {
		t.Fatal(err)
	}
	members[name] = json.RawMessage(value)
	if text, err = json.Marshal(members); err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestJ4_a_key_that_a_header_brings_or_points_to_is_never_read(t *testing.T) {
	attacker := signer(t, jws.ES256).Key()
	jwk, err := json.Marshal(attacker)
	if err != nil {
		t.Fatal(err)
	}
	_, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	issuer, err := jws.NewSigner(jws.EdDSA, "k1", private)
	if err != nil {
		t.Fatal(err)
	}
	for name, values := range map[string][]string{
		"jwk":      {string(jwk), `null`, `{}`, `"x"`, `[]`, `1`},
		"jku":      {`"https://attacker.example/jwks.json"`, `"http://127.0.0.1/"`, `"file:///etc/passwd"`, `null`, `1`, `[]`, `""`},
		"x5u":      {`"https://attacker.example/cert.pem"`, `null`, `""`, `{}`},
		"x5c":      {`["MIIB"]`, `[]`, `null`, `"MIIB"`, `[1]`},
		"x5t":      {`"AA"`, `null`, `1`},
		"x5t#S256": {`"AA"`, `null`, `[]`},
	} {
		for _, value := range values {
			for _, spelling := range spellingsOf(name) {
				mine := `{"alg":"ES256","kid":"k1","` + spelling + `":` + value + `}`
				wantRefused(t, signHeader(t, jws.ES256, mine, "{}"), issuer.Key())
				theirs := `{"` + spelling + `":` + value + `,"alg":"EdDSA","kid":"k1"}`
				raw, err := jws.SignText(issuer, encode(theirs)+".e30")
				if err != nil {
					t.Fatal(err)
				}
				message, err := jws.Parse(raw)
				if err != nil {
					t.Errorf("%s: %v", theirs, err)
					continue
				}
				if message.Header.JWK != "" {
					t.Errorf("%s: the key was read", theirs)
				}
				if err := message.Verify(issuer.Key()); err != nil {
					t.Errorf("%s, by the issuer's own key: %v", theirs, err)
				}
				wantMalformed(t, signHeader(t, jws.ES256, `{"alg":"ES256","crit":["`+name+`"],"`+spelling+`":`+value+`}`, "{}"))
			}
		}
	}
}

func TestJ4_a_proof_brings_its_key_in_jwk_and_nowhere_else(t *testing.T) {
	jwk, err := json.Marshal(signer(t, jws.ES256).Key())
	if err != nil {
		t.Fatal(err)
	}
	for header, good := range map[string]bool{
		`{"alg":"ES256","jwk":` + string(jwk) + `}`:                                                     true,
		`{"alg":"ES256","jwk":` + string(jwk) + `,"jku":"https://attacker.example","x5u":1,"x5c":null}`: true,
		`{"alg":"ES256","jwk":null,"jku":"https://attacker.example"}`:                                   false,
		`{"alg":"ES256","jku":"https://attacker.example","x5c":["MIIB"]}`:                               false,
		`{"alg":"ES256","crit":["jwk"],"jwk":` + string(jwk) + `}`:                                      false,
		`{"alg":"ES256","jwk":` + string(jwk) + `,"\u006awk":` + string(jwk) + `}`:                      false,
	} {
		if _, err := jws.ParseProof(signHeader(t, jws.ES256, header, "{}")); (err == nil) != good {
			t.Errorf("%s: %v, want good %v", header, err, good)
		}
	}
}

func TestFindingT1_null_in_a_header_is_absent_but_where_it_would_change_how_the_rest_is_read(t *testing.T) {
	message, err := jws.Parse(signHeader(t, jws.ES256, `{"alg":"ES256","kid":null,"typ":null,"cty":null,"x5t":null}`, "{}"))
	if err != nil || message.Header != (jws.Header{Algorithm: jws.ES256}) {
		t.Errorf("header %+v, %v; want alg alone", message.Header, err)
	}
	for _, member := range []string{`"crit":null`, `"b64":null`, `"enc":null`, `"zip":null`, `"kid":null,"kid":"k1"`} {
		wantMalformed(t, signHeader(t, jws.ES256, `{"alg":"ES256",`+member+`}`, "{}"))
	}
	if _, err := jws.Parse(encode(`{"alg":null}`) + ".e30.AA"); err == nil || !strings.Contains(err.Error(), "alg") {
		t.Errorf("alg null: %v, want an error that names alg", err)
	}
}

func TestFindingT6_a_parser_takes_messages_up_to_its_size(t *testing.T) {
	s := signer(t, jws.ES256)
	text := encode(`{"alg":"ES256"}`) + "." + strings.Repeat("e30A", 10<<10)
	raw, err := jws.SignText(s, text)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := jws.Parse(raw); !errors.Is(err, jws.ErrMalformed) {
		t.Errorf("Parse of %d bytes: %v, want ErrMalformed", len(raw), err)
	}
	for size, good := range map[int]bool{0: false, len(raw) - 1: false, len(raw): true, 1 << 20: true} {
		parser := jws.Parser{MaxSize: size}
		message, err := parser.Parse(raw, new(jws.Buffer))
		if (err == nil) != good {
			t.Errorf("a Parser with MaxSize %d: %v, want good %v", size, err, good)
		}
		if err == nil && message.Verify(s.Key()) != nil {
			t.Error("the message does not verify")
		}
	}
}

// spellingsOf returns a name plain, and with each and all of its letters escaped.
func spellingsOf(name string) []string {
	list, whole := []string{name}, ""
	for i := range name {
		escaped := fmt.Sprintf(`\u%04x`, name[i])
		list = append(list, name[:i]+escaped+name[i+1:])
		whole += escaped
	}
	return append(list, whole)
}

func TestJ5_a_kid_is_a_short_string_and_only_ever_compared(t *testing.T) {
	key := signer(t, jws.ES256).Key()
	for _, kid := range []string{
		`../../etc/passwd`, `/dev/null`, `C:\\x`, `' OR 1=1 --`, `k1'; DROP TABLE keys; --`, `k1\u0000`, `\u0000`, `k1\r\nSet-Cookie: a=b`,
		`${jndi:ldap://x}`, `$(id)`, `|id`, `%s%n`, `<script>`, `K1`, `k1 `, ` k1`, `\u001b[31m`, `\u202ek1`, strings.Repeat("k", 512),
	} {
		raw := signHeader(t, jws.ES256, `{"alg":"ES256","kid":"`+kid+`"}`, "{}")
		message, err := jws.Parse(raw)
		if err != nil {
			t.Errorf("kid %.40s: %v", kid, err)
			continue
		}
		var want string
		if err := json.Unmarshal([]byte(`"`+kid+`"`), &want); err != nil || message.Header.KeyID != want {
			t.Errorf("kid is read as %q, want %q", message.Header.KeyID, want)
		}
		named, err := jws.NewKey(want, jws.ES384, signer(t, jws.ES384).Key().Public())
		if err != nil {
			t.Fatal(err)
		}
		wantRefused(t, raw, named)
		if err := message.Verify(key); err != nil {
			t.Errorf("the key that the caller chose: %v", err)
		}
	}
	for _, kid := range []string{`1`, `-1`, `true`, `[]`, `["k1"]`, `{}`, `{"kid":"k1"}`, `"` + strings.Repeat("k", 513) + `"`, `"` + strings.Repeat("k", 1<<20) + `"`} {
		wantMalformed(t, signHeader(t, jws.ES256, `{"alg":"ES256","kid":`+kid+`}`, "{}"))
	}
}

func TestJ6_every_extension_is_refused(t *testing.T) {
	for _, members := range []string{
		`"crit":["exp"],"exp":1`, `"crit":["http://example.com/UNDEFINED"],"http://example.com/UNDEFINED":true`, `"crit":["b64"],"b64":true`,
		`"crit":["b64"],"b64":false`, `"b64":false`, `"b64":true`, `"b64":null`, `"crit":[]`, `"crit":null`, `"crit":"exp"`, `"crit":{}`, `"crit":0`,
		`"crit":["alg"]`, `"crit":["exp","exp"],"exp":1`, `"crit":["exp"],"crit":[]`, `"crit":[""]`, `"crit":[1]`,
		`"\u0063rit":["exp"]`, `"cri\u0074":[]`, `"b\u00364":false`,
	} {
		wantMalformed(t, signHeader(t, jws.ES256, `{"alg":"ES256",`+members+`}`, "{}"))
		wantMalformed(t, signHeader(t, jws.ES256, `{`+members+`,"alg":"ES256"}`, "{}"))
	}
}

func TestJ6_an_unencoded_payload_is_refused(t *testing.T) {
	for _, payload := range []string{`{"iss":"a"}`, `$.02`, ` `, `a b`} {
		raw, err := jws.SignText(signer(t, jws.ES256), encode(`{"alg":"ES256"}`)+"."+payload)
		if err != nil {
			t.Fatal(err)
		}
		wantMalformed(t, raw)
	}
}

func TestJ7_what_is_no_compact_JWS_is_refused(t *testing.T) {
	raw, key := sign(t, jws.ES256, "JWT", "{}")
	parts := strings.Split(raw, ".")
	jwe := encode(`{"alg":"RSA-OAEP","enc":"A128GCM"}`)
	flat := fmt.Sprintf(`{"protected":%q,"payload":%q,"signature":%q}`, parts[0], parts[1], parts[2])
	for _, text := range []string{
		jwe + ".a.b.c.d", jwe + "....", jwe + "." + parts[1] + "." + parts[2], raw + "." + parts[2], raw + "." + raw, raw + "," + raw, raw + "~", raw + "~disclosure~",
		flat, encode(flat), `{"payload":"` + parts[1] + `","signatures":[{"protected":"` + parts[0] + `","signature":"` + parts[2] + `"}]}`, `[` + flat + `]`,
		`"` + raw + `"`, "Bearer " + raw, raw + " ", " " + raw, raw + "\x00", raw + "#", raw + "?", "%" + raw, raw + ";", "{}", "null", "opaque-token",
	} {
		wantMalformed(t, text)
		wantRefused(t, text, key)
	}
	for _, member := range []string{`"enc":"A128GCM"`, `"enc":null`, `"zip":"DEF"`, `"zip":null`} {
		wantMalformed(t, signHeader(t, jws.ES256, `{"alg":"ES256",`+member+`}`, "{}"))
	}
}

func TestJ7_the_error_says_that_an_encrypted_token_has_too_many_parts(t *testing.T) {
	_, err := jws.Parse(encode(`{"alg":"RSA-OAEP","enc":"A128GCM"}`) + ".a.b.c.d")
	if err == nil || err.Error() != "jws: malformed: want three parts" {
		t.Errorf("error %v, want one on the three parts", err)
	}
}

func TestJ7_a_token_inside_a_token_is_no_claims_set(t *testing.T) {
	inner, key := sign(t, jws.ES256, "JWT", accessToken)
	message, err := jws.Parse(signHeader(t, jws.ES256, `{"alg":"ES256","cty":"JWT"}`, inner))
	if err != nil {
		t.Fatal(err)
	}
	if err := message.Verify(key); err != nil {
		t.Fatal(err)
	}
	if err := new(claims.Object).Parse(message.Payload); err == nil {
		t.Error("the inner token was read as claims")
	}
}

func TestJ8_a_header_with_equal_names_is_refused(t *testing.T) {
	for _, name := range []string{"alg", "kid", "typ", "x"} {
		for _, first := range spellingsOf(name) {
			for _, second := range spellingsOf(name) {
				header := `{"` + first + `":"ES256","` + second + `":"ES256"}`
				if name != "alg" {
					header = `{"alg":"ES256",` + header[1:]
				}
				wantMalformed(t, signHeader(t, jws.ES256, header, "{}"))
			}
		}
	}
	wantMalformed(t, signHeader(t, jws.ES256, `{"alg":"ES256","x":{"a":1,"a":2}}`, "{}"))
}

func TestJ8_a_header_name_that_only_looks_right_is_another(t *testing.T) {
	for _, name := range []string{"ALG", "Alg", "alg ", " alg", "aIg", "ａlg"} {
		wantMalformed(t, signHeader(t, jws.ES256, `{"`+name+`":"ES256"}`, "{}"))
	}
	for _, name := range []string{"KID", "Kid", "\u212aid", "kıd", "k\u0456d"} {
		message, err := jws.Parse(encode(`{"alg":"ES256","`+name+`":"k2","kid":"k1"}`) + ".e30.AA")
		if err != nil || message.Header.KeyID != "k1" {
			t.Errorf("%q beside kid: kid is %q, %v", name, message.Header.KeyID, err)
		}
	}
	for _, name := range []string{`alg\u0000`, `\u0000`, `kid\u0000x`, `a\u0000lg`} {
		wantMalformed(t, signHeader(t, jws.ES256, `{"alg":"ES256","`+name+`":"x"}`, "{}"))
	}
}

func TestJ9_a_header_that_is_not_strict_JSON_is_refused(t *testing.T) {
	for _, header := range []string{
		"", " ", "{", "}", "null", "[]", `"alg"`, "1", `{"alg":"ES256"`, `{"alg":"ES256"}}`, `{"alg":"ES256"}{}`, `{"alg":"ES256",}`, `{"alg":'ES256'}`, `{alg:"ES256"}`,
		"\ufeff" + `{"alg":"ES256"}`, `{"alg":"ES256"}` + "\x00", "{\"alg\":\"ES256\",\"kid\":\"\xff\"}", "{\"alg\":\"ES256\",\"\xc0\xaf\":1}",
		`{"alg":"ES256","kid":"\ud800"}`, `{"alg":"ES256","kid":"\udc00\ud800"}`, `{"alg":"ES256","kid":"` + "\n" + `"}`, `{"alg":"ES256","x":01}`, `{"alg":"ES256","x":+1}`,
		`{"alg":"ES256","x":` + strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000) + `}`, `{"alg":"ES256","x":` + strings.Repeat(`{"a":`, 10_000),
		`{"alg":"ES256","x":` + strings.Repeat("[", 32) + strings.Repeat("]", 32) + `}`,
	} {
		wantMalformed(t, signHeader(t, jws.ES256, header, "{}"))
	}
	for _, header := range []string{`{"alg":"ES256","x":1e400}`, `{"alg":"ES256","x":-0}`, ` {"alg" : "ES256"}` + "\r\n", `{"alg":"ES\u0032\u0035\u0036"}`} {
		if err := verified(signHeader(t, jws.ES256, header, "{}"), signer(t, jws.ES256).Key()); err != nil {
			t.Errorf("header %s: %v", header, err)
		}
	}
}

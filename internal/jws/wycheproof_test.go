package jws_test

import (
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"maps"
	"path"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/postern-auth/postern/internal/jws"
	"github.com/postern-auth/postern/internal/vectors"
)

// defects are the cases of the JWS file that are marked valid although the key is for another algorithm
// than the token names: "PS256" for a PS384 token, "ES521" (which does not exist) for an ES512 one.
var defects = []int{346, 347, 350, 351}

func TestWycheproofJWS(t *testing.T) {
	var suite struct {
		TestGroups []struct {
			Public  json.RawMessage
			Private json.RawMessage
			Tests   []struct {
				TCID   int `json:"tcId"`
				JWS    string
				Result string
			}
		}
	}
	vectors.JSON(t, "wycheproof/json_web_signature_test.json", &suite)
	var agree, hmac int
	var differ []int
	for _, group := range suite.TestGroups {
		if group.Public == nil {
			for _, test := range group.Tests {
				hmac++
				refusedByEveryKey(t, test.TCID, string(group.Private), test.JWS)
			}
			continue
		}
		key, keyErr := jws.ParseKey(string(group.Public))
		for _, test := range group.Tests {
			accepted := keyErr == nil && verified(test.JWS, key) == nil
			if keyErr == nil && (verified(test.JWS, jws.Plain(key)) == nil) != accepted {
				t.Errorf("case %d: accepted is %t, with crypto/rsa it is not", test.TCID, accepted)
			}
			if accepted == (test.Result == "valid") {
				agree++
			} else {
				differ = append(differ, test.TCID)
			}
		}
	}
	t.Logf("asymmetric: %d agree, %d differ; HMAC: %d refused", agree, len(differ), hmac)
	if diff := cmp.Diff(defects, differ); diff != "" {
		t.Errorf("cases that differ (-want +got):\n%s", diff)
	}
	if agree != 357 || hmac != 40 {
		t.Errorf("%d agree and %d HMAC cases, want 357 and 40", agree, hmac)
	}
}

// refusedByEveryKey checks that a MAC is refused: its key cannot be read, and no other key takes it.
func refusedByEveryKey(t *testing.T, id int, secret, raw string) {
	t.Helper()
	if _, err := jws.ParseKey(secret); err == nil {
		t.Errorf("case %d: the secret key was read", id)
	}
	for _, alg := range jws.Algorithms() {
		if verified(raw, signer(t, alg).Key()) == nil {
			t.Errorf("case %d: the MAC verifies with a key for %s", id, alg)
		}
	}
}

// signatureGroup is what the files on bare signatures have in common.
type signatureGroup struct {
	PublicKeyDER string `json:"publicKeyDer"`
	SHA          string
	SaltLength   int `json:"sLen"`
	Tests        []struct {
		TCID     int `json:"tcId"`
		Msg, Sig string
		Result   string
	}
}

// verdicts counts the cases of a file by the vector's result, and which of them we decide otherwise.
type verdicts struct{ Valid, Invalid, Acceptable, Differ int }

func TestWycheproofSignatures(t *testing.T) {
	rs := map[string]jws.Algorithm{"SHA-256": jws.RS256, "SHA-384": jws.RS384, "SHA-512": jws.RS512}
	ps := map[string]jws.Algorithm{"SHA-256": jws.PS256, "SHA-384": jws.PS384, "SHA-512": jws.PS512}
	es := map[string]jws.Algorithm{"SHA-256": jws.ES256, "SHA-384": jws.ES384, "SHA-512": jws.ES512}
	ed := map[string]jws.Algorithm{"": jws.EdDSA}
	tests := []struct {
		file string
		algs map[string]jws.Algorithm
		want verdicts
	}{
		{"rsa_signature_2048_sha256_test.json", rs, verdicts{Valid: 9, Invalid: 249, Acceptable: 1}},
		{"rsa_signature_2048_sha384_test.json", rs, verdicts{Valid: 7, Invalid: 250, Acceptable: 1}},
		{"rsa_signature_2048_sha512_test.json", rs, verdicts{Valid: 8, Invalid: 250, Acceptable: 1}},
		{"rsa_pss_2048_sha256_mgf1_32_test.json", ps, verdicts{Valid: 63, Invalid: 45}},
		{"rsa_pss_2048_sha384_mgf1_48_test.json", ps, verdicts{Valid: 95, Invalid: 46}},
		{"rsa_pss_3072_sha256_mgf1_32_test.json", ps, verdicts{Valid: 63, Invalid: 45}},
		// A salt of 32 bytes under SHA-512 is not PS512 (RFC 7518 §3.5), so the whole file is refused.
		{"rsa_pss_4096_sha512_mgf1_32_test.json", ps, verdicts{Valid: 132, Invalid: 45, Differ: 132}},
		{"ecdsa_secp256r1_sha256_p1363_test.json", es, verdicts{Valid: 173, Invalid: 89}},
		{"ecdsa_secp384r1_sha384_p1363_test.json", es, verdicts{Valid: 193, Invalid: 87}},
		{"ecdsa_secp521r1_sha512_p1363_test.json", es, verdicts{Valid: 231, Invalid: 87}},
		{"ed25519_test.json", ed, verdicts{Valid: 88, Invalid: 63}},
	}
	for _, test := range tests {
		t.Run(test.file, func(t *testing.T) {
			var suite struct{ TestGroups []signatureGroup }
			vectors.JSON(t, path.Join("wycheproof", test.file), &suite)
			var got verdicts
			for _, group := range suite.TestGroups {
				got.count(t, group, test.algs[group.SHA])
			}
			t.Logf("%+v", got)
			if got != test.want {
				t.Errorf("verdicts %+v, want %+v", got, test.want)
			}
		})
	}
}

func (v *verdicts) count(t *testing.T, group signatureGroup, alg jws.Algorithm) {
	t.Helper()
	if !slices.Contains(jws.Algorithms(), alg) {
		t.Fatalf("no algorithm for %s", group.SHA)
	}
	public, keyErr := x509.ParsePKIXPublicKey(unhex(t, group.PublicKeyDER))
	var key *jws.Key
	if keyErr == nil {
		key, keyErr = jws.NewKey("", alg, public)
	}
	salted := group.SaltLength == 0 || group.SaltLength == map[jws.Algorithm]int{jws.PS256: 32, jws.PS384: 48, jws.PS512: 64}[alg]
	for _, test := range group.Tests {
		accepted := keyErr == nil && agreed(t, alg, key, unhex(t, test.Msg), unhex(t, test.Sig))
		switch test.Result {
		case "valid":
			v.Valid++
		case "invalid":
			v.Invalid++
		default:
			v.Acceptable++
		}
		if accepted != (test.Result == "valid") {
			v.Differ++
			if salted || accepted {
				t.Errorf("case %d is %s, accepted %v", test.TCID, test.Result, accepted)
			}
		}
	}
}

// agreed verifies twice, for the same memory is used for one message after the other, and by the standard
// library alone.
func agreed(t *testing.T, alg jws.Algorithm, key *jws.Key, message, signature []byte) bool {
	t.Helper()
	first := jws.VerifyWith(key, alg, message, signature)
	if second := jws.VerifyWith(key, alg, message, signature); second != first {
		t.Errorf("%s: the same signature was found %v, then %v", alg, first, second)
	}
	if plain := jws.VerifyWith(jws.Plain(key), alg, message, signature); plain != first {
		t.Errorf("%s: a signature was found %v, and by the standard library %v", alg, first, plain)
	}
	return first
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// example is the part of a file of the JOSE cookbook that this package reads.
type example struct {
	Input  struct{ Key json.RawMessage }
	Output struct {
		Compact  string
		JSON     json.RawMessage
		JSONFlat json.RawMessage `json:"json_flat"`
	}
}

// publicPart returns a JWK without its secret members, as a key set would hold it.
func publicPart(t *testing.T, key json.RawMessage) string {
	t.Helper()
	var members map[string]any
	if err := json.Unmarshal(key, &members); err != nil {
		t.Fatal(err)
	}
	maps.DeleteFunc(members, func(name string, _ any) bool {
		return slices.Contains([]string{"d", "p", "q", "dp", "dq", "qi"}, name)
	})
	text, err := json.Marshal(members)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestCookbookSignatures(t *testing.T) {
	tests := map[string]string{ // why it is refused; empty: it verifies
		"jws/4_1.rsa_v15_signature.json":                 "",
		"jws/4_2.rsa-pss_signature.json":                 "",
		"jws/4_3.ecdsa_signature.json":                   "",
		"jws/4_4.hmac-sha2_integrity_protection.json":    "HMAC",
		"jws/4_5.signature_with_detached_content.json":   "HMAC, and the payload is elsewhere",
		"jws/4_6.protecting_specific_header_fields.json": "HMAC in JSON serialization alone",
		"jws/4_7.protecting_content_only.json":           "HMAC in JSON serialization alone",
		"jws/4_8.multiple_signatures.json":               "several signatures in JSON serialization",
		"curve25519/jws.json":                            "",
		"rfc7797/4.2.hmac-sha2_b64_false.json":           "HMAC in JSON serialization alone, with b64 and crit",
		"rfc7797/hmac-sha2_b64_false.json":               "HMAC with b64 and crit",
	}
	seen := 0
	for _, pattern := range []string{"jws/*.json", "curve25519/jws.json", "rfc7797/*.json"} {
		for _, name := range vectors.Glob(t, "jose-cookbook/"+pattern) {
			seen++
			short := name[len("jose-cookbook/"):]
			reason, listed := tests[short]
			if !listed {
				t.Errorf("%s is not listed", short)
				continue
			}
			t.Run(short, func(t *testing.T) { checkExample(t, name, reason) })
		}
	}
	if seen != 11 {
		t.Errorf("%d files, want 11", seen)
	}
}

func checkExample(t *testing.T, name, reason string) {
	t.Helper()
	var e example
	vectors.JSON(t, name, &e)
	for _, text := range []string{string(e.Output.JSON), string(e.Output.JSONFlat)} {
		wantMalformed(t, text)
	}
	if reason == "" {
		if _, err := jws.ParseKey(string(e.Input.Key)); err == nil {
			t.Error("a private key was read as a public one")
		}
		key, err := jws.ParseKey(publicPart(t, e.Input.Key))
		if err != nil {
			t.Fatal(err)
		}
		if err := verified(e.Output.Compact, key); err != nil {
			t.Error(err)
		}
		return
	}
	if _, err := jws.ParseKey(string(e.Input.Key)); err == nil {
		t.Errorf("key was read, want it refused: %s", reason)
	}
	for _, alg := range jws.Algorithms() {
		wantRefused(t, e.Output.Compact, signer(t, alg).Key())
	}
}

func TestCookbookKeys(t *testing.T) {
	tests := map[string]bool{ // read or refused
		"3_1.ec_public_key.json":                 true,
		"3_2.ec_private_key.json":                false,
		"3_3.rsa_public_key.json":                true,
		"3_4.rsa_private_key.json":               false,
		"3_5.symmetric_key_mac_computation.json": false,
		"3_6.symmetric_key_encryption.json":      false,
	}
	names := vectors.Glob(t, "jose-cookbook/jwk/*.json")
	for _, name := range names {
		key, err := jws.ParseKey(string(vectors.Read(t, name)))
		if want, listed := tests[path.Base(name)]; !listed || (err == nil) != want || (key == nil) == want {
			t.Errorf("%s: key %v, error %v, want it read: %v", name, key, err, want)
		}
	}
	if len(names) != len(tests) {
		t.Errorf("%d files, want %d", len(names), len(tests))
	}
}

func TestCookbookNesting(t *testing.T) {
	var nested struct {
		Sign    example
		Encrypt example
	}
	vectors.JSON(t, "jose-cookbook/6.nesting_signatures_and_encryption.json", &nested)
	key, err := jws.ParseKey(publicPart(t, nested.Sign.Input.Key))
	if err != nil {
		t.Fatal(err)
	}
	if err := verified(nested.Sign.Output.Compact, key); err != nil {
		t.Errorf("the inner signature: %v", err)
	}
	wantMalformed(t, nested.Encrypt.Output.Compact)
}

func TestProofsOfRFC9449(t *testing.T) {
	var file struct {
		JKT    string
		Proofs []struct{ JWT string }
	}
	vectors.JSON(t, "rfc/rfc9449_dpop.json", &file)
	if len(file.Proofs) == 0 {
		t.Fatal("no proofs")
	}
	for _, proof := range file.Proofs {
		message, err := jws.ParseProof(proof.JWT)
		if err != nil {
			t.Fatal(err)
		}
		key, err := jws.ParseKey(message.Header.JWK)
		if err != nil {
			t.Fatal(err)
		}
		if err := message.Verify(key); err != nil || key.Thumbprint() != file.JKT || message.Header.Type != "dpop+jwt" {
			t.Errorf("error %v, thumbprint %s, typ %s, want none, %s, dpop+jwt", err, key.Thumbprint(), message.Header.Type, file.JKT)
		}
	}
}

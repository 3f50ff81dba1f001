package clientauth

import (
	"strings"
	"testing"
	"time"
)

// A key file that is accepted belongs to somebody and signs; what is refused is not quoted, for it may be
// a secret in the wrong place.
func FuzzParseKeyFile(f *testing.F) {
	const seed = `{"type":"serviceaccount","keyId":"k","userId":"u","key":"-----BEGIN EC PRIVATE KEY-----\nMHcCAQEEIPw5oOtCaFr0yNAqUmJjeOJKXv2/xTPCq1iCiUQFCqSkoAoGCCqGSM49\nAwEHoUQDQgAE\n-----END EC PRIVATE KEY-----\n"}`
	for _, text := range []string{
		seed,
		strings.Replace(seed, "serviceaccount", "application", 1),
		strings.Replace(seed, `"userId":"u"`, `"clientId":"c","appId":"a","expirationDate":"2030-01-01T00:00:00Z"`, 1),
		`{"type":"serviceaccount","type":"application"}`, `[]`, `{}`, ``, "\ufeff" + seed, strings.ReplaceAll(seed, `\n`, `\\n`), "-----BEGIN PRIVATE KEY-----", "\xff\xfe{\x00",
		`{"key":1}`, `{"expirationDate":"soon"}`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		key, err := ParseKeyFile(text)
		if err != nil {
			if len(text) > 64 && strings.Contains(err.Error(), string(text)) {
				t.Errorf("error quotes the file: %v", err)
			}
			return
		}
		if key.Subject() == "" || key.ID() == "" {
			t.Errorf("key %v of nobody or without id", key)
		}
		if _, err := key.Assertion("https://issuer.example.com", time.Unix(1, 0)); err != nil {
			t.Errorf("an accepted key does not sign: %v", err)
		}
	})
}

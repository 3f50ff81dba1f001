package opaque_test

import (
	"strings"
	"testing"

	"github.com/postern-auth/postern/internal/opaque"
)

var (
	id     = strings.Repeat("0", opaque.IDSize)
	secret = strings.Repeat("s", opaque.SecretSize)
)

func TestWhatIsSealedHasItsID(t *testing.T) {
	for _, prefix := range []string{opaque.AccessToken, opaque.PersonalAccessToken} {
		if got, ok := opaque.ID(opaque.Seal(prefix, id, secret)); got != id || !ok {
			t.Errorf("%s: %q, %t", prefix, got, ok)
		}
	}
}

func TestEveryOtherTextHasNone(t *testing.T) {
	raw := opaque.Seal(opaque.AccessToken, id, secret)
	texts := []string{
		"", "postern_at_", raw[1:], raw[:len(raw)-1], raw + "A", " " + raw, strings.ToUpper(raw),
		opaque.Seal("", id, secret), opaque.Seal("postern_xx_", id, secret),
		opaque.Seal(opaque.AccessToken, id+"0", secret), opaque.Seal(opaque.AccessToken, id[1:], secret),
		opaque.PersonalAccessToken + raw[len(opaque.AccessToken):],
	}
	for i := range len(raw) {
		b := []byte(raw)
		b[i] ^= 1
		texts = append(texts, string(b))
	}
	for _, text := range texts {
		if got, ok := opaque.ID(text); ok || got != "" {
			t.Errorf("%q: %q, %t", text, got, ok)
		}
	}
}

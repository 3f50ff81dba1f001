package jws_test

import (
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"github.com/postern-auth/postern/internal/jws"
)

// A Parser that knows a genuine header says of every message what Parse says.
func TestParserSaysWhatParseSays(t *testing.T) {
	_, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := jws.NewSigner(jws.EdDSA, "key", private)
	if err != nil {
		t.Fatal(err)
	}
	genuine, err := signer.Sign("at+jwt", []byte(`{"n":1}`))
	if err != nil {
		t.Fatal(err)
	}
	header, rest, _ := strings.Cut(genuine, ".")
	encode := func(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }
	messages := []string{
		genuine,
		header + "." + encode(`{"n":2}`) + "." + strings.Split(rest, ".")[1],
		header + ".!." + strings.Split(rest, ".")[1],
		header + "." + rest + "\n",
		header + "." + rest + ".",
		header + ".." + strings.Split(rest, ".")[1],
		"." + rest,
		header[:len(header)-1] + "." + rest,
		header + "A." + rest,
		encode(`{"alg":"EdDSA","kid":"other"}`) + "." + rest,
		encode(`{"alg":"EdDSA","crit":["b64"]}`) + "." + rest,
		encode(`{"alg":"none"}`) + "." + rest,
	}
	var parser jws.Parser
	for round := range 2 {
		for _, raw := range messages {
			want, wantErr := jws.Parse(raw)
			got, err := parser.Parse(raw, new(jws.Buffer))
			if got != want || (err == nil) != (wantErr == nil) || err != nil && !errors.Is(err, jws.ErrMalformed) {
				t.Errorf("round %d, %q: got %+v, %v, want %+v, %v", round, raw, got, err, want, wantErr)
			}
		}
		message, err := parser.Parse(genuine, new(jws.Buffer))
		if err != nil {
			t.Fatal(err)
		}
		if err := message.Verify(signer.Key()); err != nil {
			t.Errorf("genuine message: %v", err)
		}
		parser.Genuine(&message)
	}
}

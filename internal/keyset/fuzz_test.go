package keyset

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// A snapshot that is accepted is of the issuer that was asked for and has a date; whatever else the file
// holds, nothing worse than an error comes of it.
func FuzzSnapshot(f *testing.F) {
	for _, text := range []string{
		`{"issuer":"https://i.test","fetched":1700000000,"keys":[]}`,
		`{"issuer":"https://i.test","fetched":1700000000,"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","kid":"k"}]}`,
		`{"issuer":"https://other.test","fetched":1,"keys":[]}`, `{"issuer":"https://i.test","keys":[]}`,
		`{"issuer":"https://i.test","fetched":"now","keys":[]}`, `{}`, ``, `null`, `{"keys":{}}`,
	} {
		f.Add([]byte(text))
	}
	path := filepath.Join(f.TempDir(), "snapshot")
	f.Fuzz(func(t *testing.T, text []byte) {
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		set, fetched, err := Snapshot{Path: path, Issuer: "https://i.test"}.load()
		if err == nil && fetched.Before(time.Unix(0, 0)) {
			t.Errorf("%d keys fetched at %s", len(set.Keys), fetched)
		}
	})
}

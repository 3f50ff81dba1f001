package setup

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/postern-auth/postern/clientauth"
	"github.com/postern-auth/postern/internal/jws"
	"github.com/postern-auth/postern/server/internal/registry"
	"github.com/postern-auth/postern/server/internal/secret"
	"github.com/postern-auth/postern/server/store"
)

func TestKeyFilesAreThoseOfZITADEL(t *testing.T) {
	b := newBench(t)
	b.apply(string(exampleDocument(t)) + `
  - username: classic
    keys: [{key_file: secrets/classic.json, compatibility: true}]
`)
	rows := b.rows()
	tests := []struct {
		name, file, pem string
		want            clientauth.KeyFile
		algorithm       jws.Algorithm
		compatibility   bool
	}{
		{"an API's key names its client id", "secrets/messages-key.json", "-----BEGIN RSA PRIVATE KEY-----\n",
			clientauth.KeyFile{Type: "application", ClientID: "messages@hello", AppID: rows.APIs[0].ID}, jws.RS256, false},
		{"a service user's key may be EC in PKCS #8", "secrets/reporter-key.json", "-----BEGIN PRIVATE KEY-----\n",
			clientauth.KeyFile{Type: "serviceaccount", UserID: rows.Users[1].ID}, jws.ES256, false},
		{"a service user's key is RSA in PKCS #1 by default", "secrets/classic.json", "-----BEGIN RSA PRIVATE KEY-----\n",
			clientauth.KeyFile{Type: "serviceaccount", UserID: rows.Users[0].ID}, jws.RS256, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var got clientauth.KeyFile
			if err := json.Unmarshal([]byte(b.file(test.file)), &got); err != nil {
				t.Fatal(err)
			}
			i := slices.IndexFunc(rows.Keys, func(k store.ClientKey) bool { return k.ID == got.KeyID })
			if i < 0 || rows.Keys[i].Compatibility != test.compatibility {
				t.Errorf("row of key %q: %d, want one with compatibility %v", got.KeyID, i, test.compatibility)
			}
			if !strings.HasPrefix(got.Key, test.pem) {
				t.Errorf("key is not in %q", test.pem)
			}
			private, err := jws.ParsePrivateKey([]byte(got.Key))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := jws.NewKey("", test.algorithm, private.Public()); err != nil {
				t.Error(err)
			}
			got.Key, test.want.KeyID = "", got.KeyID
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("key file (-want +got):\n%s", diff)
			}
		})
	}
}

func TestDeactivatedUserCanHaveAToken(t *testing.T) {
	b := newBench(t)
	b.apply("service_users: [{username: u, active: false, personal_access_tokens: [{name: t, token_file: t}]}]")
	id, ok := secret.TokenID(b.file("t"))
	if rows := b.rows(); !ok || rows.Users[0].Active || rows.Tokens[0].ID != id {
		t.Errorf("got %+v, want an inactive user with token %q", rows, id)
	}
}

func TestAudienceOfAnAPIWithoutIdentifierIsItsProject(t *testing.T) {
	b := newBench(t)
	b.apply(`
projects: [{name: p, id_file: id, apis: [{name: a}, {name: b, identifier: 'https://b'}]}]
service_users: [{username: u, personal_access_tokens: [{name: t, token_file: t, audience: [a, p, b]}]}]
`)
	if diff := cmp.Diff([]string{b.file("id"), "https://b"}, b.rows().Tokens[0].Audience); diff != "" {
		t.Errorf("audience (-want +got):\n%s", diff)
	}
}

func TestClientIDIsMadeOnceAndStays(t *testing.T) {
	b := newBench(t)
	const doc = "projects: [{name: 'Hello, Wörld', apis: [{name: a, client_id_file: id}]}]"
	b.apply(doc)
	made := b.rows().APIs[0].ClientID
	if !strings.HasSuffix(made, "@hello--w-rld") || registry.CheckID(made) != nil || made != b.file("id") {
		t.Errorf("made client id %q, file %q", made, b.file("id"))
	}
	if plan := b.compare(doc); !plan.Empty() {
		t.Errorf("second plan: %s", plan)
	}
	b.apply("projects: [{name: 'Hello, Wörld', apis: [{name: a, client_id: mine}]}]")
	if got := b.rows().APIs[0].ClientID; got != "mine" {
		t.Errorf("client id %q, want mine", got)
	}
}

func TestFilesAreForTheirOwnerAlone(t *testing.T) {
	b := newBench(t)
	b.apply(string(exampleDocument(t)))
	files := b.files()
	delete(files, ".")
	if len(files) < 8 {
		t.Fatalf("got files %q, want at least 8", slices.Sorted(maps.Keys(files)))
	}
	for name, content := range files {
		if mode, _, _ := strings.Cut(content, " "); mode != "-rw-------" && mode != "drwx------" {
			t.Errorf("%s has mode %s", name, mode)
		}
	}
}

func TestFileThatNoRowKnowsIsNeverOverwritten(t *testing.T) {
	const canary = "c4n4ry-of-a-file"
	const advice = ": " + advice
	tests := []struct{ name, yaml, file, want string }{
		{"a secret", "projects: [{name: p, apis: [{name: a, secrets: [{secret_file: f}]}]}]", "f",
			`postern.yaml:1: projects[0].apis[0].secrets[0].secret_file: file "f" is there and holds no secret of api "p/a"` + advice},
		{"a key", "service_users: [{username: u, keys: [{key_file: f}]}]", "f",
			`postern.yaml:1: service_users[0].keys[0].key_file: file "f" is there and holds no key of service user "u"` + advice},
		{"a token", "service_users: [{username: u, personal_access_tokens: [{name: n, token_file: d/f}]}]", "d/f",
			`postern.yaml:1: service_users[0].personal_access_tokens[0].token_file: file "d/f" is there and holds no personal access token of service user "u"` + advice},
		{"an id", "projects: [{name: p, id_file: f}]", "f",
			`postern.yaml:1: projects[0].id_file: file "f" is there and holds no id file of project "p"` + advice},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			for _, content := range []string{canary, "", `{"keyId":"` + canary + `","key":"` + canary} {
				b := newBench(t)
				path := filepath.Join(b.dir, filepath.FromSlash(test.file))
				if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(content), 0o600)); err != nil {
					t.Fatal(err)
				}
				files := b.files()
				if diff := cmp.Diff(test.want, b.applyError(test.yaml)); diff != "" {
					t.Errorf("error (-want +got):\n%s", diff)
				}
				if diff := cmp.Diff(files, b.files()); diff != "" {
					t.Errorf("files (-before +after):\n%s", diff)
				}
				if rows := b.rows(); len(rows.Users)+len(rows.Projects) > 0 {
					t.Errorf("rows were written: %+v", rows)
				}
			}
		})
	}
}

func TestFileOfAnotherOwnerIsNotTakenForOnesOwn(t *testing.T) {
	b := newBench(t)
	b.apply("service_users: [{username: u, secrets: [{secret_file: s}], keys: [{key_file: k, algorithm: EdDSA}]}, {username: v}]")
	for _, yaml := range []string{
		"service_users: [{username: v, secrets: [{secret_file: s}]}]",
		"service_users: [{username: v, keys: [{key_file: k, algorithm: EdDSA}]}]",
	} {
		if got := b.applyError(yaml); !strings.Contains(got, `of service user "v": files are never overwritten`) {
			t.Errorf("error %s", got)
		}
	}
}

func TestTokenWithTheIDOfAnotherIsNotKnown(t *testing.T) {
	b := newBench(t)
	const doc = "service_users: [{username: u, personal_access_tokens: [{name: n, token_file: t}]}]"
	b.apply(doc)
	raw := b.file("t")
	const checked = 6 // characters of the checksum
	body := raw[:len(raw)-checked-43] + secret.New()
	sum := sha256.Sum256([]byte(body))
	forged := body + base64.RawURLEncoding.EncodeToString(sum[:])[:checked]
	if _, ok := secret.TokenID(forged); !ok {
		t.Fatal("the forged token does not look like one")
	}
	if err := os.WriteFile(filepath.Join(b.dir, "t"), []byte(forged), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := b.applyError(doc); !strings.Contains(got, `holds no personal access token of service user "u"`) {
		t.Errorf("error %s", got)
	}
}

func TestIssuedThingsThatCannotChangeSaySo(t *testing.T) {
	const users = "service_users: [{username: u, keys: [{key_file: k, algorithm: EdDSA}], personal_access_tokens: [{name: n, token_file: t, expires: 1h}]}]\nprojects: [{name: p}]"
	const token = "postern.yaml:1: service_users[0].personal_access_tokens[0].token_file: the personal access token in file \"t\" "
	tests := []struct{ name, old, new, want string }{
		{"a token's name", "name: n", "name: m", token + "has another name and cannot be changed: " + advice},
		{"a token's expiry", "1h", "2h", token + "has another expires and cannot be changed: " + advice},
		{"a token's audience", "1h", "1h, audience: [p]", token + "has another audience and cannot be changed: " + advice},
		{"a key's algorithm", "EdDSA", "ES256", `postern.yaml:1: service_users[0].keys[0].key_file: file "k" holds a key that is not for algorithm ES256: ` + advice},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			b := newBench(t)
			b.apply(users)
			if diff := cmp.Diff(test.want, b.applyError(strings.Replace(users, test.old, test.new, 1))); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
		})
	}
	t.Run("a key file with an earlier client id", func(t *testing.T) {
		b := newBench(t)
		const doc = "projects: [{name: p, apis: [{name: a, client_id: x, keys: [{key_file: k, algorithm: EdDSA}]}]}]"
		b.apply(doc)
		want := `postern.yaml:1: projects[0].apis[0].keys[0].key_file: file "k" is there and holds no key of api "p/a": ` + advice
		if diff := cmp.Diff(want, b.applyError(strings.Replace(doc, "client_id: x", "client_id: y", 1))); diff != "" {
			t.Errorf("error (-want +got):\n%s", diff)
		}
	})
	t.Run("a revoked token", func(t *testing.T) {
		b := newBench(t)
		b.apply(users)
		if err := b.store.RevokeToken(t.Context(), b.rows().Tokens[0].ID, testTime); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(token+"is revoked: "+advice, b.applyError(users)); diff != "" {
			t.Errorf("error (-want +got):\n%s", diff)
		}
	})
}

func TestRemovedFileGetsANewSecretBesideTheOld(t *testing.T) {
	b := newBench(t)
	const doc = "service_users: [{username: u, secrets: [{secret_file: s}]}]"
	b.apply(doc)
	old := b.file("s")
	if err := os.Remove(filepath.Join(b.dir, "s")); err != nil {
		t.Fatal(err)
	}
	b.apply(doc)
	if n := len(b.rows().Secrets); n != 2 || b.file("s") == old {
		t.Fatalf("got %d secrets, the file's is new: %v", n, b.file("s") != old)
	}
	b.prune().apply(doc)
	if left := b.rows().Secrets; len(left) != 1 || left[0].Digest != secret.Digest(b.file("s")) {
		t.Errorf("prune left %d secrets, want the file's", len(left))
	}
}

func TestCopyOfAFileIsNoSecondSecret(t *testing.T) {
	b := newBench(t)
	b.apply("service_users: [{username: u, secrets: [{secret_file: s}]}]")
	if err := os.WriteFile(filepath.Join(b.dir, "copy"), []byte(b.file("s")), 0o600); err != nil {
		t.Fatal(err)
	}
	got := b.applyError("service_users: [{username: u, secrets: [{secret_file: s}, {secret_file: copy}]}]")
	if !strings.Contains(got, `secrets[1].secret_file: file "copy" is there and holds no secret`) {
		t.Errorf("error %s", got)
	}
}

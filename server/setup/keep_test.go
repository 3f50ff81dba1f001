package setup

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/postern-auth/postern/server/store"
)

func (b *bench) keep() *bench {
	keeping := *b
	keeping.options.Keep = true
	return &keeping
}

func kept(p *Plan) string {
	var b strings.Builder
	for _, c := range p.Kept {
		b.WriteString(c.String() + "\n")
	}
	return b.String()
}

// Whatever was changed since stays, and what is missing is made.
func TestFindingD5_KeepLeavesWhatIsThereAndMakesWhatIsMissing(t *testing.T) {
	tests := []struct{ name, changed, kept string }{
		{"a role taken from a user", strings.Replace(small, "roles: {hello: [a]}", "roles: {hello: []}", 1),
			"~ service user \"ci\"\n    roles of \"hello\": [] → [\"a\"]\n"},
		{"a role taken from a project", strings.Replace(strings.Replace(small, "[a, b]", "[b]", 1), "{hello: [a]}", "{hello: [b]}", 1),
			"~ project \"hello\"\n    roles: [\"b\"] → [\"a\" \"b\"]\n~ service user \"ci\"\n    roles of \"hello\": [\"b\"] → [\"a\"]\n"},
		{"a right added", strings.Replace(small, "{hello: [a]}", "{hello: [a, b]}", 1),
			"~ service user \"ci\"\n    roles of \"hello\": [\"a\" \"b\"] → [\"a\"]\n"},
		{"a user deactivated", strings.Replace(small, "username: ci", "username: ci\n  active: false", 1),
			"~ service user \"ci\"\n    active: false → true\n"},
		{"another shape of tokens", strings.Replace(small, "identifier: https://hello", "identifier: https://hello\n    token: rfc9068", 1),
			"~ api \"hello/messages\"\n    token: \"rfc9068\" → none\n"},
		{"a personal access token revoked", strings.Replace(small, "personal_access_tokens: [", "personal_access_tokens: [] #", 1),
			""},
		{"a secret and a key ended", strings.NewReplacer("secrets: [{secret_file: s/ci, expires: 1h}]", "secrets: []", "keys: [", "keys: [] #").Replace(small),
			"+ secret \"s/ci\" of service user \"ci\"\n+ key \"s/key.json\" of service user \"ci\"\n"},
		{"nothing", small, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			b := newBench(t)
			b.apply(small)
			b.prune().apply(test.changed)
			rows, files := b.rows(), b.files()
			done := b.keep().apply(small)
			if diff := cmp.Diff(test.kept, kept(done)); diff != "" {
				t.Errorf("kept (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(rows, b.rows()); diff != "" || !done.Empty() {
				t.Errorf("rows (-before +after):\n%s%s", diff, done)
			}
			if diff := cmp.Diff(files, b.files()); diff != "" {
				t.Errorf("files (-before +after):\n%s", diff)
			}
		})
	}

	t.Run("missing objects", func(t *testing.T) {
		b := newBench(t)
		b.apply("projects:\n- name: hello\n  roles: [a]\n")
		b.keep().apply(small)
		if rows := b.rows(); len(rows.Users) != 1 || len(rows.Secrets) != 2 || len(rows.Projects[0].Roles) != 1 {
			t.Errorf("want the user and both secrets made, and the project's one role kept: %+v", rows)
		}
	})
}

func TestKeepAndPruneContradictEachOther(t *testing.T) {
	b := newBench(t)
	_, err := Compare(t.Context(), b.store, b.parse(small), Options{Keep: true, Prune: true})
	if err == nil {
		t.Error("got no error")
	}
}

// A file that belongs to nobody must not become the secret of an owner who is made anew.
func TestKeepRefusesAForeignFileOfANewOwner(t *testing.T) {
	b := newBench(t)
	if err := os.MkdirAll(filepath.Join(b.dir, "s"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(b.dir, "s", "ci"), []byte("stranger\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := b.keep().applyError(small); !strings.Contains(got, "holds no secret of service user") {
		t.Errorf("error is %s", got)
	}
}

func TestPlanForAStoreThatIsYetToBeMade(t *testing.T) {
	b := newBench(t)
	want := b.compare(small).String()
	plan, err := Compare(context.Background(), store.Store(nil), b.parse(small), b.options)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, plan.String()); diff != "" {
		t.Errorf("plan (-of an empty store +of none):\n%s", diff)
	}
}

package setup

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/postern-auth/postern/server/internal/document"
	"github.com/postern-auth/postern/server/internal/secret"
	"github.com/postern-auth/postern/server/store"
)

var errInjected = errors.New("injected")

// faulty is a Store that fails where a test says so.
type faulty struct {
	store.Store
	commit      error  // returned for the commit, which did not happen
	afterCommit error  // returned after the commit, as if the process had ended there
	key         error  // returned for a new key
	inTx        func() // called before the transaction
}

func (f *faulty) InTx(ctx context.Context, do func(store.Tx) error) error {
	if f.inTx != nil {
		f.inTx()
	}
	err := f.Store.InTx(ctx, func(tx store.Tx) error {
		if err := do(&faultyTx{tx, f.key}); err != nil {
			return err
		}
		return f.commit
	})
	return errors.Join(err, f.afterCommit)
}

type faultyTx struct {
	store.Tx
	key error
}

func (f *faultyTx) CreateClientKey(ctx context.Context, k store.ClientKey) error {
	if f.key != nil {
		return f.key
	}
	return f.Tx.CreateClientKey(ctx, k)
}

const crashing = `
projects: [{name: p, id_file: g/id}]
service_users:
- username: u
  secrets: [{secret_file: s/secret}]
  keys: [{key_file: s/key, algorithm: EdDSA}]
  personal_access_tokens: [{name: t, token_file: s/pat}]
`

// onDisk returns the files without the folders.
func (b *bench) onDisk() []string {
	b.Helper()
	var names []string
	for name, content := range b.files() {
		if !strings.HasPrefix(content, "d") {
			names = append(names, name)
		}
	}
	return names
}

func TestApplyStoppedAnywhereIsFinishedByTheNext(t *testing.T) {
	tests := []struct {
		name          string
		fault         faulty
		files, secret int // after the fault
		want          string
	}{
		{"a row fails: no file is left", faulty{key: errInjected}, 0, 0, "setup: nothing is changed: "},
		{"stopped before the commit: pending files and no row", faulty{commit: errInjected}, 4, 0, "setup: the commit failed, "},
		{"stopped after the commit: pending files and their rows", faulty{afterCommit: errInjected}, 4, 1, "setup: the commit failed, "},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			b := newBench(t)
			fault := test.fault
			fault.Store = b.store
			plan, err := Compare(t.Context(), &fault, b.parse(crashing), b.options)
			if err != nil {
				t.Fatal(err)
			}
			if done, err := plan.Apply(t.Context()); !errors.Is(err, errInjected) || done != nil || !strings.HasPrefix(err.Error(), test.want) {
				t.Fatalf("got %v, %v, want the injected error after %q", done, err, test.want)
			}
			names := b.onDisk()
			if len(names) != test.files || len(b.rows().Secrets) != test.secret {
				t.Errorf("left files %q and %d secrets, want %d and %d", names, len(b.rows().Secrets), test.files, test.secret)
			}
			for _, name := range names {
				if !strings.HasSuffix(name, document.PendingSuffix) {
					t.Errorf("%s has its name already", name)
				}
			}

			b.apply(crashing)
			rows := b.rows()
			if len(rows.Secrets) != 1 || len(rows.Keys) != 1 || len(rows.Tokens) != 1 {
				t.Errorf("the next apply left %+v, want one of each", rows)
			}
			if rows.Secrets[0].Digest != secret.Digest(b.file("s/secret")) || rows.Tokens[0].Digest != secret.Digest(b.file("s/pat")) {
				t.Error("a file does not fit its row")
			}
			if names := b.onDisk(); len(names) != 4 {
				t.Errorf("files %q, want 4", names)
			}
			if plan := b.compare(crashing); !plan.Empty() {
				t.Errorf("left to do:\n%s", plan)
			}
		})
	}
}

func TestPlanShowsAnUnfinishedFile(t *testing.T) {
	b := newBench(t)
	fault := &faulty{Store: b.store, afterCommit: errInjected}
	plan, err := Compare(t.Context(), fault, b.parse("service_users: [{username: u, secrets: [{secret_file: s}]}]"), b.options)
	if err != nil {
		t.Fatal(err)
	}
	plan.Apply(t.Context())
	const doc = "service_users: [{username: u, secrets: [{secret_file: s}]}]"
	const want = "~ secret \"s\" of service user \"u\"\n    file: \"unfinished\" → \"finished\"\n"
	if diff := cmp.Diff(want, b.compare(doc).String()); diff != "" {
		t.Errorf("plan (-want +got):\n%s", diff)
	}
}

func TestStoppedBetweenItsTwoNamesAFileKeepsOne(t *testing.T) {
	b := newBench(t)
	const doc = "service_users: [{username: u, secrets: [{secret_file: s}]}]"
	b.apply(doc)
	path := target(filepath.Join(b.dir, "s"))
	if err := os.Link(string(path), path.pending()); err != nil {
		t.Fatal(err)
	}
	b.apply(doc)
	if names := b.onDisk(); len(names) != 1 || names[0] != "s" {
		t.Errorf("files %q, want s alone", names)
	}
}

func TestFileThatAppearsBeforeTheCommitStopsIt(t *testing.T) {
	b := newBench(t)
	const doc = "service_users: [{username: u, secrets: [{secret_file: s}]}]"
	plan, err := Compare(t.Context(), &faulty{Store: b.store, inTx: func() {
		if err := os.WriteFile(filepath.Join(b.dir, "s"), []byte("theirs"), 0o600); err != nil {
			t.Fatal(err)
		}
	}}, b.parse(doc), b.options)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := plan.Apply(t.Context()); err == nil || b.file("s") != "theirs" || len(b.rows().Users) > 0 {
		t.Errorf("got %v, file %q, rows %+v", err, b.file("s"), b.rows())
	}
}

func TestNameTakenAfterTheCommitLosesNoSecret(t *testing.T) {
	path := target(filepath.Join(t.TempDir(), "s"))
	if err := errors.Join(path.writePending([]byte("ours")), os.WriteFile(string(path), []byte("theirs"), 0o600)); err != nil {
		t.Fatal(err)
	}
	err := path.publish()
	if err == nil || !strings.Contains(err.Error(), "correct the cause and apply again") || strings.Contains(err.Error(), "ours") {
		t.Errorf("got error %v", err)
	}
	for name, want := range map[string]string{string(path): "theirs", path.pending(): "ours"} {
		if got, err := os.ReadFile(name); err != nil || string(got) != want {
			t.Errorf("%s holds %q, %v, want %q", name, got, err, want)
		}
	}
}

func TestReadRefusesWhatIsNoPlainFile(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("links need a privilege there")
	}
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	err := errors.Join(
		os.Symlink(path("nowhere"), path("dangling")),
		os.Mkdir(path("folder"), 0o700),
		os.WriteFile(path("large"), make([]byte, maxFile+1), 0o600),
		os.Symlink("/dev/zero", path("device")),
	)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"dangling", "folder", "large", "device"} {
		if _, exists, err := read(path(name)); err == nil || exists {
			t.Errorf("%s: got %v, %v, want an error", name, exists, err)
		}
	}
}

func TestFolderThatIsAFileChangesNothing(t *testing.T) {
	b := newBench(t)
	if err := os.WriteFile(filepath.Join(b.dir, "d"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	got := b.applyError("service_users: [{username: u, secrets: [{secret_file: d/e/s}]}]")
	if !strings.Contains(got, "d") || len(b.rows().Users) > 0 {
		t.Errorf("error %s, rows %+v", got, b.rows())
	}
}

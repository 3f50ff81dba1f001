// Package mutation tests the tests: it takes one check at a time out of the verifiers, the Guard and the
// Bindings, and wants some test to fail. A check that can be taken out unnoticed would be taken out one day.
//
//	go test ./internal/mutation                                          # a sample
//	POSTERN_DEEP=1 go test -timeout 60m ./internal/mutation              # every mutant
//	POSTERN_DEEP=1 go test -run 'Noticed/signed' ./internal/mutation     # those whose name begins so
//
// A mutant is a text of a source file and what to put in its place, so it says in itself what it takes
// away. A text that is not in its file exactly once fails the test: whoever changes a check changes its row.
package mutation

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
)

// A mutant is a change to one source file that takes a check away.
type mutant struct {
	name     string // what is no longer checked
	file     string // from the root of the module
	old, new string
	// more are further packages, from the root of the module, whose tests may notice what those of the
	// file's own package do not.
	more []string
}

const root = "../.."

// sample are the mutants that every run tries; POSTERN_DEEP=1 has it try all, which takes minutes.
var sample = map[string]bool{
	"jwt: aud":                  true,
	"jwt: signature":            true,
	"jwt: times on a cache hit": true,
	"claims: duplicate names":   true,
	"introspection: active":     true,
	"guard: two headers":        true,
	"dpop: ath":                 true,
	"mtls: thumbprint":          true,
}

func TestEveryMutantIsOneChangeToTheSource(t *testing.T) {
	names := make(map[string]bool)
	for _, m := range mutants {
		if names[m.name] {
			t.Errorf("%s: two mutants have this name", m.name)
		}
		names[m.name] = true
		if _, err := m.source(); err != nil {
			t.Errorf("%s: %v", m.name, err)
		}
	}
	for name := range sample {
		if !names[name] {
			t.Errorf("%s is in the sample and is not a mutant", name)
		}
	}
}

func TestMutantsAreNoticed(t *testing.T) {
	deep := os.Getenv("POSTERN_DEEP") != ""
	for _, m := range mutants {
		if deep || sample[m.name] {
			t.Run(m.name, m.test)
		}
	}
}

func (m mutant) test(t *testing.T) {
	t.Parallel()
	for _, folder := range m.packages() {
		if err := untouched(folder); err != nil {
			t.Fatalf("the tests of %s fail without any change: %v", folder, err)
		}
	}
	overlay := m.overlay(t)
	for _, folder := range m.packages() {
		out, err := goTest(folder, "-count=1", "-failfast", "-overlay", overlay)
		if err == nil {
			continue
		}
		by := failed.FindString(string(out))
		if by == "" {
			t.Fatalf("no test has run: does the mutant compile?\n%v\n%s", err, out)
		}
		t.Logf("noticed in %s: %s", folder, by)
		return
	}
	t.Errorf("no test of %s fails with this mutant:\n%s:\n-%s\n+%s", strings.Join(m.packages(), ", "), m.file, m.old, m.new)
}

// failed is what a test or a whole program leaves that has failed; what does not compile leaves none.
var failed = regexp.MustCompile(`(?m)^( *--- FAIL: .*|panic: .*|fatal error: .*)$`)

func (m mutant) packages() []string { return append([]string{path.Dir(m.file)}, m.more...) }

// source returns the text of the file with the change.
func (m mutant) source() (string, error) {
	text, err := os.ReadFile(filepath.Join(root, m.file))
	if err != nil {
		return "", err
	}
	if strings.Count(string(text), m.old) != 1 {
		return "", errors.New("the text is not in " + m.file + " exactly once:\n" + m.old)
	}
	return strings.Replace(string(text), m.old, m.new, 1), nil
}

// overlay returns the name of a file by which the go command reads the changed source in place of the
// other (go help build, -overlay).
func (m mutant) overlay(t *testing.T) string {
	t.Helper()
	text, err := m.source()
	if err != nil {
		t.Fatal(err)
	}
	original, err := filepath.Abs(filepath.Join(root, m.file))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	changed, list := filepath.Join(dir, "mutant.go"), filepath.Join(dir, "overlay.json")
	document, err := json.Marshal(map[string]any{"Replace": map[string]string{original: changed}})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.WriteFile(changed, []byte(text), 0o600), os.WriteFile(list, document, 0o600)); err != nil {
		t.Fatal(err)
	}
	return list
}

// goTest runs the tests of a package without the race detector, and never the exhaustive ones.
func goTest(folder string, args ...string) ([]byte, error) {
	args = append([]string{"test", "-vet=off", "-timeout=10m"}, args...)
	command := exec.Command("go", append(args, "./"+folder)...)
	command.Dir = root
	command.Env = append(os.Environ(), "POSTERN_DEEP=")
	return command.CombinedOutput()
}

var (
	baselineMu sync.Mutex
	baseline   = make(map[string]error)
)

// untouched runs the tests of a package once as they are: if they fail, they would fail for any mutant.
func untouched(folder string) error {
	baselineMu.Lock()
	defer baselineMu.Unlock()
	err, tried := baseline[folder]
	if tried {
		return err
	}
	if out, failed := goTest(folder); failed != nil {
		err = errors.New(string(out))
	}
	baseline[folder] = err
	return err
}

// Package vectors finds the test vectors that others wrote. They are theirs, so they are not in the
// repository: they lie in the folder that POSTERN_VECTORS names, or in shared/vectors beside the checkout, and
// are read in place.
//
//	var suite struct{ TestGroups []group }
//	vectors.JSON(t, "wycheproof/ed25519_test.json", &suite)
//
// A checkout that has neither runs everything else: the tests that need vectors are skipped and say where the
// files would go. A folder that is named and missing, and a file missing in a folder that is there, fail the
// test.
package vectors

import (
	"encoding/json"
	"os"
	"path/filepath"
)

// T is the part of testing.TB that this package needs.
type T interface {
	Helper()
	Fatalf(format string, args ...any)
	Skipf(format string, args ...any)
}

// Variable is the environment variable that names the folder of the vectors.
const Variable = "POSTERN_VECTORS"

// Dir returns the folder of the vectors. It skips the test when there is none.
func Dir(t T) string {
	t.Helper()
	if dir := os.Getenv(Variable); dir != "" {
		if _, err := os.Stat(dir); err != nil {
			t.Fatalf("vectors: %s: %v", Variable, err)
		}
		return dir
	}
	dir := filepath.Join(root(t), "..", "shared", "vectors")
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("not run: no test vectors in %s; put them there, or set %s", dir, Variable)
	}
	return dir
}

// root returns the outermost folder above the working directory that holds a go.mod, which is the
// checkout also for a test in a nested module.
func root(t T) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatalf("vectors: %v", err)
	}
	found := ""
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			found = dir
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			break
		}
		dir = parent
	}
	if found == "" {
		t.Fatalf("vectors: no go.mod above the working directory")
	}
	return found
}

// Read returns the contents of a file, named by its slash-separated path within Dir. It fails the test
// when the file is missing; an empty file is returned as it is.
func Read(t T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(Dir(t), filepath.FromSlash(name)))
	if err != nil {
		t.Fatalf("vectors: %v", err)
	}
	return text
}

// JSON decodes a file into value. It fails the test when the file is missing or no JSON.
func JSON(t T, name string, value any) {
	t.Helper()
	if err := json.Unmarshal(Read(t, name), value); err != nil {
		t.Fatalf("vectors: %s: %v", name, err)
	}
}

// Glob returns the names, within Dir, of the files that match a pattern of path/filepath. It fails the
// test when none does: a test over no files would pass without testing anything.
func Glob(t T, pattern string) []string {
	t.Helper()
	dir := Dir(t)
	paths, err := filepath.Glob(filepath.Join(dir, filepath.FromSlash(pattern)))
	if err != nil || len(paths) == 0 {
		t.Fatalf("vectors: no file matches %s in %s (%v)", pattern, dir, err)
	}
	names := make([]string, len(paths))
	for i, path := range paths {
		name, err := filepath.Rel(dir, path)
		if err != nil {
			t.Fatalf("vectors: %v", err)
		}
		names[i] = filepath.ToSlash(name)
	}
	return names
}

package vectors_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/postern-auth/postern/internal/vectors"
)

// recorder is a T that ends its test by a panic.
type recorder struct{}

func (recorder) Helper() {}

func (recorder) Fatalf(format string, args ...any) { panic("failed: " + fmt.Sprintf(format, args...)) }

func (recorder) Skipf(format string, args ...any) { panic("skipped: " + fmt.Sprintf(format, args...)) }

// ended runs a test and returns how it ended; empty: it ran through.
func ended(test func(vectors.T)) (end string) {
	defer func() {
		if r := recover(); r != nil {
			end = fmt.Sprint(r)
		}
	}()
	test(recorder{})
	return ""
}

// checkout makes a checkout with a nested module beside a folder of vectors, and goes into the module.
func checkout(t *testing.T, files map[string]string) (folder string) {
	t.Helper()
	t.Setenv(vectors.Variable, "")
	parent := t.TempDir()
	files["checkout/go.mod"], files["checkout/nested/go.mod"], files["checkout/nested/deep/x.go"] = "", "", ""
	for name, text := range files {
		path := filepath.Join(parent, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(filepath.Join(parent, "checkout", "nested", "deep"))
	return filepath.Join(parent, "shared", "vectors")
}

func TestAMissingFolderSkipsAndNamesItself(t *testing.T) {
	folder := checkout(t, map[string]string{})
	end := ended(func(t vectors.T) { vectors.Dir(t) })
	if !strings.HasPrefix(end, "skipped: not run: ") || !strings.Contains(end, folder) || !strings.Contains(end, vectors.Variable) {
		t.Errorf("ended with %q, want it skipped with the path %s and the variable", end, folder)
	}
}

func TestTheVariableNamesAnotherFolder(t *testing.T) {
	checkout(t, map[string]string{"shared/vectors/a.json": "{}"})
	dir := t.TempDir()
	t.Setenv(vectors.Variable, dir)
	if got := vectors.Dir(t); got != dir {
		t.Errorf("vectors in %s, want %s", got, dir)
	}
	t.Setenv(vectors.Variable, filepath.Join(dir, "gone"))
	if end := ended(func(t vectors.T) { vectors.Dir(t) }); !strings.HasPrefix(end, "failed: ") {
		t.Errorf("a folder that is named and missing ended with %q, want a failure", end)
	}
}

func TestFilesAreFoundBesideTheOutermostModule(t *testing.T) {
	checkout(t, map[string]string{"shared/vectors/a/b.json": `{"x":1}`})
	var got struct{ X int }
	if end := ended(func(t vectors.T) { vectors.JSON(t, "a/b.json", &got) }); end != "" || got.X != 1 {
		t.Errorf("read %+v, ended with %q", got, end)
	}
	if names := vectors.Glob(t, "a/*.json"); len(names) != 1 || names[0] != "a/b.json" {
		t.Errorf("Glob found %q", names)
	}
}

func TestNoFileIsAFailureAndNotASkip(t *testing.T) {
	checkout(t, map[string]string{"shared/vectors/a/b.json": `{`})
	for name, test := range map[string]func(vectors.T){
		"a missing file":              func(t vectors.T) { vectors.Read(t, "a/c.json") },
		"a file that is not JSON":     func(t vectors.T) { vectors.JSON(t, "a/b.json", new(any)) },
		"a pattern that matches none": func(t vectors.T) { vectors.Glob(t, "*.json") },
	} {
		if end := ended(test); !strings.HasPrefix(end, "failed: ") {
			t.Errorf("%s: ended with %q, want a failure", name, end)
		}
	}
}

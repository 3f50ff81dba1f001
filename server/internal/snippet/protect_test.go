package snippet

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// What protects a route compiles, with values that would end a string if they were more than text.
func TestProtectCompiles(t *testing.T) {
	const hostile = "a'b\"c\\d`id`\n\u2028"
	for _, permission := range []string{"", hostile} {
		var b strings.Builder
		for _, span := range Protect("https://login.example.com/", hostile, permission) {
			b.WriteString(span.Text)
		}
		file := filepath.Join(t.TempDir(), "main.go")
		if err := os.WriteFile(file, []byte(b.String()), 0o600); err != nil {
			t.Fatal(err)
		}
		// Here, in the module, so that the library is this one.
		if out, err := exec.CommandContext(t.Context(), "go", "vet", file).CombinedOutput(); err != nil {
			t.Errorf("%v: %s\n%s", err, out, b.String())
		}
	}
}

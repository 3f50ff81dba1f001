package posternmcp_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The example of the README is a program that compiles as it stands. An overlay puts it into the module
// without putting it into the tree.
func TestExampleOfTheREADMECompiles(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(readme), "```go\n")
	program, _, closed := strings.Cut(rest, "```")
	if !found || !closed {
		t.Fatal("README.md holds no Go program")
	}
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	source, list := filepath.Join(t.TempDir(), "main.go"), filepath.Join(t.TempDir(), "overlay.json")
	overlay := `{"Replace": {"` + filepath.Join(here, "readmeexample", "main.go") + `": "` + source + `"}}`
	for name, text := range map[string]string{source: program, list: overlay} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := exec.Command("go", "build", "-overlay", list, "-o", os.DevNull, "./readmeexample").CombinedOutput(); err != nil {
		t.Errorf("go build: %v\n%s", err, out)
	}
	if formatted, err := exec.Command("gofmt", "-l", source).Output(); err != nil || len(formatted) > 0 {
		t.Errorf("the example is not formatted (%v)", err)
	}
}

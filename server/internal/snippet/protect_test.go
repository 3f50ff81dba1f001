package snippet

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func server(s Server, p Protection) string {
	var b strings.Builder
	for _, span := range s.Spans(p) {
		b.WriteString(span.Text)
	}
	return b.String()
}

// What protects a route compiles, with values that would end a string if they were more than text. That it lets in and
// keeps out whom it should is seen with its libraries, in ../../../interop.
func TestProtectCompiles(t *testing.T) {
	const hostile = "a'b\"c\\d`id`\n\u2028${x}</script>"
	compilers := map[string][]string{
		// Here, in the module, so that the library is this one.
		"Go":     {"main.go", "go", "vet"},
		"Python": {"api.py", "python3", "-m", "py_compile"},
		"Node":   {"api.mjs", "node", "--check"},
	}
	if len(Servers) != len(compilers) {
		t.Errorf("%d languages", len(Servers))
	}
	for _, s := range Servers {
		t.Run(s.Name, func(t *testing.T) {
			file, run := compilers[s.Name][0], compilers[s.Name][1:]
			if _, err := exec.LookPath(run[0]); err != nil {
				t.Skip("not run:", err)
			}
			for _, permission := range []string{"", hostile} {
				code := server(s, Protection{"https://login.example.com/", "https://login.example.com/" + hostile, "RS256", hostile, permission})
				if strings.Contains(code, "«") {
					t.Error(code)
				}
				file := filepath.Join(t.TempDir(), file)
				if err := os.WriteFile(file, []byte(code), 0o600); err != nil {
					t.Fatal(err)
				}
				if out, err := exec.CommandContext(t.Context(), run[0], append(run[1:], file)...).CombinedOutput(); err != nil {
					t.Errorf("%v: %s\n%s", err, out, code)
				}
			}
		})
	}
}

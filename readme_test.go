package postern_test

import (
	"encoding/json"
	"io/fs"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The example of the README is a program that compiles as it stands.
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
	source := filepath.Join(t.TempDir(), "main.go")
	if err := os.WriteFile(source, []byte(program), 0o600); err != nil {
		t.Fatal(err)
	}
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	// An overlay puts the program into the module without putting it into the tree.
	place := filepath.Join(here, "readmeexample", "main.go")
	overlay, err := json.Marshal(map[string]map[string]string{"Replace": {place: source}})
	if err != nil {
		t.Fatal(err)
	}
	list := filepath.Join(t.TempDir(), "overlay.json")
	if err := os.WriteFile(list, overlay, 0o600); err != nil {
		t.Fatal(err)
	}
	build := exec.Command("go", "build", "-overlay", list, "-o", os.DevNull, "./readmeexample")
	if out, err := build.CombinedOutput(); err != nil {
		t.Errorf("go build: %v\n%s", err, out)
	}
	if formatted, err := exec.Command("gofmt", "-l", source).Output(); err != nil || len(formatted) > 0 {
		t.Errorf("the example is not formatted (%v)", err)
	}
}

// tree returns the files of the repository that have the ending, by their paths; what others put into it is left out.
func tree(t *testing.T, ending string) map[string]string {
	t.Helper()
	files := make(map[string]string)
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		switch name := entry.Name(); {
		case err != nil:
			return err
		case entry.IsDir() && (name == "node_modules" || path != "." && strings.HasPrefix(name, ".") || name == "target" || name == "testdata"):
			return fs.SkipDir
		case !strings.HasSuffix(name, ending):
			return nil
		}
		text, err := os.ReadFile(path)
		files[path] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// unindented is code without the spaces at the beginnings of its lines.
func unindented(code string) string {
	lines := strings.Split(strings.TrimSpace(code), "\n")
	for i, line := range lines {
		lines[i] = strings.TrimSpace(line)
	}
	return strings.Join(lines, "\n") + "\n"
}

var goBlock = regexp.MustCompile("(?s)```go\n(.*?)```")

// The Go code of the guides is that of Examples, which are compiled and run.
func TestCodeOfTheGuidesIsThatOfExamples(t *testing.T) {
	var examples strings.Builder
	for _, source := range tree(t, "example_test.go") {
		examples.WriteString(unindented(source))
	}
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, block := range goBlock.FindAllStringSubmatch(string(readme), -1) {
		examples.WriteString(unindented(block[1])) // which is compiled, too
	}
	n := 0
	for path, text := range tree(t, ".md") {
		if !strings.HasPrefix(path, "docs/guides/") {
			continue
		}
		for _, block := range goBlock.FindAllStringSubmatch(text, -1) {
			n++
			if !strings.Contains(examples.String(), unindented(block[1])) {
				t.Errorf("%s: no Example has\n%s", path, block[1])
			}
		}
	}
	if n < 5 {
		t.Errorf("%d pieces of code", n)
	}
}

var (
	markdownLink = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading      = regexp.MustCompile(`(?m)^#+ (.*)$`)
	notInAnchors = regexp.MustCompile(`[^a-z0-9 _-]`)
)

// Links within the repository lead to what is there, and to headings that are there.
func TestLinksOfTheDocumentsLeadSomewhere(t *testing.T) {
	documents := tree(t, ".md")
	for path, text := range documents {
		for _, link := range markdownLink.FindAllStringSubmatch(text, -1) {
			u, err := url.Parse(link[1])
			if err != nil || u.Scheme != "" || u.Host != "" {
				continue
			}
			to := path
			if u.Path != "" {
				to = filepath.Join(filepath.Dir(path), u.Path)
			}
			if _, err := os.Stat(to); err != nil {
				t.Errorf("%s: %s leads nowhere", path, link[1])
				continue
			}
			if u.Fragment == "" {
				continue
			}
			found := false
			for _, h := range heading.FindAllStringSubmatch(documents[to], -1) {
				anchor := strings.ReplaceAll(notInAnchors.ReplaceAllString(strings.ToLower(h[1]), ""), " ", "-")
				found = found || anchor == u.Fragment
			}
			if !found {
				t.Errorf("%s: %s has no such heading", path, link[1])
			}
		}
	}
}

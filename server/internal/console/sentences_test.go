package console

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var said = regexp.MustCompile(`\bSay\("([a-z0-9_.]+)"`)

// Every sentence that the pages say is in the catalogue, and every one of the catalogue is said. A test of package
// page sees to it that all languages have the same.
func TestEverySentenceIsThereAndSaid(t *testing.T) {
	catalogue := make(map[string]bool)
	err := fs.WalkDir(os.DirFS("../page/languages/console"), ".", func(file string, _ fs.DirEntry, err error) error {
		if err != nil || path.Base(file) != "en.txt" {
			return err
		}
		text, err := os.ReadFile(filepath.Join("../page/languages/console", file))
		if err != nil {
			return err
		}
		for line := range strings.Lines(string(text)) {
			if key, _, ok := strings.Cut(line, " = "); ok && !strings.HasPrefix(line, "#") {
				key = strings.TrimSuffix(strings.TrimSuffix(key, ".one"), ".other")
				catalogue[strings.TrimPrefix(key, "console.")] = true
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	used := make(map[string]bool)
	files, _ := filepath.Glob("*.go")
	blocks, _ := filepath.Glob("../page/blocks.go")
	files = append(files, blocks...)
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		for _, match := range said.FindAllStringSubmatch(string(text), -1) {
			used[match[1]] = true
			if !catalogue[match[1]] {
				t.Errorf("%s says %q, which is not in the catalogue", file, match[1])
			}
		}
	}
	for _, what := range doings {
		used["done."+what] = true
	}
	for _, reason := range reasons {
		if used["reason."+reason] = true; !catalogue["reason."+reason] {
			t.Errorf("no sentence says what the reason %s means", reason)
		}
	}
	for _, section := range sections {
		for _, item := range section.Items {
			used[item.Key] = true
		}
	}
	templates, _ := filepath.Glob("../page/html/*.html")
	for _, file := range templates {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range regexp.MustCompile(`"console\.([a-z_.]+)"`).FindAllStringSubmatch(string(text), -1) {
			used[match[1]] = true
		}
	}
	for key := range catalogue {
		if !used[key] && !strings.HasPrefix(key, "outcome.") {
			t.Errorf("nothing says %q", key)
		}
	}
}

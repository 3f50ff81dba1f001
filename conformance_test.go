package postern_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/postern-auth/postern/internal/vectors"
)

var (
	conformanceRow  = regexp.MustCompile("(?m)^\\| `([^`]+)` \\| (.+) \\|$")
	conformanceTest = regexp.MustCompile("`([a-z/]+)\\.(Test\\w+)`")
)

// conformanceTable returns the rows of docs/conformance.md by their modules.
func conformanceTable(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile("docs/conformance.md")
	if err != nil {
		t.Fatal(err)
	}
	table := make(map[string]string)
	for _, row := range conformanceRow.FindAllStringSubmatch(string(text), -1) {
		if _, twice := table[row[1]]; twice {
			t.Errorf("docs/conformance.md has %s twice", row[1])
		}
		table[row[1]] = row[2]
	}
	if len(table) < 100 {
		t.Fatalf("docs/conformance.md has %d rows", len(table))
	}
	return table
}

// Every test that the table of conformance names is there, and every test that is there for a module is in the
// table.
func TestConformanceTableNamesTestsThatExist(t *testing.T) {
	exist := testsBelow(t, "server")
	named := make(map[string]bool)
	for module, cell := range conformanceTable(t) {
		for _, found := range conformanceTest.FindAllStringSubmatch(cell, -1) {
			name := found[1] + "." + found[2]
			if named[name] = true; !exist[name] {
				t.Errorf("%s: there is no test %s", module, name)
			}
		}
	}
	for name := range exist {
		if strings.Contains(name, ".TestOIDCC_") && !named[name] {
			t.Errorf("docs/conformance.md does not name %s", name)
		}
	}
}

// testsBelow returns the tests of a folder and those below it, as folder.TestName.
func testsBelow(t *testing.T, root string) map[string]bool {
	t.Helper()
	tests := make(map[string]bool)
	err := filepath.WalkDir(root, func(file string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(file, "_test.go") {
			return err
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, declaration := range parsed.Decls {
			if f, ok := declaration.(*ast.FuncDecl); ok && f.Recv == nil && strings.HasPrefix(f.Name.Name, "Test") {
				tests[path.Dir(filepath.ToSlash(file))+"."+f.Name.Name] = true
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return tests
}

// Every module of the suite for servers has its row.
func TestConformanceTableHasEveryModule(t *testing.T) {
	table := conformanceTable(t)
	known := make(map[string]bool)
	for _, file := range []string{"conformance-suite/oidcc-op.json", "conformance-suite/fapi2-security-profile-final-op.json"} {
		var modules []struct{ Name string }
		vectors.JSON(t, file, &modules)
		for _, module := range modules {
			if known[module.Name] = true; table[module.Name] == "" {
				t.Errorf("docs/conformance.md has no row for %s", module.Name)
			}
		}
	}
	for module := range table {
		if !known[module] {
			t.Errorf("docs/conformance.md has a row for %s, which is no module", module)
		}
	}
}

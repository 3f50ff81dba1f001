package server

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// TestNoExportedNameShowsAnInternalType reads what embedders import: a type that they cannot name is one that
// they cannot use.
func TestNoExportedNameShowsAnInternalType(t *testing.T) {
	names := 0
	for _, folder := range []string{".", "store", "store/sqlite", "store/storetest", "setup"} {
		files, err := filepath.Glob(filepath.Join(folder, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range files {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			hidden := internalImports(t, file)
			ast.FileExports(file)
			for _, decl := range file.Decls {
				names++
				if f, ok := decl.(*ast.FuncDecl); ok {
					if !shown(f) {
						continue
					}
					f.Body = nil
				}
				ast.Inspect(decl, func(n ast.Node) bool {
					if v, ok := n.(*ast.ValueSpec); ok && v.Type != nil {
						v.Values = nil // its type is what embedders see
					}
					if s, ok := n.(*ast.SelectorExpr); ok {
						if from, ok := s.X.(*ast.Ident); ok && hidden[from.Name] {
							t.Errorf("%s shows %s.%s, which is internal", name, from.Name, s.Sel.Name)
						}
					}
					return true
				})
			}
		}
	}
	if names < 50 {
		t.Errorf("read %d exported declarations", names)
	}
}

// shown reports whether a function is not a method of a type that is not exported.
func shown(f *ast.FuncDecl) bool {
	if f.Recv == nil {
		return true
	}
	receiver := f.Recv.List[0].Type
	if pointer, ok := receiver.(*ast.StarExpr); ok {
		receiver = pointer.X
	}
	name, ok := receiver.(*ast.Ident)
	return !ok || name.IsExported()
}

// internalImports returns the names by which a file calls packages that only this module may import.
func internalImports(t *testing.T, file *ast.File) map[string]bool {
	t.Helper()
	names := make(map[string]bool)
	for _, spec := range file.Imports {
		path, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(path, "/internal/") {
			continue
		}
		name := path[strings.LastIndex(path, "/")+1:]
		if spec.Name != nil {
			name = spec.Name.Name
		}
		names[name] = true
	}
	return names
}

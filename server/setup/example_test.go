package setup

import (
	"go/parser"
	"go/token"
	"strings"
	"testing"
)

func TestExampleOfThePackageCommentIsADocument(t *testing.T) {
	doc, err := Parse("postern.yaml", exampleDocument(t))
	if err != nil {
		t.Fatal(err)
	}
	user, api := doc.parsed.ServiceUsers[0], doc.parsed.Projects[0].APIs[0]
	if user.Roles[0].Project != doc.parsed.Projects[0] || user.Permissions[0].API != api || user.Tokens[0].Audience[0].Project != doc.parsed.Projects[0] {
		t.Error("references of the example lead elsewhere")
	}
}

// exampleDocument cuts the document out of the package comment.
func exampleDocument(t *testing.T) []byte {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "setup.go", nil, parser.ParseComments|parser.PackageClauseOnly)
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(file.Doc.Text(), "A complete document:\n")
	text, _, found := strings.Cut(text, "\nThe field token")
	if !found {
		t.Fatal("the package comment has no complete document")
	}
	return []byte(strings.ReplaceAll(text, "\n\t", "\n"))
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("projects: [{name: a, apis: [{name: b}]}]\nservice_users: [{username: u, permissions: {b: []}}]"))
	f.Add([]byte("a: &a [*a]"))
	f.Add([]byte("? {a: b}\n: - c\n---\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		doc, err := Parse("f", data)
		if (doc == nil) == (err == nil) {
			t.Errorf("got document %v and error %v", doc, err)
		}
		if err != nil && !strings.HasPrefix(err.Error(), "f:") {
			t.Errorf("error %q names no file", err)
		}
	})
}

package environ

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const canary = "c4n4ry-secret"

func write(t *testing.T, text string) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "x.env")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func nothing(string) (string, bool) { return "", false }

func TestBrokenFilesAreNamedWithTheirLineAndNotQuoted(t *testing.T) {
	tests := []struct {
		name, text, line string
	}{
		{"a secret alone on a line", canary + "\nA=1\n", "1"},
		{"a secret alone at the end of the file", "A=1\n\n" + canary, "3"},
		{"a secret without its name", "A=1\n=" + canary + "\n", "2"},
		{"a name with a space", "A=1\nA B=" + canary + "\n", "2"},
		{"a name that begins with a digit", "1A=" + canary, "1"},
		{"a name with a dash", "A=1\nB=2\nC-D=" + canary + "\nE=3\n", "3"},
		{"a quote without end", "A=1\nB=\"" + canary + "\nC=3\n", "2"},
		{"a quote that a later line ends", "A=1\nB='" + canary + "\nC=3\nD='x'\n", "2"},
		{"text behind a value in quotes", "A='" + canary + "' B\nC=1\n", "1"},
		{"a broken line behind a value of many lines", "A=\"1\n2\n3\"\nB!=" + canary + "\n", "4"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			path := write(t, test.text)
			getenv, err := Read(path, nothing)
			if getenv != nil || err == nil {
				t.Fatalf("got %t, %v; want an error", getenv != nil, err)
			}
			want := "environ: " + path + ":" + test.line + ": want NAME=value, with both quotes where there is one"
			if err.Error() != want {
				t.Errorf("got  %s\nwant %s", err, want)
			}
		})
	}
}

func TestFilesThatCannotBeRead(t *testing.T) {
	if _, err := Read(filepath.Join(t.TempDir(), "none"), nothing); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file that was named and is not there: got %v", err)
	}
	if _, err := Read(t.TempDir(), nothing); err == nil {
		t.Error("a folder was read")
	}
	if _, err := Read(write(t, "A="+strings.Repeat("x", maxFile)), nothing); err == nil || !strings.Contains(err.Error(), "longer than 65536 bytes") {
		t.Errorf("a file without bounds: got %v", err)
	}
	t.Chdir(t.TempDir())
	getenv, err := Read("", nothing)
	if err != nil || getenv("A") != "" {
		t.Errorf("no .env: got %v", err)
	}
}

func TestValues(t *testing.T) {
	tests := []struct {
		name, text, want string
	}{
		{"plain", "A=b", "b"},
		{"Windows line ends", "A=b\r\nC=d\r\n", "b"},
		{"a byte order mark before it", "\uFEFFA=b", "b"},
		{"export before it", "export A=b", "b"},
		{"spaces around", " A = b ", "b"},
		{"a comment behind it", "A=b # c", "b"},
		{"a sharp within it", "A=b#c", "b#c"},
		{"single quotes keep a dollar", `A='p$WORD #1'`, `p$WORD #1`},
		{"double quotes take an earlier line's value", "B=1\nA=\"${B}2\"", "12"},
		{"many lines", "A=\"1\n2\"", "1\n2"},
		{"nothing", "A=", ""},
		{"an equals sign within it", "A=b=c==", "b=c=="},
		{"the last of two", "A=1\nA=2", "2"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			getenv, err := Read(write(t, test.text), nothing)
			if err != nil {
				t.Fatal(err)
			}
			if got := getenv("A"); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestEnvironmentWins(t *testing.T) {
	path := write(t, "A=file\nB=file\nC=file\n")
	environment := map[string]string{"A": "process", "B": ""}
	getenv, err := Read(path, func(name string) (string, bool) {
		value, found := environment[name]
		return value, found
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"A": "process", "B": "", "C": "file", "D": ""} {
		if got := getenv(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
}

func TestDefaultFileIsThatOfTheWorkingDirectory(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile(DefaultFile, []byte("A=b"), 0o600); err != nil {
		t.Fatal(err)
	}
	getenv, err := Read("", nothing)
	if err != nil {
		t.Fatal(err)
	}
	if got := getenv("A"); got != "b" {
		t.Errorf("got %q, want b", got)
	}
}

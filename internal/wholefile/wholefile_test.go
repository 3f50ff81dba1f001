package wholefile_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/postern-auth/postern/internal/wholefile"
)

func TestAFileIsReplacedWholeAndNothingElseIsLeft(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "keys.json")
	for _, text := range []string{"a longer text", "b"} {
		if err := wholefile.Write(path, []byte(text)); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != text {
			t.Errorf("%q, %v; want %q", got, err, text)
		}
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v; want mode 0600", info, err)
	}
	if entries, err := os.ReadDir(folder); err != nil || len(entries) != 1 {
		t.Errorf("%v, %v; want the file alone", entries, err)
	}
}

func TestWhatCannotBeWrittenLeavesNothing(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "keys.json")
	if err := os.Mkdir(path, 0o700); err != nil { // a folder is not replaced by a file
		t.Fatal(err)
	}
	if err := wholefile.Write(path, []byte("a")); err == nil {
		t.Error("a folder was replaced")
	}
	if entries, err := os.ReadDir(folder); err != nil || len(entries) != 1 {
		t.Errorf("%v, %v; want the folder alone", entries, err)
	}
	if err := wholefile.Write(filepath.Join(folder, "absent", "keys.json"), nil); err == nil {
		t.Error("written into a folder that is not there")
	}
}

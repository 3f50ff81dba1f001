// Package wholefile writes files that are never seen half written.
package wholefile

import (
	"os"
	"path/filepath"
)

// Write puts the text into the file, for its owner alone (0600), or leaves the file as it was.
func Write(path string, text []byte) error {
	temporary, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*") // 0600
	if err != nil {
		return err
	}
	defer os.Remove(temporary.Name())
	if _, err := temporary.Write(text); err != nil {
		temporary.Close()
		return err
	}
	if err := temporary.Close(); err != nil {
		return err
	}
	return os.Rename(temporary.Name(), path)
}

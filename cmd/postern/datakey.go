package main

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// dataKeyFile holds the keys that seal what is in the database, a line of base64 each, in the data folder. The first
// seals. A copy of the database without it gives away nobody's second factor.
const dataKeyFile = "data.key"

const dataKeyBytes = 32

// dataKeys reads the keys of a data folder, making one when there is no file.
func dataKeys(dir string) ([][]byte, error) {
	path := filepath.Join(dir, dataKeyFile)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		if err = makeDataKey(path); err == nil {
			text, err = os.ReadFile(path)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("data folder: %w", err)
	}
	var keys [][]byte
	lines := bufio.NewScanner(bytes.NewReader(text))
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		key, err := base64.StdEncoding.Strict().DecodeString(line)
		if err != nil || len(key) != dataKeyBytes {
			return nil, fmt.Errorf("%s, line %d: want the base64 of %d random bytes", path, n, dataKeyBytes) // and never what it holds
		}
		keys = append(keys, key)
	}
	if len(keys) == 0 {
		return nil, fmt.Errorf("%s is empty: restore it from a backup, for it opens what the database has sealed; if nothing is, remove it", path)
	}
	return keys, nil
}

// makeDataKey writes a new key. Of several processes that do so at once one has its key there, whole, and the others
// read that.
func makeDataKey(path string) error {
	key := make([]byte, dataKeyBytes)
	rand.Read(key)
	temporary, err := os.CreateTemp(filepath.Dir(path), "."+dataKeyFile+"-*") // 0600
	if err != nil {
		return err
	}
	defer os.Remove(temporary.Name())
	_, err = fmt.Fprintln(temporary, base64.StdEncoding.EncodeToString(key))
	if err = errors.Join(err, temporary.Sync(), temporary.Close()); err != nil {
		return err
	}
	if err := os.Link(temporary.Name(), path); !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

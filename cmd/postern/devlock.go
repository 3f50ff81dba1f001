package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// lockFolder makes a data folder this process's own among those that run dev, until the file is closed or
// the process ends. The file holds the process's id, for the one that comes second.
func lockFolder(dir string) (*os.File, error) {
	path := filepath.Join(dir, "dev.lock")
	file, err := openLocked(path)
	if errors.Is(err, errLocked) {
		return nil, fmt.Errorf("data folder %s is in use by %s: stop that one, or choose another folder with --data", dir, lockHolder(path))
	}
	if err != nil {
		return nil, fmt.Errorf("data folder: %w", err)
	}
	err = file.Truncate(0)
	if err == nil {
		_, err = file.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	}
	if err != nil {
		file.Close()
		return nil, fmt.Errorf("data folder: %w", err)
	}
	return file, nil
}

// lockHolder names the process that holds a lock. It has only just begun when it has not said its id.
func lockHolder(path string) string {
	text, err := os.ReadFile(path)
	id, numeric := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil || numeric != nil {
		return "another process"
	}
	return fmt.Sprintf("process %d", id)
}

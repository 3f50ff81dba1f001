package setup

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"github.com/postern-auth/postern/server/internal/document"
)

// A secret and its row must come together, on two media that share no transaction. So a new file is
// first written under a pending name in its folder, before the commit, and takes its own name after it:
//
//	stopped before the commit   a pending file that no row knows; the next apply replaces it
//	stopped after the commit    a pending file that a row knows; the next apply gives it its name
//
// At no time has a file its own name without its row, or a row a secret that is nowhere. Taking the name
// is a hard link, which unlike a rename fails when the name is taken.
// maxFile bounds how much of a file is read to see whether a row knows it.
const maxFile = 64 << 10

// target is the full path of a file to write.
type target string

func (t target) folder() string { return filepath.Dir(string(t)) }

func (t target) pending() string {
	return filepath.Join(t.folder(), "."+filepath.Base(string(t))+document.PendingSuffix)
}

// read returns what a file holds; false says that there is no file.
func read(path string) ([]byte, bool, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Lstat(path); err == nil {
			return nil, false, fmt.Errorf("%q is a link to nothing; remove it", path)
		}
		return nil, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	// A pipe or a device would block, or never end.
	if !info.Mode().IsRegular() || info.Size() > maxFile {
		return nil, false, fmt.Errorf("%q is not a regular file of at most %d bytes", path, maxFile)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, false, err
	}
	return content, true, nil
}

// writePending puts the content on disk under the pending name, so that it survives a power cut from here
// on. A file under that name is a leftover: its writer stopped before its commit.
func (t target) writePending(content []byte) error {
	if err := makeFolder(t.folder()); err != nil {
		return fmt.Errorf("setup: make the folder of %q: %w", string(t), err)
	}
	if err := os.Remove(t.pending()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("setup: %w", err)
	}
	f, err := os.OpenFile(t.pending(), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("setup: %w", err)
	}
	_, err = f.Write(content)
	if err = errors.Join(err, f.Sync(), f.Close(), syncFolder(t.folder())); err != nil {
		return errors.Join(fmt.Errorf("setup: %w", err), t.discard())
	}
	return nil
}

// publish gives a pending file its own name. Its row is committed already, so the secret must not be
// lost: on an error it stays under the pending name.
func (t target) publish() error {
	err := os.Link(t.pending(), string(t))
	if err != nil && !t.published() {
		return fmt.Errorf("setup: the new file waits as %q and cannot take its name; correct the cause and apply again: %w", t.pending(), err)
	}
	return errors.Join(syncFolder(t.folder()), t.discard())
}

// published reports whether the file has its name already: by another process, or by a run that was
// stopped before it removed the pending name.
func (t target) published() bool {
	content, ok, err := read(string(t))
	if !ok || err != nil {
		return false
	}
	pending, ok, err := read(t.pending())
	return err == nil && (!ok || bytes.Equal(content, pending))
}

func (t target) discard() error {
	if err := os.Remove(t.pending()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("setup: %w", err)
	}
	return nil
}

// makeFolder makes a folder and those above it, for its owner alone, so that they survive a power cut.
func makeFolder(path string) error {
	info, err := os.Stat(path)
	if err == nil && !info.IsDir() {
		return fmt.Errorf("setup: expected %q to be a folder, got a file", path)
	}
	if err == nil || !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	parent := filepath.Dir(path)
	if err := makeFolder(parent); err != nil {
		return err
	}
	if err := os.Mkdir(path, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return syncFolder(parent)
}

// syncFolder makes the names in a folder survive a power cut.
func syncFolder(path string) error {
	if runtime.GOOS == "windows" {
		return nil // has no such call; its file systems journal names themselves
	}
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// serveOnce runs serve until it listens or fails, and returns what it said.
func serveOnce(t *testing.T, f serveFlags) (string, error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	f.listen = "127.0.0.1:0"
	f.issuers = []string{"https://login.example.com"}
	said := &untilListening{listening: cancel}
	err := serve(ctx, &env{stderr: said, lookup: os.LookupEnv}, f)
	return said.String(), err
}

// untilListening is a standard error that notes the line after which serve waits for the end.
type untilListening struct {
	bytes.Buffer
	listening func()
}

func (u *untilListening) Write(p []byte) (int, error) {
	if strings.Contains(string(p), "listening on") {
		defer u.listening()
	}
	return u.Buffer.Write(p)
}

func TestFindingS8_ServeMakesADatabaseWhenItIsToldTo(t *testing.T) {
	for name, prepare := range map[string]func(dir string) error{
		"no folder":    func(string) error { return nil },
		"an empty one": func(dir string) error { return os.Mkdir(dir, 0o700) },
		"an empty file": func(dir string) error {
			os.Mkdir(dir, 0o700)
			return os.WriteFile(filepath.Join(dir, databaseFile), nil, 0o600)
		},
		"another's file": func(dir string) error { os.Mkdir(dir, 0o700); return os.WriteFile(filepath.Join(dir, "x"), nil, 0o600) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "data")
			if err := prepare(dir); err != nil {
				t.Fatal(err)
			}
			if _, err := serveOnce(t, serveFlags{store: storeAt{folder: dir}}); err == nil || !strings.Contains(err.Error(), "--init") {
				t.Fatalf("without --init: got %v, want an error that names it", err)
			}
			said, err := serveOnce(t, serveFlags{store: storeAt{folder: dir}, init: true})
			if err != nil || !strings.Contains(said, "made a new database, "+filepath.Join(dir, databaseFile)) {
				t.Errorf("with --init: got %v and\n%s", err, said)
			}
			said, err = serveOnce(t, serveFlags{store: storeAt{folder: dir}})
			if err != nil || strings.Contains(said, "new database") {
				t.Errorf("a second time: got %v and\n%s", err, said)
			}
		})
	}
}

func TestFindingS8_ApplySaysThatItMakesADatabase(t *testing.T) {
	dir := t.TempDir()
	document := filepath.Join(dir, "setup.yaml")
	if err := os.WriteFile(document, []byte("projects: [{name: p}]"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, first := range []bool{true, false} {
		var stdout, stderr bytes.Buffer
		err := apply(t.Context(), &env{stdout: &stdout, stderr: &stderr}, applyFlags{store: storeAt{folder: filepath.Join(dir, "data")}, file: document})
		if err != nil || strings.Contains(stderr.String(), "made a new database") != first {
			t.Errorf("first %t: got %v and %q", first, err, stderr.String())
		}
	}
}

func TestFindingD9_AFolderThatOthersMayReadIsClosedToThemWhenItIsOurs(t *testing.T) {
	for _, row := range []struct {
		name string
		mode os.FileMode
		file string // in it
		ok   bool
	}{
		{"empty, as a service manager makes it", 0o755, "", true},
		{"with a database", 0o750, databaseFile, true},
		{"with something else", 0o755, "x", false},
		{"that others may write", 0o777, "", false},
		{"that its group may write", 0o770, databaseFile, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			dir := t.TempDir()
			if row.file != "" {
				if err := os.WriteFile(filepath.Join(dir, row.file), nil, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.Chmod(dir, row.mode); err != nil {
				t.Fatal(err)
			}
			err := privateDir(dir)
			info, statErr := os.Stat(dir)
			if statErr != nil {
				t.Fatal(statErr)
			}
			want := row.mode
			if row.ok {
				want = 0o700
			}
			if (err == nil) != row.ok || info.Mode().Perm() != want {
				t.Errorf("got %v and mode %#o, want %t and %#o", err, info.Mode().Perm(), row.ok, want)
			}
			if err != nil && (strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), "chmod 700")) {
				t.Errorf("%q is not one line that says how", err)
			}
		})
	}
}

package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/postern-auth/postern/server/store"
	"github.com/postern-auth/postern/server/store/postgres"
	"github.com/postern-auth/postern/server/store/sqlite"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// storeAt says where the store is: in a file of the data folder, or in a PostgreSQL database.
type storeAt struct {
	folder, database string
	strict           bool // has the database asked with each token whether anything has changed
}

func (at *storeAt) add(flags *pflag.FlagSet, folder string) {
	flags.StringVar(&at.folder, "data", "", folder)
	flags.StringVar(&at.database, "database", "", "PostgreSQL database that is the store in place of a file in the data folder, as `URL`; one with a password belongs into POSTERN_DATABASE or the file that POSTERN_DATABASE_FILE names")
}

// complete takes what the command line does not say from the environment, for commands that take nothing else from it.
func (at *storeAt) complete(e *env) error {
	if at.database != "" {
		return nil
	}
	_, text, _, err := e.setting("database")
	at.database = text
	return err
}

// existing opens the store that a command without settings of its own is told of. It makes none.
func (at *storeAt) existing(c *cobra.Command, e *env) (store.Store, error) {
	if err := at.named(c, e); err != nil {
		return nil, err
	}
	return at.open(c.Context(), e)
}

// named refuses a command that names no store, or one where there is none.
func (at *storeAt) named(c *cobra.Command, e *env) error {
	if err := at.complete(e); err != nil {
		return err
	}
	if at.folder == "" && at.database == "" {
		return usage("%s needs --data, the folder of the server's store, or --database", strings.TrimPrefix(c.CommandPath(), "postern "))
	}
	if none, err := at.empty(); err != nil || none {
		return fmt.Errorf("there is no database in %s: run 'postern serve' or 'postern apply' first", at.folder)
	}
	return nil
}

// empty reports whether there is no store to be read. Of a database only its server knows.
func (at storeAt) empty() (bool, error) {
	if at.database != "" {
		return false, nil
	}
	none, err := noDatabase(filepath.Join(at.folder, databaseFile))
	if err != nil {
		return false, fmt.Errorf("data folder: %w", err)
	}
	return none, nil
}

// open opens the store, making it where it is not there.
func (at storeAt) open(ctx context.Context, e *env) (store.Store, error) {
	if at.database == "" {
		return openFolder(ctx, e, at.folder)
	}
	if at.folder != "" { // which has the keys that seal what is in the database
		if err := privateDir(at.folder); err != nil {
			return nil, err
		}
	}
	s, err := postgres.Open(ctx, at.database, postgres.Options{Strict: at.strict})
	if err != nil && ctx.Err() == nil {
		// In words alone, on one line: what else is said of a port that nobody listens at is about our own servers.
		return nil, fmt.Errorf("--database: %s", strings.Join(strings.Fields(err.Error()), " "))
	}
	if err != nil {
		return nil, err
	}
	return s, nil
}

// check refuses to begin from nothing, unless init says so, where there may have been a server. With a folder that is
// not mounted, or misspelt, it would know no client and sign with other keys; beside a database it would seal with a
// key that no other server of the database has.
func (at storeAt) check(init bool) error {
	if init {
		return nil
	}
	if at.database != "" {
		key := filepath.Join(at.folder, dataKeyFile)
		if _, err := os.Stat(key); errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("there is no %s, which all servers of a database share: copy it from another, or give --init to make the first one", key)
		}
		return nil
	}
	none, err := at.empty()
	if err == nil && none {
		return fmt.Errorf("there is no database %s, or it is empty: set one up with 'postern apply', give --init to begin with an empty one, or restore a backup",
			filepath.Join(at.folder, databaseFile))
	}
	return err
}

// databaseFile is the store's file in a data folder.
const databaseFile = "postern.db"

// openFolder opens the store in the data folder, making both when they are not there, which it says. The
// folder is its owner's alone, for it holds the signing keys.
func openFolder(ctx context.Context, e *env, dir string) (store.Store, error) {
	if err := privateDir(dir); err != nil {
		return nil, err
	}
	file := filepath.Join(dir, databaseFile)
	made, err := noDatabase(file)
	if err != nil {
		return nil, fmt.Errorf("data folder: %w", err)
	}
	s, err := sqlite.Open(ctx, file, sqlite.Options{})
	if err != nil {
		return nil, err
	}
	if made {
		fmt.Fprintf(e.stderr, "postern: made a new database, %s\n", file)
	}
	return s, nil
}

// noDatabase reports whether there is no database: no file, or an empty one, such as a disk that was full or
// was not mounted leaves behind.
func noDatabase(file string) (bool, error) {
	info, err := os.Stat(file)
	if errors.Is(err, fs.ErrNotExist) {
		return true, nil
	}
	return err == nil && info.Mode().IsRegular() && info.Size() == 0, err
}

// privateDir makes the data folder when it is not there. One that others may read, as a service manager
// makes it, is closed to them when it is empty or holds what is ours: then it is ours.
func privateDir(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("data folder: %w", err)
	}
	info, err := os.Stat(dir)
	if err != nil {
		return fmt.Errorf("data folder: %w", err)
	}
	mode := info.Mode().Perm()
	if mode&0o077 == 0 || runtime.GOOS == "windows" {
		return nil
	}
	names, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("data folder: %w", err)
	}
	ours := func(entry fs.DirEntry) bool { return entry.Name() == databaseFile || entry.Name() == dataKeyFile }
	if mode&0o022 != 0 || len(names) > 0 && !slices.ContainsFunc(names, ours) {
		return fmt.Errorf("data folder %s is open to others (mode %#o): chmod 700 it, for it holds keys", dir, mode)
	}
	if err := os.Chmod(dir, 0o700); err != nil {
		return fmt.Errorf("data folder %s is open to others (mode %#o): have its owner chmod 700 it, for it holds keys: %w", dir, mode, err)
	}
	return nil
}

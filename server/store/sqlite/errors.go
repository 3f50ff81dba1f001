package sqlite

import (
	"errors"

	engine "modernc.org/sqlite"
	code "modernc.org/sqlite/lib"

	"github.com/postern-auth/postern/server/store"
)

// Explain turns the engine's errors into those of package store, and nil where the error says nothing about
// the caller's request.
func (d *database) Explain(err error) error {
	switch resultCode(err) {
	case code.SQLITE_CONSTRAINT_PRIMARYKEY, code.SQLITE_CONSTRAINT_UNIQUE:
		return store.ErrExists
	case code.SQLITE_CONSTRAINT_FOREIGNKEY:
		return store.ErrNotFound
	}
	return nil
}

// resultCode returns SQLite's extended result code, or 0 when the error is not one of SQLite's.
func resultCode(err error) int {
	if e, ok := errors.AsType[*engine.Error](err); ok {
		return e.Code()
	}
	return code.SQLITE_OK
}

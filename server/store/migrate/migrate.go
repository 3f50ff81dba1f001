// Package migrate moves a store from one engine to another, with all that it has kept:
//
//	moved, err := migrate.ToPostgres(ctx, "data/postern.db", "postgres://db/postern", nil)
package migrate

import (
	"context"
	"errors"
	"fmt"

	"github.com/postern-auth/postern/server/store"
	"github.com/postern-auth/postern/server/store/postgres"
	"github.com/postern-auth/postern/server/store/sqlite"
)

// ErrNotEmpty says that the database holds objects already.
var ErrNotEmpty = postgres.ErrNotEmpty

// Moved is what has been moved.
type Moved struct {
	Tables int
	Rows   int64
}

// ToPostgres moves the store in a file to an empty PostgreSQL database, in one transaction on both sides. Servers on the
// file may run: they read on, and whatever writes to the file fails, meanwhile and afterwards. Each table that has been
// copied is told to progress, which may be nil. Errors: ErrNotEmpty, and outages; nothing has changed then, unless the
// error says that the database was filled and the file was not closed to writers.
func ToPostgres(ctx context.Context, file, address string, progress func(table string, rows int64)) (Moved, error) {
	from, err := sqlite.Open(ctx, file, sqlite.Options{})
	if err != nil {
		return Moved{}, err
	}
	var moved Moved
	filled := false
	err = from.Move(ctx, func(tables []store.Table) error {
		err := postgres.Fill(ctx, address, tables, func(table string, rows int64) {
			if moved.Tables, moved.Rows = moved.Tables+1, moved.Rows+rows; progress != nil {
				progress(table, rows)
			}
		})
		filled = err == nil
		return err
	})
	if err != nil && filled {
		err = fmt.Errorf("migrate: the database was filled, and the file could not be closed to writers: empty the database before another try: %w", err)
	}
	return moved, errors.Join(err, from.Close())
}

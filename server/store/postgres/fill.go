package postgres

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/postern-auth/postern/server/store"
)

// ErrNotEmpty says that a database which is to be filled holds objects already.
var ErrNotEmpty = errors.New("postgres: the database is not empty")

// Fill puts all rows of other tables into an empty database, which it makes a store of, in one transaction: all of them
// or none. Each table that has been read is told to progress, which may be nil. A server that starts on the database
// meanwhile waits. Errors: ErrNotEmpty, and outages.
func Fill(ctx context.Context, address string, tables []store.Table, progress func(table string, rows int64)) error {
	s, err := Open(ctx, address, Options{}) // which brings the schema up to date
	if err != nil {
		return err
	}
	if err := s.Close(); err != nil {
		return err
	}
	config, err := pgx.ParseConfig(address)
	if err != nil {
		return errors.New("postgres: the address cannot be read")
	}
	config.OnNotice = doubt
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return fmt.Errorf("postgres: %w", err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	err = pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error { return fill(ctx, tx, tables, progress) })
	if err == nil && conn.PgConn().CustomData()[doubted] != nil {
		err = errors.New("no standby has confirmed what the database says it keeps")
	}
	if err != nil {
		return fmt.Errorf("postgres: fill: %w", err)
	}
	return nil
}

func fill(ctx context.Context, tx pgx.Tx, tables []store.Table, progress func(string, int64)) error {
	for _, query := range []string{`SET LOCAL statement_timeout = 0`, `SET LOCAL idle_in_transaction_session_timeout = 0`, `LOCK TABLE subjects, clients, signing_keys IN ACCESS EXCLUSIVE MODE`} {
		if _, err := tx.Exec(ctx, query); err != nil {
			return err
		}
	}
	order, err := parentsFirst(ctx, tx, tables)
	if err != nil {
		return err
	}
	for _, t := range order {
		if ours[t.Name] {
			continue
		}
		var found bool
		if err := tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM `+pgx.Identifier{t.Name}.Sanitize()+`)`).Scan(&found); err != nil {
			return err
		}
		if found {
			return fmt.Errorf("%w: expected one without objects, found some in the table %s", ErrNotEmpty, t.Name)
		}
	}
	for _, t := range order {
		rows, err := copyTable(ctx, tx, t)
		if err != nil {
			return fmt.Errorf("table %s: %w", t.Name, err)
		}
		if progress != nil {
			progress(t.Name, rows)
		}
	}
	// Whoever compares the versions of two tokens has to find the later one greater.
	_, err = tx.Exec(ctx, `UPDATE registry_version SET v = v + 1`)
	return err
}

// ours are the tables that have a row in an empty store.
var ours = map[string]bool{"heartbeat": true, "registry_version": true}

// parentsFirst puts the tables into an order in which each comes after those that it refers to.
func parentsFirst(ctx context.Context, tx pgx.Tx, tables []store.Table) ([]store.Table, error) {
	parents := make(map[string][]string)
	rows, err := tx.Query(ctx, `
		SELECT c.relname, p.relname FROM pg_constraint k
		JOIN pg_class c ON c.oid = k.conrelid JOIN pg_class p ON p.oid = k.confrelid
		WHERE k.contype = 'f' AND k.conrelid <> k.confrelid AND pg_table_is_visible(c.oid)`)
	if err != nil {
		return nil, err
	}
	var child, parent string
	_, err = pgx.ForEachRow(rows, []any{&child, &parent}, func() error {
		parents[child] = append(parents[child], parent)
		return nil
	})
	if err != nil {
		return nil, err
	}
	var order []store.Table
	there := make(map[string]bool)
	for len(order) < len(tables) {
		before := len(order)
		for _, t := range tables {
			if !there[t.Name] && !slices.ContainsFunc(parents[t.Name], func(p string) bool { return !there[p] }) {
				order, there[t.Name] = append(order, t), true
			}
		}
		if len(order) == before {
			return nil, fmt.Errorf("the tables after %d refer to each other in a circle", before)
		}
	}
	return order, nil
}

// copyTable copies one table and moves the counter of its numbers behind those that it holds.
func copyTable(ctx context.Context, tx pgx.Tx, t store.Table) (int64, error) {
	if ours[t.Name] {
		if _, err := tx.Exec(ctx, `DELETE FROM `+pgx.Identifier{t.Name}.Sanitize()); err != nil {
			return 0, err
		}
	}
	truths, numbered, err := kinds(ctx, tx, t)
	if err != nil {
		return 0, err
	}
	source := &source{truths: truths}
	var stop func()
	source.next, stop = iter.Pull(func(yield func([]any) bool) {
		source.err = t.Each(ctx, func(values []any) error {
			if !yield(values) {
				return errStopped
			}
			return nil
		})
	})
	defer stop()
	n, err := tx.CopyFrom(ctx, pgx.Identifier{t.Name}, t.Columns, source)
	if err != nil || numbered == "" {
		return n, err
	}
	column := pgx.Identifier{numbered}.Sanitize()
	_, err = tx.Exec(ctx, `SELECT setval(pg_get_serial_sequence($1, $2), (SELECT coalesce(max(`+column+`), 0) + 1 FROM `+pgx.Identifier{t.Name}.Sanitize()+`), false)`, t.Name, numbered)
	return n, err
}

// kinds returns which columns of a table are BOOLEAN, and the one that the database numbers by itself.
func kinds(ctx context.Context, tx pgx.Tx, t store.Table) (truths []bool, numbered string, err error) {
	rows, err := tx.Query(ctx, `
		SELECT attname, atttypid = 'bool'::regtype, attidentity <> '' FROM pg_attribute
		WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped`, pgx.Identifier{t.Name}.Sanitize())
	if err != nil {
		return nil, "", err
	}
	truths = make([]bool, len(t.Columns))
	found := 0
	var name string
	var truth, number bool
	_, err = pgx.ForEachRow(rows, []any{&name, &truth, &number}, func() error {
		if i := slices.Index(t.Columns, name); i >= 0 {
			truths[i], found = truth, found+1
		}
		if number {
			numbered = name
		}
		return nil
	})
	if err == nil && found != len(t.Columns) {
		err = fmt.Errorf("expected the columns %q, found %d of them: both stores need the schema of this program", t.Columns, found)
	}
	return truths, numbered, err
}

var errStopped = errors.New("nobody reads on")

// source is a table as CopyFrom reads it.
type source struct {
	truths []bool
	next   func() ([]any, bool)
	values []any
	err    error
}

func (s *source) Next() (more bool) {
	s.values, more = s.next()
	return more
}

func (s *source) Values() ([]any, error) {
	for i, truth := range s.truths {
		if n, ok := s.values[i].(int64); ok && truth {
			s.values[i] = n != 0
		}
	}
	return s.values, nil
}

func (s *source) Err() error { return s.err }

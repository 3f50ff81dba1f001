package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"sync"

	"github.com/postern-auth/postern/server/store/internal/sqlstore"
)

// statements runs SQL on a connection or a pool and keeps every statement prepared. The texts are
// constants of sqlstore and of this package, so there are as many statements as texts.
//
// No context reaches the driver: it would start a goroutine for each statement to watch it, which costs as
// much as a point read, and on the writing connection an interrupt would undo the neighbours' rows as well.
type statements struct {
	prepare func(ctx context.Context, query string) (*sql.Stmt, error)

	mu       sync.RWMutex
	prepared map[string]*sql.Stmt
}

func newStatements(prepare func(context.Context, string) (*sql.Stmt, error)) *statements {
	return &statements{prepare: prepare, prepared: make(map[string]*sql.Stmt)}
}

func (s *statements) statement(query string) (*sql.Stmt, error) {
	s.mu.RLock()
	stmt := s.prepared[query]
	s.mu.RUnlock()
	if stmt != nil {
		return stmt, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if stmt := s.prepared[query]; stmt != nil {
		return stmt, nil
	}
	stmt, err := s.prepare(context.Background(), query)
	if err != nil {
		return nil, err
	}
	s.prepared[query] = stmt
	return stmt, nil
}

// close releases the statements. A connection with one left does not close.
func (s *statements) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	for _, stmt := range s.prepared {
		errs = append(errs, stmt.Close())
	}
	clear(s.prepared)
	return errors.Join(errs...)
}

// Exec runs a statement and returns how many rows it changed.
func (s *statements) Exec(query string, args ...any) (int, error) {
	stmt, err := s.statement(query)
	if err != nil {
		return 0, err
	}
	result, err := stmt.Exec(args...)
	if err != nil {
		return 0, err
	}
	n, err := result.RowsAffected()
	return int(n), err
}

// Each calls row for every row of the query, until the context ends.
func (s *statements) Each(ctx context.Context, query string, args []any, row func(sqlstore.Scan) error) error {
	stmt, err := s.statement(query)
	if err != nil {
		return err
	}
	rows, err := stmt.Query(args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := row(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
}

package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/postern-auth/postern/server/store"
	"github.com/postern-auth/postern/server/store/internal/sqlstore"
)

// moved is what whoever writes to a store that has been moved is told.
const moved = "the database has been moved to PostgreSQL by postern migrate: serve with --database"

// Move hands all tables to take, and when that has kept them refuses every later write, by whichever process: what was
// revoked here would not be revoked there. Nobody writes meanwhile, and everybody reads, also afterwards. Errors are those
// of take, with which nothing changes, and outages.
func (s *Store) Move(ctx context.Context, take func([]store.Table) error) error {
	return s.engine.Write(ctx, func(q sqlstore.Querier) error {
		tables, err := tablesOf(ctx, q)
		if err != nil {
			return err
		}
		if err := take(tables); err != nil {
			return err
		}
		for _, t := range tables {
			for _, change := range []string{"INSERT", "UPDATE", "DELETE"} {
				_, err := q.Exec(fmt.Sprintf(`CREATE TRIGGER moved_%s_%s BEFORE %s ON %s BEGIN SELECT RAISE(ABORT, '%s'); END`,
					t.Name, strings.ToLower(change), change, t.Name, moved))
				if err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// stays refuses a file that has been moved.
func stays(ctx context.Context, db *sql.DB) error {
	var gone bool
	err := db.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE type = 'trigger' AND name LIKE 'moved\_%' ESCAPE '\')`).Scan(&gone)
	if err == nil && gone {
		return errors.New(moved)
	}
	return err
}

// tablesOf returns the tables that a schema of this program has, in the order in which they were made.
func tablesOf(ctx context.Context, q sqlstore.Querier) ([]store.Table, error) {
	names, err := texts(ctx, q, `SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name NOT LIKE 'goose_%' ORDER BY rowid`)
	if err != nil {
		return nil, err
	}
	var tables []store.Table
	for _, name := range names {
		columns, err := texts(ctx, q, `SELECT name FROM pragma_table_info($1)`, name)
		if err != nil {
			return nil, err
		}
		tables = append(tables, store.Table{Name: name, Columns: columns, Each: func(ctx context.Context, row func([]any) error) error {
			values := make([]any, len(columns))
			into := make([]any, len(columns))
			for i := range values {
				into[i] = &values[i]
			}
			return q.Each(ctx, `SELECT `+strings.Join(columns, ", ")+` FROM `+name, nil, func(scan sqlstore.Scan) error {
				if err := scan(into...); err != nil {
					return err
				}
				return row(slices.Clone(values))
			})
		}})
	}
	return tables, nil
}

func texts(ctx context.Context, q sqlstore.Querier, query string, args ...any) (all []string, err error) {
	err = q.Each(ctx, query, args, func(scan sqlstore.Scan) error {
		var text string
		err := scan(&text)
		all = append(all, text)
		return err
	})
	return all, err
}

package postgres

import (
	"context"
	"database/sql/driver"
	"errors"
	"reflect"
	"strings"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/postern-auth/postern/server/store/internal/sqlstore"
)

// errUnkeepable says that a text is not one that PostgreSQL keeps. To look for it is not an error: it is not there.
var errUnkeepable = errors.New("expected UTF-8 without zero bytes")

// runner is what runs statements: the pool, or one connection of it.
type runner interface {
	Exec(ctx context.Context, query string, args ...any) (pgconn.CommandTag, error)
	Query(ctx context.Context, query string, args ...any) (pgx.Rows, error)
}

// querier is a sqlstore.Querier. Each of its statements is bounded by itself.
type querier struct {
	ctx context.Context
	on  runner
}

// Exec implements sqlstore.Querier.
func (q querier) Exec(query string, args ...any) (int, error) {
	values, err := plain(args)
	if err != nil {
		return unkept(query, err)
	}
	limited, cancel := within(q.ctx)
	defer cancel()
	tag, err := q.on.Exec(limited, query, values...)
	return int(tag.RowsAffected()), told(q.ctx, err)
}

// Each implements sqlstore.Querier.
func (q querier) Each(ctx context.Context, query string, args []any, row func(sqlstore.Scan) error) error {
	values, err := plain(args)
	if err != nil {
		_, err := unkept(query, err)
		return err
	}
	limited, cancel := within(q.ctx)
	defer cancel()
	rows, err := q.on.Query(limited, query, values...)
	if err != nil {
		return told(q.ctx, err)
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
	return told(q.ctx, rows.Err())
}

// unkept is what a statement does with a text that cannot be there: one that adds a row fails, all others meet none.
func unkept(query string, err error) (int, error) {
	if errors.Is(err, errUnkeepable) && !strings.HasPrefix(strings.TrimSpace(query), "INSERT") {
		return 0, nil
	}
	return 0, err
}

// plain returns the values that arguments stand for.
func plain(args []any) ([]any, error) {
	values := make([]any, len(args))
	for i, arg := range args {
		if valuer, ok := arg.(driver.Valuer); ok {
			value, err := valuer.Value()
			if err != nil {
				return nil, errors.Join(errUnkeepable, err)
			}
			arg = value
		}
		text, ok := arg.(string)
		if !ok && arg != nil {
			if v := reflect.ValueOf(arg); v.Kind() == reflect.String {
				text = v.String()
				arg, ok = text, true
			}
		}
		if ok && (!utf8.ValidString(text) || strings.IndexByte(text, 0) >= 0) {
			return nil, errUnkeepable
		}
		values[i] = arg
	}
	return values, nil
}

package sqlstore

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/postern-auth/postern/server/store"
)

// A listing is a list that can be read in parts.
type listing[T any] struct {
	what string // for errors
	add  func(Scan, []T) ([]T, error)
	// query is a SELECT without its WHERE.
	query string
	// name and id are the columns of the order, and searched the expressions of what it is searched by.
	name, id string
	searched []string
	// counted is what the query's rows are counted in; empty: what follows its first FROM. It is alone when nothing is
	// searched, if that is not empty: one table that has a row for each.
	counted, alone string
	// where holds further conditions with arguments from $1, which the caller gives; empty: none.
	where string
}

// part reads what the window asks for.
func (l listing[T]) part(ctx context.Context, t *Tx, w store.Window, args ...any) (store.Part[T], error) {
	var p store.Part[T]
	err := t.runner.Read(ctx, func(q Querier) (err error) {
		p = store.Part[T]{}
		conditions, args := l.conditions(w.Search, args)
		if err := q.Each(ctx, l.counting(w)+where(conditions), args, func(row Scan) error { return row(&p.Total) }); err != nil {
			return err
		}
		if p.Rows, err = l.rows(ctx, q, w, conditions, args); err != nil || len(p.Rows) == 0 {
			return err
		}
		p.From, err = l.before(ctx, q, w, len(p.Rows), conditions, args)
		return err
	})
	if err != nil {
		return store.Part[T]{}, t.failure(l.what, w.Search, err)
	}
	return p, nil
}

func (l listing[T]) conditions(search string, args []any) ([]string, []any) {
	var conditions []string
	if l.where != "" {
		conditions = append(conditions, l.where)
	}
	if search == "" {
		return conditions, args
	}
	args = append(slices.Clone(args), "%"+likeEscape.Replace(strings.Map(folded, search))+"%")
	var any []string
	for _, column := range l.searched {
		any = append(any, `lower(`+column+`) LIKE `+nth(len(args))+` ESCAPE '\'`)
	}
	return append(conditions, "("+strings.Join(any, " OR ")+")"), args
}

// folded is what the engines' lower makes of a letter: those of ASCII alone.
func folded(r rune) rune {
	if 'A' <= r && r <= 'Z' {
		return r + 'a' - 'A'
	}
	return r
}

var likeEscape = strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`)

// rows reads the part's rows in the list's order. One that ends before a place is read backwards.
func (l listing[T]) rows(ctx context.Context, q Querier, w store.Window, conditions []string, args []any) ([]T, error) {
	order, place, sign := "ASC", w.After, ">"
	if !w.Before.IsZero() {
		order, place, sign = "DESC", w.Before, "<"
	}
	conditions, args = l.beyond(place, sign, conditions, args)
	args = append(args, w.Limit)
	var rows []T
	query := l.query + where(conditions) + ` ORDER BY ` + l.name + ` ` + order + `, ` + l.id + ` ` + order + ` LIMIT ` + nth(len(args))
	err := q.Each(ctx, query, args, func(row Scan) (err error) {
		rows, err = l.add(row, rows)
		return err
	})
	if order == "DESC" {
		slices.Reverse(rows)
	}
	return rows, err
}

// before counts what comes before the part.
func (l listing[T]) before(ctx context.Context, q Querier, w store.Window, rows int, conditions []string, args []any) (n int, err error) {
	if w.After.IsZero() && w.Before.IsZero() {
		return 0, nil
	}
	place, sign := w.After, "<="
	if !w.Before.IsZero() {
		place, sign = w.Before, "<"
	}
	conditions, args = l.beyond(place, sign, conditions, args)
	err = q.Each(ctx, l.counting(w)+where(conditions), args, func(row Scan) error { return row(&n) })
	if !w.Before.IsZero() {
		n -= rows
	}
	return n, err
}

// beyond adds what holds for rows on one side of a place.
func (l listing[T]) beyond(place store.Place, sign string, conditions []string, args []any) ([]string, []any) {
	if place.IsZero() {
		return conditions, slices.Clone(args)
	}
	args = append(slices.Clone(args), place.Name, place.ID)
	condition := `(` + l.name + `, ` + l.id + `) ` + sign + ` (` + nth(len(args)-1) + `, ` + nth(len(args)) + `)`
	return append(slices.Clone(conditions), condition), args
}

// counting is the query for how many rows there are.
func (l listing[T]) counting(w store.Window) string {
	from := l.counted
	switch {
	case w.Search == "" && l.alone != "":
		from = l.alone
	case from == "":
		_, from, _ = strings.Cut(l.query, "FROM ")
	}
	return `SELECT count(*) FROM ` + from
}

func nth(n int) string { return "$" + strconv.Itoa(n) }

func where(conditions []string) string {
	if len(conditions) == 0 {
		return ""
	}
	return ` WHERE ` + strings.Join(conditions, " AND ")
}

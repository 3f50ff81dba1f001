package sqlstore

import "context"

// Table is one table of a store, for who moves all of it to another engine. Engines have the same tables with the same
// columns; what a BOOLEAN is to one may be 0 and 1 to another.
type Table struct {
	Name    string
	Columns []string
	// Each calls row for every row, with its values in the order of the columns.
	Each func(ctx context.Context, row func(values []any) error) error
}

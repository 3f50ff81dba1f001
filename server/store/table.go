package store

import "context"

// Table is one table of an engine, for package migrate, which moves all of a store to another engine. Engines have the
// same tables with the same columns; what is true or false to one may be 1 and 0 to another.
type Table struct {
	Name    string
	Columns []string
	// Each calls row for every row, with its values in the order of the columns.
	Each func(ctx context.Context, row func(values []any) error) error
}

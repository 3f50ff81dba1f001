package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/postern-auth/postern/server/store/migrate"
	"github.com/spf13/cobra"
)

func newMigrateCommand(e *env) *cobra.Command {
	var from, to string
	c := &cobra.Command{
		Use:   "migrate --from sqlite:FILE --to postgres://…",
		Short: "Move a server's store from a file to a PostgreSQL database",
		Long: "Migrate copies all that a server has kept into an empty database. A server on the file may run: it goes on\n" +
			"to answer what it can by reading, and nothing is written to the file from then on. Start servers on the\n" +
			"database with the data folder that holds data.key, or a copy of it. If anything goes wrong, nothing changes.",
		Args: positional(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			if err := e.settings(c.Flags(), nil); err != nil {
				return err
			}
			file, ok := strings.CutPrefix(from, "sqlite:")
			switch {
			case !ok || file == "":
				return usage("migrate needs --from, the file of a server's store, such as sqlite:data/%s", databaseFile)
			case to == "":
				return usage("migrate needs --to, the URL of an empty PostgreSQL database")
			}
			if info, err := os.Stat(file); err == nil && info.IsDir() {
				return usage("--from: %s is a folder: expected the file in it, such as sqlite:%s", file, filepath.Join(file, databaseFile))
			}
			if none, err := noDatabase(file); err != nil || none {
				return fmt.Errorf("--from: there is no database in %s", file)
			}
			moved, err := migrate.ToPostgres(c.Context(), file, to, func(table string, rows int64) { e.progress("%s: %d rows", table, rows) })
			if errors.Is(err, migrate.ErrNotEmpty) {
				return fmt.Errorf("--to: the database holds objects already: expected an empty one. Nothing has been changed")
			}
			if err != nil {
				return fmt.Errorf("nothing has been moved: %s", strings.Join(strings.Fields(err.Error()), " "))
			}
			fmt.Fprintf(e.stdout, "moved %d rows of %d tables; nothing is written to %s any more: stop the server on it, and serve with --database and the same data.key\n",
				moved.Rows, moved.Tables, file)
			return nil
		},
	}
	c.Flags().StringVar(&from, "from", "", "where the store is, as sqlite:`FILE` (required)")
	c.Flags().StringVar(&to, "to", "", "empty PostgreSQL database, as `URL`; one with a password belongs into POSTERN_TO or the file that POSTERN_TO_FILE names (required)")
	return c
}

package main

import (
	"fmt"
	"maps"
	"slices"

	"github.com/postern-auth/postern/server/setup"
	"github.com/spf13/cobra"
)

func newExportCommand(e *env) *cobra.Command {
	var at storeAt
	c := &cobra.Command{
		Use:   "export {--data DIR | --database URL}",
		Short: "Print what is set up as a file for 'postern apply'",
		Long: "Export prints projects, APIs, applications, roles, permissions, service users and people as the YAML that\n" +
			"'postern apply' takes, from which it makes the same on an empty store. Secrets, keys, personal access tokens\n" +
			"and passwords are not in it: a store has no more than a check of them. The server may run.",
		Args: positional(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			s, err := at.existing(c, e)
			if err != nil {
				return err
			}
			defer s.Close()
			made, err := setup.NewExport(c.Context(), s)
			if err != nil {
				return err
			}
			for _, what := range slices.Sorted(maps.Keys(made.Unsaid)) {
				fmt.Fprintf(e.stderr, "postern: left out: %d %s, which such a file cannot hold\n", made.Unsaid[what], what)
			}
			if len(made.Document) >= maxDocument {
				fmt.Fprintf(e.stderr, "postern: these are %d bytes, and apply takes %d at once: split the list of users\n", len(made.Document), maxDocument-1)
			}
			_, err = made.WriteTo(e.stdout)
			return err
		},
	}
	at.add(c.Flags(), "data `folder`")
	return c
}

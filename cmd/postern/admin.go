package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/postern-auth/postern/internal/wholefile"
	"github.com/postern-auth/postern/server"
	"github.com/postern-auth/postern/server/store"
	"github.com/spf13/cobra"
)

func newAdminCommand(e *env) *cobra.Command {
	return group("admin", "Let the first administrator in to the console", newAdminLinkCommand(e))
}

func newAdminLinkCommand(e *env) *cobra.Command {
	var at storeAt
	var issuer string
	c := &cobra.Command{
		Use:   "link {--data DIR | --database URL} --issuer URL",
		Short: "Print a link that makes the first administrator",
		Long: "Link prints a link to the console of a server, by which whoever opens it first becomes the first\n" +
			"administrator. It works once and for 15 minutes, and only while there is no administrator. The server\n" +
			"may run or not.",
		Args: positional(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			if issuer == "" {
				return usage("admin link needs --issuer, under which the server is reached, such as https://login.example.com")
			}
			s, err := at.existing(c, e)
			if err != nil {
				return err
			}
			defer s.Close()
			link, err := server.FirstRunLink(c.Context(), s, issuer)
			if err != nil {
				return err
			}
			if link == "" {
				return fmt.Errorf("there is an administrator already: have one of them invite you in the console")
			}
			fmt.Fprintln(e.stdout, link)
			return nil
		},
	}
	at.add(c.Flags(), "data `folder`")
	c.Flags().StringVar(&issuer, "issuer", "", "issuer `URL` under which the server is reached (required)")
	return c
}

// firstRunFile holds the link of the first administrator where nobody sees what is printed.
const firstRunFile = "first-administrator"

// firstRun says how the first administrator comes in, while there is none: by a link on a terminal, else by a file
// that only its owner reads. A link never goes where logs go.
func (e *env) firstRun(ctx context.Context, s store.Store, dir, issuer string) (said string, err error) {
	file := filepath.Join(dir, firstRunFile)
	link, err := server.FirstRunLink(ctx, s, issuer)
	if err != nil {
		return "", err
	}
	if link == "" {
		_ = os.Remove(file) // it has done its work, and opens nothing any more
		return "", nil
	}
	if terminal(e.stdout) {
		return "Become its first administrator by this link, which works once and for 15 minutes:\n\n  " + link + "\n", nil
	}
	if err := wholefile.Write(file, []byte(link+"\n")); err != nil {
		return "", err
	}
	return "There is no administrator yet. A link that works once and for 15 minutes is in\n\n  " + file + "\n", nil
}

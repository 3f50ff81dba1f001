package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/postern-auth/postern/server/setup"
	"github.com/spf13/cobra"
)

type applyFlags struct {
	store               storeAt
	file, issuer        string
	dryRun, prune, json bool
	yes                 bool
}

func newApplyCommand(e *env) *cobra.Command {
	var f applyFlags
	c := &cobra.Command{
		Use:   "apply {--data DIR | --database URL} -f FILE",
		Short: "Set up the authorization server from a file",
		Long: "Apply makes the store of a server what a YAML file says: projects, APIs, applications, roles,\n" +
			"permissions, service users, people. It may run beside the server and a second time changes nothing.\n" +
			"New secrets, keys, personal access tokens, passwords and links of invitations are written to the files\n" +
			"that the document names, for their owner alone, and never over a file that is there.",
		Args: positional(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			if err := f.store.complete(e); err != nil {
				return err
			}
			return apply(c.Context(), e, f)
		},
	}
	flags := c.Flags()
	f.store.add(flags, "data `folder`")
	flags.StringVarP(&f.file, "file", "f", "", "the YAML `file`, or - for standard input (required)")
	flags.StringVar(&f.issuer, "issuer", "", "issuer `URL` of the server, to which the links of invitations lead")
	flags.BoolVar(&f.dryRun, "dry-run", false, "show what would change, and change nothing")
	flags.BoolVar(&f.prune, "prune", false, "delete what the file does not name")
	flags.BoolVar(&f.yes, "yes", false, "do it also when --prune deletes more than half of anything")
	flags.BoolVar(&f.json, "json", false, "print the changes as JSON")
	return c
}

// maxDocument is one byte more than setup.Parse accepts, so that it can say that there is too much.
const maxDocument = 1<<20 + 1

func apply(ctx context.Context, e *env, f applyFlags) error {
	if f.store == (storeAt{}) || f.file == "" {
		return usage("apply needs --data, the folder of the server's store, or --database, and -f, the file to apply")
	}
	text, err := readDocument(e, f.file)
	if err != nil {
		return err
	}
	doc, err := setup.Parse(f.file, text)
	if err != nil {
		return err
	}
	var plan *setup.Plan
	if f.dryRun {
		plan, err = dryRun(ctx, e, f, doc)
	} else {
		plan, err = applyTo(ctx, e, f, doc)
	}
	if err != nil {
		return err
	}
	if f.json {
		encoder := json.NewEncoder(e.stdout)
		encoder.SetIndent("", "  ")
		return encoder.Encode(plan)
	}
	_, err = io.WriteString(e.stdout, plan.String())
	return err
}

// dryRun compares, and makes no store where there is none.
func dryRun(ctx context.Context, e *env, f applyFlags, doc *setup.Document) (*setup.Plan, error) {
	options := setup.Options{Prune: f.prune, Issuer: f.issuer}
	none, err := f.store.empty()
	if err != nil {
		return nil, err
	}
	if none {
		return setup.Compare(ctx, nil, doc, options)
	}
	s, err := f.store.open(ctx, e)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	return setup.Compare(ctx, s, doc, options)
}

func applyTo(ctx context.Context, e *env, f applyFlags, doc *setup.Document) (*setup.Plan, error) {
	s, err := f.store.open(ctx, e)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	plan, err := setup.Compare(ctx, s, doc, setup.Options{Prune: f.prune, Issuer: f.issuer})
	if err != nil {
		return nil, err
	}
	if most := plan.MostOf(); len(most) > 0 && !f.yes {
		return nil, fmt.Errorf("--prune would delete %s with all that hangs on them. Nothing has been changed: look at it with --dry-run, and give --yes to do it",
			strings.Join(most, ", "))
	}
	if !plan.Empty() {
		e.progress("making %d changes", len(plan.Changes))
	}
	return plan.Apply(ctx)
}

func readDocument(e *env, name string) ([]byte, error) {
	if name == "-" {
		return io.ReadAll(io.LimitReader(e.stdin, maxDocument))
	}
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return io.ReadAll(io.LimitReader(file, maxDocument))
}

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/postern-auth/postern/server"
	"github.com/postern-auth/postern/server/store"
)

func newKeysCommand(e *env) *cobra.Command {
	return group("keys", "Look after a server's signing keys",
		newKeysListCommand(e), newKeysRotateCommand(e), newKeysWithdrawCommand(e), newKeysResealCommand(e))
}

// keysFlags are those of all commands about signing keys.
type keysFlags struct {
	store storeAt
	json  bool
}

// command completes a command whose work is done on the keys of a store.
func (f *keysFlags) command(e *env, c *cobra.Command, work func(context.Context, server.SigningKeys, []string) error) *cobra.Command {
	c.RunE = func(c *cobra.Command, args []string) error {
		if err := f.store.named(c, e); err != nil {
			return err
		}
		data, err := f.dataKeys()
		if err != nil {
			return err
		}
		s, err := f.store.open(c.Context(), e)
		if err != nil {
			return err
		}
		defer s.Close()
		return work(c.Context(), server.SigningKeys{Store: s, DataKeys: data, Actor: c.CommandPath()}, args)
	}
	f.store.add(c.Flags(), "data `folder`; beside --database, the one with the server's data.key")
	c.Flags().BoolVar(&f.json, "json", false, "print JSON")
	return c
}

// dataKeys reads the keys of the data folder. It makes none: a key of its own would seal what no server opens.
func (f *keysFlags) dataKeys() ([][]byte, error) {
	if f.store.folder == "" {
		return nil, nil
	}
	if _, err := os.Stat(filepath.Join(f.store.folder, dataKeyFile)); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return dataKeys(f.store.folder)
}

// sealing refuses to make or seal a key without a data key, which every server of the store has.
func (f *keysFlags) sealing(keys server.SigningKeys) error {
	if len(keys.DataKeys) > 0 {
		return nil
	}
	return fmt.Errorf("there is no %s to seal the key by: give --data, the folder of a server that has run", filepath.Join(f.store.folder, dataKeyFile))
}

func newKeysListCommand(e *env) *cobra.Command {
	var f keysFlags
	return f.command(e, &cobra.Command{
		Use:   "list {--data DIR | --database URL}",
		Short: "List the signing keys, and when they sign",
		Long: "List shows the keys, oldest first. A waiting one is published and signs soon, a verifying one is published for\n" +
			"the tokens that it signed, and an ended one still recognises the ID tokens of logouts. Of a key that is not\n" +
			"sealed, a copy of the database is enough to sign with it: see 'postern keys reseal'.",
		Args: positional(cobra.NoArgs),
	}, func(ctx context.Context, keys server.SigningKeys, _ []string) error {
		all, err := keys.List(ctx)
		if err != nil {
			return err
		}
		if f.json {
			return e.printJSON(all)
		}
		w := tabwriter.NewWriter(e.stdout, 0, 0, 2, ' ', 0)
		fmt.Fprintln(w, "KID\tALG\tSTATE\tSIGNS FROM\tSIGNS UNTIL\tPUBLISHED UNTIL\tSEALED")
		for _, key := range all {
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", key.ID, key.Algorithm, key.State,
				moment(key.SignsFrom), moment(key.RetiredAt), moment(key.VerifiesUntil), map[bool]string{true: "yes", false: "no"}[key.Sealed])
		}
		return w.Flush()
	})
}

// moment is a time in a table.
func moment(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format(time.RFC3339)
}

func newKeysRotateCommand(e *env) *cobra.Command {
	var f keysFlags
	return f.command(e, &cobra.Command{
		Use:   "rotate ALG --data DIR [--database URL]",
		Short: "Put a new signing key in the place of one",
		Long: "Rotate makes a new key for an algorithm, such as ES256. It is published at once and signs two minutes later,\n" +
			"when every verifier that keeps to the rules has it; the old one stays published for as long as its tokens live.\n" +
			"No token is refused for it. All servers of the store change over at the same time, and may run.",
		Args: positional(cobra.ExactArgs(1)),
	}, func(ctx context.Context, keys server.SigningKeys, args []string) error {
		if err := f.sealing(keys); err != nil {
			return err
		}
		next, err := keys.Rotate(ctx, args[0])
		if err != nil {
			return plainly(err)
		}
		if f.json {
			return e.printJSON(next)
		}
		fmt.Fprintf(e.stdout, "%s is published and signs %s from %s on\n", next.ID, next.Algorithm, moment(next.SignsFrom))
		return nil
	})
}

func newKeysWithdrawCommand(e *env) *cobra.Command {
	var f keysFlags
	var yes bool
	c := f.command(e, &cobra.Command{
		Use:   "withdraw KID --data DIR [--database URL] --yes",
		Short: "Drop a signing key that somebody else may hold, at once",
		Long: "Withdraw removes a key and puts a new one in its place, which signs at once. Every token that the old one signed\n" +
			"is dead: at introspection within a second, and at verifiers elsewhere when they read the key set again, within a\n" +
			"minute where they keep to the rules. Without --yes it says what would happen, and changes nothing.",
		Args: positional(cobra.ExactArgs(1)),
	}, func(ctx context.Context, keys server.SigningKeys, args []string) error {
		if err := f.sealing(keys); err != nil {
			return err
		}
		if !yes {
			return e.beforeWithdrawing(ctx, keys, args[0])
		}
		next, err := keys.Withdraw(ctx, args[0])
		if errors.Is(err, store.ErrNotFound) {
			return noKey(args[0])
		}
		if err != nil {
			return err
		}
		if f.json {
			return e.printJSON(next)
		}
		fmt.Fprintf(e.stdout, "%s is gone; %s signs %s in its place\n", args[0], next.ID, next.Algorithm)
		return nil
	})
	c.Flags().BoolVar(&yes, "yes", false, "do it")
	return c
}

// beforeWithdrawing says what dies with a key, and that nothing has been done.
func (e *env) beforeWithdrawing(ctx context.Context, keys server.SigningKeys, id string) error {
	all, err := keys.List(ctx)
	if err != nil {
		return err
	}
	for _, key := range all {
		if key.ID != id {
			continue
		}
		switch key.State {
		case "waiting":
			fmt.Fprintf(e.stdout, "%s has signed nothing yet: no token dies with it.\n", id)
		case "ended":
			fmt.Fprintf(e.stdout, "%s is not published any more: every token that it signed has expired. Logouts with its ID tokens ask people.\n", id)
		default:
			fmt.Fprintf(e.stdout, "Every %s token signed since %s dies, those of up to %s: at introspection within a second, at\nverifiers elsewhere within %s. Opaque and personal access tokens live on; programs and people get new tokens.\n",
				key.Algorithm, moment(key.SignsFrom), days(server.LongestTokenLifetime), server.KeySetMaxAge)
		}
		return errors.New("nothing has been changed: give --yes to do it")
	}
	return noKey(id)
}

func days(d time.Duration) string { return fmt.Sprintf("%d days", int(d.Hours()/24)) }

func noKey(id string) error {
	return fmt.Errorf("there is no signing key %.64q: see 'postern keys list'", id)
}

func newKeysResealCommand(e *env) *cobra.Command {
	var f keysFlags
	return f.command(e, &cobra.Command{
		Use:   "reseal --data DIR [--database URL]",
		Short: "Seal the signing keys by the first data key",
		Long: "Reseal seals by the first key of data.key what was sealed by another one, or by none, so that a copy of the\n" +
			"database is not enough to sign with. To change the data key, put a new one as the first line into the data.key of\n" +
			"every server, start them again, and reseal. Keep the former lines: they open people's second factors, which are\n" +
			"not sealed anew.",
		Args: positional(cobra.NoArgs),
	}, func(ctx context.Context, keys server.SigningKeys, _ []string) error {
		if err := f.sealing(keys); err != nil {
			return err
		}
		n, err := keys.Reseal(ctx)
		if err != nil {
			return plainly(err)
		}
		if f.json {
			return e.printJSON(map[string]int{"sealed": n})
		}
		fmt.Fprintf(e.stdout, "sealed %d keys; the others were already\n", n)
		return nil
	})
}

// printJSON prints what a script reads.
func (e *env) printJSON(v any) error {
	encoder := json.NewEncoder(e.stdout)
	encoder.SetIndent("", "  ")
	return encoder.Encode(v)
}

// plainly is an error without the names of the packages that it came through.
func plainly(err error) error {
	text := err.Error()
	for _, name := range []string{"server: ", "registry: ", "keys: "} {
		text = strings.TrimPrefix(text, name)
	}
	return errors.New(text)
}

// Postern is OAuth 2.0 access control for HTTP APIs in one program.
//
//	postern token client-credentials --issuer https://login.example.com …
//
// The exit code says how it went: 0 done, 1 failed or refused, 2 wrong usage, 3 could not decide because
// something did not answer, 130 interrupted.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/postern-auth/postern/internal/environ"
	_ "github.com/postern-auth/postern/jwt/fastrsa"
	"github.com/spf13/cobra"
)

func main() {
	os.Exit(run(&env{
		args:   os.Args[1:],
		stdin:  os.Stdin,
		stdout: os.Stdout,
		stderr: os.Stderr,
		lookup: os.LookupEnv,
	}))
}

// env is all that a command may see of the process it runs in.
type env struct {
	args           []string
	stdin          io.Reader
	stdout, stderr io.Writer
	lookup         func(string) (string, bool) // os.LookupEnv
	envFile        string                      // --env-file
	secret         string                      // what a client proves itself by; never to be shown
}

// environ returns the environment with the .env file below it. The error is one of usage.
func (e *env) environ() (func(string) string, error) {
	getenv, err := environ.Read(e.envFile, e.lookup)
	if err != nil {
		return nil, usage("%w", err)
	}
	return getenv, nil
}

// newRootCommand lists the commands, one a line.
func newRootCommand(e *env) *cobra.Command {
	root := group("postern", "OAuth 2.0 access control for HTTP APIs",
		newDevCommand(e),
		newServeCommand(e),
		newApplyCommand(e),
		newExportCommand(e),
		newMigrateCommand(e),
		newAdminCommand(e),
		newEventsCommand(e),
		newKeysCommand(e),
		newAPICommand(e),
		newTokenCommand(e),
		newTokensCommand(e),
	)
	root.Version = version()
	root.AddCommand(newVersionCommand(e))
	root.SetHelpCommand(newHelpCommand())
	root.RunE = func(c *cobra.Command, _ []string) error { return c.Help() } // what is asked by no command at all
	root.SilenceErrors, root.SilenceUsage = true, true
	root.PersistentFlags().StringVar(&e.envFile, "env-file", "", "read variables that the environment does not set from this `file` (default .env, if it exists)")
	root.SetFlagErrorFunc(flagError)
	root.SetIn(e.stdin)
	root.SetOut(e.stdout)
	root.SetErr(e.stderr)
	root.SetArgs(e.args)
	return root
}

// group returns a command that only holds others.
func group(name, short string, commands ...*cobra.Command) *cobra.Command {
	c := &cobra.Command{
		Use:   name,
		Short: short,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) > 0 {
				return noCommand(c, args[0])
			}
			return nil
		},
		RunE: func(c *cobra.Command, _ []string) error {
			return usage("%s needs a command: %s", c.CommandPath(), strings.Join(commandNames(c), ", "))
		},
	}
	c.AddCommand(commands...)
	return c
}

// run runs the command that the arguments name and returns the exit code.
func run(e *env) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// A second signal ends a program that does not heed the first.
	context.AfterFunc(ctx, stop)
	command, err := newRootCommand(e).ExecuteContextC(ctx)
	if err == nil {
		return 0
	}
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		fmt.Fprintln(e.stderr, "postern: interrupted")
		return 130
	}
	fmt.Fprintf(e.stderr, "postern: %s\n", inFlags(err.Error()))
	for _, line := range e.hints(err) {
		fmt.Fprintln(e.stderr, line)
	}
	var exit *exitError
	if !errors.As(err, &exit) {
		return 1
	}
	if exit.code == 2 {
		fmt.Fprintf(e.stderr, "Run '%s --help' for usage.\n", command.CommandPath())
	}
	return exit.code
}

// exitError is an error that decides the exit code. A command's other errors exit with 1.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string { return e.err.Error() }
func (e *exitError) Unwrap() error { return e.err }

// usage says that the command was called wrongly: exit code 2.
func usage(format string, args ...any) error { return &exitError{2, fmt.Errorf(format, args...)} }

// undecided says that something did not answer, so that nothing is known: exit code 3.
func undecided(err error) error { return &exitError{3, err} }

// positional makes a check of the positional arguments an error of usage.
func positional(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if err := check(c, args); err != nil {
			return usage("%w", err)
		}
		return nil
	}
}

// version returns the version that the program was built from.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "unknown"
	}
	return info.Main.Version
}

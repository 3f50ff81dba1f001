// Command bench compares what it costs to verify an access token with Postern and with other Go
// libraries: the same tokens, the same keys, the same process, in CPU time.
//
//	go run .               # the table
//	go run . -check        # what each candidate says of good and bad tokens
//	go run . -check-gates  # exit status 1 when Postern has become slower than it promises
//	go run . -group server # the groups whose name holds the word
package main

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"

	"golang.org/x/term"
)

func main() {
	if err := run(os.Args[1:], os.Stdout, os.Stderr); err != nil {
		if !errors.Is(err, flag.ErrHelp) {
			fmt.Fprintln(os.Stderr, err)
		}
		os.Exit(1)
	}
}

func run(args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(stderr)
	rounds := flags.Int("rounds", 41, "how often every subject has its turn of 4 ms")
	asJSON := flags.Bool("json", false, "write JSON instead of tables")
	check := flags.Bool("check", false, "show what each candidate says of good and bad tokens, and measure nothing")
	word := flags.String("group", "", "measure only the groups whose name holds this")
	gates := flags.Bool("check-gates", false, "fail when a measured ratio or a number of allocations is beyond its gate")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 || *rounds < 1 {
		return fmt.Errorf("bench: got %q and %d rounds, expected flags only and at least one round", flags.Args(), *rounds)
	}
	i, err := newIssuer()
	if err != nil {
		return err
	}
	if *check {
		return checkCandidates(stdout, i)
	}
	// Whoever answers wrongly is not compared: it may be fast because it does less.
	if err := checkCandidates(io.Discard, i); err != nil {
		return err
	}
	all, err := groups(i)
	if err != nil {
		return err
	}
	all = slices.DeleteFunc(all, func(g group) bool { return !strings.Contains(g.name, *word) })
	if len(all) == 0 {
		return fmt.Errorf("bench: no group has %q in its name", *word)
	}
	steady()
	r := newReport(i, *rounds)
	progress := progressOn(stderr)
	for _, g := range all {
		r.Groups = append(r.Groups, measureGroup(g, *rounds, progress))
	}
	var failed error
	if *gates {
		failed = r.checkGates(all, *rounds, progress)
	}
	progress("", 0, 0)
	if *asJSON {
		return cmp.Or(r.writeJSON(stdout), failed)
	}
	return cmp.Or(r.writeTables(stdout), failed)
}

// steady takes away what differs from run to run. A second core only adds the time that it spins while it
// waits for work, and in the heap of a benchmark, which is smaller than any server's, the collector would
// run every few milliseconds, in whose slice chance decides.
func steady() {
	runtime.GOMAXPROCS(1)
	debug.SetGCPercent(400)
}

// progressFunc is told what is being measured and how far that is; an empty name ends it.
type progressFunc func(name string, done, of int)

// progressOn returns a progressFunc that keeps one line of a terminal, and is silent elsewhere.
func progressOn(w io.Writer) progressFunc {
	file, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(file.Fd())) {
		return func(string, int, int) {}
	}
	return func(name string, done, of int) {
		const home = "\r\x1b[K"
		if name == "" {
			fmt.Fprint(w, home)
			return
		}
		fmt.Fprintf(w, home+"%s: round %d of %d", name, done+1, of)
	}
}

func measureGroup(g group, rounds int, progress progressFunc) measured {
	rows := measure(g.subjects, rounds, func(done, of int) { progress(g.name, done, of) })
	return measured{g.name, g.base, rows}
}

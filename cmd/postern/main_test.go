package main

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain lets scripts run "postern" as a process of its own.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"postern": main})
}

// runScripts runs the scripts in testdata/script whose file names match the pattern. Each runs in an
// empty folder with an empty home; setup, which may be nil, adds to its environment.
func runScripts(t *testing.T, pattern string, setup func(*testscript.Env) error) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", "script", pattern))
	if err != nil || len(files) == 0 {
		t.Fatalf("no script matches %s (%v)", pattern, err)
	}
	testscript.Run(t, testscript.Params{
		Files: files,
		Setup: func(e *testscript.Env) error {
			e.Setenv("HOME", e.WorkDir)
			if setup == nil {
				return nil
			}
			return setup(e)
		},
		Cmds:          map[string]func(*testscript.TestScript, bool, []string){"exitcode": exitCode},
		UpdateScripts: os.Getenv("UPDATE_SCRIPTS") != "",
	})
}

// exitCode is the script command "exitcode N program args…": the program must end with exactly N. What it
// wrote can be looked at as after exec.
func exitCode(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exitcode N program [args…]")
	}
	err := ts.Exec(args[1], args[2:]...)
	got := 0
	if err != nil {
		exit, ok := err.(interface{ ExitCode() int })
		if !ok {
			ts.Fatalf("%s did not run: %v", args[1], err)
		}
		got = exit.ExitCode()
	}
	if want := args[0]; want != strconv.Itoa(got) {
		ts.Fatalf("%s ended with exit code %d, want %s", args[1], got, want)
	}
}

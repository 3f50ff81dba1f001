// Package chromium has tests drive a browser, by the scripts of interop/pages.
//
//	lines := chromium.Run(t, "console.mjs", stdin, address, chromium.Path(t))
//
// Where Chromium, Node.js or what drives the one from the other is not installed the test says so and ends;
// .ci/run installs them and takes no skipped test.
package chromium

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// T is the part of testing.TB that this package needs.
type T interface {
	Helper()
	Context() context.Context
	Cleanup(func())
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
	Skip(args ...any)
}

// Path returns where the browser is. It skips the test when it is missing, or what drives it.
func Path(t T) string {
	t.Helper()
	chromium, noChromium := exec.LookPath("chromium")
	_, noNode := exec.LookPath("node")
	_, noModules := os.Stat(filepath.Join(folder(t), "node_modules", "playwright-core"))
	if noChromium != nil || noNode != nil || noModules != nil {
		t.Skip("not run: no Chromium and what drives it; interop/pages/install installs them")
	}
	return chromium
}

// Run runs a script and returns the lines of JSON that it prints.
func Run(t T, script, stdin string, args ...string) (lines []map[string]any) {
	t.Helper()
	command := command(t, script, args)
	command.Stdin = strings.NewReader(stdin)
	out, err := command.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s%s", script, err, out, command.Stderr)
	}
	for line := range strings.Lines(string(out)) {
		var read map[string]any
		if err := json.Unmarshal([]byte(line), &read); err != nil {
			t.Fatalf("%s: %v: %s", script, err, line)
		}
		lines = append(lines, read)
	}
	return lines
}

// Look runs a script that looks at pages, and fails the test for each fault that it tells, and when it has not looked as
// often as it should.
func Look(t T, script, stdin string, want int, args ...string) {
	t.Helper()
	lines := Run(t, script, stdin, args...)
	for _, line := range lines {
		if line["fault"] != nil {
			t.Errorf("%s: %s", line["page"], line["fault"])
		}
	}
	if len(lines) == 0 || lines[len(lines)-1]["looked"] != float64(want) {
		t.Errorf("%s: %d looks, and another last line than of that: %v", script, want, lines[max(0, len(lines)-1):])
	}
}

// A Talk is a script that answers each line of its standard input with one of its standard output.
type Talk struct {
	script  string
	in      io.WriteCloser
	out     *bufio.Reader
	command *exec.Cmd
}

// Begin starts a script to talk to. It ends with the test.
func Begin(t T, script string, args ...string) *Talk {
	t.Helper()
	k := &Talk{script: script, command: command(t, script, args)}
	var err error
	if k.in, err = k.command.StdinPipe(); err != nil {
		t.Fatalf("%s: %v", script, err)
	}
	out, err := k.command.StdoutPipe()
	if err != nil {
		t.Fatalf("%s: %v", script, err)
	}
	k.out = bufio.NewReader(out)
	if err := k.command.Start(); err != nil {
		t.Fatalf("%s: %v", script, err)
	}
	t.Cleanup(func() {
		k.in.Close() // which ends the script
		k.command.Wait()
	})
	return k
}

// Ask sends a value and reads the answer into another.
func (k *Talk) Ask(t T, question, answer any) {
	t.Helper()
	line, err := json.Marshal(question)
	if err != nil {
		t.Fatalf("%s: %v", k.script, err)
	}
	_, err = fmt.Fprintf(k.in, "%s\n", line)
	if err == nil {
		line, err = k.out.ReadBytes('\n')
	}
	if err == nil {
		err = json.Unmarshal(line, answer)
	}
	if err != nil {
		t.Fatalf("%s: %v after %s\n%s", k.script, err, line, k.command.Stderr)
	}
}

// command is a script in its folder, whose complaints are kept.
func command(t T, script string, args []string) *exec.Cmd {
	t.Helper()
	// What this process has looked at decides whether the go command may take a remembered result.
	scripts, err := filepath.Glob(filepath.Join(folder(t), "*.mjs"))
	if err != nil || len(scripts) == 0 {
		t.Fatalf("%d scripts: %v", len(scripts), err)
	}
	for _, path := range scripts {
		if _, err := os.Stat(path); err != nil {
			t.Fatalf("%v", err)
		}
	}
	c := exec.CommandContext(t.Context(), "node", append([]string{script}, args...)...)
	c.Dir = folder(t)
	c.Stderr = new(strings.Builder)
	return c
}

// folder is interop/pages of the repository that the test is in.
func folder(t T) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatalf("%v", err)
	}
	for {
		pages := filepath.Join(dir, "interop", "pages")
		if _, err := os.Stat(pages); err == nil {
			return pages
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			t.Fatalf("no folder interop/pages above the test's")
		}
		dir = parent
	}
}

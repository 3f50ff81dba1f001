package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	shellBlock = regexp.MustCompile("(?s)```sh\n(.*?)```")
	// wanted is what a guide says of a line: the status of the answer, or that the command fails.
	wanted = regexp.MustCompile(`^(.*?)\s+# (\d{3}|fails)$`)
)

// The commands of the guides, in the order in which they stand there, beside a dev that runs. Each guide begins with
// a dev of its own, for some change what is set up.
func TestCommandsOfTheGuides(t *testing.T) {
	program, err := builtProgram()
	if err != nil {
		t.Fatal(err)
	}
	guides, err := filepath.Glob(filepath.Join("..", "..", "docs", "guides", "*.md"))
	if err != nil || len(guides) < 8 {
		t.Fatalf("%d guides: %v", len(guides), err)
	}
	commands := 0
	for _, guide := range guides {
		text, err := os.ReadFile(guide)
		if err != nil {
			t.Fatal(err)
		}
		blocks := shellBlock.FindAllStringSubmatch(string(text), -1)
		if len(blocks) == 0 {
			continue
		}
		t.Run(filepath.Base(guide), func(t *testing.T) {
			r := startDev(t)
			dir := t.TempDir()
			if err := os.Symlink(r.dir, filepath.Join(dir, ".postern")); err != nil {
				t.Fatal(err)
			}
			// The guides speak of the usual ports.
			here := strings.NewReplacer("http://127.0.0.1:5000", r.urls["zitadel-api"], "http://127.0.0.1:3010", r.urls["auth0-quickstart"],
				"http://127.0.0.1:6060", r.urls["hello-world"], "http://localhost:8080", r.url)
			for _, block := range blocks {
				commands += r.runBlock(dir, program, here.Replace(block[1]))
			}
		})
	}
	if commands < 20 {
		t.Errorf("%d commands", commands)
	}
}

// runBlock runs the lines of a block in one shell, as they are pasted, and returns how many there were.
func (r *running) runBlock(dir, program, block string) int {
	r.t.Helper()
	var script strings.Builder
	lines := strings.Split(strings.TrimSpace(block), "\n")
	for _, line := range lines {
		said := wanted.FindStringSubmatch(line)
		switch {
		case said == nil:
			fmt.Fprintf(&script, "%s || echo %s: $?\n", line, quoted(line))
		case said[2] == "fails":
			fmt.Fprintf(&script, "%s && echo %s: does not fail\n", said[1], quoted(line))
		default:
			fmt.Fprintf(&script, "got=$(%s -s -o /dev/null -w '%%{http_code}'); [ \"$got\" = %s ] || echo %s: $got\n", said[1], said[2], quoted(line))
		}
	}
	command := exec.CommandContext(r.t.Context(), "sh", "-c", script.String())
	command.Dir = dir
	command.Env = append(os.Environ(), "PATH="+filepath.Dir(program)+":"+os.Getenv("PATH"))
	var out, complaints bytes.Buffer
	command.Stdout, command.Stderr = &out, &complaints
	command.Run() // each line tells of itself
	for line := range strings.Lines(out.String()) {
		for _, asked := range lines {
			if strings.HasPrefix(line, asked+": ") {
				r.t.Errorf("%s%s", line, &complaints)
				break
			}
		}
	}
	return len(lines)
}

// quoted is a text as one word of a shell.
func quoted(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }

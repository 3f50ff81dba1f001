package main

import (
	"fmt"
	"os"

	"golang.org/x/term"
)

// terminal reports whether a stream of the process is a terminal.
func terminal(stream any) bool {
	file, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

// progress tells somebody who waits at a terminal what takes long. Elsewhere it says nothing.
func (e *env) progress(format string, args ...any) {
	if terminal(e.stderr) {
		fmt.Fprintf(e.stderr, "postern: "+format+" …\n", args...)
	}
}

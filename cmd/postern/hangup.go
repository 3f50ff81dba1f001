package main

import (
	"os/signal"
	"syscall"
)

// ignoreHangUp keeps a server running when it is told that its terminal is gone: servers have none.
func ignoreHangUp() { signal.Ignore(syscall.SIGHUP) }

// ignoreHangUpWithoutTerminal does so for a program that runs in a terminal and ends with it.
func (e *env) ignoreHangUpWithoutTerminal() {
	if !terminal(e.stdout) && !terminal(e.stderr) {
		ignoreHangUp()
	}
}

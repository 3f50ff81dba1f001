package main

import "testing"

func TestApply(t *testing.T) { runScripts(t, "apply*.txtar", nil) }
func TestServe(t *testing.T) { runScripts(t, "serve*.txtar", nil) }

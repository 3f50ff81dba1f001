package main

import "testing"

func TestApply(t *testing.T)   { runScripts(t, "apply*.txtar", nil) }
func TestEvents(t *testing.T)  { runScripts(t, "events*.txtar", nil) }
func TestExport(t *testing.T)  { runScripts(t, "export*.txtar", nil) }
func TestKeys(t *testing.T)    { runScripts(t, "keys*.txtar", nil) }
func TestMigrate(t *testing.T) { runScripts(t, "migrate*.txtar", nil) }
func TestServe(t *testing.T)   { runScripts(t, "serve*.txtar", nil) }
func TestTokens(t *testing.T)  { runScripts(t, "tokens*.txtar", nil) }

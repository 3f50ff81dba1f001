//go:build long

package main

import "testing"

func TestLongLoginsLoseNothingWhenKilled(t *testing.T) { killLogins(t, 20, 250) }

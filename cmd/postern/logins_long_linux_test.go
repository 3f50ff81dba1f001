//go:build long

package main

import "testing"

func TestLongLoginsLoseNothingWhenKilled(t *testing.T) { killLogins(t, 20, 250) }

func TestLongManyLoginsAtOnceSlowNobodyElseDown(t *testing.T) {
	mebibytes, before, meanwhile := manyLogins(t, 30)
	if mebibytes<<20 > 96e6 {
		t.Errorf("the server has taken %d MiB, want at most 96 MB", mebibytes)
	}
	if meanwhile > 2*before {
		t.Errorf("p99 of other requests is %s meanwhile and %s before, want at most twice as long", meanwhile, before)
	}
}

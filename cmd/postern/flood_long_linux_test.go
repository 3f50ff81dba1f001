//go:build long

package main

import "testing"

func TestLongFindingS1_StalledBodiesCostLittleAndSlowNobodyDown(t *testing.T) {
	before, meanwhile, after := flood(t, 40, 10000)
	if meanwhile > 2*before {
		t.Errorf("p99 of honest requests is %s meanwhile and %s before, want at most twice as long", meanwhile, before)
	}
	if after > 2*before {
		t.Errorf("p99 of honest requests is %s afterwards and %s before, want at most twice as long", after, before)
	}
}

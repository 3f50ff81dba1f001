//go:build race

package introspection_test

// racy says that the race detector is on, under which allocations cannot be counted.
const racy = true

//go:build race

package jwt_test

// racy says that the race detector is on: it makes pools forget, so allocations cannot be counted.
const racy = true

//go:build !race

package introspection_test

const racy = false

//go:build race

package jws_test

// racy is what the race detector adds to allocations: it empties pools at random.
const racy = 6

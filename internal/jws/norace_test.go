//go:build !race

package jws_test

const racy = 0

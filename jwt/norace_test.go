//go:build !race

package jwt_test

const racy = false

// Package environ reads a program's variables from its environment and, for those that are not set there,
// from a .env file.
//
//	getenv, err := environ.Read("", os.LookupEnv)
//	if err != nil {
//		return err // names the file and the line
//	}
//	issuer := getenv("ZITADEL_DOMAIN")
//
// The process environment always wins, also with a variable that is set to nothing. In the file, a value
// in single quotes is taken as it stands; elsewhere $NAME stands for an earlier line's value.
package environ

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/joho/godotenv"
)

// DefaultFile is the file that Read looks for when it is told no other.
const DefaultFile = ".env"

// maxFile bounds a file of variables; honest ones take a page.
const maxFile = 64 << 10

// Read returns a function like os.Getenv that answers from lookup, which is os.LookupEnv but in tests, and
// after it from the file at path. An empty path means DefaultFile, which need not exist; any other file
// must. Errors name the file and the line and never what is in it, for that may be a secret.
//
// The file is read once. The function is safe for concurrent use when lookup is.
func Read(path string, lookup func(string) (string, bool)) (func(string) string, error) {
	name := path
	if name == "" {
		name = DefaultFile
	}
	values, err := readFile(name)
	if path == "" && errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	if err != nil {
		return nil, fmt.Errorf("environ: %w", err)
	}
	return func(name string) string {
		if value, found := lookup(name); found {
			return value
		}
		return values[name]
	}, nil
}

func readFile(name string) (map[string]string, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxFile {
		return nil, fmt.Errorf("%s is longer than %d bytes", name, maxFile)
	}
	text = bytes.TrimPrefix(text, []byte("\uFEFF")) // some editors begin a file with a byte order mark
	values, ok := parse(text)
	if !ok {
		return nil, fmt.Errorf("%s:%d: want NAME=value, with both quotes where there is one", name, badLine(text))
	}
	return values, nil
}

// parse drops the parser's own error, which quotes the rest of the file with the secrets in it.
func parse(text []byte) (values map[string]string, ok bool) {
	values, err := godotenv.UnmarshalBytes(text)
	if err != nil {
		return nil, false
	}
	for name := range values {
		if !isName(name) {
			return nil, false
		}
	}
	return values, true
}

// isName is needed because the parser takes a word without "=" as a value without name, and spaces as
// part of a name.
func isName(name string) bool {
	for i, c := range []byte(name) {
		letter := c == '_' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
		if !letter && (i == 0 || c != '.' && (c < '0' || c > '9')) {
			return false
		}
	}
	return name != ""
}

// badLine returns the number of the first line behind the longest run of lines that can be read. A value
// in quotes may go over many lines, so that a shorter run failing says nothing.
func badLine(text []byte) int {
	lines := bytes.SplitAfter(text, []byte("\n"))
	for n := len(lines) - 1; n > 0; n-- {
		text = text[:len(text)-len(lines[n])]
		if _, ok := parse(text); ok {
			return n + 1
		}
	}
	return 1
}

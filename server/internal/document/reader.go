package document

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
)

const (
	// maxSize bounds a document in bytes.
	maxSize = 1 << 20
	// maxErrors bounds what one bad document makes people read.
	maxErrors = 20
)

// Place is where a value stands in a document, for errors of now and later.
type Place struct {
	file string
	line int
	path string // such as projects[0].name; empty for the document itself
}

// Errorf returns an error that begins with the place.
func (p Place) Errorf(format string, args ...any) error {
	prefix := fmt.Sprintf("%s:%d: ", p.file, p.line)
	if p.path != "" {
		prefix += p.path + ": "
	}
	return fmt.Errorf("%s%w", prefix, fmt.Errorf(format, args...))
}

// value is a node of the document together with its place.
type value struct {
	*yaml.Node
	at Place
}

func (v value) child(node *yaml.Node, step string) value {
	path := v.at.path + step
	return value{node, Place{v.at.file, node.Line, strings.TrimPrefix(path, ".")}}
}

// load parses one YAML document and nothing behind it.
func load(file string, data []byte) (value, error) {
	top := Place{file: file, line: 1}
	if len(data) > maxSize {
		return value{}, top.Errorf("expected at most %d bytes, got %d; split the document", maxSize, len(data))
	}
	if !utf8.Valid(data) {
		top.line += bytes.Count(data[:invalid(data)], []byte("\n"))
		return value{}, top.Errorf("expected UTF-8, got other bytes")
	}
	loader, err := yaml.NewLoader(bytes.NewReader(data))
	if err != nil {
		return value{}, fmt.Errorf("document: yaml: %w", err)
	}
	var document, next yaml.Node
	err = loader.Load(&document)
	if errors.Is(err, io.EOF) {
		return value{}, top.Errorf("expected an object, got an empty document")
	}
	if err != nil {
		return value{}, syntaxError(top, err)
	}
	err = loader.Load(&next)
	if err == nil {
		top.line = next.Line
		return value{}, top.Errorf("expected one document, got a second one")
	}
	if !errors.Is(err, io.EOF) {
		return value{}, syntaxError(top, err)
	}
	root := document.Content[0]
	top.line = root.Line
	return value{root, top}, nil
}

func invalid(data []byte) int {
	for i := 0; ; {
		r, size := utf8.DecodeRune(data[i:])
		if r == utf8.RuneError && size <= 1 {
			return i
		}
		i += size
	}
}

func syntaxError(at Place, err error) error {
	var syntax *yaml.LoadError
	if !errors.As(err, &syntax) {
		return at.Errorf("expected YAML: %.200s", err.Error())
	}
	at.line = max(syntax.Mark.Line, 1)
	if syntax.ContextMsg == "" {
		return at.Errorf("expected YAML: %.200s", syntax.Message)
	}
	return at.Errorf("expected YAML: %.200s, %.200s", syntax.Message, syntax.ContextMsg)
}

// reader turns values into facts and collects everything that is wrong with them, so that one run shows
// all there is to correct.
type reader struct {
	errs    []error
	omitted int
}

func (r *reader) fail(at Place, format string, args ...any) {
	if len(r.errs) == maxErrors {
		r.omitted++
		return
	}
	r.errs = append(r.errs, at.Errorf(format, args...))
}

func (r *reader) err() error {
	if r.omitted > 0 {
		return errors.Join(append(slices.Clone(r.errs), fmt.Errorf("and %d more", r.omitted))...)
	}
	return errors.Join(r.errs...)
}

func (r *reader) wrong(v value, expected string) {
	r.fail(v.at, "expected %s, got %s", expected, describe(v.Node))
}

// describe says what a node is. Aliases are described and never followed: they are the one way in which
// a small document becomes a large one.
func describe(n *yaml.Node) string {
	switch {
	case n.Kind == yaml.AliasNode:
		return "an alias; write the value out"
	case n.Tag == "!!map":
		return "an object"
	case n.Tag == "!!seq":
		return "a list"
	case n.Tag == "!!null":
		return "nothing"
	case n.Tag == "!!bool":
		return n.Value
	case n.Tag == "!!int", n.Tag == "!!float":
		return fmt.Sprintf("the number %.64s; put it in quotes", n.Value)
	case n.Tag == "!!str", n.Tag == "!!timestamp":
		return fmt.Sprintf("%.64q", n.Value)
	}
	return fmt.Sprintf("the tag %.64q", n.Tag)
}

// fields says by name how the members of an object are read.
type fields map[string]func(value)

// object reads an object that has no other members than fields and all the required ones.
func (r *reader) object(v value, f fields, required ...string) {
	seen := make(map[string]bool, len(f))
	for name, member := range r.members(v) {
		seen[name] = true
		if read, ok := f[name]; ok {
			read(member)
			continue
		}
		known := slices.Sorted(maps.Keys(f))
		r.fail(member.at, "unknown field, expected one of %s", strings.Join(known, ", "))
	}
	if v.Kind != yaml.MappingNode {
		return
	}
	for _, name := range required {
		if !seen[name] {
			r.fail(v.child(v.Node, "."+name).at, "required, but not there")
		}
	}
}

// members yields the members of an object in their order. Each value's place is its name's.
func (r *reader) members(v value) iter.Seq2[string, value] {
	return func(yield func(string, value) bool) {
		if v.Kind != yaml.MappingNode || v.Tag != "!!map" {
			r.wrong(v, "an object")
			return
		}
		lines := make(map[string]int, len(v.Content)/2)
		for pair := range slices.Chunk(v.Content, 2) {
			key := pair[0]
			if key.Kind != yaml.ScalarNode || key.Tag != "!!str" {
				r.wrong(value{key, Place{v.at.file, key.Line, v.at.path}}, "a name")
				continue
			}
			member := v.child(pair[1], step(key.Value))
			member.at.line = key.Line
			if line, twice := lines[key.Value]; twice {
				r.fail(member.at, "given twice, first in line %d", line)
				continue
			}
			lines[key.Value] = key.Line
			if !yield(key.Value, member) {
				return
			}
		}
	}
}

// step is a name as a part of a path.
func step(name string) string {
	plain := func(c rune) bool {
		return c == '_' || c == '-' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
	}
	if name != "" && len(name) <= 64 && strings.IndexFunc(name, func(c rune) bool { return !plain(c) }) < 0 {
		return "." + name
	}
	return fmt.Sprintf("[%.64q]", name)
}

// list calls each for every element of a list.
func (r *reader) list(each func(value)) func(value) {
	return func(v value) {
		if v.Kind != yaml.SequenceNode || v.Tag != "!!seq" {
			r.wrong(v, "a list")
			return
		}
		for i, node := range v.Content {
			each(v.child(node, fmt.Sprintf("[%d]", i)))
		}
	}
}

// text reads a string that passes the check.
func (r *reader) text(into *string, check func(string) error) func(value) {
	return func(v value) {
		if v.Kind != yaml.ScalarNode || v.Tag != "!!str" {
			r.wrong(v, "text")
			return
		}
		if err := check(v.Value); err != nil {
			r.fail(v.at, "%w", err)
			return
		}
		*into = v.Value
	}
}

// word reads text together with its place.
func (r *reader) word(into *Word, check func(string) error) func(value) {
	return func(v value) {
		into.At = v.at
		r.text(&into.Text, check)(v)
	}
}

// words reads a list of texts, each of which is there once.
func (r *reader) words(into *[]Word, what string, check func(string) error) func(value) {
	return func(v value) {
		given := names{}
		*into = nil
		r.list(func(v value) {
			var w Word
			r.word(&w, check)(v)
			given.add(r, w, what)
			*into = append(*into, w)
		})(v)
	}
}

// given reads text into a place of its own, so that it can be told from what is absent.
func (r *reader) given(into **string, check func(string) error) func(value) {
	return func(v value) {
		*into = new(string)
		r.text(*into, check)(v)
	}
}

// flag reads a bool.
func (r *reader) flag(into *bool) func(value) {
	return func(v value) {
		if v.Kind != yaml.ScalarNode || v.Tag != "!!bool" {
			r.wrong(v, "true or false")
			return
		}
		*into = strings.EqualFold(v.Value, "true")
	}
}

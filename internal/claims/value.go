package claims

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Kind is the JSON type of a Value.
type Kind uint8

// The kinds of RFC 8259 §3; true and false are two kinds, as in the grammar.
const (
	None Kind = iota // the zero Value: no value at all
	String
	Number
	Obj
	Array
	True
	False
	Null
)

// Value is one JSON value within a checked Object. The zero Value has kind None.
type Value struct {
	kind    Kind
	escaped bool
	raw     string // of a string: what is between the quotes
}

// Kind returns the type of the value.
func (v Value) Kind() Kind { return v.kind }

// JSON returns the value as JSON text.
func (v Value) JSON() string {
	if v.kind == String {
		return `"` + v.raw + `"`
	}
	return v.raw
}

// Text returns the characters of a string, and false for any other kind.
func (v Value) Text() (string, bool) {
	switch {
	case v.kind != String:
		return "", false
	case v.escaped:
		return unescape(v.raw), true
	}
	return v.raw, true
}

// Bool returns the value of true or false, and false as ok for any other kind.
func (v Value) Bool() (value, ok bool) {
	return v.kind == True, v.kind == True || v.kind == False
}

// Object parses an object. The error says when the value is not one.
func (v Value) Object() (*Object, error) {
	if v.kind != Obj {
		return nil, errors.New("claims: want an object")
	}
	o := new(Object)
	if err := o.Parse(v.raw); err != nil {
		return nil, err
	}
	return o, nil
}

// Texts appends the strings of an array to list, or the one string that stands for an array of one
// (RFC 7519 §4.1.3). Any other kind, and an array with any other element, is an error.
func (v Value) Texts(list []string) ([]string, error) {
	if text, ok := v.Text(); ok {
		return append(list, text), nil
	}
	if v.kind != Array {
		return nil, errors.New("claims: want a string or an array of strings")
	}
	if strings.IndexByte(v.raw, '\\') < 0 {
		return split(v.raw, list)
	}
	bad := false
	s := scanner{text: v.raw}
	err := s.array(func(e Value) {
		text, ok := e.Text()
		if !ok {
			bad = true
			return
		}
		list = append(list, text)
	})
	if err != nil {
		return nil, err
	}
	if bad {
		return nil, errNotTexts
	}
	return list, nil
}

var errNotTexts = errors.New("claims: want an array of strings only")

// split appends the strings of an array that has been checked and holds no escape: so each of them ends at
// the next quote, and what is between them is a comma and white space.
func split(array string, list []string) ([]string, error) {
	s := scanner{text: array, pos: 1}
	for s.space(); s.peek() != ']'; s.space() {
		if s.peek() != '"' {
			return nil, errNotTexts
		}
		start := s.pos + 1
		end := start + strings.IndexByte(array[start:], '"')
		list = append(list, array[start:end])
		s.pos = end + 1
		if s.space(); s.peek() == ',' {
			s.pos++
		}
	}
	return list, nil
}

// Elements calls visit for each element of an array. The error says when the value is not one.
func (v Value) Elements(visit func(Value)) error {
	if v.kind != Array {
		return errors.New("claims: want an array")
	}
	s := scanner{text: v.raw}
	return s.array(visit)
}

// maxDate is the last second of the year 9999, beyond which times stop being comparable everywhere.
const maxDate = 253402300799

// Time returns a NumericDate (RFC 7519 §2): seconds since 1970 in UTC, a fraction allowed. The error
// says when the value is not a number or lies outside the years 1970 to 9999; -0 is refused with the other
// negative numbers.
func (v Value) Time() (time.Time, error) {
	if v.kind != Number {
		return time.Time{}, errors.New("claims: want a number of seconds")
	}
	// Nearly every date is a whole number.
	if n, err := strconv.ParseUint(v.raw, 10, 64); err == nil && n <= maxDate {
		return time.Unix(int64(n), 0).UTC(), nil
	}
	f, err := strconv.ParseFloat(v.raw, 64)
	if err != nil || math.Signbit(f) || f > maxDate {
		return time.Time{}, dateError(v.raw)
	}
	sec, frac := math.Modf(f)
	return time.Unix(int64(sec), int64(frac*1e9)).UTC(), nil
}

type dateError string

func (raw dateError) Error() string {
	return fmt.Sprintf("claims: time %.64q is outside 1970 to 9999", string(raw))
}

// Check reports whether text is one JSON value, of any kind, by the rules of this package.
func Check(text string) error {
	_, err := ParseValue(text)
	return err
}

// ParseValue returns the value that text is, of any kind, after checking it by the rules of this package.
func ParseValue(text string) (Value, error) {
	if !utf8.ValidString(text) {
		return Value{}, errNotUTF8
	}
	s := scanner{text: text}
	s.space()
	v, err := s.value()
	if err == nil {
		err = s.end()
	}
	if err != nil {
		return Value{}, err
	}
	return v, nil
}

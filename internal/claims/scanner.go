package claims

import (
	"fmt"
	"math/bits"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

var (
	tooDeep = "nested deeper than " + strconv.Itoa(maxDepth)
	tooMany = "more members in one object than " + strconv.Itoa(maxMembers)
)

// scanner walks JSON text that is known to be UTF-8. Its methods leave pos behind what they read.
type scanner struct {
	text  string
	pos   int
	depth int
}

// syntaxError is put into words only when somebody reads it: most refusals of hostile text are never
// logged.
type syntaxError struct {
	pos    int
	reason string
	name   string // quoted behind the reason when named
	named  bool
}

func (e *syntaxError) Error() string {
	if e.named {
		return fmt.Sprintf("claims: byte %d: %s %.64q", e.pos, e.reason, e.name)
	}
	return fmt.Sprintf("claims: byte %d: %s", e.pos, e.reason)
}

func (s *scanner) fail(reason string) error {
	return &syntaxError{pos: s.pos, reason: reason}
}

// peek returns the byte at pos, or 0 at the end. No JSON token begins with 0, so the two never mix.
func (s *scanner) peek() byte {
	if s.pos < len(s.text) {
		return s.text[s.pos]
	}
	return 0
}

func (s *scanner) space() {
	for s.pos < len(s.text) {
		switch s.text[s.pos] {
		case ' ', '\t', '\n', '\r':
			s.pos++
		default:
			return
		}
	}
}

// end reports anything but white space behind the value.
func (s *scanner) end() error {
	s.space()
	if s.pos < len(s.text) {
		return s.fail("text behind the value")
	}
	return nil
}

// object reads an object and adds each member to o, which may be nil.
func (s *scanner) object(o *Object) error {
	if s.depth++; s.depth > maxDepth {
		return s.fail(tooDeep)
	}
	defer func() { s.depth-- }()
	s.pos++ // {
	s.space()
	if s.peek() == '}' {
		s.pos++
		return nil
	}
	var seen names
	for {
		name, err := s.name()
		if err != nil {
			return err
		}
		if !seen.add(name) {
			return &syntaxError{pos: s.pos, reason: "a second member named", name: name, named: true}
		}
		if seen.n > maxMembers {
			return s.fail(tooMany)
		}
		v, err := s.value()
		if err != nil {
			return err
		}
		if o != nil {
			o.add(name, v)
			o.prints = seen.prints
		}
		if more, err := s.next('}'); err != nil || !more {
			return err
		}
		s.space()
	}
}

// name reads a member's name and the colon behind it.
func (s *scanner) name() (string, error) {
	if s.peek() != '"' {
		return "", s.fail("want a name in quotes")
	}
	v, err := s.str()
	if err != nil {
		return "", err
	}
	name, _ := v.Text()
	if strings.IndexByte(name, 0) >= 0 {
		return "", s.fail("NUL in a name")
	}
	s.space()
	if s.peek() != ':' {
		return "", s.fail("want a colon behind the name")
	}
	s.pos++
	s.space()
	return name, nil
}

// next reads what follows an element: a comma (true) or the closing byte (false).
func (s *scanner) next(closing byte) (bool, error) {
	s.space()
	switch s.peek() {
	case ',':
		s.pos++
		return true, nil
	case closing:
		s.pos++
		return false, nil
	}
	return false, s.fail("want a comma or the closing bracket")
}

func (s *scanner) array(visit func(Value)) error {
	if s.depth++; s.depth > maxDepth {
		return s.fail(tooDeep)
	}
	defer func() { s.depth-- }()
	s.pos++ // [
	s.space()
	if s.peek() == ']' {
		s.pos++
		return nil
	}
	for {
		v, err := s.value()
		if err != nil {
			return err
		}
		if visit != nil {
			visit(v)
		}
		if more, err := s.next(']'); err != nil || !more {
			return err
		}
		s.space()
	}
}

func (s *scanner) value() (Value, error) {
	start := s.pos
	switch c := s.peek(); c {
	case '"':
		return s.str()
	case '{':
		err := s.object(nil)
		return Value{kind: Obj, raw: s.text[start:s.pos]}, err
	case '[':
		err := s.array(nil)
		return Value{kind: Array, raw: s.text[start:s.pos]}, err
	case 't':
		return s.literal("true", True)
	case 'f':
		return s.literal("false", False)
	case 'n':
		return s.literal("null", Null)
	default:
		return s.number()
	}
}

func (s *scanner) literal(word string, k Kind) (Value, error) {
	if !strings.HasPrefix(s.text[s.pos:], word) {
		return Value{}, s.fail("want a value")
	}
	s.pos += len(word)
	return Value{kind: k, raw: word}, nil
}

// number reads the grammar of RFC 8259 §6 and leaves the arithmetic to whoever wants the number.
func (s *scanner) number() (Value, error) {
	start := s.pos
	if s.peek() == '-' {
		s.pos++
	}
	switch c := s.peek(); {
	case c == '0':
		s.pos++
	case c >= '1' && c <= '9':
		s.digits()
	default:
		return Value{}, s.fail("want a value")
	}
	if s.peek() == '.' {
		s.pos++
		if !s.digits() {
			return Value{}, s.fail("want a digit behind the point")
		}
	}
	if c := s.peek(); c == 'e' || c == 'E' {
		s.pos++
		if c := s.peek(); c == '+' || c == '-' {
			s.pos++
		}
		if !s.digits() {
			return Value{}, s.fail("want a digit in the exponent")
		}
	}
	return Value{kind: Number, raw: s.text[start:s.pos]}, nil
}

func (s *scanner) digits() bool {
	start := s.pos
	for c := s.peek(); c >= '0' && c <= '9'; c = s.peek() {
		s.pos++
	}
	return s.pos > start
}

// str reads a string. Its Value holds what is between the quotes.
func (s *scanner) str() (Value, error) {
	s.pos++ // opening quote
	start, escaped := s.pos, false
	for {
		s.plain()
		switch c := s.peek(); {
		case c == '"':
			v := Value{kind: String, raw: s.text[start:s.pos], escaped: escaped}
			s.pos++
			return v, nil
		case c == '\\':
			escaped = true
			if err := s.escape(); err != nil {
				return Value{}, err
			}
		case s.pos == len(s.text):
			return Value{}, s.fail("string without end")
		default:
			return Value{}, s.fail("control character in a string")
		}
	}
}

// plain reads what stands for itself in a string. It is where the time goes, so it looks at eight bytes at
// once; a table says of the last few what three comparisons would.
func (s *scanner) plain() {
	text, i := s.text, s.pos
	for ; len(text)-i >= 8; i += 8 {
		if found := specials(word(text[i:])); found != 0 {
			s.pos = i + bits.TrailingZeros64(found)/8
			return
		}
	}
	for i < len(text) && !special[text[i]] {
		i++
	}
	s.pos = i
}

// word returns eight bytes of text, the first of them lowest.
func word(text string) uint64 {
	_ = text[7]
	return uint64(text[0]) | uint64(text[1])<<8 | uint64(text[2])<<16 | uint64(text[3])<<24 |
		uint64(text[4])<<32 | uint64(text[5])<<40 | uint64(text[6])<<48 | uint64(text[7])<<56
}

// specials returns a word whose lowest bit is the highest of the first byte of w that is special, or zero
// when none is.
func specials(w uint64) uint64 {
	const each, high = 0x0101010101010101, 0x8080808080808080
	// What is taken away borrows into the highest bit of a byte that is too small for it, and further up:
	// below the first such byte all is exact. Bytes that have their highest bit anyway are not ASCII.
	return ((w ^ '"'*each - each) | (w ^ '\\'*each - each) | (w - ' '*each)) &^ w & high
}

// special are the bytes that do not stand for themselves in a string.
var special = func() (table [256]bool) {
	for c := range 0x20 {
		table[c] = true
	}
	table['"'], table['\\'] = true, true
	return table
}()

// escape reads one escape sequence. A surrogate must come as a pair: half of one is not a character, and
// decoders that disagree about it disagree about names.
func (s *scanner) escape() error {
	if s.pos+1 >= len(s.text) {
		return s.fail("escape without end")
	}
	switch s.text[s.pos+1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		s.pos += 2
		return nil
	case 'u':
		_, size, ok := unescapeRune(s.text[s.pos:])
		if !ok {
			return s.fail("bad \\u escape")
		}
		s.pos += size
		return nil
	}
	return s.fail("unknown escape")
}

// unescapeRune decodes the \u escape, or the pair of them, that text begins with.
func unescapeRune(text string) (r rune, size int, ok bool) {
	r, ok = hex4(text)
	if !ok {
		return 0, 0, false
	}
	if !utf16.IsSurrogate(r) {
		return r, 6, true
	}
	low, ok := hex4(text[6:])
	if !ok {
		return 0, 0, false
	}
	r = utf16.DecodeRune(r, low)
	return r, 12, r != utf8.RuneError
}

func hex4(text string) (rune, bool) {
	if len(text) < 6 || text[0] != '\\' || text[1] != 'u' {
		return 0, false
	}
	n, err := strconv.ParseUint(text[2:6], 16, 32)
	return rune(n), err == nil
}

// unescape returns the characters that a checked string stands for.
func unescape(raw string) string {
	var b strings.Builder
	b.Grow(len(raw))
	for i := 0; i < len(raw); {
		if raw[i] != '\\' {
			b.WriteByte(raw[i])
			i++
			continue
		}
		switch c := raw[i+1]; c {
		case 'u':
			r, size, _ := unescapeRune(raw[i:])
			b.WriteRune(r)
			i += size
			continue
		case 'b':
			b.WriteByte('\b')
		case 'f':
			b.WriteByte('\f')
		case 'n':
			b.WriteByte('\n')
		case 'r':
			b.WriteByte('\r')
		case 't':
			b.WriteByte('\t')
		default:
			b.WriteByte(c)
		}
		i += 2
	}
	return b.String()
}

// names finds a name that an object has twice: by comparison while they are few, by a set when many.
type names struct {
	few    [inlineMembers]string
	n      int
	prints uint64 // a bit for the fingerprint of each name
	many   map[string]struct{}
}

// add reports whether the name is new.
func (ns *names) add(name string) bool {
	bit := uint64(1) << fingerprint(name)
	alike := ns.prints&bit != 0
	ns.prints |= bit
	if ns.n < len(ns.few) {
		if alike && slices.Contains(ns.few[:ns.n], name) {
			return false
		}
		ns.few[ns.n] = name
		ns.n++
		return true
	}
	if ns.many == nil {
		ns.many = make(map[string]struct{}, 2*len(ns.few))
		for _, other := range ns.few {
			ns.many[other] = struct{}{}
		}
	}
	ns.many[name] = struct{}{}
	ns.n++
	return len(ns.many) == ns.n
}

// fingerprint returns a number below 64 that most different names do not share.
func fingerprint(name string) uint {
	if name == "" {
		return 0
	}
	return (uint(len(name)) + 5*uint(name[0]) + 11*uint(name[len(name)-1])) % 64
}

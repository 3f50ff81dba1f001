package claims

// Members calls visit for each member of the object that text is, and looks no deeper: what a value holds,
// and whether it is JSON at all, is for its reader to decide (ParseValue, Object.Parse). So one member that
// cannot be read costs nobody the others, which is right for documents of which each reader needs a part,
// such as key sets and metadata; claims sets are Objects. A name that comes twice is visited twice.
func Members(text string, visit func(name, value string)) error {
	s := scanner{text: text}
	s.space()
	if s.peek() != '{' {
		return s.fail("want an object")
	}
	return s.outline('}', func() error {
		name, err := s.label()
		if err != nil {
			return err
		}
		value, err := s.extent()
		if err == nil {
			visit(name, value)
		}
		return err
	})
}

// Elements calls visit for each element of the array that text is. It looks as deep as Members.
func Elements(text string, visit func(element string)) error {
	s := scanner{text: text}
	s.space()
	if s.peek() != '[' {
		return s.fail("want an array")
	}
	return s.outline(']', func() error {
		element, err := s.extent()
		if err == nil {
			visit(element)
		}
		return err
	})
}

// outline reads an object or array that is the whole text, each item by the function.
func (s *scanner) outline(closing byte, item func() error) error {
	s.pos++ // the opening bracket
	s.space()
	if s.peek() == closing {
		s.pos++
		return s.end()
	}
	for {
		if err := item(); err != nil {
			return err
		}
		more, err := s.next(closing)
		if err != nil {
			return err
		}
		if !more {
			return s.end()
		}
		s.space()
	}
}

// label reads a member's name and the colon behind it. A name that cannot be read is empty, and
// nobody looks for an empty name.
func (s *scanner) label() (string, error) {
	if s.peek() != '"' {
		return "", s.fail("want a name in quotes")
	}
	start := s.pos
	if err := s.quoted(); err != nil {
		return "", err
	}
	v, _ := ParseValue(s.text[start:s.pos])
	name, _ := v.Text()
	s.space()
	if s.peek() != ':' {
		return "", s.fail("want a colon behind the name")
	}
	s.pos++
	s.space()
	return name, nil
}

// extent passes over one value and returns its text: up to the bracket that closes it, the quote that ends
// it, or what cannot be part of a number or a word. It goes no deeper into the stack for deeper input.
func (s *scanner) extent() (string, error) {
	start, depth := s.pos, 0
	for s.pos < len(s.text) {
		switch c := s.peek(); c {
		case '"':
			if err := s.quoted(); err != nil {
				return "", err
			}
		case '{', '[':
			s.pos++
			depth++
			continue
		case '}', ']':
			if depth == 0 {
				return "", s.fail("want a value")
			}
			s.pos++
			depth--
		case ',', ':', ' ', '\t', '\n', '\r':
			if depth == 0 {
				return "", s.fail("want a value")
			}
			s.pos++
			continue
		default:
			s.word()
		}
		if depth == 0 {
			return s.text[start:s.pos], nil
		}
	}
	return "", s.fail("value without end")
}

// quoted passes over a string, whatever its characters.
func (s *scanner) quoted() error {
	for s.pos++; s.pos < len(s.text); s.pos++ {
		switch s.text[s.pos] {
		case '\\':
			s.pos++
		case '"':
			s.pos++
			return nil
		}
	}
	return s.fail("string without end")
}

// word passes over a number, true, false or null, or what stands in their place.
func (s *scanner) word() {
	for s.pos < len(s.text) {
		switch s.text[s.pos] {
		case '"', '{', '}', '[', ']', ',', ':', ' ', '\t', '\n', '\r':
			return
		}
		s.pos++
	}
}

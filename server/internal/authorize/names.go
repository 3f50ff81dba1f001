package authorize

import (
	"iter"
	"slices"
	"strings"
)

// Names are names without spaces, each once, in the order in which they came and with one space between
// two, as OAuth writes lists. So they cannot be changed, and are compared with ==.
type Names string

// NamesOf returns a list as Names. It leaves out what is empty or there already; none may hold a space.
func NamesOf(list ...string) Names {
	var names []string
	for _, name := range list {
		if name != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return Names(strings.Join(names, " "))
}

// All yields the names in their order.
func (n Names) All() iter.Seq[string] { return slices.Values(n.List()) }

// List returns the names in a slice of the caller's own.
func (n Names) List() []string { return strings.Fields(string(n)) }

// Has reports whether the name is one of them.
func (n Names) Has(name string) bool { return slices.Contains(n.List(), name) }

// Without returns the names that are not in other.
func (n Names) Without(other Names) Names {
	taken := other.List()
	return n.only(func(name string) bool { return !slices.Contains(taken, name) })
}

func (n Names) only(keep func(string) bool) Names {
	return NamesOf(slices.DeleteFunc(n.List(), func(name string) bool { return !keep(name) })...)
}

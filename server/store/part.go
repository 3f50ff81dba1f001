package store

// A Window asks for a part of a list that is ordered by a name, and among equal names by id. The zero value asks
// for nothing: Limit says how much.
type Window struct {
	// Search is a part of what the list is searched by, in which the case of ASCII letters does not count.
	// Empty: everything.
	Search string
	// After and Before are where the part begins or ends; the Place itself is not in it. At most one is set.
	After, Before Place
	Limit         int
}

// A Place is that of an object in a list.
type Place struct{ Name, ID string }

// IsZero reports whether it is none.
func (p Place) IsZero() bool { return p == Place{} }

// A Part is what a Window asked for. It is what is there at that moment: pages of a list that changes in between
// neither skip nor repeat what stays.
type Part[T any] struct {
	Rows []T
	// From is how many rows come before, and Total how many there are that the search finds.
	From, Total int
}

package page

import "net/http"

// FirstRunOver is behind the link of the first administrator when it has been used, is too old, or there is an
// administrator.
type FirstRunOver struct{}

func (p FirstRunOver) shape() shape {
	return shape{file: "first_run", layout: "card", status: http.StatusGone}
}

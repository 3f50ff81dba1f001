package page

import "net/http"

// FirstRun is behind the link with which the first administrator comes to the console: one button, for whoever
// fetches a link for somebody, such as a preview, must not use it up.
type FirstRun struct {
	Action string
	// Over is set when the link has been used, is too old, or there is an administrator.
	Over bool
}

func (p FirstRun) shape() shape {
	sh := shape{file: "first_run", layout: "card"}
	if p.Over {
		sh.status = http.StatusGone
	}
	return sh
}

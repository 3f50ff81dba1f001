package console

import (
	"time"

	"github.com/postern-auth/postern/server/internal/page"
)

// quiet is for how long something has to go unused before that is worth a look.
const quiet = 30 * 24 * time.Hour

// lastUse says when something was last used, and where it has not been for long, that nobody may miss it.
func (v *visit) lastUse(used, created time.Time) page.Cell {
	switch {
	case used.IsZero() && v.now.Sub(created) > quiet:
		return page.Cell{page.Chip{Tone: page.Warn, Text: page.Say("used.never_for", "n", int(v.now.Sub(created)/(24*time.Hour)))}}
	case used.IsZero():
		return page.Cell{page.Words{Text: page.Say("used.never")}}
	case v.now.Sub(used) > quiet:
		return page.Cell{page.Chip{Tone: page.Warn, Text: page.Say("used.not_for", "n", int(v.now.Sub(used)/(24*time.Hour)))}}
	}
	return page.Cell{page.Moment{At: used}}
}

// wasUsed says the same on the page that asks whether it may be ended.
func wasUsed(used time.Time) page.Text {
	if used.IsZero() {
		return page.Say("used.not_yet")
	}
	return page.Say("used.last", "at", used)
}

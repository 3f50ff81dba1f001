package console

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/postern-auth/postern/server/internal/page"
	"github.com/postern-auth/postern/server/internal/registry"
	"github.com/postern-auth/postern/server/internal/session"
	"github.com/postern-auth/postern/server/store"
)

const sessionsPath = "/sessions"

// sessionPages are about who is logged in. A session ends at once; all of a person, or all, are counted first.
func (c *Console) sessionPages() []at {
	const user = usersPath + "/{id}/sessions"
	return []at{
		{path: sessionsPath, show: c.allSessions, params: listed},
		{path: sessionsPath + "/end", asks: true, show: c.askToEndAll, do: c.endAll, params: []string{"counted"}},
		{path: user, show: c.sessionsOf},
		{path: user + "/end", asks: true, show: c.askToEndSessions, do: c.endSessions, params: []string{"counted"}},
		{path: user + "/{session}/end", do: c.endSession, params: []string{"all"}},
	}
}

func (c *Console) allSessions(v *visit) error {
	w := v.window()
	part, err := c.Store.SessionsPart(v.Context(), v.now, w)
	if err != nil {
		return fmt.Errorf("console: %w", err)
	}
	table := page.Table{
		Label: page.Say("sessions"), Empty: page.Say("sessions.empty"),
		Head: append([]page.Column{{Text: page.Say("sessions.person")}, {Text: page.Say("sessions.applications")}}, sessionHead()...),
	}
	row := func(s store.ListedSession) page.Row {
		who := page.Cell{page.Link{To: userPath(s.UserID, "/sessions"), Text: page.Named(s.Called)}}
		if s.Name != "" && s.Name != s.Called {
			who = append(who, page.Words{Text: page.Named(s.Name)})
		}
		var opened page.Cell
		for _, name := range s.Applications {
			opened = append(opened, page.Words{Text: page.Named(name)})
		}
		if opened == nil {
			opened = page.Cell{page.Words{Text: page.Say("sessions.no_application")}}
		}
		return c.sessionRow(v, s.Session, "yes", who, opened)
	}
	p := page.Console{Here: "sessions", Title: page.Say("sessions"), Lead: page.Say("sessions.lead")}
	if !v.readOnly && part.Total > 1 {
		p.Acts = []page.Act{{To: base + sessionsPath + "/end", Text: page.Say("sessions.end_all"), Danger: true}}
	}
	p.Blocks = []page.Block{list(v, sessionsPath, w, part, table, row, func(s store.ListedSession) store.Place { return store.Place{Name: s.Called, ID: s.ID} })}
	return c.render(v, p)
}

func sessionHead() []page.Column {
	return []page.Column{
		{Text: page.Say("sessions.device")}, {Text: page.Say("sessions.address")}, {Text: page.Say("sessions.since")}, {Text: page.Say("sessions.last_use")},
	}
}

// deviceOf is what people call where a session is; empty: nobody knows.
func deviceOf(s store.Session) string {
	browser, system := session.Device(s.UserAgent)
	return strings.Trim(browser+", "+system, ", ")
}

func (c *Console) sessionRow(v *visit, s store.Session, all string, before ...page.Cell) page.Row {
	device := page.Cell{page.Words{Text: page.Named(deviceOf(s))}}
	if deviceOf(s) == "" {
		device = page.Cell{page.Words{Text: page.Say("sessions.unknown")}}
	}
	row := page.Row{Cells: append(before, device, page.Cell{page.Code{Text: strings.TrimSuffix(s.AddressPrefix, "/32")}},
		page.Cell{page.Moment{At: s.CreatedAt}}, page.Cell{page.Moment{At: s.LastSeenAt}})}
	switch {
	case s.ID == v.session.ID:
		at := len(before)
		row.Cells[at] = append(row.Cells[at], page.Chip{Tone: page.Good, Text: page.Say("sessions.this")})
	case !v.readOnly:
		row.Acts = []page.Act{{
			To: userPath(s.UserID, "/sessions/"+s.ID+"/end"), Text: page.Say("sessions.end"), Danger: true, Post: true,
			Hidden: []page.Parameter{{Name: "all", Value: all}},
		}}
	}
	return row
}

func (c *Console) sessionsOf(v *visit) error {
	u, ok, err := c.userOf(v)
	if err != nil || !ok {
		return err
	}
	sessions, err := c.Store.SessionsOf(v.Context(), u.ID)
	if err != nil {
		return fmt.Errorf("console: %w", err)
	}
	table := page.Table{Label: page.Say("user.sessions"), Head: sessionHead(), Empty: page.Say("user.sessions.empty", "name", called(u))}
	for _, s := range sessions {
		if v.now.Before(s.IdleExpiresAt) {
			table.Rows = append(table.Rows, c.sessionRow(v, s, ""))
		}
	}
	table.Range = page.Say("sessions.count", "n", len(table.Rows))
	p := aboutUser(u, "/sessions")
	if !v.readOnly && len(table.Rows) > 0 {
		p.Acts = []page.Act{{To: userPath(u.ID, "/sessions/end"), Text: page.Say("sessions.end_of"), Danger: true}}
	}
	p.Blocks = []page.Block{table}
	return c.render(v, p)
}

// endSession logs a person out of one browser. The one that looks at it ends by the button that logs out.
func (c *Console) endSession(v *visit) error {
	u, ok, err := c.userOf(v)
	if err != nil || !ok {
		return err
	}
	var ended store.Session
	err = c.write(v, func(ctx context.Context, r *registry.Registry, tx store.Tx) (err error) {
		if ended, err = tx.SessionByID(ctx, v.PathValue("session")); err != nil {
			return err
		}
		if ended.ID == v.session.ID {
			return store.ErrNotFound
		}
		return r.EndSession(ctx, u, ended)
	})
	if errors.Is(err, store.ErrNotFound) {
		return c.notThere(v)
	}
	if err != nil {
		return err
	}
	c.Ended()
	path := usersPath + "/" + u.ID + "/sessions"
	if v.Params.Value("all") == "yes" {
		path = sessionsPath
	}
	return c.done(v, path, "logged_out", called(u))
}

// endingSessions leaves the session in which it is asked for.
func endingSessions(v *visit) farewell {
	return farewell{
		title: func(name string) page.Text { return page.Say("sessions.end_of.title", "name", name) }, submit: "sessions.end_of", done: "logged_out",
		says: func(u store.User, h held) []page.Text {
			if u.ID == v.user.ID {
				h.sessions-- // this one stays
				return []page.Text{page.Say("user.ends.sessions", "n", h.sessions), page.Say("sessions.this_stays")}
			}
			return sessionsAndTokens(h)
		},
		does: func(ctx context.Context, r *registry.Registry, _ store.Tx, u store.User) error {
			var but store.Digest
			if u.ID == v.user.ID {
				but = v.session.Digest
			}
			_, err := r.EndSessions(ctx, u, but)
			return err
		},
	}
}

func (c *Console) askToEndSessions(v *visit) error { return c.ask(v, endingSessions(v)) }
func (c *Console) endSessions(v *visit) error      { return c.finish(v, endingSessions(v)) }

func (c *Console) askToEndAll(v *visit) error { return c.askAll(v, nil, nil) }

func (c *Console) askAll(v *visit, wrong problems, changed *page.Note) error {
	part, err := c.Store.SessionsPart(v.Context(), v.now, store.Window{Limit: 1})
	if err != nil {
		return fmt.Errorf("console: %w", err)
	}
	n := part.Total - 1 // without this one
	return c.confirm(v, confirmation{
		here: "sessions", up: page.Link{To: base + sessionsPath, Text: page.Say("sessions")}, title: page.Say("sessions.end_all.title", "n", n),
		stops: []page.Text{page.Say("sessions.end_all.stops"), page.Say("sessions.end_all.not"), page.Say("sessions.this_stays")},
		to:    base + sessionsPath + "/end", counted: fmt.Sprint(n), submit: page.Say("sessions.end_all"),
	}, wrong, changed)
}

func (c *Console) endAll(v *visit) error {
	err := c.write(v, func(ctx context.Context, r *registry.Registry, tx store.Tx) error {
		w := store.Window{Limit: 500}
		all, err := tx.SessionsPart(ctx, v.now, w)
		if err != nil {
			return err
		}
		if err := v.confirmed(fmt.Sprint(all.Total-1), ""); err != nil {
			return err
		}
		for len(all.Rows) > 0 {
			last := all.Rows[len(all.Rows)-1]
			for _, s := range all.Rows {
				if s.ID == v.session.ID {
					continue
				}
				if err := r.EndSession(ctx, store.User{ID: s.UserID, LoginName: s.Called}, s.Session); err != nil {
					return err
				}
			}
			w.After = store.Place{Name: last.Called, ID: last.ID}
			if all, err = tx.SessionsPart(ctx, v.now, w); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return c.refused(v, err, c.askAll)
	}
	c.Ended()
	return c.done(v, sessionsPath, "all_logged_out", "")
}

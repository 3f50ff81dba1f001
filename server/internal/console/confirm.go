package console

import (
	"errors"
	"net/http"

	"github.com/postern-auth/postern/server/internal/page"
	"github.com/postern-auth/postern/server/store"
)

// A confirmation is the page that says what will stop before it does. What its form counts must be so still when it
// is sent.
type confirmation struct {
	here    string
	up      page.Link
	title   page.Text
	stops   []page.Text
	to      string
	hidden  []page.Parameter
	counted string
	submit  page.Text
	name    string // is to be typed; empty: nothing is
	final   bool   // it cannot be undone
	instead page.Text
}

func (c *Console) confirm(v *visit, q confirmation, wrong problems, changed *page.Note) error {
	form := page.Form{
		To: q.to, Danger: true, Submit: q.submit, Cancel: q.up.To, Back: page.Say("keep"),
		Hidden: append(q.hidden, page.Parameter{Name: "counted", Value: q.counted}),
	}
	if q.name != "" {
		form.Fields = []page.Field{{Name: "name", Label: page.Say("type_name", "name", q.name), Value: v.typed("name"), Problem: wrong["name"]}}
	}
	p := page.Console{
		Here: q.here, Up: &q.up, Title: q.title,
		Blocks: []page.Block{page.Panel{Title: page.Say("stops"), Blocks: []page.Block{page.Bullets{Tone: page.Bad, Items: q.stops}}}},
	}
	if changed != nil {
		p.Notes, p.Status = append(p.Notes, *changed), http.StatusConflict
	}
	if q.final {
		p.Notes = append(p.Notes, page.Note{Tone: page.Warn, Text: page.Say("final")})
	}
	if !q.instead.Empty() {
		p.Blocks = append(p.Blocks, page.Paragraph{Text: q.instead, Quiet: true})
	}
	p.Blocks = append(p.Blocks, form)
	if len(wrong) > 0 {
		p.Status = http.StatusUnprocessableEntity
	}
	return c.render(v, p)
}

// confirmed reports what keeps a confirmation from being one: it counted something else, or the name is not typed.
func (v *visit) confirmed(counted, name string) error {
	switch {
	case v.Params.Value("counted") != counted:
		return errChanged
	case name != "" && v.typed("name") != name:
		return problems{"name": page.Say("problem.type_name", "name", name)}
	}
	return nil
}

// refused shows a confirmation again that was not one.
func (c *Console) refused(v *visit, err error, confirm func(*visit, problems, *page.Note) error) error {
	var wrong problems
	switch {
	case errors.As(err, &wrong):
		return confirm(v, wrong, nil)
	case errors.Is(err, errChanged):
		return confirm(v, nil, &page.Note{Tone: page.Warn, Text: page.Say("count_changed")})
	case errors.Is(err, store.ErrNotFound):
		return c.notThere(v)
	}
	return err
}

package console

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/postern-auth/postern/internal/ascii"
	"github.com/postern-auth/postern/server/internal/page"
	"github.com/postern-auth/postern/server/store"
)

const (
	eventsPath = "/events"
	// batch is how many events are read at once, and looked how many a page looks at: who filters for what is rare
	// goes on by hand.
	batch  = 250
	looked = 2000
)

// filtering are the parameters of a filter of events.
var filtering = []string{"q", "actor", "action", "object"}

func (c *Console) eventPages() []at {
	return []at{
		{path: eventsPath, show: c.events, params: append([]string{"before"}, filtering...)},
		{path: livePath, show: c.liveEvents, params: append([]string{"since"}, filtering...)},
		{path: eventsPath + ".jsonl", show: c.downloadEvents, params: filtering},
	}
}

// An eventFilter is what somebody wants to see of the trail. Empty fields want everything.
type eventFilter struct{ query, actor, action, object string }

func (v *visit) eventFilter() eventFilter {
	value := func(name string) string { return strings.TrimSpace(v.Params.Value(name)) }
	return eventFilter{query: value("q"), actor: value("actor"), action: value("action"), object: value("object")}
}

func (f eventFilter) wants(e store.Event, actor string) bool {
	return (f.action == "" || e.Action == f.action) && (f.object == "" || e.Object == f.object) &&
		(f.actor == "" || e.Actor == f.actor || holds(actor, f.actor)) &&
		(f.query == "" || e.ID == f.query || e.ObjectID == f.query || holds(e.Name, f.query))
}

func holds(text, part string) bool { return strings.Contains(ascii.Lower(text), ascii.Lower(part)) }

// address returns that of the page with the filter, before an event.
func (f eventFilter) address(path, before string) string {
	query := make(url.Values)
	for name, value := range map[string]string{"q": f.query, "actor": f.actor, "action": f.action, "object": f.object, "before": before} {
		if value != "" {
			query.Set(name, value)
		}
	}
	if len(query) == 0 {
		return base + path
	}
	return base + path + "?" + query.Encode()
}

// eventsTab leads from something to what has happened to it, by the name that events keep, also of what it has and holds.
func eventsTab(name string) page.Tab {
	return page.Tab{To: eventFilter{query: name}.address(eventsPath, ""), Text: page.Say("events")}
}

// eventsBefore reads the trail backwards from an event, or from its end.
func (c *Console) eventsBefore(ctx context.Context, id string, limit int) ([]store.Event, error) {
	read := func() ([]store.Event, error) { return c.Store.EventsBefore(ctx, id, limit) }
	if id == "" {
		read = func() ([]store.Event, error) { return c.Store.LatestEvents(ctx, limit) }
	}
	events, err := read()
	if err != nil {
		return nil, fmt.Errorf("console: reading events: %w", err)
	}
	return events, nil
}

// found are the events that a filter finds, and where to go on from; empty: that is all.
type found struct {
	events []store.Event
	next   string
	last   store.Event // that was looked at
}

func (c *Console) find(v *visit, f eventFilter, who *names) (found, error) {
	part := found{next: v.Params.Value("before")}
	for n := 0; n < looked; n += batch {
		events, err := c.eventsBefore(v.Context(), part.next, batch)
		if err != nil {
			return found{}, err
		}
		for _, e := range events {
			part.next, part.last = e.ID, e
			actor, err := who.actor(e, f)
			if err != nil {
				return found{}, err
			}
			if !f.wants(e, actor) {
				continue
			}
			if len(part.events) == rows {
				part.next = part.events[rows-1].ID
				return part, nil
			}
			part.events = append(part.events, e)
		}
		if len(events) < batch {
			part.next = ""
			return part, nil
		}
	}
	return part, nil
}

func (c *Console) events(v *visit) error {
	f, who := v.eventFilter(), c.names(v)
	part, err := c.find(v, f, who)
	if err != nil {
		return err
	}
	blocks := []page.Block{f.form()}
	var lines []page.Block
	for _, e := range part.events {
		line, err := who.line(e)
		if err != nil {
			return err
		}
		lines = append(lines, line)
	}
	panel := page.Panel{Blocks: lines}
	if v.Params.Value("before") != "" {
		panel.Acts = append(panel.Acts, page.Act{To: f.address(eventsPath, ""), Text: page.Say("events.newest")})
	}
	if part.next != "" {
		panel.Acts = append(panel.Acts, page.Act{To: f.address(eventsPath, part.next), Text: page.Say("events.older")})
	}
	switch {
	case len(lines) > 0:
	case part.next != "":
		panel.Blocks = []page.Block{page.Paragraph{Text: page.Say("events.looked", "n", looked, "at", part.last.At)}}
	case part.last.ID != "":
		panel.Blocks = []page.Block{page.Paragraph{Text: page.Say("events.nothing", "at", part.last.At, "link", base+eventsPath)}}
	default:
		panel.Blocks = []page.Block{page.Paragraph{Text: page.Say("events.empty")}}
	}
	return c.render(v, page.Console{
		Here: "events", Title: page.Say("events"), Lead: page.Say("events.lead"),
		Acts:   []page.Act{{To: f.address(eventsPath+".jsonl", ""), Text: page.Say("events.download")}},
		Blocks: append(blocks, f.live(v, part, panel)),
	})
}

// live keeps a page of the newest events up to date.
func (f eventFilter) live(v *visit, part found, panel page.Panel) page.Block {
	if v.Params.Value("before") != "" {
		return panel
	}
	since := ""
	if len(part.events) > 0 {
		since = part.events[0].ID
	}
	here, _ := strings.CutPrefix(f.address(eventsPath, ""), base+eventsPath)
	query := cmp.Or(here, "?") + "&since=" + url.QueryEscape(since)
	return page.Live{Stream: base + livePath + strings.Replace(query, "?&", "?", 1), Here: f.address(eventsPath, ""), Blocks: []page.Block{panel}}
}

func (f eventFilter) form() page.Search {
	actions := []page.Option{
		{Label: page.Say("events.any")}, {Value: "create", Label: page.Say("events.create")},
		{Value: "change", Label: page.Say("events.change")}, {Value: "delete", Label: page.Say("events.delete")},
	}
	objects := []page.Option{{Label: page.Say("events.any")}}
	for _, kind := range kinds {
		objects = append(objects, page.Option{Value: kind.name, Label: kind.text})
	}
	return page.Search{To: base + eventsPath, Value: f.query, Label: page.Say("events.search"), Filters: []page.Field{
		{Name: "actor", Label: page.Say("events.actor"), Value: f.actor, Optional: true},
		{Name: "action", Label: page.Say("events.action"), Kind: page.Select, Value: f.action, Options: actions},
		{Name: "object", Label: page.Say("events.object"), Kind: page.Select, Value: f.object, Options: objects},
	}}
}

// kinds are what events are about, as package registry calls it.
var kinds = []struct {
	name string
	text page.Text
	home string // the page of one, with its id behind; empty: it has none
}{
	{"api", page.Say("kind.api"), "/apis/"},
	{"application", page.Say("kind.application"), "/applications/"},
	{"assignment", page.Say("kind.assignment"), ""},
	{"certificate", page.Say("kind.certificate"), ""},
	{"consent", page.Say("kind.consent"), ""},
	{"invitation", page.Say("kind.invitation"), ""},
	{"key", page.Say("kind.key"), ""},
	{"organization", page.Say("kind.organization"), ""},
	{"passkey", page.Say("kind.passkey"), ""},
	{"password", page.Say("kind.password"), ""},
	{"personal access token", page.Say("kind.personal_access_token"), ""},
	{"project", page.Say("kind.project"), "/projects/"},
	{"recovery codes", page.Say("kind.recovery_codes"), ""},
	{"second factor", page.Say("kind.second_factor"), ""},
	{"secret", page.Say("kind.secret"), ""},
	{"service user", page.Say("kind.service_user"), "/service-users/"},
	{"signing key", page.Say("kind.signing_key"), ""},
	{"tokens", page.Say("kind.tokens"), ""},
	{"user", page.Say("kind.user"), "/users/"},
}

// names finds the names of who did something, each once a request.
type names struct {
	c     *Console
	v     *visit
	known map[string]string
	homes []string // the kinds' pages that there are
}

func (c *Console) names(v *visit) *names {
	n := &names{c: c, v: v, known: make(map[string]string)}
	for _, p := range c.pages() {
		if home, ok := strings.CutSuffix(p.path, "{id}"); ok {
			n.homes = append(n.homes, home)
		}
	}
	return n
}

// of returns the name of a subject, an API or an application; of anything else the id itself.
func (n *names) of(id string) (string, error) {
	if name, ok := n.known[id]; ok {
		return name, nil
	}
	name, ctx := id, n.v.Context()
	subject, err := n.c.Store.Subject(ctx, id)
	if err == nil {
		name = subject.Username
	}
	if errors.Is(err, store.ErrNotFound) {
		var api store.API
		if api, err = n.c.Store.API(ctx, id); err == nil {
			name = api.Name
		}
	}
	if errors.Is(err, store.ErrNotFound) {
		var app store.Application
		if app, err = n.c.Store.Application(ctx, id); err == nil {
			name = app.Name
		}
	}
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return "", fmt.Errorf("console: reading a name: %w", err)
	}
	if name == "" {
		name = id
	}
	n.known[id] = name
	return name, nil
}

// actor returns the name of who made an event, where a filter looks at it.
func (n *names) actor(e store.Event, f eventFilter) (string, error) {
	if f.actor == "" || e.Actor == f.actor {
		return e.Actor, nil
	}
	return n.of(e.Actor)
}

// line is an event: a sentence, which opens.
func (n *names) line(e store.Event) (page.Details, error) {
	text, err := n.sentence(e)
	if err != nil {
		return page.Details{}, err
	}
	kind, home := page.Named(e.Object), ""
	for _, k := range kinds {
		if k.name == e.Object {
			kind, home = k.text, k.home
		}
	}
	about := page.Cell{page.Words{Text: page.Named(e.Name)}}
	if home != "" && e.Action != "delete" && slices.Contains(n.homes, home) {
		about = page.Cell{page.Link{To: base + home + url.PathEscape(e.ObjectID), Text: page.Named(e.Name)}}
	}
	facts := []page.Fact{
		{Name: page.Say("name"), Value: about},
		{Name: page.Say("id"), Value: page.Cell{page.Code{Text: e.ObjectID, Copy: true}}},
		{Name: page.Say("events.actor"), Value: page.Cell{page.Code{Text: e.Actor}}},
		{Name: page.Say("events.at"), Value: page.Cell{page.Moment{At: e.At}}},
	}
	return page.Details{
		Summary: page.Cell{page.Moment{At: e.At}, page.Words{Text: text}, page.Chip{Text: kind}},
		Blocks:  []page.Block{page.Facts{Items: append(facts, set(e.Detail)...)}},
	}, nil
}

// set are the fields that an event has set, sorted. What cannot be read is shown as it is.
func set(detail string) (facts []page.Fact) {
	if detail == "" {
		return nil
	}
	var fields map[string]json.RawMessage
	if json.Unmarshal([]byte(detail), &fields) != nil {
		return []page.Fact{{Name: page.Say("events.set"), Value: page.Cell{page.Code{Text: detail}}}}
	}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		facts = append(facts, page.Fact{Name: page.Named(name), Value: page.Cell{page.Code{Text: plainly(fields[name])}}})
	}
	return facts
}

// plainly is a JSON value without the quotes of a string.
func plainly(value json.RawMessage) string {
	var text string
	if json.Unmarshal(value, &text) == nil && text != "" {
		return text
	}
	return string(value)
}

// sentence says what happened.
func (n *names) sentence(e store.Event) (page.Text, error) {
	who, err := n.of(e.Actor)
	if err != nil {
		return page.Text{}, err
	}
	name, id := e.Name, page.Code{Text: e.ObjectID}
	if e.Object == "secret" || e.Object == "key" { // they are named after whose they are
		if name, err = n.of(e.Name); err != nil {
			return page.Text{}, err
		}
	}
	switch e.Action + " " + e.Object {
	case "create secret", "create key":
		return page.Say("event.create_for", "who", who, "id", id, "name", name), nil
	case "change secret", "change key":
		return page.Say("event.change_for", "who", who, "id", id, "name", name), nil
	case "delete secret", "delete key":
		return page.Say("event.delete_for", "who", who, "id", id, "name", name), nil
	case "create assignment":
		return page.Say("event.give", "who", who, "name", name), nil
	case "change assignment":
		return page.Say("event.give_other", "who", who, "name", name), nil
	case "delete assignment":
		return page.Say("event.take_away", "who", who, "name", name), nil
	case "create password", "change password":
		return page.Say("event.password", "who", who, "name", name), nil
	case "change recovery codes", "create recovery codes":
		return page.Say("event.recovery_codes", "who", who, "name", name), nil
	case "create invitation":
		return page.Say("event.invite", "who", who, "name", name), nil
	case "create signing key":
		return page.Say("event.publish_key", "who", who, "id", id, "name", name), nil
	case "delete signing key":
		return page.Say("event.withdraw_key", "who", who, "id", id, "name", name), nil
	case "delete tokens":
		if e.ObjectID == "" {
			return page.Say("event.end_all_tokens", "who", who), nil
		}
		return page.Say("event.end_tokens", "who", who, "name", name), nil
	case "delete personal access token":
		return page.Say("event.revoke", "who", who, "name", name), nil
	}
	switch e.Action {
	case "create":
		return page.Say("event.create", "who", who, "name", name), nil
	case "delete":
		return page.Say("event.delete", "who", who, "name", name), nil
	}
	return page.Say("event.change", "who", who, "name", name), nil
}

// downloadEvents answers with all events that the filter finds, newest first, as JSON lines. It is not cut off at a
// number of rows; when the store does not answer half-way, the connection ends before the answer does.
func (c *Console) downloadEvents(v *visit) error {
	f, who := v.eventFilter(), c.names(v)
	events, err := c.eventsBefore(v.Context(), "", batch)
	if err != nil {
		return err
	}
	v.w.Header().Set("Content-Type", "application/x-ndjson")
	v.w.Header().Set("Content-Disposition", `attachment; filename="events.jsonl"`)
	out := json.NewEncoder(v.w)
	for {
		for _, e := range events {
			actor, err := who.actor(e, f)
			if err == nil && f.wants(e, actor) {
				err = out.Encode(eventLine{
					e.ID, e.At.UTC().Format("2006-01-02T15:04:05.000Z07:00"), e.Actor, e.Action, e.Object, e.ObjectID, e.Name, detail(e.Detail),
				})
			}
			if err != nil {
				panic(http.ErrAbortHandler) // part of the answer is gone: it must not look whole
			}
		}
		if len(events) < batch {
			return nil
		}
		if events, err = c.eventsBefore(v.Context(), events[len(events)-1].ID, batch); err != nil {
			panic(http.ErrAbortHandler)
		}
	}
}

// eventLine is an event for programs.
type eventLine struct {
	ID       string          `json:"id"`
	At       string          `json:"at"`
	Actor    string          `json:"actor"`
	Action   string          `json:"action"`
	Object   string          `json:"object"`
	ObjectID string          `json:"object_id"`
	Name     string          `json:"name"`
	Detail   json.RawMessage `json:"detail,omitempty"`
}

func detail(text string) json.RawMessage {
	if !json.Valid([]byte(text)) {
		return nil
	}
	return json.RawMessage(text)
}

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/postern-auth/postern/server/store"
	"github.com/spf13/cobra"
)

func newEventsCommand(e *env) *cobra.Command {
	return group("events", "See who has changed what", newEventsListCommand(e), newEventsTailCommand(e))
}

// eventsAtOnce is how many events are read at once.
const eventsAtOnce = 500

func newEventsListCommand(e *env) *cobra.Command {
	var at storeAt
	var asJSON bool
	var limit int
	c := &cobra.Command{
		Use:   "list {--data DIR | --database URL}",
		Short: "Print the changes of what is set up, the oldest first",
		Long: "List prints who has created, changed or deleted what, and when: all of it unless --last says how many. With\n" +
			"--json each is an object on a line of its own, with what was set by field. No secret is in it.",
		Args: positional(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			if limit < 0 {
				return usage("--last is %d, want how many events, or 0 for all", limit)
			}
			s, err := at.existing(c, e)
			if err != nil {
				return err
			}
			defer s.Close()
			n := 0
			events, err := latest(c.Context(), s, func(store.Event) (bool, bool) { n++; return true, limit > 0 && n > limit })
			if err != nil {
				return err
			}
			return printEvents(e.stdout, events, asJSON)
		},
	}
	at.add(c.Flags(), "data `folder`")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON, an object a line")
	c.Flags().IntVar(&limit, "last", 0, "print this `number` of the newest alone (default all)")
	return c
}

// latest returns the newest events, oldest first: those that keep says, until it says that it has enough.
func latest(ctx context.Context, s store.Events, keep func(store.Event) (kept, enough bool)) ([]store.Event, error) {
	var all []store.Event
	part, err := s.LatestEvents(ctx, eventsAtOnce)
	for err == nil && len(part) > 0 {
		for _, event := range part {
			kept, enough := keep(event)
			if enough {
				slices.Reverse(all)
				return all, nil
			}
			if kept {
				all = append(all, event)
			}
		}
		part, err = s.EventsBefore(ctx, part[len(part)-1].ID, eventsAtOnce)
	}
	slices.Reverse(all)
	return all, err
}

func newEventsTailCommand(e *env) *cobra.Command {
	var at storeAt
	var asJSON bool
	c := &cobra.Command{
		Use:   "tail {--data DIR | --database URL}",
		Short: "Print changes as they happen, until it is interrupted",
		Args:  positional(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			s, err := at.existing(c, e)
			if err != nil {
				return err
			}
			defer s.Close()
			return tail(c.Context(), e.stdout, s, asJSON)
		},
	}
	at.add(c.Flags(), "data `folder`")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON, an object a line")
	return c
}

// overlap is how many events that are known are read again with what is new: the id of an event is of the moment in which
// its transaction began, by the clock of its server, and so may be behind that of one which is there already.
const overlap = 200

// tail prints what comes after the present until the context ends. What cannot be read for a while is read then.
func tail(ctx context.Context, w io.Writer, s store.Events, asJSON bool) error {
	var known map[string]bool
	for {
		next, again := make(map[string]bool), 0
		fresh, err := latest(ctx, s, func(event store.Event) (bool, bool) {
			if next[event.ID] = true; known == nil || known[event.ID] {
				again++
				return false, again > overlap
			}
			return true, false
		})
		if ctx.Err() != nil {
			return nil
		}
		if err != nil && known == nil {
			return err
		}
		if err == nil {
			known = next
			if err := printEvents(w, fresh, asJSON); err != nil {
				return err
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(time.Second):
		}
	}
}

// printedEvent is an Event as scripts read it.
type printedEvent struct {
	ID       string          `json:"id"`
	At       time.Time       `json:"at"`
	Actor    string          `json:"actor"`
	Action   string          `json:"action"`
	Object   string          `json:"object"`
	ObjectID string          `json:"object_id"`
	Name     string          `json:"name"`
	Detail   json.RawMessage `json:"detail,omitempty"`
}

func printEvents(w io.Writer, events []store.Event, asJSON bool) error {
	for _, event := range events {
		var line []byte
		if asJSON {
			printed := printedEvent{event.ID, event.At.UTC(), event.Actor, event.Action, event.Object, event.ObjectID, event.Name, nil}
			if json.Valid([]byte(event.Detail)) {
				printed.Detail = json.RawMessage(event.Detail)
			}
			var err error
			if line, err = json.Marshal(printed); err != nil {
				return err
			}
		} else {
			line = fmt.Appendf(nil, "%s  %s  %s %s %s", event.At.UTC().Format(time.RFC3339), plainText(event.Actor), event.Action, event.Object, plainText(event.Name))
		}
		if _, err := w.Write(append(line, '\n')); err != nil {
			return err
		}
	}
	return nil
}

// plainText keeps a name from moving the cursor of a terminal.
func plainText(s string) string {
	return strings.Map(func(r rune) rune {
		if r < 0x20 || r >= 0x7f && r < 0xa0 {
			return '?'
		}
		return r
	}, s)
}

package console

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"

	"github.com/postern-auth/postern/internal/jws"
	"github.com/postern-auth/postern/server/internal/keys"
	"github.com/postern-auth/postern/server/internal/oauth"
	"github.com/postern-auth/postern/server/internal/page"
	"github.com/postern-auth/postern/server/internal/registry"
	"github.com/postern-auth/postern/server/store"
)

const signingKeysPath = "/signing-keys"

func (c *Console) signingKeyPages() []at {
	return []at{
		{path: signingKeysPath, show: c.signingKeys},
		{path: signingKeysPath + "/{alg}/rotate", asks: true, show: c.askToRotate, do: c.rotate},
		{path: signingKeysPath + "/{id}/withdraw", asks: true, show: c.askToWithdraw, do: c.withdraw, params: []string{"id", "state"}},
	}
}

// signingKeys is a panel for each algorithm, newest key first.
func (c *Console) signingKeys(v *visit) error {
	rows, err := c.Store.SigningKeys(v.Context())
	if err != nil {
		return fmt.Errorf("console: %w", err)
	}
	slices.Reverse(rows)
	where := page.Fact{Name: page.Say("signing_keys.where"), Value: page.Cell{page.Code{Text: v.Issuer.URL(v.Issuer.Path(oauth.KeySet)), Copy: true}}}
	blocks := []page.Block{page.Panel{Blocks: []page.Block{page.Facts{Items: []page.Fact{where}}}}}
	for _, alg := range algorithms(rows) {
		panel := page.Panel{Title: page.Named(alg), Blocks: []page.Block{keyTimes(v, rows, alg), c.keysOf(v, rows, alg)}}
		if !v.readOnly {
			panel.Acts = []page.Act{{To: base + signingKeysPath + "/" + alg + "/rotate", Text: page.Say("signing_keys.rotate", "alg", page.Code{Text: alg})}}
		}
		blocks = append(blocks, panel)
	}
	blocks = append(blocks, page.Beside{
		Left:  []page.Block{page.Panel{Blocks: []page.Block{page.Paragraph{Text: page.Say("signing_keys.about_rotate")}}}},
		Right: []page.Block{page.Panel{Blocks: []page.Block{page.Paragraph{Text: page.Say("signing_keys.about_withdraw", "seconds", int(keys.MaxAge.Seconds()))}}}},
	})
	return c.render(v, page.Console{
		Here: "signing_keys", Title: page.Say("signing_keys"), Lead: page.Say("signing_keys.lead"), Blocks: blocks,
	})
}

// algorithms are those that there are keys of, each once.
func algorithms(rows []store.SigningKey) (algs []string) {
	for _, row := range rows {
		algs = append(algs, row.Algorithm)
	}
	slices.Sort(algs)
	return slices.Compact(algs)
}

// keyTimes shows when the keys of an algorithm sign, and when they are published without that.
func keyTimes(v *visit, rows []store.SigningKey, alg string) page.Timeline {
	t := page.Timeline{
		Label: page.Say("signing_keys.times", "alg", page.Code{Text: alg}), Now: v.now,
		Full: page.Say("signing_keys.signing"), Thin: page.Say("signing_keys.only_published"),
	}
	for _, row := range slices.Backward(rows) {
		if row.Algorithm == alg {
			t.Spans = append(t.Spans, page.TimeSpan{
				Name: page.Named(row.ID), Start: row.CreatedAt, From: row.SignsFrom, To: row.RetiredAt, End: row.VerifiesUntil,
			})
		}
	}
	return t
}

func (c *Console) keysOf(v *visit, rows []store.SigningKey, alg string) page.Table {
	table := page.Table{
		Label: page.Named(alg),
		Head: []page.Column{
			{Text: page.Say("signing_keys.id")}, {Text: page.Say("state")}, {Text: page.Say("signing_keys.from")},
			{Text: page.Say("signing_keys.until")}, {Text: page.Say("signing_keys.published")},
		},
	}
	for _, row := range rows {
		if row.Algorithm != alg {
			continue
		}
		state := keys.StateOf(row, v.now)
		line := page.Row{Cells: []page.Cell{
			{page.Code{Text: row.ID}}, {keyState(state)}, {page.Moment{At: row.SignsFrom}},
			{page.Moment{At: row.RetiredAt, Never: page.Say("signing_keys.rotated")}},
			{page.Moment{At: row.VerifiesUntil, Never: page.Say("signing_keys.rotated")}},
		}}
		if !v.readOnly && state != keys.Ended {
			line.Acts = []page.Act{{To: withdrawal(row.ID), Text: page.Say("signing_keys.withdraw"), Danger: true}}
		}
		table.Rows = append(table.Rows, line)
	}
	table.Range = page.Say("signing_keys.count", "n", len(table.Rows))
	return table
}

func withdrawal(id string) string {
	return base + signingKeysPath + "/" + url.PathEscape(id) + "/withdraw"
}

func keyState(s keys.State) page.Chip {
	switch s {
	case keys.Waiting:
		return page.Chip{Text: page.Say("signing_keys.waiting")}
	case keys.Signing:
		return page.Chip{Tone: page.Good, Text: page.Say("signing_keys.signing")}
	case keys.Verifying:
		return page.Chip{Text: page.Say("signing_keys.verifying")}
	}
	return page.Chip{Text: page.Say("signing_keys.ended")}
}

// askToRotate says what a rotation does, or until when there is none.
func (c *Console) askToRotate(v *visit) error {
	rows, alg, err := c.rotating(v)
	if err != nil || alg == "" {
		return err
	}
	p := page.Console{
		Here: "signing_keys", Up: upToKeys(), Title: page.Say("signing_keys.rotate.title", "alg", page.Code{Text: alg}),
		Lead: page.Say("signing_keys.rotate.lead"),
	}
	items := []page.Text{page.Say("signing_keys.rotate.new", "minutes", int(2*keys.MaxAge.Minutes()))}
	for _, row := range rows {
		if row.Algorithm != alg {
			continue
		}
		switch keys.StateOf(row, v.now) {
		case keys.Waiting:
			return c.tooEarly(v, http.StatusOK, &registry.TooEarly{ID: row.ID, Published: row.CreatedAt, SignsFrom: row.SignsFrom})
		case keys.Signing:
			items = append(items, page.Say("signing_keys.rotate.old", "kid", page.Code{Text: row.ID}, "days", int(keys.MaxTokenLifetime.Hours()/24)))
		}
	}
	p.Blocks = []page.Block{page.Panel{Blocks: []page.Block{
		page.Bullets{Tone: page.Good, Items: append(items, page.Say("signing_keys.rotate.nothing"))},
		page.Form{To: v.URL.Path, Submit: page.Say("signing_keys.rotate.now"), Cancel: base + signingKeysPath},
	}}}
	return c.render(v, p)
}

// rotating returns the keys, and the algorithm of the path if there are keys of it. Without one it has answered.
func (c *Console) rotating(v *visit) ([]store.SigningKey, string, error) {
	rows, err := c.Store.SigningKeys(v.Context())
	if err != nil {
		return nil, "", fmt.Errorf("console: %w", err)
	}
	if alg := v.PathValue("alg"); slices.Contains(algorithms(rows), alg) {
		return rows, alg, nil
	}
	return nil, "", c.notThere(v)
}

func (c *Console) rotate(v *visit) error {
	_, alg, err := c.rotating(v)
	if err != nil || alg == "" {
		return err
	}
	next, err := c.Keys.Next(jws.Algorithm(alg), v.now)
	if err != nil {
		return fmt.Errorf("console: %w", err)
	}
	err = c.write(v, func(ctx context.Context, r *registry.Registry, _ store.Tx) error { return r.RotateKey(ctx, next) })
	var early *registry.TooEarly
	if errors.As(err, &early) {
		return c.tooEarly(v, http.StatusConflict, early)
	}
	if err != nil {
		return err
	}
	return c.done(v, signingKeysPath, "key_rotated", next.ID)
}

// tooEarly says which key waits to sign, and for how long.
func (c *Console) tooEarly(v *visit, status int, e *registry.TooEarly) error {
	return c.render(v, page.Console{
		Here: "signing_keys", Up: upToKeys(), Title: page.Say("signing_keys.early.title"), Status: status,
		Notes: []page.Note{{
			Tone: page.Warn, Text: page.Say("signing_keys.early", "kid", page.Code{Text: e.ID}, "published", e.Published, "from", e.SignsFrom),
			Acts: []page.Act{{To: base + signingKeysPath, Text: page.Say("signing_keys.back")}},
		}},
	})
}

func upToKeys() *page.Link {
	return &page.Link{To: base + signingKeysPath, Text: page.Say("signing_keys")}
}

func (c *Console) askToWithdraw(v *visit) error {
	row, ok, err := c.signingKey(v)
	if err != nil || !ok {
		return err
	}
	return c.withdrawing(v, row, http.StatusOK, page.Text{})
}

// signingKey returns the key of the path while it can be withdrawn. Without one it has answered.
func (c *Console) signingKey(v *visit) (store.SigningKey, bool, error) {
	row, ok, err := keyIn(v.Context(), c.Store, v)
	if err != nil {
		return row, false, fmt.Errorf("console: %w", err)
	}
	if !ok {
		return row, false, c.notThere(v)
	}
	return row, true, nil
}

func keyIn(ctx context.Context, s store.SigningKeys, v *visit) (store.SigningKey, bool, error) {
	rows, err := s.SigningKeys(ctx)
	for _, row := range rows {
		if row.ID == v.PathValue("id") && keys.StateOf(row, v.now) != keys.Ended {
			return row, true, nil
		}
	}
	return store.SigningKey{}, false, err
}

// withdrawing asks, with what stops. How many tokens that is nobody can say: JWTs are in no list.
func (c *Console) withdrawing(v *visit, row store.SigningKey, status int, problem page.Text) error {
	kid := page.Code{Text: row.ID}
	state := keys.StateOf(row, v.now)
	var notes []page.Note
	if status == http.StatusConflict {
		notes = []page.Note{{Tone: page.Warn, Text: page.Say("signing_keys.changed")}}
	}
	var stops []page.Text
	switch state {
	case keys.Waiting:
		stops = append(stops, page.Say("signing_keys.withdraw.waiting"))
	case keys.Signing:
		stops = append(stops, page.Say("signing_keys.withdraw.signing", "from", row.SignsFrom, "days", int(keys.MaxTokenLifetime.Hours()/24)))
	default:
		stops = append(stops, page.Say("signing_keys.withdraw.verifying", "from", row.SignsFrom, "to", row.RetiredAt, "until", row.VerifiesUntil))
	}
	if state != keys.Waiting {
		stops = append(stops, page.Say("signing_keys.withdraw.when", "seconds", int(keys.MaxAge.Seconds())), page.Say("signing_keys.withdraw.holders"))
	}
	return c.render(v, page.Console{
		Here: "signing_keys", Up: upToKeys(), Title: page.Say("signing_keys.withdraw.title", "kid", kid), Status: status, Notes: notes,
		Lead: page.Say("signing_keys.withdraw.lead"),
		Blocks: []page.Block{page.Panel{Danger: true, Title: page.Say("signing_keys.withdraw.stops"), Blocks: []page.Block{
			page.Bullets{Tone: page.Bad, Items: stops},
			page.Form{
				To: withdrawal(row.ID), Submit: page.Say("signing_keys.withdraw"), Danger: true,
				Cancel: base + signingKeysPath, Back: page.Say("signing_keys.keep"),
				Fields: []page.Field{{
					Name: "id", Label: page.Say("signing_keys.withdraw.type", "kid", kid), Value: v.Params.Value("id"), Problem: problem, Code: true,
				}},
				Hidden: []page.Parameter{{Name: "state", Value: string(state)}},
			},
		}}},
	})
}

func (c *Console) withdraw(v *visit) error {
	row, ok, err := c.signingKey(v)
	if err != nil || !ok {
		return err
	}
	switch typed := v.Params.Value("id"); {
	case v.Params.Value("state") != string(keys.StateOf(row, v.now)):
		return c.withdrawing(v, row, http.StatusConflict, page.Text{}) // it says other things than were read
	case typed != row.ID:
		return c.withdrawing(v, row, http.StatusUnprocessableEntity, page.Say("signing_keys.withdraw.differs", "kid", page.Code{Text: row.ID}))
	}
	next, err := c.Keys.Replacement(jws.Algorithm(row.Algorithm), v.now)
	if err != nil {
		return fmt.Errorf("console: %w", err)
	}
	err = c.write(v, func(ctx context.Context, r *registry.Registry, _ store.Tx) error {
		return r.WithdrawKey(ctx, row.ID, next)
	})
	if errors.Is(err, store.ErrNotFound) {
		return c.notThere(v)
	}
	if err != nil {
		return err
	}
	return c.done(v, signingKeysPath, "key_withdrawn", row.ID)
}

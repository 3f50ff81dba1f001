package console

import (
	"encoding/base64"
	"net/url"
	"strings"

	"github.com/postern-auth/postern/server/internal/page"
	"github.com/postern-auth/postern/server/store"
)

// rows is how many rows a page shows of a list.
const rows = 50

// listed are the parameters of a page with a list.
var listed = []string{"q", "after", "before"}

// window returns the part of a list that the request asks for.
func (v *visit) window() store.Window {
	return store.Window{
		Search: strings.TrimSpace(v.Params.Value("q")), After: place(v.Params.Value("after")), Before: place(v.Params.Value("before")), Limit: rows,
	}
}

// place reads where a part begins or ends. What cannot be read is the beginning: nobody types it.
func place(cursor string) store.Place {
	raw, err := base64.RawURLEncoding.DecodeString(cursor)
	name, id, ok := strings.Cut(string(raw), "\x00")
	if err != nil || !ok {
		return store.Place{}
	}
	return store.Place{Name: name, ID: id}
}

func cursor(p store.Place) string {
	return base64.RawURLEncoding.EncodeToString([]byte(p.Name + "\x00" + p.ID))
}

// list puts a part of a list into a table. The table has its labels, head and what is shown when it is empty; row
// makes a row, and place says where in the order it is.
func list[T any](v *visit, path string, w store.Window, part store.Part[T], table page.Table, row func(T) page.Row, placed func(T) store.Place) page.Table {
	address := func(key string, p store.Place) string {
		query := url.Values{key: {cursor(p)}}
		if w.Search != "" {
			query.Set("q", w.Search)
		}
		return base + path + "?" + query.Encode()
	}
	table.Search = &page.Search{To: base + path, Value: w.Search, Label: page.Say("search")}
	for _, object := range part.Rows {
		table.Rows = append(table.Rows, row(object))
	}
	if n := len(part.Rows); n > 0 {
		table.Range = page.Say("range", "n", part.Total, "from", part.From+1, "to", part.From+n)
		if part.From > 0 {
			table.Previous = address("before", placed(part.Rows[0]))
		}
		if part.From+n < part.Total {
			table.Next = address("after", placed(part.Rows[n-1]))
		}
		return table
	}
	if w.Search != "" {
		table.Empty, table.EmptyActs = page.Say("nothing_matches", "q", w.Search, "link", base+path), nil
	}
	if w.Search == "" && part.Total == 0 && w.After.IsZero() && w.Before.IsZero() {
		table.Search = nil // there is nothing to be found
	}
	return table
}

package page

import (
	"encoding/base64"
	"html/template"
	"slices"
	"time"
)

// A Block is a part of a page of the console.
type Block interface{ Block() string }

// Table is a list. Its first column names the row.
type Table struct {
	Label  Text // for those who do not see it
	Search *Search
	Head   []Column
	Rows   []Row
	Empty  Text // instead of a table without rows
	// EmptyActs are what to do about that.
	EmptyActs []Act
	// Range is which rows of how many these are.
	Range          Text
	Previous, Next string // addresses of the parts before and after; empty: there is none
}

// A Search is the form above a table, or above another list.
type Search struct {
	To, Value string // of the parameter q
	Label     Text
	Filters   []Field // selects, and lines that are optional
}

// A Column is the head of one.
type Column struct {
	Text   Text
	Sort   string // address of the table sorted by it; empty: it cannot be
	Sorted string // ascending, descending or empty
}

// A Row has a cell for each column.
type Row struct {
	Cells []Cell
	Acts  []Act
}

// A Cell is what stands in one, in order.
type Cell []Inline

// An Inline is a part of a line.
type Inline interface{ Inline() string }

// Link leads to the page of what it names.
type Link struct {
	To   string
	Text Text
}

// Words is text in a line.
type Words struct{ Text Text }

// Code is something to be typed or copied: an id, a command.
type Code struct {
	Text string
	Copy bool // with a button
}

// Chip is a state in a word.
type Chip struct {
	Tone Tone
	Text Text
}

// Moment is a time, shown in the reader's zone. Zero: Never is shown.
type Moment struct {
	At    time.Time
	Never Text
}

// Panel is a card.
type Panel struct {
	Title  Text
	Aside  Cell
	Blocks []Block
	Acts   []Act
	Danger bool // the red part at a page's end
}

// Beside puts blocks next to each other where there is room.
type Beside struct{ Left, Right []Block }

// Paragraph is a text of its own.
type Paragraph struct {
	Text  Text
	Quiet bool
}

// Bullets is a list of sentences, such as what will stop working.
type Bullets struct {
	Tone  Tone
	Items []Text
}

// Facts are names with their values.
type Facts struct{ Items []Fact }

// A Fact is one.
type Fact struct {
	Name  Text
	Value Cell
}

// Source is code in its own box. The spans are its text in order.
type Source struct {
	Label Text
	Spans []Span
	Copy  bool
	// File is the name under which it can be saved; empty: it is not to be. The link holds the text itself, so what
	// is secret in it takes no second request.
	File string
}

// A Span is text of one colour: 0 none, 1 keyword or claim, 2 string, 3 number, 4 comment, 5 name.
type Span struct {
	Colour int
	Text   string
}

// Form is a form. Hidden parameters go with it.
type Form struct {
	To     string
	Fields []Field
	More   []Field // under a line that opens; open when there is a problem in it
	Hidden []Parameter
	Submit Text
	Danger bool
	Cancel string // address; empty: no way back is offered
	Back   Text   // what the way back is called; zero: Cancel
	// Uploads is set where a file is sent.
	Uploads bool
}

// A Field is an input with its label.
type Field struct {
	Name    string
	Label   Text
	Kind    FieldKind
	Value   string
	Values  []string // of check boxes
	Options []Option // of radio buttons, check boxes and selects
	Hint    Text
	Problem Text
	Now     Cell // what is there, where somebody else has changed it meanwhile
	Code    bool // in the type of code
	// Optional is set where it may stay empty.
	Optional     bool
	Autocomplete string // empty: off
}

// A FieldKind says how a Field is filled in.
type FieldKind string

// The kinds of Field.
const (
	Line     FieldKind = "" // one line
	Area     FieldKind = "area"
	Select   FieldKind = "select"
	Radio    FieldKind = "radio"
	Checks   FieldKind = "checks"
	Secret   FieldKind = "secret" // one line that is not shown
	DateOnly FieldKind = "date"
)

// Option is one of several answers.
type Option struct {
	Value string
	Label Text
	Hint  Text
}

// Has reports whether the option is chosen.
func (f Field) Has(value string) bool {
	if f.Kind != Checks {
		return f.Value == value
	}
	return slices.Contains(f.Values, value)
}

// Against returns the fields with what others of the same names hold, where that differs: what was typed stays beside
// what is there now.
func Against(typed, now []Field) []Field {
	typed = slices.Clone(typed)
	for i, f := range typed {
		j := slices.IndexFunc(now, func(n Field) bool { return n.Name == f.Name })
		if j >= 0 && (f.Value != now[j].Value || !sameValues(f.Values, now[j].Values)) {
			typed[i].Now = now[j].held()
		}
	}
	return typed
}

// sameValues compares what is ticked, in whatever order.
func sameValues(a, b []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}

// held is what a field holds, in the words of its options where it has some.
func (f Field) held() (cell Cell) {
	for _, o := range f.Options {
		if f.Has(o.Value) {
			cell = append(cell, Chip{Text: o.Label})
		}
	}
	switch {
	case len(cell) > 0:
	case len(f.Options) == 0 && f.Value != "" && f.Code:
		cell = Cell{Code{Text: f.Value}}
	case len(f.Options) == 0 && f.Value != "":
		cell = Cell{Words{Text: Named(f.Value)}}
	default:
		cell = Cell{Words{Text: Say("now.nothing")}}
	}
	return cell
}

// Checked is a list of checks with their outcome, in the order in which they were made.
type Checked struct{ Items []CheckItem }

// A CheckItem is one check.
type CheckItem struct {
	Outcome       Outcome
	Name          Text
	Expected, Got Cell // empty: not said
	Fix           Text
}

// An Outcome of a check.
type Outcome string

// The outcomes.
const (
	Passed  Outcome = "passed"
	Failed  Outcome = "failed"
	Doubted Outcome = "doubted" // passed, and worth a look
	Skipped Outcome = "skipped"
)

// Chart is columns over time: good ones upwards, bad ones downwards.
type Chart struct {
	Label Text // says in words what it shows
	Bars  []Bar
}

// A Bar is one span of time.
type Bar struct {
	At        time.Time
	Good, Bad int
}

// Timeline is a row of bars for each of some things: full while it does what it is for, outlined while it is there
// without that.
type Timeline struct {
	Label Text // says in words what it shows
	Now   time.Time
	Full  Text // what a full bar means
	Thin  Text // what an outline means
	Spans []TimeSpan
}

// A TimeSpan is one thing in a Timeline: there from Start to End, and at work from From to To. A zero To or End is open.
type TimeSpan struct {
	Name                 Text
	Start, From, To, End time.Time
}

// Figures are a few numbers with their names, each a link to what is behind it.
type Figures struct{ Items []Figure }

// A Figure is one number.
type Figure struct {
	Name  Text
	Value string
	Note  Text
	To    string
	Tone  Tone
}

// Details is a block that opens. Nothing in its summary can be pressed.
type Details struct {
	Summary Cell
	Blocks  []Block
	Open    bool
	// Group is of those of which one at a time is open; empty: it has none.
	Group string
}

// Switch leads from one form of a block to another, such as one language of a snippet.
type Switch struct {
	Label Text
	Items []Tab
}

// Live is a block that a script has anew from the page itself when something happens; Stream is where it hears of that.
// Without a script it is renewed by a link.
type Live struct {
	Stream, Here string // addresses
	Blocks       []Block
}

// The names by which templates know the blocks.

func (Table) Block() string     { return "table" }
func (Search) Block() string    { return "search" }
func (Panel) Block() string     { return "panel" }
func (Beside) Block() string    { return "beside" }
func (Paragraph) Block() string { return "paragraph" }
func (Bullets) Block() string   { return "bullets" }
func (Facts) Block() string     { return "facts" }
func (Source) Block() string    { return "source" }
func (Form) Block() string      { return "form" }
func (Checked) Block() string   { return "checked" }
func (Chart) Block() string     { return "chart" }
func (Timeline) Block() string  { return "timeline" }
func (Figures) Block() string   { return "figures" }
func (Details) Block() string   { return "details" }
func (Switch) Block() string    { return "switch" }
func (Live) Block() string      { return "live" }

// The names by which templates know the parts of a line.

func (Link) Inline() string   { return "link" }
func (Words) Inline() string  { return "words" }
func (Code) Inline() string   { return "code" }
func (Chip) Inline() string   { return "chip" }
func (Moment) Inline() string { return "moment" }

// Acting reports whether rows have something to be done with them.
func (t Table) Acting() bool {
	return slices.ContainsFunc(t.Rows, func(r Row) bool { return len(r.Acts) > 0 })
}

// HeadOf returns the head of a column.
func (t Table) HeadOf(i int) Text { return t.Head[i].Text }

// Whole returns the code without its colours.
func (s Source) Whole() string {
	var whole string
	for _, span := range s.Spans {
		whole += span.Text
	}
	return whole
}

// Saved returns the address that holds the code.
func (s Source) Saved() template.URL {
	return template.URL("data:application/octet-stream;base64," + base64.StdEncoding.EncodeToString([]byte(s.Whole())))
}

// Troubled reports whether there is something to be looked at in what opens.
func (f Form) Troubled() bool {
	return slices.ContainsFunc(f.More, func(f Field) bool { return !f.Problem.Empty() || f.Now != nil })
}

// Word returns the sentence of an outcome.
func (c CheckItem) Word() string { return "console.outcome." + string(c.Outcome) }

// Tone returns the colour of an outcome.
func (c CheckItem) Tone() Tone {
	return map[Outcome]Tone{Passed: Good, Failed: Bad, Doubted: Warn}[c.Outcome]
}

// Width is that of the drawing of a Timeline, in its units.
func (Timeline) Width() int { return timelineWidth }

const timelineWidth = 1000

// A line of a Timeline, in its units.
type line struct {
	Name                       Text
	Thin, ThinWide, Full, Wide int
	Now                        int
}

// Lines returns where the bars are. The drawing begins with the first and ends with the last, a tenth behind now at
// least; what is open goes on to the end.
func (t Timeline) Lines() (lines []line) {
	first, last := t.Now, t.Now
	for _, s := range t.Spans {
		for _, at := range []time.Time{s.Start, s.From, s.To, s.End} {
			if !at.IsZero() && at.Before(first) {
				first = at
			}
			if at.After(last) {
				last = at
			}
		}
	}
	if ahead := t.Now.Add(t.Now.Sub(first)/10 + time.Minute); last.Before(ahead) {
		last = ahead
	}
	place := func(at time.Time) int {
		if at.IsZero() {
			return timelineWidth
		}
		return int(at.Sub(first).Seconds() / last.Sub(first).Seconds() * timelineWidth)
	}
	for _, s := range t.Spans {
		start, from, to, end := place(s.Start), place(s.From), place(s.To), place(s.End)
		lines = append(lines, line{s.Name, start, max(2, end-start), from, max(2, to-from), place(t.Now)})
	}
	return lines
}

// A column of a Chart, in its units.
type column struct{ X, Top, Up, Down int }

// Width returns the width of the drawing.
func (c Chart) Width() int { return max(1, 12*len(c.Bars)) }

// Columns returns the bars in the units of the drawing: 78 upwards for good ones, 38 downwards for bad ones. What
// is there at all is seen.
func (c Chart) Columns() []column {
	good, bad := 1, 1
	for _, b := range c.Bars {
		good, bad = max(good, b.Good), max(bad, b.Bad)
	}
	var columns []column
	for i, b := range c.Bars {
		up, down := part(b.Good, good, 78), part(b.Bad, bad, 38)
		columns = append(columns, column{X: 12*i + 1, Top: 80 - up, Up: up, Down: down})
	}
	return columns
}

func part(n, most, height int) int {
	if n <= 0 {
		return 0
	}
	return max(1, n*height/most)
}

package page

// Console is a page of the console. Unlike the pages of people, which are few and each of a kind, those of the
// console are put together from blocks: a table, a form, a panel. What they say is sentences of the catalogue too.
//
//	page.Console{
//		Frame: frame, Here: "apis",
//		Title: page.Say("apis.title"), Lead: page.Say("apis.lead"),
//		Acts:   []page.Act{{To: "/console/apis/new", Text: page.Say("apis.create"), Go: true}},
//		Blocks: []page.Block{page.Table{…}},
//	}
type Console struct {
	Frame
	Here        string // the item of the sidebar that the page belongs to
	Up          *Link  // the list or thing that the page is part of; nil: none
	Title, Lead Text
	Acts        []Act  // at most one is Go
	Notes       []Note // worst first
	Tabs        []Tab
	Blocks      []Block
	Status      int // zero: 200
}

// Frame is what all pages of the console share.
type Frame struct {
	Base     string // path at which the console is mounted
	Person   Person
	Account  string // path of the person's own account
	LogOut   string // where a form with answer=logout logs the person out
	Sections []Section
	ReadOnly bool // the person may look and not change
	Search   string
}

// A Section is a group of items of the sidebar.
type Section struct {
	Name  Text // empty: no heading
	Items []Item
}

// An Item of the sidebar leads to a page. Its name is the sentence console.KEY.
type Item struct{ Key, To string }

// A Text is a sentence of the catalogue with its values, or words that people chose. The zero value says nothing.
type Text struct {
	key   string
	args  []any
	plain string
}

// Say returns the sentence console.KEY, with names and values in turn; see the catalogue for what is allowed in it.
func Say(key string, args ...any) Text { return Text{key: "console." + key, args: args} }

// Named returns words that people chose, as they are.
func Named(words string) Text { return Text{plain: words} }

// Empty reports whether there is nothing to say.
func (t Text) Empty() bool { return t.key == "" && t.plain == "" }

// An Act is a link or, with Post, a form of one button.
type Act struct {
	To     string
	Text   Text
	Go     bool // the one filled button of the page
	Danger bool
	Post   bool
	Hidden []Parameter // of the form
}

// A Note stands above the page's blocks.
type Note struct {
	Tone Tone
	Text Text
	Acts []Act
}

// A Tone is what a colour means. It never stands without words.
type Tone string

// The tones.
const (
	Quiet Tone = ""
	Good  Tone = "good" // open, went well
	Bad   Tone = "bad"  // refused, destroys
	Warn  Tone = "warn" // look at this soon
)

// A Tab leads to another page about the same thing.
type Tab struct {
	To   string
	Text Text
	Here bool
}

func (p Console) shape() shape {
	return shape{file: "console", layout: "console", status: p.Status, policy: policy{script: "'self'", fetches: true, alone: true}}
}

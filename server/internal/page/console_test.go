package page

import (
	"slices"
	"strings"
	"testing"
)

func consoleSamples() []sample {
	return []sample{{"console-blocks", everyBlock("nightly-export")}, {"console-empty", Console{
		Frame: consoleFrame("Mia Berg"), Here: "menu", Title: Say("menu"), Blocks: []Block{Table{
			Label: Say("menu"), Search: &Search{To: "/console/x", Value: "foo", Label: Say("search")},
			Empty: Say("nothing_matches", "q", "foo", "link", "/console/x"), EmptyActs: []Act{{To: "/console/x/new", Text: Say("search"), Go: true}},
		}},
	}}}
}

func consoleFrame(words string) Frame {
	return Frame{
		Base: "/console", Person: Person{words, words}, Account: "/account", LogOut: "/logout?sid=1", ReadOnly: true, Search: "/console/find",
		Sections: []Section{{Items: []Item{{"menu", "/console/x"}, {"find", "/console/y"}}}, {Name: Named(words), Items: []Item{{"copy", "/console/z"}}}},
	}
}

// everyBlock is a page with every block and every part of a line, of which people have chosen the words.
func everyBlock(words string) Console {
	named, link := Named(words), Link{"/console/x?" + words, Named(words)}
	cell := Cell{link, Words{Say("nothing_matches", "q", words, "link", "/x")}, Code{Text: words, Copy: true}, Chip{Good, named}, Moment{At: at("2026-02-03 14:31")}, Moment{Never: named}}
	act := Act{To: "/console/x", Text: named}
	return Console{
		Frame: consoleFrame(words), Here: "menu", Up: &link, Title: named, Lead: named,
		Acts:  []Act{{To: "/console/x", Text: named, Go: true}, {To: "/console/x", Text: named, Danger: true, Post: true, Hidden: []Parameter{{"name", words}}}},
		Notes: []Note{{Bad, named, []Act{act}}, {Warn, named, nil}, {Good, named, nil}},
		Tabs:  []Tab{{"/console/x", named, true}, {"/console/y", named, false}},
		Blocks: []Block{
			Figures{[]Figure{{named, "1,318", named, "/console/x", Bad}, {Name: named, Value: "7"}}},
			Timeline{named, at("2026-02-03 14:31"), named, named, []TimeSpan{{named, at("2026-01-01 00:00"), at("2026-01-01 00:02"), at("2026-02-01 00:00"), at("2026-02-08 00:00")}, {Name: named, Start: at("2026-02-01 00:00"), From: at("2026-02-01 00:02")}}},
			Chart{named, []Bar{{Good: 5, Bad: 1}, {Good: 0, Bad: 0}, {Good: 100, Bad: 3}}},
			Table{
				Label: named, Search: &Search{To: "/console/x", Value: words, Label: named, Filters: []Field{{Name: "state", Label: named, Kind: Select, Options: []Option{{words, named, Text{}}}, Value: words}}},
				Head:  []Column{{named, "/console/x?sort=name", "ascending"}, {Text: Say("search")}},
				Rows:  []Row{{Cells: []Cell{cell, cell}, Acts: []Act{{To: "/console/x/end", Text: named, Danger: true}, act}}, {Cells: []Cell{cell, cell}}},
				Range: Say("range", "n", 10_023, "from", 1, "to", 50), Next: "/console/x?after=" + words, Previous: "/console/x?before=" + words,
			},
			Beside{
				Left: []Block{Panel{Title: named, Aside: Cell{Chip{Warn, named}}, Acts: []Act{act}, Blocks: []Block{
					Facts{[]Fact{{named, cell}}}, Paragraph{named, true}, Bullets{Bad, []Text{named}},
				}}},
				Right: []Block{Panel{Title: named, Blocks: []Block{
					Switch{Say("got"), []Tab{{"/console/x#curl", Named("curl"), true}, {"/console/x#go", Named("Go"), false}}},
					Source{Label: Say("got"), Spans: []Span{{1, "curl"}, {0, " "}, {2, words}, {3, "1"}, {4, "# no"}, {5, words}}, Copy: true, File: words},
				}}},
			},
			Panel{Title: named, Blocks: []Block{Form{To: "/console/x", Hidden: []Parameter{{"version", words}}, Cancel: "/console/y", Submit: named, Fields: []Field{
				{Name: "name", Label: named, Value: words, Hint: named, Problem: named},
				{Name: "identifier", Label: named, Value: words, Code: true, Optional: true},
				{Name: "uris", Label: named, Kind: Area, Value: words, Hint: named},
				{Name: "lifetime", Label: named, Kind: Select, Value: words, Options: []Option{{"a", named, Text{}}, {words, named, Text{}}}},
				{Name: "kind", Label: named, Kind: Radio, Value: words, Options: []Option{{"a", named, named}, {words, named, Text{}}}},
				{Name: "roles", Label: named, Kind: Checks, Values: []string{words}, Options: []Option{{"b", named, Text{}}, {words, named, Text{}}}},
				{Name: "password", Label: named, Kind: Secret}, {Name: "end", Label: named, Kind: DateOnly, Value: "2027-01-01"},
			}}}},
			Panel{Title: named, Danger: true, Blocks: []Block{Form{To: "/console/x/delete", Danger: true, Submit: named, Cancel: "/console/x", Back: named}}},
			Panel{Title: named, Blocks: []Block{Checked{[]CheckItem{
				{Passed, named, nil, cell, Text{}}, {Failed, named, cell, cell, named}, {Doubted, named, nil, nil, named}, {Outcome: Skipped, Name: named},
			}}}},
			Live{"/console/x/live", "/console/x", []Block{Details{Summary: Cell{Words{named}, Chip{Bad, named}, Moment{At: at("2026-02-03 14:31")}}, Blocks: []Block{Paragraph{Text: named}}, Open: true}}},
		},
	}
}

func TestS11PayloadsInEveryBlockOfTheConsoleStayText(t *testing.T) {
	bones := skeleton(mustParse(t, render(t, "en", everyBlock("benign")).Body.Bytes()))
	for _, payload := range payloads {
		for _, lang := range Languages() {
			elements := mustParse(t, render(t, lang, everyBlock(payload)).Body.Bytes())
			if !slices.Equal(skeleton(elements), bones) {
				t.Errorf("%.40q makes another page", payload)
			}
			checkInert(t, payload, elements)
		}
	}
}

func TestEveryBlockOfTheConsoleIsDrawn(t *testing.T) {
	body := render(t, "en", everyBlock("nightly-export")).Body.String()
	for _, want := range []string{
		`aria-current="true">Menu`, `<span class="chip warn">read only</span>`, `aria-sort="ascending"`, "1 to 50 of 10,023", `data-label="Search"`, `rel="next"`,
		`class="note bad" role="alert"`, `class="halt"`, `aria-invalid="true" autofocus`, `<option value="nightly-export" selected>`, `type="radio" name="kind" value="nightly-export" checked`,
		`type="checkbox" name="roles" value="nightly-export" checked`, `type="password" value=""`, `<span class="c2">nightly-export</span>`, `data-copy="curl nightly-export1`, `<li class="failed">`,
		`<rect class="good"`, `<rect class="bad"`, `data-stream="/console/x/live"`, `<details class="more" open>`, `<input type="hidden" name="version" value="nightly-export">`,
	} {
		if !strings.Contains(body, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	if len(body) > 60_000 {
		t.Errorf("%d bytes", len(body))
	}
}

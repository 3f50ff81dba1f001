package main

import (
	"encoding/json"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func newTestIssuer(tb testing.TB) *issuer {
	tb.Helper()
	i, err := newIssuer()
	if err != nil {
		tb.Fatal(err)
	}
	return i
}

// BenchmarkSubject runs what the table measures one by one, for profiles:
//
//	go test -run '^$' -bench 'Subject/RS256/postern_cold' -cpuprofile cpu.out
func BenchmarkSubject(b *testing.B) {
	all, err := groups(newTestIssuer(b))
	if err != nil {
		b.Fatal(err)
	}
	for _, g := range all {
		for _, s := range g.subjects {
			b.Run(g.name+"/"+s.name, func(b *testing.B) {
				b.ReportAllocs()
				s.run(b.N)
			})
		}
	}
}

func TestCandidatesTellGoodTokensFromBad(t *testing.T) {
	var table strings.Builder
	if err := checkCandidates(&table, newTestIssuer(t)); err != nil {
		t.Errorf("%v\n%s", err, table.String())
	}
}

func TestCandidateThatAcceptsABadTokenIsNotCompared(t *testing.T) {
	saved := candidates
	defer func() { candidates = saved }()
	lax := func(*issuer, string) (verify, error) { return func(string) error { return nil }, nil }
	candidates = []candidate{{name: "lax", make: lax}}
	err := checkCandidates(io.Discard, newTestIssuer(t))
	if err == nil || !strings.Contains(err.Error(), `lax, RS256: token "tampered"`) {
		t.Errorf("error %v, want one that names the candidate and the token", err)
	}
}

func TestSpreadIsMedianAndQuartiles(t *testing.T) {
	for _, test := range []struct {
		name    string
		samples []float64
		want    spread
	}{
		{"one sample is all three", []float64{7}, spread{7, 7, 7}},
		{"order does not matter", []float64{5, 1, 4, 2, 3}, spread{2, 3, 4}},
		{"between two samples lies their mean", []float64{1, 2}, spread{1.25, 1.5, 1.75}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, spreadOf(test.samples)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestRatioIsTakenRoundByRound(t *testing.T) {
	// The machine slows down tenfold; each round's ratio stays 2.
	base := measurement{samples: []float64{1, 1, 10, 10, 10}}
	row := measurement{samples: []float64{2, 2, 20, 20, 20}}
	if got, want := row.to(base), (spread{2, 2, 2}); got != want {
		t.Errorf("ratio %v, want %v", got, want)
	}
}

func TestMeasureCountsAllocationsAnOperation(t *testing.T) {
	var sink []*int
	spin := 0
	rows := measure([]subject{
		{name: "none", run: func(n int) {
			for range n {
				spin++
			}
		}},
		{name: "two", run: func(n int) {
			for range n {
				sink = append(sink[:0], new(int), new(int))
			}
		}},
	}, 3, func(int, int) {})
	if rows[0].allocs != 0 || rows[1].allocs != 2 {
		t.Errorf("%v and %v allocations, want 0 and 2", rows[0].allocs, rows[1].allocs)
	}
	if len(rows[1].samples) != 3 {
		t.Errorf("%d samples, want one a round", len(rows[1].samples))
	}
}

func TestGate(t *testing.T) {
	m := measured{"g", "slow", []measurement{
		{name: "slow", samples: []float64{10, 10, 10}, allocs: 9},
		{name: "fast", samples: []float64{5, 5, 5}, allocs: 2},
	}}
	for _, test := range []struct {
		name     string
		gate     gate
		measured float64
		passes   bool
	}{
		{"a ratio at its limit passes", gate{group: "g", row: "fast", beside: "slow", limit: 0.5}, 0.5, true},
		{"a ratio above its limit fails", gate{group: "g", row: "fast", beside: "slow", limit: 0.49}, 0.5, false},
		{"a lead at its limit passes", gate{group: "g", row: "fast", beside: "slow", inverse: true, limit: 2}, 2, true},
		{"a lead below its limit fails", gate{group: "g", row: "fast", beside: "slow", inverse: true, limit: 2.1}, 2, false},
		{"what another row costs is taken away", gate{group: "g", row: "slow", less: "fast", beside: "fast", limit: 1}, 1, true},
		{"allocations are counted", gate{group: "g", row: "fast", allocs: true, limit: 1}, 2, false},
		{"allocations beside others are their difference", gate{group: "g", row: "slow", beside: "fast", allocs: true, limit: 7}, 7, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			o := test.gate.outcome(m)
			if o.Measured != test.measured || o.within(o.Limit) != test.passes {
				t.Errorf("%s: %v, passes %t; want %v, %t", o.Name, o.Measured, o.within(o.Limit), test.measured, test.passes)
			}
		})
	}
}

func TestEveryGateNamesRowsThatAreMeasured(t *testing.T) {
	all, err := groups(newTestIssuer(t))
	if err != nil {
		t.Fatal(err)
	}
	r := new(report)
	for _, g := range all {
		m := measured{name: g.name, base: g.base}
		for _, s := range g.subjects {
			m.rows = append(m.rows, measurement{name: s.name, samples: []float64{1}})
		}
		r.Groups = append(r.Groups, m)
	}
	list := gates([]string{garbage(newTestIssuer(t))[0].name})
	for _, g := range list {
		g.outcome(r.group(g.group)) // panics on a row that is not there
	}
	if len(list) < 20 {
		t.Errorf("%d gates, want all of them", len(list))
	}
}

func TestFailedGateIsMeasuredAgainAndThenNamed(t *testing.T) {
	runs := 0
	work := func(n int) {
		for range n * 1000 {
			runs++
		}
	}
	all := []group{{"g", "a", []subject{{name: "a", run: work}, {name: "b", run: work}}}}
	r := &report{Groups: []measured{measureGroup(all[0], 1, progressOn(io.Discard))}}
	r.Gates = []outcome{gate{group: "g", row: "b", beside: "a", limit: 0.01}.outcome(r.Groups[0])}
	err := r.retry(all, 1, progressOn(io.Discard))
	if err == nil || !strings.Contains(err.Error(), "g: b / a is ") {
		t.Errorf("error %v, want one that names the gate", err)
	}
	if got := r.Gates[0].Attempts; got != attempts {
		t.Errorf("%d attempts, want %d", got, attempts)
	}
}

func TestJSONHasEveryRow(t *testing.T) {
	r := newReport(newTestIssuer(t), 1)
	r.Groups = []measured{{"g", "a", []measurement{{name: "a", samples: []float64{4}}, {name: "b", samples: []float64{8}, allocs: 3}}}}
	var text strings.Builder
	if err := r.writeJSON(&text); err != nil {
		t.Fatal(err)
	}
	var got struct {
		Go     string      `json:"go"`
		Groups []jsonGroup `json:"groups"`
	}
	if err := json.Unmarshal([]byte(text.String()), &got); err != nil {
		t.Fatal(err)
	}
	want := []jsonGroup{{"g", "a", []jsonRow{{"a", 4, spread{1, 1, 1}, 0, 0}, {"b", 8, spread{2, 2, 2}, 3, 0}}}}
	if diff := cmp.Diff(want, got.Groups); diff != "" || got.Go == "" {
		t.Errorf("Go %q, groups:\n%s", got.Go, diff)
	}
}

func TestArgumentsThatAreNoFlagsAreRefused(t *testing.T) {
	for _, args := range [][]string{{"fast"}, {"-rounds", "0"}, {"-no-such-flag"}} {
		if err := run(args, io.Discard, io.Discard); err == nil {
			t.Errorf("%q was taken", args)
		}
	}
}

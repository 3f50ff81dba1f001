package sqlstore

import (
	"context"
	"fmt"
	"strings"
	"testing"
)

// The protocol of memory, in every order in which two callers that read and one that writes can take their steps: no read
// finds what is older than the last change that had returned when it began.
func TestMemoryIsNeverBehind(t *testing.T) {
	for name, writes := range map[string]func(*order){
		"one change": func(o *order) { o.change(2) },
		"a change that is undone, and one": func(o *order) {
			o.undone(2)
			o.change(2)
		},
		"a change, and one that is undone": func(o *order) {
			o.change(2)
			o.undone(3)
		},
	} {
		t.Run(name, func(t *testing.T) {
			orders, behind := explore(writes)
			if t.Logf("%d orders", orders); behind != "" || orders < 1000 {
				t.Errorf("expected 1000 orders at least and none to find what is old, got %d and %s", orders, behind)
			}
		})
	}
}

// A mark that is written after the commit, as none may be, is found out: the search looks where faults are.
func TestMemoryIsBehindAMarkThatIsLate(t *testing.T) {
	orders, behind := explore(func(o *order) {
		o.turn()
		o.committed, o.returned = 2, 2
		o.turn()
		o.mark = 2
	})
	if behind == "" {
		t.Errorf("expected an order in which what is old is found, got none of %d", orders)
	}
}

// order is one order of the steps, and the Backend at which they are taken. The registry in it is its version.
type order struct {
	Backend         // what is not needed here
	committed, mark int64
	returned        int64 // the last change that has returned

	choices []int // who takes each step, among those who have one left
	widths  []int // how many those are
	turning *actor
	behind  string // the read that was
}

// actor takes steps, each when it is its turn.
type actor struct {
	next  chan struct{}
	left  chan bool // whether it has a step left
	began int64     // what had returned when the read under way took its first step
}

// turn ends a step of the actor whose turn it is, and returns when it has the next.
func (o *order) turn() {
	a := o.turning
	a.left <- true
	<-a.next
}

// change takes the steps of a transaction that moves the registry to a version.
func (o *order) change(version int64) {
	o.undone(version)
	o.turn()
	o.committed = version
	o.turn()
	o.returned = version
}

// undone takes those of one that does not come to its commit.
func (o *order) undone(version int64) {
	o.turn()
	o.mark = version
}

func (o *order) Name() string { return "order" }

func (o *order) Current(version int64) bool {
	o.access()
	return o.mark == version
}

func (o *order) Read(ctx context.Context, f func(Querier) error) error {
	o.access()
	return f(o)
}

func (o *order) access() {
	o.turn()
	if a := o.turning; a.began < 0 {
		a.began = o.returned
	}
}

func (o *order) Exec(string, ...any) (int, error) { return 0, nil }

func (o *order) Each(_ context.Context, _ string, _ []any, row func(Scan) error) error {
	return row(func(dest ...any) error {
		*dest[0].(*int64) = o.committed
		return nil
	})
}

// read asks for the registry so many times.
func (o *order) read(m *memory, times int) {
	tx := &Tx{runner: o, backend: o, memory: m}
	for i := range times {
		if i > 0 {
			o.turn()
		}
		o.turning.began = -1
		found, err := recall(context.Background(), tx, "registry", "", addVersion, itself, "the registry")
		if began := o.turning.began; err != nil || len(found) != 1 || found[0] < began {
			o.behind = fmt.Sprintf("read %d found %v, %v, and began when %d had returned, in the order %v", i, found, err, began, o.choices)
		}
	}
}

func addVersion(row Scan, all []int64) ([]int64, error) {
	var version int64
	err := row(&version)
	return append(all, version), err
}

// explore takes the steps in every order, and returns how many there were and a read that found what was old.
func explore(writes func(*order)) (orders int, behind string) {
	for choices := []int{}; ; {
		o := &order{choices: choices, committed: 1, mark: 1}
		o.run(writes)
		if orders++; o.behind != "" {
			behind = o.behind
		}
		for choices = o.choices; len(choices) > 0; choices = choices[:len(choices)-1] {
			last := len(choices) - 1
			if choices[last]++; choices[last] < o.widths[last] {
				break
			}
		}
		if len(choices) == 0 {
			return orders, behind
		}
	}
}

// run takes the steps in the order of the choices, and the first of those that are possible where they end.
func (o *order) run(writes func(*order)) {
	m := &memory{backend: o}
	var waiting []*actor
	for _, acts := range []func(){func() { o.read(m, 2) }, func() { o.read(m, 1) }, func() { writes(o) }} {
		a := &actor{next: make(chan struct{}), left: make(chan bool)}
		o.turning = a
		go func() {
			acts()
			a.left <- false
		}()
		if <-a.left {
			waiting = append(waiting, a)
		}
	}
	for step := 0; len(waiting) > 0; step++ {
		if step == len(o.choices) {
			o.choices = append(o.choices, 0)
		}
		o.widths = append(o.widths, len(waiting))
		i := o.choices[step]
		o.turning = waiting[i]
		o.turning.next <- struct{}{}
		if !<-o.turning.left {
			waiting = append(waiting[:i:i], waiting[i+1:]...)
		}
	}
}

// What strangers ask for and is not there takes no memory, and what is there no more than the bound; what was driven out
// is read again.
func TestMemoryIsBounded(t *testing.T) {
	const rows = 3000
	b := &counted{text: strings.Repeat("x", maxRemembered/1000)}
	m := &memory{backend: b}
	tx := &Tx{runner: b, backend: b, memory: m}
	ask := func(name string) {
		t.Helper()
		found, err := recall(t.Context(), tx, "rows", name, addText, itself, "rows", name)
		if err != nil || (len(found) == 0) != (name[0] == '-') {
			t.Fatalf("%s: %d rows, %v", name, len(found), err)
		}
	}
	for i := range rows {
		ask(fmt.Sprint("-", i))
		ask(fmt.Sprint("+", i))
	}
	s := m.current.Load()
	if size := s.size; size > maxRemembered || size < maxRemembered*9/10 {
		t.Errorf("expected the bound of %d bytes to be used and kept, got %d", maxRemembered, size)
	}
	size := 0
	for q, a := range s.answers {
		if q.args[0][0] == '-' {
			t.Errorf("%s is not there, and is remembered", q.args[0])
		}
		size += a.size
	}
	if size != s.size {
		t.Errorf("expected the sizes to add up to %d, got %d", s.size, size)
	}
	asked := b.asked
	for range 5 {
		ask(fmt.Sprint("+", rows-1))
	}
	if b.asked != asked {
		t.Errorf("expected no question about what is remembered, got %d", b.asked-asked)
	}
	b.text = strings.Repeat("x", maxRemembered/4)
	for range 3 {
		ask("+large")
	}
	if got := b.asked - asked; got != 3 {
		t.Errorf("expected what is too large to be read each time, got %d of 3", got)
	}
}

// counted is a Backend whose registry stands still. Names that begin with a + are there.
type counted struct {
	Backend
	text  string
	asked int // but for the version
}

func (b *counted) Name() string                                        { return "counted" }
func (b *counted) Current(int64) bool                                  { return true }
func (b *counted) Read(_ context.Context, f func(Querier) error) error { return f(b) }
func (b *counted) Exec(string, ...any) (int, error)                    { return 0, nil }
func (b *counted) Each(_ context.Context, query string, args []any, row func(Scan) error) error {
	if query == SelectVersion {
		return row(func(dest ...any) error {
			*dest[0].(*int64) = 1
			return nil
		})
	}
	b.asked++
	if args[0].(string)[0] == '-' {
		return nil
	}
	return row(func(dest ...any) error {
		*dest[0].(*string) = b.text
		return nil
	})
}

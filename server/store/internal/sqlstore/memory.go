package sqlstore

import (
	"context"
	"errors"
	"reflect"
	"sync"
	"sync/atomic"
	"time"

	"github.com/postern-auth/postern/server/store"
)

const (
	// maxRemembered bounds the bytes of what is remembered, by and large. What is beyond it drives out other things.
	maxRemembered = 32 << 20
	// believed is how long an engine is believed that the registry stands still. That it has moved is then seen whatever
	// happened to what the engine believes, such as a file that somebody has taken away.
	believed = time.Second
)

// SelectVersion reads the version of the registry.
const SelectVersion = `SELECT v FROM registry_version WHERE id = 1`

// memory is what has been read of the registry: the tables whose triggers move registry_version. It answers as the
// database would, because:
//
//  1. The version is changed by the transaction that changes the registry, under a lock that all of them take. So it puts
//     them in an order, and nothing changes without it.
//  2. What is in the snapshot of a version was read when the store had that version or a later one: who reads has the
//     snapshot first, and puts what is read into that one, whichever is the current one by then.
//  3. A snapshot is given out when its version is that of the store at a moment after the call began. So nobody sees
//     what is older than the beginning of their call.
//  4. That moment is when the version's row is read, or when the engine says that a version is current: an engine may
//     err in one direction only, see Backend.
//
// What is not there is not remembered, for strangers choose what they ask for.
type memory struct {
	backend Backend
	current atomic.Pointer[snapshot]
}

// snapshot is what has been read since the registry had a version. It is safe for concurrent use.
type snapshot struct {
	version  int64
	verified atomic.Int64 // when its version was last read, in nanoseconds since began

	mu      sync.RWMutex
	answers map[question]answer
	size    int
}

// question is a statement with its arguments, of which there are two at most.
type question struct {
	query string
	args  [2]string
}

// answer is what the rows were made into: a []T that nobody changes.
type answer struct {
	objects any
	size    int
}

// began is when the clock of verified started: one that nobody sets.
var began = time.Now()

// at returns the snapshot to answer from.
func (m *memory) at(ctx context.Context) (*snapshot, error) {
	view := store.ViewOf(ctx)
	if view == nil {
		return m.verify(ctx, false)
	}
	state, err := view.State(func() (any, int64, error) {
		s, err := m.verify(ctx, view.Exact())
		if err != nil {
			return nil, 0, err
		}
		return s, s.version, nil
	})
	if err != nil {
		return nil, err
	}
	return state.(*snapshot), nil
}

// verify returns the snapshot of a version that the store had at a moment after the call began.
func (m *memory) verify(ctx context.Context, exact bool) (*snapshot, error) {
	for range 3 {
		current := m.current.Load()
		asked := time.Since(began)
		if current != nil && !exact && asked-time.Duration(current.verified.Load()) < believed && m.backend.Current(current.version) {
			return current, nil
		}
		version, err := m.version(ctx)
		if err != nil {
			return nil, err
		}
		if current != nil && current.version == version {
			current.verified.Store(int64(asked))
			return current, nil
		}
		next := &snapshot{version: version, answers: make(map[question]answer)}
		next.verified.Store(int64(asked))
		if m.current.CompareAndSwap(current, next) {
			return next, nil
		}
	}
	version, err := m.version(ctx) // others are faster all the time
	return &snapshot{version: version, answers: make(map[question]answer)}, err
}

func (m *memory) version(ctx context.Context) (version int64, err error) {
	err = m.backend.Read(ctx, func(q Querier) (err error) {
		version, err = Version(ctx, q)
		return err
	})
	return version, err
}

// Version reads the version of the registry.
func Version(ctx context.Context, q Querier) (version int64, err error) {
	err = q.Each(ctx, SelectVersion, nil, func(row Scan) error { return row(&version) })
	if err == nil && version == 0 {
		err = errors.New("registry_version has no row")
	}
	return version, err
}

func (s *snapshot) answer(q question) (any, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	a, ok := s.answers[q]
	return a.objects, ok
}

func (s *snapshot) remember(q question, a answer) {
	if a.size > maxRemembered/8 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.answers[q]; ok {
		return
	}
	for other, of := range s.answers {
		if s.size+a.size <= maxRemembered {
			break
		}
		delete(s.answers, other)
		s.size -= of.size
	}
	s.answers[q] = a
	s.size += a.size
}

// recall is list for what is in the registry. The objects are the caller's: copied has none of what is remembered.
func recall[T any](ctx context.Context, t *Tx, what, id string, add func(Scan, []T) ([]T, error), copied func(T) T, query string, args ...string) ([]T, error) {
	if t.memory == nil { // a transaction sees what it has changed
		return list(ctx, t, what, id, add, query, anys(args)...)
	}
	s, err := t.memory.at(ctx)
	if err != nil {
		return nil, t.failure(what, id, err)
	}
	asked := question{query: query}
	copy(asked.args[:], args)
	if known, ok := s.answer(asked); ok {
		return all(known.([]T), copied), nil
	}
	objects, err := list(ctx, t, what, id, add, query, anys(args)...)
	if err != nil || len(objects) == 0 {
		return nil, err
	}
	s.remember(asked, answer{objects, sizeOf(reflect.ValueOf(objects)) + sizeOf(reflect.ValueOf(asked))})
	return all(objects, copied), nil
}

func anys(args []string) []any {
	values := make([]any, len(args))
	for i, arg := range args {
		values[i] = arg
	}
	return values
}

func all[T any](objects []T, copied func(T) T) []T {
	mine := make([]T, len(objects))
	for i, object := range objects {
		mine[i] = copied(object)
	}
	return mine
}

// recallOne is recall for the one object with an id; its error is store.ErrNotFound when there is none.
func recallOne[T any](ctx context.Context, t *Tx, what, id string, add func(Scan, []T) ([]T, error), copied func(T) T, query string, args ...string) (T, error) {
	objects, err := recall(ctx, t, what, id, add, copied, query, args...)
	var none T
	if err != nil {
		return none, err
	}
	if len(objects) == 0 {
		return none, t.failure(what, id, store.ErrNotFound)
	}
	return objects[0], nil
}

// itself is the copy of what refers to nothing.
func itself[T any](object T) T { return object }

// sizeOf is about how many bytes a value takes, with what it refers to.
func sizeOf(v reflect.Value) int {
	size := int(v.Type().Size())
	switch v.Kind() {
	case reflect.String:
		size += v.Len()
	case reflect.Slice:
		for i := range v.Len() {
			size += sizeOf(v.Index(i))
		}
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			return size
		}
		for i := range v.NumField() {
			size += sizeOf(v.Field(i)) - int(v.Field(i).Type().Size())
		}
	}
	return size
}

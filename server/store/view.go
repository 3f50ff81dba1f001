package store

import (
	"context"
	"sync"
)

// View is the registry as one request sees it: projects, APIs, clients with what they prove themselves by, subjects,
// and who may do what. However many calls read it, all of them see the same state, which is no older than the first of
// them.
//
//	ctx, view := store.WithView(ctx)
//	api, err := s.API(ctx, id)
//	project, err := s.Project(ctx, api.ProjectID)
//	… view.Version() …
//
// Whoever changes the registry under a View does not see their own change in it; within InTx reads see the transaction,
// and a View does not count. It is safe for concurrent use.
type View struct {
	exact bool

	mu      sync.Mutex
	state   any
	version int64
}

type viewKey struct{}

// WithView returns a context whose calls have a View. An engine may take its word that the registry has not moved for a
// second at most, when other servers change it; see package postgres.
func WithView(ctx context.Context) (context.Context, *View) { return withView(ctx, false) }

// WithExactView is WithView for answers that may not be a moment old: the state is no older than the first call,
// whichever server has changed it.
func WithExactView(ctx context.Context) (context.Context, *View) { return withView(ctx, true) }

func withView(ctx context.Context, exact bool) (context.Context, *View) {
	v := &View{exact: exact}
	return context.WithValue(ctx, viewKey{}, v), v
}

// ViewOf returns the View of the context; nil: none. It is for engines.
func ViewOf(ctx context.Context) *View {
	v, _ := ctx.Value(viewKey{}).(*View)
	return v
}

// Exact reports whether the state may not be a moment old.
func (v *View) Exact() bool { return v.exact }

// Version is the number of the state, which is greater after every change of the registry. Zero: nothing has been read
// yet, or the engine counts none.
func (v *View) Version() int64 {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.version
}

// State returns what the first call that succeeds finds. It is for engines.
func (v *View) State(find func() (state any, version int64, err error)) (any, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.state == nil {
		state, version, err := find()
		if err != nil {
			return nil, err
		}
		v.state, v.version = state, version
	}
	return v.state, nil
}

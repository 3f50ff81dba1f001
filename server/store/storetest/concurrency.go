package storetest

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/postern-auth/postern/server/store"
)

// together calls f n times at once and returns the errors.
func together(n int, f func(i int) error) []error {
	errs := make([]error, n)
	start := make(chan struct{})
	var done sync.WaitGroup
	for i := range n {
		done.Go(func() {
			<-start
			errs[i] = f(i)
		})
	}
	close(start)
	done.Wait()
	return errs
}

// onlyOne checks that one call had success and all others met what it had made.
func onlyOne(t *testing.T, errs []error) {
	t.Helper()
	onlyOneBut(t, store.ErrExists, errs)
}

// onlyOneFound checks that one call had success and all others found nothing any more.
func onlyOneFound(t *testing.T, errs []error) {
	t.Helper()
	onlyOneBut(t, store.ErrNotFound, errs)
}

// onlyOneBut checks that one call had success and all others the error.
func onlyOneBut(t *testing.T, want error, errs []error) {
	t.Helper()
	var succeeded int
	for _, err := range errs {
		if err == nil {
			succeeded++
			continue
		}
		refused(t, want, err)
	}
	if succeeded != 1 {
		t.Errorf("expected 1 of %d calls to succeed, got %d", len(errs), succeeded)
	}
}

var concurrencyTests = []test{
	{"of a hundred uses of an assertion at once one succeeds", func(t *testing.T, s store.Store) {
		for round := range 10 {
			onlyOne(t, together(100, func(int) error { return s.UseAssertion(t.Context(), "u1", fmt.Sprint(round), noon) }))
		}
	}},
	{"of a hundred uses at once in transactions one succeeds", func(t *testing.T, s store.Store) {
		onlyOne(t, together(100, func(int) error {
			return s.InTx(t.Context(), func(tx store.Tx) error { return tx.UseAssertion(t.Context(), "u1", "jti", noon) })
		}))
	}},
	{"of tokens created at once with the same id one is kept", func(t *testing.T, s store.Store) {
		world(t, s)
		errs := together(50, func(i int) error {
			token := accessToken("same", "u1")
			token.Name = fmt.Sprint(i)
			return s.CreateToken(t.Context(), token)
		})
		onlyOne(t, errs)
		want := accessToken("same", "u1")
		want.Name = fmt.Sprint(slices.Index(errs, nil))
		same(t, want)(s.Token(t.Context(), "same"))
	}},
	{"of projects put at once with the same name one is kept", func(t *testing.T, s store.Store) {
		onlyOne(t, together(50, func(i int) error {
			return s.PutProject(t.Context(), store.Project{ID: fmt.Sprint(i), Name: "same", Roles: []store.Role{{Key: "read"}}})
		}))
	}},
	{"a username and a client id put at once are not both kept", func(t *testing.T, s store.Store) {
		world(t, s)
		onlyOne(t, together(50, func(i int) error {
			if i%2 == 0 {
				return s.PutServiceUser(t.Context(), store.ServiceUser{ID: fmt.Sprint(i), Username: "same"})
			}
			return s.PutAPI(t.Context(), store.API{ID: fmt.Sprint(i), ProjectID: "p1", Name: fmt.Sprint(i), ClientID: "same"})
		}))
	}},
	{"tokens created at once are all there for the next read, beside those that failed", func(t *testing.T, s store.Store) {
		world(t, s)
		errs := together(64, func(i int) error {
			for j := range 10 {
				id := fmt.Sprintf("%d-%d", i, j)
				if err := s.CreateToken(t.Context(), accessToken(id, "u1")); err != nil {
					return err
				}
				if _, err := s.Token(t.Context(), id); err != nil {
					return err
				}
				if err := s.CreateToken(t.Context(), accessToken("orphan", "nobody")); !errors.Is(err, store.ErrNotFound) {
					return fmt.Errorf("expected %w, got %w", store.ErrNotFound, err)
				}
			}
			return nil
		})
		if err := errors.Join(errs...); err != nil {
			t.Fatal(err)
		}
		tokens, err := s.TokensOf(t.Context(), "u1", store.AccessToken)
		ok(t, err)
		if len(tokens) != 641 {
			t.Errorf("expected 641 tokens, got %d", len(tokens))
		}
	}},
	{"a reader sees a project as it was before or after a put, and never between", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		version := func(n int) store.Project {
			p := store.Project{ID: "p", Name: fmt.Sprint(n)}
			for i := range 5 {
				p.Roles = append(p.Roles, store.Role{Key: fmt.Sprintf("%d-%d", n%3, i), Name: fmt.Sprint(n)})
			}
			return p
		}
		ok(t, s.PutProject(ctx, version(0)))
		written := make(chan struct{})
		errs := together(4, func(i int) error {
			if i == 0 {
				defer close(written)
				for n := range 100 {
					if err := s.PutProject(ctx, version(n)); err != nil {
						return err
					}
				}
				return nil
			}
			for {
				got, err := s.Project(ctx, "p")
				if err != nil {
					return err
				}
				if i := slices.IndexFunc(got.Roles, func(r store.Role) bool { return r.Name != got.Name }); i >= 0 || len(got.Roles) != 5 {
					return fmt.Errorf("expected five roles of project version %s, got %v", got.Name, got.Roles)
				}
				select {
				case <-written:
					return nil
				default:
				}
			}
		})
		if err := errors.Join(errs...); err != nil {
			t.Error(err)
		}
	}},
}

package storetest

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/postern-auth/postern/server/store"
)

var transactionTests = []test{
	{"a transaction without error happens as a whole", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		ok(t, s.InTx(ctx, func(tx store.Tx) error {
			ok(t, tx.RevokeToken(ctx, "t1", noon))
			ok(t, tx.CreateToken(ctx, accessToken("t3", "u1")))
			return tx.DeleteServiceUser(ctx, "u2")
		}))
		same(t, accessToken("t3", "u1"))(s.Token(ctx, "t3"))
		absent[store.ServiceUser](t)(s.ServiceUser(ctx, "u2"))
		absent[store.Token](t)(s.Token(ctx, "pat2"))
	}},
	{"a transaction with an error does not happen, and the error is the function's own", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		own := errors.New("changed my mind")
		err := s.InTx(ctx, func(tx store.Tx) error {
			ok(t, tx.RevokeToken(ctx, "t1", noon))
			ok(t, tx.CreateToken(ctx, accessToken("t3", "u1")))
			ok(t, tx.UseAssertion(ctx, "u1", "jti", noon))
			ok(t, tx.DeleteProject(ctx, "p1"))
			return own
		})
		refused(t, own, err)
		same(t, accessToken("t1", "u1"))(s.Token(ctx, "t1"))
		absent[store.Token](t)(s.Token(ctx, "t3"))
		same(t, project1())(s.Project(ctx, "p1"))
		same(t, api1())(s.API(ctx, "a1"))
		ok(t, s.UseAssertion(ctx, "u1", "jti", noon))
	}},
	{"a store's error leaves the transaction as what it is", func(t *testing.T, s store.Store) {
		world(t, s)
		err := s.InTx(t.Context(), func(tx store.Tx) error { return tx.DeleteClientKey(t.Context(), "key-u3") })
		refused(t, store.ErrNotFound, err)
	}},
	{"a panic undoes the transaction, reaches the caller, and the store goes on", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		recovered := func() (value any) {
			defer func() { value = recover() }()
			_ = s.InTx(ctx, func(tx store.Tx) error {
				ok(t, tx.RevokeToken(ctx, "t1", noon))
				panic("the cat is on the table")
			})
			return nil
		}()
		if recovered != "the cat is on the table" {
			t.Errorf("expected the function's panic, got %v", recovered)
		}
		same(t, accessToken("t1", "u1"))(s.Token(ctx, "t1"))
		ok(t, s.RevokeToken(ctx, "t1", noon))
		ok(t, s.InTx(ctx, func(tx store.Tx) error { return tx.RevokeToken(ctx, "t2", noon) }))
	}},
	{"a transaction sees its own writes and nobody else does before its end", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		off := user1()
		off.Active = false
		ok(t, s.InTx(ctx, func(tx store.Tx) error {
			ok(t, tx.PutServiceUser(ctx, off))
			ok(t, tx.CreateToken(ctx, accessToken("t3", "u1")))
			same(t, off)(tx.ServiceUser(ctx, "u1"))
			same(t, accessToken("t3", "u1"))(tx.Token(ctx, "t3"))
			same(t, user1())(s.ServiceUser(ctx, "u1"))
			absent[store.Token](t)(s.Token(ctx, "t3"))
			return nil
		}))
		same(t, off)(s.ServiceUser(ctx, "u1"))
		same(t, accessToken("t3", "u1"))(s.Token(ctx, "t3"))
	}},
	{"a write that fails within a transaction leaves no part of itself, and the rest can go on", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		ok(t, s.InTx(ctx, func(tx store.Tx) error {
			ok(t, tx.CreateToken(ctx, accessToken("before", "u1")))
			refused(t, store.ErrExists, tx.CreateToken(ctx, accessToken("t1", "u1")))
			refused(t, store.ErrNotFound, tx.CreateToken(ctx, accessToken("t3", "nobody")))
			refused(t, store.ErrNotFound, tx.PutAssignment(ctx, store.Assignment{SubjectID: "u1", ProjectID: "p1", Rights: []string{"admin", "nothing"}}))
			refused(t, store.ErrNotFound, tx.PutAPI(ctx, store.API{ID: "a3", ProjectID: "p3", Name: "x", ClientID: "x"}))
			ok(t, tx.CreateToken(ctx, accessToken("after", "u1")))
			return nil
		}))
		same(t, accessToken("before", "u1"))(s.Token(ctx, "before"))
		same(t, accessToken("after", "u1"))(s.Token(ctx, "after"))
		grants, err := s.AssignmentsOf(ctx, "u1")
		ok(t, err)
		same(t, store.Assignment{SubjectID: "u1", ProjectID: "p1", Rights: []string{"read", "write"}})(grants[2], nil)
		ok(t, s.PutServiceUser(ctx, store.ServiceUser{ID: "u3", Username: "x"}))
	}},
	{"a transaction is of no use after its end", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		var kept store.Tx
		ok(t, s.InTx(ctx, func(tx store.Tx) error {
			kept = tx
			return nil
		}))
		refused(t, store.ErrUnavailable, kept.RevokeToken(ctx, "t1", noon))
		_, err := kept.Token(ctx, "t1")
		refused(t, store.ErrUnavailable, err)
		same(t, accessToken("t1", "u1"))(s.Token(ctx, "t1"))
	}},
	{"a transaction whose context has ended is not begun", func(t *testing.T, s store.Store) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		err := s.InTx(ctx, func(store.Tx) error {
			t.Error("expected the function not to be called")
			return nil
		})
		refused(t, context.Canceled, err)
	}},
	{"transactions at once do not mix", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		odd := errors.New("odd")
		for i, err := range together(40, func(i int) error {
			return s.InTx(ctx, func(tx store.Tx) error {
				for j := range 3 {
					if err := tx.CreateToken(ctx, accessToken(fmt.Sprintf("%d-%d", i, j), "u1")); err != nil {
						return err
					}
				}
				if i%2 == 1 {
					return odd
				}
				return nil
			})
		}) {
			if i%2 == 1 {
				refused(t, odd, err)
			} else {
				ok(t, err)
			}
			for j := range 3 {
				if id := fmt.Sprintf("%d-%d", i, j); i%2 == 1 {
					absent[store.Token](t)(s.Token(ctx, id))
				} else {
					same(t, accessToken(id, "u1"))(s.Token(ctx, id))
				}
			}
		}
	}},
}

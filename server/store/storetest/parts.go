package storetest

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/postern-auth/postern/server/store"
)

var partTests = []test{
	{"a list is read in parts, forwards and backwards, and each says where it is", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		var all []store.ServiceUser
		for n := range 23 {
			u := store.ServiceUser{ID: fmt.Sprintf("id-%02d", 22-n), Username: fmt.Sprintf("user-%02d", n), Name: strings.Repeat("x", n%3)}
			ok(t, s.PutServiceUser(ctx, u))
			all = append(all, u)
		}
		place := func(u store.ServiceUser) store.Place { return store.Place{Name: u.Username, ID: u.ID} }
		read := func(w store.Window) store.Part[store.ServiceUser] {
			t.Helper()
			p, err := s.ServiceUsersPart(ctx, w)
			ok(t, err)
			return p
		}
		var w store.Window
		w.Limit = 10
		for from := 0; from < len(all); from += 10 {
			want := store.Part[store.ServiceUser]{Rows: all[from:min(from+10, len(all))], From: from, Total: len(all)}
			same(t, want)(read(w), nil)
			w.After = place(all[min(from+10, len(all))-1])
		}
		same(t, store.Part[store.ServiceUser]{Total: len(all)})(read(w), nil) // after the last
		same(t, store.Part[store.ServiceUser]{Rows: all[3:13], From: 3, Total: len(all)})(read(store.Window{Before: place(all[13]), Limit: 10}), nil)
		same(t, store.Part[store.ServiceUser]{Rows: all[:4], From: 0, Total: len(all)})(read(store.Window{Before: place(all[4]), Limit: 10}), nil)
		// The place itself may have gone.
		ok(t, s.DeleteServiceUser(ctx, all[4].ID))
		left := slices.Delete(slices.Clone(all), 4, 5)
		same(t, store.Part[store.ServiceUser]{Rows: left[4:6], From: 4, Total: len(left)})(read(store.Window{After: place(all[4]), Limit: 2}), nil)
		same(t, store.Part[store.ServiceUser]{Rows: left[2:4], From: 2, Total: len(left)})(read(store.Window{Before: place(all[4]), Limit: 2}), nil)
	}},
	{"a list is searched by a part of what its rows are called, whatever the case and whatever it means to a pattern", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		for _, u := range []store.ServiceUser{
			{ID: "1", Username: "Nightly-Export"}, {ID: "2", Username: "100%"}, {ID: "3", Username: "a_b", Name: "nightly too"}, {ID: "4", Username: "axb"},
			{ID: "5", Username: `back\slash`}, {ID: "6", Username: "Ärger"},
		} {
			ok(t, s.PutServiceUser(ctx, u))
		}
		for search, want := range map[string][]string{
			"nightly": {"Nightly-Export", "a_b"}, "NIGHT": {"Nightly-Export", "a_b"}, "%": {"100%"}, "_": {"a_b"}, `\`: {`back\slash`}, "Ärg": {"Ärger"},
			"6": {"Ärger"}, "": {"100%", "Nightly-Export", "a_b", "axb", `back\slash`, "Ärger"}, "nobody": nil, "'; --": nil,
		} {
			p, err := s.ServiceUsersPart(ctx, store.Window{Search: search, Limit: 10})
			ok(t, err)
			var got []string
			for _, u := range p.Rows {
				got = append(got, u.Username)
			}
			if !slices.Equal(got, want) || p.Total != len(want) || p.From != 0 {
				t.Errorf("%q finds %q, %d in all, want %q", search, got, p.Total, want)
			}
		}
		p, err := s.ServiceUsersPart(ctx, store.Window{Search: "nightly", After: store.Place{Name: "Nightly-Export", ID: "1"}, Limit: 10})
		ok(t, err)
		same(t, store.Part[store.ServiceUser]{Rows: []store.ServiceUser{{ID: "3", Username: "a_b", Name: "nightly too"}}, From: 1, Total: 2})(p, nil)
	}},
	{"who holds a right is found by project or API, in parts", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		for _, username := range []string{"c", "a", "b"} {
			ok(t, s.PutServiceUser(ctx, store.ServiceUser{ID: "id-" + username, Username: username}))
		}
		api, project := store.Assignment{APIID: "a1"}, store.Assignment{ProjectID: "p1"}
		roles, err := s.Project(ctx, "p1")
		ok(t, err)
		role := roles.Roles[0].Key
		for _, subject := range []string{"id-a", "id-c"} {
			ok(t, s.PutAssignment(ctx, store.Assignment{SubjectID: subject, ProjectID: "p1", Rights: []string{role}}))
		}
		ok(t, s.PutAssignment(ctx, store.Assignment{SubjectID: "id-b", ProjectID: "p1"}))
		names := func(target store.Assignment, right string, w store.Window) (names []string) {
			t.Helper()
			p, err := s.HoldersPart(ctx, target, right, w)
			ok(t, err)
			for _, subject := range p.Rows {
				names = append(names, subject.Username)
			}
			return names
		}
		if got := names(project, role, store.Window{Search: "id-", Limit: 9}); !slices.Equal(got, []string{"a", "c"}) {
			t.Errorf("%q hold the role, want a and c", got)
		}
		if got := names(project, role, store.Window{Search: "id-", After: store.Place{Name: "a", ID: "id-a"}, Limit: 9}); !slices.Equal(got, []string{"c"}) {
			t.Errorf("%q come after a, want c", got)
		}
		if got := names(api, role, store.Window{Search: "id-", Limit: 9}); got != nil {
			t.Errorf("%q hold the role of a project on an API", got)
		}
		if got := names(project, "none", store.Window{Limit: 9}); got != nil {
			t.Errorf("%q hold a role that is not there", got)
		}
	}},
}

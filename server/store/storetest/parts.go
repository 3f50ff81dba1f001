package storetest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

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
	}}, {"APIs and projects are read in parts, each as it is but for its rights", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		var projects []store.Project
		var apis []store.API
		for n := range 7 {
			p := store.Project{ID: fmt.Sprint("p-", n), Name: fmt.Sprint("Project ", n), Active: n%2 == 0, Roles: []store.Role{{Key: "a"}, {Key: "b"}}}
			ok(t, s.PutProject(ctx, p))
			p.Roles = nil
			projects = append(projects, p)
			a := store.API{ID: fmt.Sprint("a-", n), ProjectID: p.ID, Name: "Orders", ClientID: fmt.Sprint("client-", n), Identifier: fmt.Sprint("https://", n, ".example.com"),
				Form: store.FormAuth0, Active: n%2 == 0, Permissions: []store.Permission{{Key: "read"}, {Key: "write"}}}
			if n == 3 {
				a.Identifier = ""
			}
			ok(t, s.PutAPI(ctx, a))
			a.Permissions = nil
			apis = append(apis, a)
		}
		same(t, store.Part[store.Project]{Rows: projects[2:5], From: 2, Total: 7})(s.ProjectsPart(ctx, store.Window{After: store.Place{Name: "Project 1", ID: "p-1"}, Limit: 3}))
		same(t, store.Part[store.Project]{Rows: projects[6:], Total: 1})(s.ProjectsPart(ctx, store.Window{Search: "PROJECT 6", Limit: 3}))
		same(t, store.Part[store.API]{Rows: apis[2:5], From: 2, Total: 7})(s.APIsPart(ctx, store.Window{After: store.Place{Name: "Orders", ID: "a-1"}, Limit: 3}))
		for search, want := range map[string]int{"5.EXAMPLE": 5, "client-3": 3, "a-4": 4} {
			same(t, store.Part[store.API]{Rows: apis[want : want+1], Total: 1})(s.APIsPart(ctx, store.Window{Search: search, Limit: 3}))
		}
	}},
	{"how service users stand is told for those that are asked about, without what has ended", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		for _, name := range []string{"x", "y", "z"} {
			ok(t, s.PutServiceUser(ctx, store.ServiceUser{ID: "id-" + name, Username: name}))
		}
		owner := store.Owner{Kind: store.ServiceUserClient, ID: "id-x"}
		for i, ends := range []time.Time{{}, noon.Add(2 * time.Hour), noon, noon.Add(-time.Hour)} {
			id := fmt.Sprint("standing-", i)
			ok(t, s.CreateSecret(ctx, store.Secret{ID: id, Owner: owner, Digest: store.Digest{1, byte(i)}, ExpiresAt: ends}))
			if i > 0 {
				ok(t, s.CreateClientKey(ctx, store.ClientKey{ID: id, Owner: owner, PublicKey: []byte{1}, ExpiresAt: ends.Add(-time.Minute)}))
			}
			ok(t, s.CreateToken(ctx, store.Token{ID: id, Kind: store.PersonalAccessToken, SubjectID: "id-x", ExpiresAt: ends}))
		}
		ok(t, s.CreateToken(ctx, store.Token{ID: "revoked", Kind: store.PersonalAccessToken, SubjectID: "id-x", RevokedAt: noon}))
		ok(t, s.CreateToken(ctx, store.Token{ID: "access", Kind: store.AccessToken, SubjectID: "id-x", ExpiresAt: noon.Add(time.Hour)}))
		p1, err := s.Project(ctx, "p1")
		ok(t, err)
		ok(t, s.PutAssignment(ctx, store.Assignment{SubjectID: "id-x", ProjectID: "p1", Rights: []string{p1.Roles[0].Key, p1.Roles[1].Key}}))
		ok(t, s.PutAssignment(ctx, store.Assignment{SubjectID: "id-y", ProjectID: "p1"})) // may have tokens, and nothing more
		want := map[string]store.Standing{"id-x": {Secrets: 2, Keys: 1, Tokens: 2, Ends: noon.Add(2*time.Hour - time.Minute), MayUse: []string{p1.Name}}}
		same(t, want)(s.StandingsOf(ctx, []string{"id-x", "id-y", "id-z", "nobody"}, noon))
		same(t, map[string]store.Standing{})(s.StandingsOf(ctx, []string{"id-z"}, noon))
		same(t, map[string]store.Standing{})(s.StandingsOf(ctx, nil, noon))
	}},
	{"applications are read in parts, and who uses one is counted", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		var all []store.Application
		for n := range 5 {
			a := store.Application{ID: fmt.Sprint("app-", n), Name: "Reader", ClientID: fmt.Sprint("client-", n), Type: store.WebApplication, IDTokenClaims: store.FullClaims}
			ok(t, s.PutApplication(ctx, a))
			all = append(all, a)
		}
		same(t, store.Part[store.Application]{Rows: all[2:4], From: 2, Total: 5})(s.ApplicationsPart(ctx, store.Window{After: store.Place{Name: "Reader", ID: "app-1"}, Limit: 2}))
		for search, want := range map[string]int{"CLIENT-3": 3, "app-4": 4} {
			same(t, store.Part[store.Application]{Rows: all[want : want+1], Total: 1})(s.ApplicationsPart(ctx, store.Window{Search: search, Limit: 2}))
		}
		for i, name := range []string{"ann", "ben"} {
			ok(t, s.PutUser(ctx, store.User{ID: name, LoginName: name, Handle: store.UserHandle{1, byte(i)}}))
			ok(t, s.PutConsent(ctx, store.Consent{UserID: name, ClientID: "client-1"}))
		}
		for i, f := range []store.Family{{SubjectID: "ann"}, {SubjectID: "ann"}, {SubjectID: "ben", RevokedAt: noon}, {SubjectID: "ben", ClientID: "client-2"}} {
			f.ID, f.Kind, f.CreatedAt, f.ExpiresAt = fmt.Sprint("following-", i), store.CodeFamily, noon, noon.Add(time.Hour)
			if f.ClientID == "" {
				f.ClientID = "client-1"
			}
			ok(t, s.CreateFamily(ctx, f))
		}
		same(t, store.Following{People: 1, Consents: 2})(s.FollowingOf(ctx, "client-1", noon))
		same(t, store.Following{Consents: 2})(s.FollowingOf(ctx, "client-1", noon.Add(time.Hour)))
		same(t, store.Following{})(s.FollowingOf(ctx, "nobody", noon))
	}},
	{"who is assigned to a project or an API is found, also without a right", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		ok(t, s.PutServiceUser(ctx, store.ServiceUser{ID: "id-none", Username: "none"}))
		project, err := s.Project(ctx, "p1")
		ok(t, err)
		count := func(target store.Assignment, right string) int {
			t.Helper()
			p, err := s.HoldersPart(ctx, target, right, store.Window{Search: "id-none", Limit: 9})
			ok(t, err)
			return p.Total
		}
		at, onAPI := store.Assignment{SubjectID: "id-none", ProjectID: "p1"}, store.Assignment{SubjectID: "id-none", APIID: "a1"}
		if n := count(at, ""); n != 0 {
			t.Errorf("%d are assigned before", n)
		}
		ok(t, s.PutAssignment(ctx, at))
		if n, api := count(at, ""), count(onAPI, ""); n != 1 || api != 0 {
			t.Errorf("%d are assigned to the project and %d to its API, want 1 and 0", n, api)
		}
		for _, role := range project.Roles {
			at.Rights = append(at.Rights, role.Key)
		}
		ok(t, s.PutAssignment(ctx, at))
		want := make(map[string]int)
		for _, role := range project.Roles {
			p, err := s.HoldersPart(ctx, at, role.Key, store.Window{Limit: 1})
			ok(t, err)
			want[role.Key] = p.Total
		}
		same(t, want)(s.HolderCounts(ctx, at, append([]string{"none"}, at.Rights...)))
		same(t, map[string]int{})(s.HolderCounts(ctx, at, nil))
		same(t, map[string]int{})(s.HolderCounts(ctx, store.Assignment{APIID: "none"}, at.Rights))
		if n := count(at, ""); n != 1 { // once, however many rights
			t.Errorf("%d are assigned with %d rights, want 1", n, len(at.Rights))
		}
		ok(t, s.PutAssignment(ctx, onAPI))
		if n := count(onAPI, ""); n != 1 {
			t.Errorf("%d are assigned to the API, want 1", n)
		}
	}},
	{"people are read in parts by what they are called, with how and when they logged in", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		var all []store.ListedUser
		for n, u := range []store.User{
			{ID: "u-2", LoginName: "anna", Email: "zoe@example.com", Active: true}, {ID: "u-1", Email: "bert@example.com", Name: "Bert Müller"}, {ID: "u-0", LoginName: "carl"},
			{ID: "u-4", Email: "carl", Active: true}, {ID: "u-3", LoginName: "dora"},
		} {
			u.OrganizationID, u.Handle = "org", store.UserHandle{byte(n + 1)}
			ok(t, s.PutUser(ctx, u))
			all = append(all, store.ListedUser{User: u})
		}
		ok(t, s.CreateTOTP(ctx, store.TOTP{UserID: "u-2", Secret: []byte("x")}))
		ok(t, s.CreatePasskey(ctx, store.Passkey{ID: "p", Credential: []byte("c"), UserID: "u-1"}))
		for n, at := range []time.Time{noon.Add(time.Hour), noon} { // a clock that went back takes no login back
			ok(t, s.CreateSession(ctx, store.Digest{}, store.Session{
				Digest: store.Digest{byte(n + 1)}, ID: fmt.Sprint("s-", n), UserID: "u-2", CreatedAt: at, IdleExpiresAt: noon.Add(2 * time.Hour), ExpiresAt: noon.Add(2 * time.Hour),
			}))
		}
		ok(t, s.DeleteSession(ctx, store.Digest{1}))
		all[0].TOTP, all[1].Passkey, all[0].LastLoginAt = true, true, noon.Add(time.Hour)
		same(t, store.Part[store.ListedUser]{Rows: all[:3], Total: 5})(s.UsersPart(ctx, store.Window{Limit: 3}))
		same(t, store.Part[store.ListedUser]{Rows: all[3:], From: 3, Total: 5})(s.UsersPart(ctx, store.Window{After: store.Place{Name: "carl", ID: "u-0"}, Limit: 3}))
		for search, want := range map[string]int{"ZOE@": 0, "müller": 1, "u-0": 2, "DORA": 4} {
			same(t, store.Part[store.ListedUser]{Rows: all[want : want+1], Total: 1})(s.UsersPart(ctx, store.Window{Search: search, Limit: 3}))
		}
		// Somebody who gets another name moves, and keeps when they logged in.
		anna := all[0].User
		anna.LoginName = ""
		ok(t, s.PutUser(ctx, anna))
		p, err := s.UsersPart(ctx, store.Window{After: store.Place{Name: "dora", ID: "u-3"}, Limit: 3})
		ok(t, err)
		if len(p.Rows) != 1 || p.Rows[0].ID != "u-2" || !p.Rows[0].LastLoginAt.Equal(noon.Add(time.Hour)) {
			t.Errorf("got %+v, want anna by her address", p)
		}
	}},
	{"sessions are read in parts by whose they are, without those that have ended", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		for n, name := range []string{"zed", "amy"} {
			ok(t, s.PutUser(ctx, store.User{ID: "x-" + name, OrganizationID: "org", Handle: store.UserHandle{100, byte(n)}, LoginName: name, Name: "Name of " + name}))
		}
		for n, user := range []string{"x-zed", "x-amy", "x-zed", "x-amy"} {
			end := noon.Add(time.Duration(n) * time.Hour) // the first one has ended
			ok(t, s.CreateSession(ctx, store.Digest{}, store.Session{
				Digest: store.Digest{byte(n + 100)}, ID: fmt.Sprint("s-", n), UserID: user, IdleExpiresAt: end, ExpiresAt: end, UserAgent: "Firefox", AddressPrefix: fmt.Sprint("192.0.2.", n),
			}))
		}
		ids := func(w store.Window) (ids []string) {
			t.Helper()
			p, err := s.SessionsPart(ctx, noon, w)
			ok(t, err)
			for _, row := range p.Rows {
				if row.Name != "Name of "+row.Called {
					t.Errorf("%s is called %q", row.Name, row.Called)
				}
				ids = append(ids, row.ID)
			}
			return append(ids, fmt.Sprint(p.From, " of ", p.Total))
		}
		for _, row := range []struct {
			window store.Window
			want   []string
		}{
			{store.Window{Search: "firefox", Limit: 2}, []string{"s-1", "s-3", "0 of 3"}},
			{store.Window{Search: "firefox", After: store.Place{Name: "amy", ID: "s-3"}, Limit: 2}, []string{"s-2", "2 of 3"}},
			{store.Window{Search: "NAME OF Z", Limit: 2}, []string{"s-2", "0 of 1"}},
			{store.Window{Search: "192.0.2.3", Limit: 2}, []string{"s-3", "0 of 1"}},
			{store.Window{Search: "192.0.2.0", Limit: 2}, []string{"0 of 0"}},
		} {
			if got := ids(row.window); !slices.Equal(got, row.want) {
				t.Errorf("%+v: got %q, want %q", row.window, got, row.want)
			}
		}
	}},
	{"roles and permissions are read in parts, with how many have them", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		ok(t, s.PutProject(ctx, store.Project{ID: "p", Name: "Shop", Roles: []store.Role{{Key: "read", Name: "Reads"}, {Key: "write"}}}))
		ok(t, s.PutProject(ctx, store.Project{ID: "q", Name: "Yard", Roles: []store.Role{{Key: "read"}}}))
		ok(t, s.PutAPI(ctx, store.API{ID: "a", ProjectID: "p", Name: "Orders", ClientID: "a", Permissions: []store.Permission{{Key: "read"}}}))
		for _, id := range []string{"1", "2"} {
			ok(t, s.PutServiceUser(ctx, store.ServiceUser{ID: id, Username: id}))
			ok(t, s.PutAssignment(ctx, store.Assignment{SubjectID: id, ProjectID: "p", Rights: []string{"read"}}))
		}
		ok(t, s.PutAssignment(ctx, store.Assignment{SubjectID: "1", APIID: "a", Rights: []string{"read"}}))
		permission, shop := store.Right{APIID: "a", At: "Orders", Key: "read", Holders: 1}, store.Right{ProjectID: "p", At: "Shop", Key: "read", Name: "Reads", Holders: 2}
		yard, write := store.Right{ProjectID: "q", At: "Yard", Key: "read"}, store.Right{ProjectID: "p", At: "Shop", Key: "write"}
		same(t, store.Part[store.Right]{Rows: []store.Right{permission, shop, yard}, Total: 4})(s.RightsPart(ctx, store.Window{Limit: 3}))
		same(t, store.Part[store.Right]{Rows: []store.Right{write}, From: 3, Total: 4})(s.RightsPart(ctx, store.Window{After: yard.Place(), Limit: 3}))
		same(t, store.Part[store.Right]{Rows: []store.Right{shop, yard, write}, Total: 3})(s.RolesPart(ctx, store.Window{Limit: 3}))
		same(t, store.Part[store.Right]{Rows: []store.Right{yard}, Total: 1})(s.RolesPart(ctx, store.Window{Search: "yARD", Limit: 3}))
	}},
}

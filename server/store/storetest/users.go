package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/postern-auth/postern/server/store"
)

var userTests = []test{
	{"a user is returned as it was put, by each of its names, and is a subject", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		for _, u := range []store.User{anna(), ben()} {
			same(t, u)(s.User(ctx, u.ID))
			same(t, u)(s.UserByHandle(ctx, u.Handle))
			same(t, u)(s.UserByLogin(ctx, "org", u.LoginName))
			same(t, store.Subject{ID: u.ID, Kind: store.UserSubject, OrganizationID: "org", Username: u.LoginName, Active: u.Active})(s.Subject(ctx, u.ID))
		}
		same(t, anna())(s.UserByPicture(ctx, "picture-anna"))
		absent[store.User](t)(s.UserByPicture(ctx, ""))
		absent[store.User](t)(s.UserByHandle(ctx, store.UserHandle{}))
		absent[store.User](t)(s.User(ctx, "u1"))
		absent[store.ServiceUser](t)(s.ServiceUser(ctx, "anna"))
		absent[store.Client](t)(s.Client(ctx, "ben"))
	}},
	{"a login finds its user in any letter case, and nobody else", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		for _, login := range []string{"anna", "ANNA", "Anna@Example.com", "anna@example.com", "ANNA@EXAMPLE.COM"} {
			same(t, anna())(s.UserByLogin(ctx, "org", login))
		}
		for _, login := range []string{"", "ann", "anna ", "anna@example.com ", "%", "anna@example", "annie", "Anna Berg", "mailer"} {
			absent[store.User](t)(s.UserByLogin(ctx, "org", login))
		}
		absent[store.User](t)(s.UserByLogin(ctx, "another", "anna"))
		absent[store.User](t)(s.UserByLogin(ctx, "", "anna"))
	}},
	{"an address that is not verified finds nobody, and keeps nobody from having it", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		absent[store.User](t)(s.UserByLogin(ctx, "org", "ben@example.com"))
		other := store.User{ID: "carl", OrganizationID: "org", Handle: handleOf("carl"), Email: "BEN@example.com", EmailVerifiedAt: noon}
		ok(t, s.PutUser(ctx, other))
		same(t, other)(s.UserByLogin(ctx, "org", "ben@example.com"))
		verified := ben()
		verified.EmailVerifiedAt = noon
		refused(t, store.ErrExists, s.PutUser(ctx, verified))
		same(t, ben())(s.User(ctx, "ben"))
		same(t, ben())(s.UserByLogin(ctx, "org", "ben"))
	}},
	{"what finds one user finds no other", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		for name, u := range map[string]store.User{
			"a login name":                 {LoginName: "anna"},
			"an address as a login name":   {LoginName: "anna@EXAMPLE.com"},
			"a login name as an address":   {Email: "ANNA", EmailVerifiedAt: noon},
			"a verified address":           {LoginName: "carl", Email: "anna@example.com", EmailVerifiedAt: noon},
			"a picture":                    {PictureID: "picture-anna"},
			"a handle":                     {Handle: anna().Handle},
			"one name free, the other not": {LoginName: "carl", Email: "ben", EmailVerifiedAt: noon},
		} {
			u.ID, u.OrganizationID = "carl", "org"
			if u.Handle == (store.UserHandle{}) {
				u.Handle = handleOf("carl")
			}
			refused(t, store.ErrExists, s.PutUser(ctx, u))
			absent[store.User](t)(s.User(ctx, "carl"))
			absent[store.Subject](t)(s.Subject(ctx, "carl"))
			absent[store.User](t)(s.UserByLogin(ctx, "org", "carl"))
			if t.Failed() {
				t.Fatal(name)
			}
		}
		namesake := store.User{ID: "carl", OrganizationID: "another", Handle: handleOf("carl"), LoginName: "anna"}
		ok(t, s.PutUser(ctx, namesake))
		same(t, namesake)(s.UserByLogin(ctx, "another", "anna"))
		same(t, anna())(s.UserByLogin(ctx, "org", "anna"))
	}},
	{"a user may have the same login name and address, and any number have none", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		u := store.User{ID: "carl", OrganizationID: "org", Handle: handleOf("carl"), LoginName: "Carl@example.com", Email: "carl@example.com", EmailVerifiedAt: noon}
		ok(t, s.PutUser(ctx, u))
		same(t, u)(s.UserByLogin(ctx, "org", "carl@example.com"))
		for _, id := range []string{"x", "y"} {
			ok(t, s.PutUser(ctx, store.User{ID: id, OrganizationID: "org", Handle: handleOf(id), EmailVerifiedAt: noon}))
		}
		absent[store.User](t)(s.UserByLogin(ctx, "org", ""))
	}},
	{"a user that is put again has the new names alone, and the handle stays", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		renamed := anna()
		renamed.LoginName, renamed.Email, renamed.Active, renamed.PictureID = "berg", "berg@example.com", false, ""
		renamed.Handle = handleOf("another")
		ok(t, s.PutUser(ctx, renamed))
		renamed.Handle = anna().Handle
		same(t, renamed)(s.UserByLogin(ctx, "org", "BERG"))
		same(t, renamed)(s.UserByLogin(ctx, "org", "berg@example.com"))
		for _, former := range []string{"anna", "anna@example.com"} {
			absent[store.User](t)(s.UserByLogin(ctx, "org", former))
		}
		absent[store.User](t)(s.UserByPicture(ctx, "picture-anna"))
		absent[store.User](t)(s.UserByHandle(ctx, handleOf("another")))
		subject, err := s.Subject(ctx, "anna")
		ok(t, err)
		same(t, false)(subject.Active, nil)
		same(t, passwordOf("anna"))(s.Password(ctx, "anna"))
	}},
	{"a user without a handle is refused", func(t *testing.T, s store.Store) {
		if err := s.PutUser(t.Context(), store.User{ID: "carl"}); err == nil {
			t.Error("expected an error, got none: two such users could not be told apart")
		}
	}},
	{"a user and a service user do not share an id", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		refused(t, store.ErrExists, s.PutUser(ctx, store.User{ID: "u1", OrganizationID: "org", Handle: handleOf("carl"), LoginName: "carl"}))
		refused(t, store.ErrExists, s.PutServiceUser(ctx, store.ServiceUser{ID: "anna", Username: "x"}))
		refused(t, store.ErrExists, s.PutSubject(ctx, store.Subject{ID: "anna", Kind: "guest"}))
		same(t, user1())(s.ServiceUser(ctx, "u1"))
		same(t, anna())(s.User(ctx, "anna"))
		absent[store.Client](t)(s.Client(ctx, "x"))
	}},
	{"users are listed by id, a page at a time", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		same(t, []store.User{anna(), ben()})(s.Users(ctx, "", 9))
		same(t, []store.User{anna()})(s.Users(ctx, "", 1))
		same(t, []store.User{ben()})(s.Users(ctx, "anna", 9))
		same(t, []store.User{})(s.Users(ctx, "ben", 9))
		same(t, []store.User{})(s.Users(ctx, "", 0))
		same(t, []store.User{})(s.Users(ctx, "", -1))
	}},
	{"a user holds rights as a service user does, and goes with all that is theirs", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		held := store.Assignment{SubjectID: "anna", APIID: "a1", Rights: []string{"list"}}
		ok(t, s.PutAssignment(ctx, held))
		same(t, []store.Assignment{held})(s.AssignmentsOf(ctx, "anna"))
		ok(t, s.DeleteSubject(ctx, "anna"))
		absent[store.User](t)(s.User(ctx, "anna"))
		absent[store.User](t)(s.UserByLogin(ctx, "org", "anna"))
		absent[store.Password](t)(s.Password(ctx, "anna"))
		absent[store.Session](t)(s.Session(ctx, sessionOf("anna").Digest))
		absent[store.Consent](t)(s.Consent(ctx, "anna", "shop"))
		absent[store.Family](t)(s.Family(ctx, "f1"))
		absent[store.Code](t)(s.Code(ctx, digest("code-f1")))
		absent[store.RefreshToken](t)(s.RefreshToken(ctx, digest("refresh-f1")))
		same(t, []store.Assignment{})(s.AssignmentsOf(ctx, "anna"))

		same(t, ben())(s.User(ctx, "ben"))
		same(t, passwordOf("ben"))(s.Password(ctx, "ben"))
		same(t, sessionOf("ben"))(s.Session(ctx, sessionOf("ben").Digest))
		same(t, family("f2", "ben", "desk"))(s.Family(ctx, "f2"))
		ok(t, s.PutUser(ctx, anna()))
		absent[store.Password](t)(s.Password(ctx, "anna"))
	}},
	{"of users put at once with the same login one is kept", func(t *testing.T, s store.Store) {
		onlyOne(t, together(50, func(i int) error {
			u := store.User{ID: fmt.Sprint(i), OrganizationID: "org", Handle: handleOf(fmt.Sprint(i)), LoginName: "Carl"}
			if i%2 == 0 {
				u.LoginName, u.Email, u.EmailVerifiedAt = "", "carl", noon
			}
			return s.PutUser(t.Context(), u)
		}))
	}},
}

var passwordTests = []test{
	{"a password is returned as it was put last", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		same(t, passwordOf("anna"))(s.Password(ctx, "anna"))
		changed := store.Password{UserID: "anna", PHC: "$other", ChangedAt: noon.Add(time.Hour)}
		ok(t, s.PutPassword(ctx, changed))
		same(t, changed)(s.Password(ctx, "anna"))
		same(t, passwordOf("ben"))(s.Password(ctx, "ben"))
		ok(t, s.DeletePassword(ctx, "anna"))
		absent[store.Password](t)(s.Password(ctx, "anna"))
		refused(t, store.ErrNotFound, s.DeletePassword(ctx, "anna"))
		refused(t, store.ErrNotFound, s.PutPassword(ctx, passwordOf("nobody")))
		refused(t, store.ErrNotFound, s.PutPassword(ctx, passwordOf("u1")))
	}},
	{"a better hash of a password does not undo a change of the password", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		rehashed := passwordOf("anna")
		rehashed.PHC = "$better"
		ok(t, s.RehashPassword(ctx, "anna", passwordOf("anna").PHC, "$better"))
		same(t, rehashed)(s.Password(ctx, "anna"))
		changed := store.Password{UserID: "anna", PHC: "$changed", ChangedAt: noon.Add(time.Hour)}
		ok(t, s.PutPassword(ctx, changed))
		refused(t, store.ErrNotFound, s.RehashPassword(ctx, "anna", "$better", "$best"))
		refused(t, store.ErrNotFound, s.RehashPassword(ctx, "ben", "$changed", "$best"))
		same(t, changed)(s.Password(ctx, "anna"))
		same(t, passwordOf("ben"))(s.Password(ctx, "ben"))
	}},
}

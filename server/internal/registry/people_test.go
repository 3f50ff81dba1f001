package registry_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/postern-auth/postern/server/internal/registry"
	"github.com/postern-auth/postern/server/store"
)

const (
	phc1 = "$argon2id$v=19$m=19456,t=2,p=1$MDEyMzQ1Njc4OWFiY2RlZg$MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY"
	phc2 = "$argon2id$v=19$m=19456,t=2,p=1$MDEyMzQ1Njc4OWFiY2RlZg$ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMyMTA"
)

var anna = store.User{
	ID: "anna", OrganizationID: "o", LoginName: "Anna", Email: "anna@example.com", EmailVerifiedAt: noon, Name: "Anna Berg",
	Locale: "de", Active: true, CreatedAt: noon,
}

func putUser(t *testing.T, s store.Store, u store.User) error {
	t.Helper()
	return change(t, s, func(ctx context.Context, r *registry.Registry) error { return r.PutUser(ctx, u) })
}

func TestWhatAUserMayNotBeIsRefused(t *testing.T) {
	s := open(t)
	seed(t, s)
	before := len(events(t, s))
	for name, f := range map[string]func(*store.User){
		"neither name nor address":         func(u *store.User) { u.LoginName, u.Email, u.EmailVerifiedAt = "", "", time.Time{} },
		"a login name with a space":        func(u *store.User) { u.LoginName = "anna berg" },
		"a login name with a colon":        func(u *store.User) { u.LoginName = "anna:berg" },
		"a login name that looks alike":    func(u *store.User) { u.LoginName = "аnna" },
		"a login name that is too long":    func(u *store.User) { u.LoginName = strings.Repeat("x", 201) },
		"a login name that fakes a line":   func(u *store.User) { u.LoginName = "anna\n" },
		"a login name that is not UTF-8":   func(u *store.User) { u.LoginName = "anna\xff" },
		"an address without an at sign":    func(u *store.User) { u.Email = "anna" },
		"an address with two":              func(u *store.User) { u.Email = "anna@a@example.com" },
		"an address with a name":           func(u *store.User) { u.Email = "Anna <anna@example.com>" },
		"an address in brackets":           func(u *store.User) { u.Email = "<anna@example.com>" },
		"an address with a comment":        func(u *store.User) { u.Email = "anna@example.com (Anna)" },
		"an address in quotes":             func(u *store.User) { u.Email = `"anna berg"@example.com` },
		"an address at a number":           func(u *store.User) { u.Email = "anna@[127.0.0.1]" },
		"two addresses":                    func(u *store.User) { u.Email = "anna@example.com, ben@example.com" },
		"an address with a line end":       func(u *store.User) { u.Email = "anna@example.com\r\nBcc: ben@example.com" },
		"an address that is too long":      func(u *store.User) { u.Email = strings.Repeat("x", 250) + "@example.com" },
		"an address beyond ASCII":          func(u *store.User) { u.Email = "jördis@example.com" },
		"an address with a dot at the end": func(u *store.User) { u.Email = "anna.@example.com" },
		"nothing verified":                 func(u *store.User) { u.Email = "" },
		"a name that fakes a line":         func(u *store.User) { u.Name = "a\rb" },
		"a name that is too long":          func(u *store.User) { u.GivenName = strings.Repeat("x", 201) },
		"a family name with a zero":        func(u *store.User) { u.FamilyName = "a\x00" },
		"a nickname between spaces":        func(u *store.User) { u.Nickname = " a " },
		"a locale of words":                func(u *store.User) { u.Locale = "deutsch oder so" },
		"a locale with a low line":         func(u *store.User) { u.Locale = "de_DE" },
		"a locale without a language":      func(u *store.User) { u.Locale = "-DE" },
		"a locale without end":             func(u *store.User) { u.Locale = "de" + strings.Repeat("-abc", 20) },
	} {
		u := anna
		f(&u)
		if err := putUser(t, s, u); !errors.Is(err, registry.ErrRefused) {
			t.Errorf("%s: %v, want ErrRefused", name, err)
		}
	}
	if n := len(events(t, s)); n != before {
		t.Errorf("%d events of what was refused", n-before)
	}
}

func TestWhatAUserMayBe(t *testing.T) {
	for name, f := range map[string]func(*store.User){
		"an address as login name": func(u *store.User) { u.LoginName = "anna+shop@example.com" },
		"no address":               func(u *store.User) { u.Email, u.EmailVerifiedAt = "", time.Time{} },
		"an address alone":         func(u *store.User) { u.LoginName = "" },
		"an address on no domain":  func(u *store.User) { u.Email = "anna@localhost" },
		"names of everywhere":      func(u *store.User) { u.Name, u.GivenName = "Jördis 山田", "Jördis" },
		"a locale with a region":   func(u *store.User) { u.Locale = "zh-Hant-TW" },
	} {
		u, s := anna, open(t)
		seed(t, s)
		f(&u)
		if err := putUser(t, s, u); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What finds one person finds no other, whatever it is and however it is written.
func TestALoginIsOnePersons(t *testing.T) {
	s := open(t)
	seed(t, s)
	must(t, putUser(t, s, anna))
	ben := store.User{ID: "ben", OrganizationID: "o", LoginName: "ben", Active: true}
	for name, test := range map[string]struct {
		change func(*store.User)
		want   string
	}{
		"the login name": {func(u *store.User) { u.LoginName = "Anna" },
			`user "Anna" cannot have the login name "Anna", by which user "Anna" logs in`},
		"the login name in another case": {func(u *store.User) { u.LoginName = "ANNA" }, `the login name "ANNA", by which user "Anna" logs in`},
		"the address as login name":      {func(u *store.User) { u.LoginName = "anna@EXAMPLE.com" }, `the login name "anna@EXAMPLE.com", by which`},
		"the address": {func(u *store.User) { u.Email, u.EmailVerifiedAt = "Anna@example.com", noon },
			`user "ben" cannot have the e-mail address "Anna@example.com", by which user "Anna" logs in`},
	} {
		u := ben
		test.change(&u)
		if err := putUser(t, s, u); !errors.Is(err, store.ErrExists) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %s", name, err, test.want)
		}
	}
	ben.Email = "anna@example.com" // not verified: it finds nobody
	must(t, putUser(t, s, ben))
	elsewhere := anna
	elsewhere.ID, elsewhere.OrganizationID = "anna2", "another"
	must(t, putUser(t, s, elsewhere))
}

func TestAUsersHandleAndPictureStay(t *testing.T) {
	s := open(t)
	seed(t, s)
	must(t, putUser(t, s, anna))
	first, err := s.User(t.Context(), "anna")
	must(t, err)
	if first.Handle == (store.UserHandle{}) || len(first.PictureID) < 40 || first.UpdatedAt != noon {
		t.Errorf("got %+v, want a handle and a picture", first)
	}
	changed := anna
	changed.Name, changed.CreatedAt = "Anna Tal", noon.Add(time.Hour)
	must(t, putUser(t, s, changed))
	second, err := s.User(t.Context(), "anna")
	must(t, err)
	if second.Name != "Anna Tal" {
		t.Errorf("name %q", second.Name)
	}
	second.Name = first.Name
	if second != first {
		t.Errorf("got %+v, want %+v", second, first)
	}
	must(t, putUser(t, s, store.User{ID: "ben", OrganizationID: "o", LoginName: "ben"}))
	if ben, err := s.User(t.Context(), "ben"); err != nil || ben.Handle == first.Handle || ben.PictureID == first.PictureID {
		t.Errorf("two users share a handle or picture: %v", err)
	}
}

func TestAPasswordIsAHash(t *testing.T) {
	s := open(t)
	seed(t, s)
	must(t, putUser(t, s, anna))
	before := len(events(t, s))
	for _, phc := range []string{"", "correct horse battery staple", "$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$", "$2b$12$" + strings.Repeat("x", 53), phc1 + "\n"} {
		err := change(t, s, func(ctx context.Context, r *registry.Registry) error { return r.SetPassword(ctx, anna, phc) })
		if !errors.Is(err, registry.ErrRefused) || phc != "" && strings.Contains(err.Error(), phc) {
			t.Errorf("%q: %v, want ErrRefused without it", phc, err)
		}
	}
	if err := change(t, s, func(ctx context.Context, r *registry.Registry) error {
		return r.SetPassword(ctx, store.User{ID: "ben", LoginName: "ben"}, phc1)
	}); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("of nobody: %v", err)
	}
	if n := len(events(t, s)); n != before {
		t.Errorf("%d events of what was refused", n-before)
	}
}

// What is done to a person leaves events, none of which holds a password or its hash.
func TestEventsOfAUser(t *testing.T) {
	s := open(t)
	seed(t, s)
	renamed := anna
	renamed.LoginName, renamed.EmailVerifiedAt = "anna.berg", time.Time{}
	must(t, change(t, s, func(ctx context.Context, r *registry.Registry) error { // in one, in which the order is that of the changes
		return errors.Join(
			r.PutUser(ctx, anna),
			r.SetPassword(ctx, anna, phc1),
			r.SetPassword(ctx, anna, phc1),
			r.SetPassword(ctx, anna, phc2),
			r.Assign(ctx, store.Assignment{SubjectID: "anna", ProjectID: "p", Rights: []string{"read"}}),
			r.PutUser(ctx, renamed),
			r.Unassign(ctx, store.Assignment{SubjectID: "anna", ProjectID: "p"}),
			r.DeleteUser(ctx, renamed),
		)
	}))
	wantEvents(t, s, []string{
		`delete user anna anna.berg `,
		`delete assignment anna anna.berg at project samples `,
		`change user anna anna.berg {"email_verified":false,"login":"anna.berg"}`,
		`create assignment anna Anna at project samples {"rights":["read"]}`,
		`change password anna Anna `,
		`create password anna Anna `,
		`create user anna Anna {"active":true,"email":"anna@example.com","email_verified":true,"locale":"de","login":"Anna","name":"Anna Berg"}`,
	})
	if _, err := s.Subject(t.Context(), "anna"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("the subject of a user that is gone: %v", err)
	}
}

func TestALockOrAnotherPasswordLogsAPersonOut(t *testing.T) {
	for name, end := range map[string]func(context.Context, *registry.Registry) error{
		"user locked": func(ctx context.Context, r *registry.Registry) error {
			off := anna
			off.Active = false
			return errors.Join(r.PutUser(ctx, off), r.PutUser(ctx, anna))
		},
		"password changed": func(ctx context.Context, r *registry.Registry) error { return r.SetPassword(ctx, anna, phc2) },
		"":                 func(ctx context.Context, r *registry.Registry) error { return r.SetPassword(ctx, anna, phc1) },
	} {
		s := open(t)
		seed(t, s)
		must(t, change(t, s, func(ctx context.Context, r *registry.Registry) error {
			return errors.Join(r.PutUser(ctx, anna), r.SetPassword(ctx, anna, phc1), r.PutApplication(ctx, shop(store.BrowserApplication)))
		}))
		session := store.Session{Digest: store.Digest{1}, ID: "sid", UserID: "anna", IdleExpiresAt: noon.Add(time.Hour), ExpiresAt: noon.Add(time.Hour)}
		must(t, s.CreateSession(t.Context(), store.Digest{}, session))
		must(t, s.CreateFamily(t.Context(), family))
		must(t, change(t, s, end))
		f, err := s.Family(t.Context(), family.ID)
		must(t, err)
		sessions, err := s.SessionsOf(t.Context(), "anna")
		must(t, err)
		if f.Reason != name || f.RevokedAt.IsZero() != (name == "") || (len(sessions) == 1) != (name == "") {
			t.Errorf("%q: family %+v and %d sessions", name, f, len(sessions))
		}
	}
}

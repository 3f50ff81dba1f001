package storetest

import (
	"crypto/sha256"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/postern-auth/postern/server/store"
)

// oddStrings are names and keys that a store must keep as they are.
var oddStrings = map[string]string{
	"quotes":                   `O'Brien "the" \back\slash`,
	"SQL":                      `'; DROP TABLE tokens; --`,
	"a LIKE pattern":           `%_*?[a-z]`,
	"placeholders":             `$1 ?1 :name @name {{.}}`,
	"white space":              " \t\r\n ",
	"a number":                 "0012e3",
	"JSON":                     `["a"]`,
	"HTML":                     `<script>&amp;</script>`,
	"German":                   "Grüße",
	"decomposed":               "Gru\u0308ße",
	"right to left":            "שלום \u202eevil",
	"an emoji of four scalars": "👩‍👩‍👧",
	"outside the BMP":          "𝒳\U0010fffd",
	"a byte order mark":        "\ufeffx",
	"control characters":       "\x01\x1b[31m\x7f",
	"a long string":            strings.Repeat("long ", 20_000),
}

// hostileStrings are ids as an attacker sends them. A store may be unable to keep them, but a look-up is
// no outage.
var hostileStrings = map[string]string{
	"a zero byte":    "t1\x00",
	"no UTF-8":       "t1\xff\xfe",
	"half a rune":    "t1\xc3",
	"a surrogate":    "t1\xed\xa0\x80",
	"a megabyte":     strings.Repeat("x", 1<<20),
	"SQL":            "t1' OR '1'='1",
	"a wild card":    "%",
	"a newline":      "t1\n",
	"another script": "τ1",
}

// oddPeople keeps the string wherever people and applications have one.
func oddPeople(t *testing.T, s store.Store, odd string) {
	t.Helper()
	ctx := t.Context()
	d := store.Digest(sha256.Sum256([]byte(odd)))
	user := store.User{
		ID: "anna" + odd, OrganizationID: odd, Handle: store.UserHandle(append(d[:], d[:]...)), LoginName: odd, Email: odd, EmailVerifiedAt: noon,
		Name: odd, GivenName: odd, FamilyName: odd, Nickname: odd, PictureID: odd, Locale: odd,
	}
	app := store.Application{
		ID: "app" + odd, Name: odd, ClientID: "app" + odd, Type: store.WebApplication, RedirectURIs: []string{odd, "", odd},
		LogoutURIs: []string{odd}, AllowedOrigins: []string{odd}, BackchannelLogoutURI: odd, Grants: []string{odd},
		IDTokenAlgorithm: odd, UserinfoAlgorithm: odd, IDTokenClaims: store.FullClaims, Profile: odd,
	}
	session := store.Session{
		Digest: d, ID: odd, UserID: user.ID, Methods: []store.Method{{Name: odd, At: noon}},
		IdleExpiresAt: noon, ExpiresAt: noon, UserAgent: odd, AddressPrefix: odd,
	}
	family := store.Family{
		ID: odd, SubjectID: user.ID, ClientID: app.ClientID, SessionID: odd, Kind: store.CodeFamily, Scopes: []string{odd},
		Targets: []string{odd}, ACR: odd, AMR: []string{odd}, Confirmation: odd, ExpiresAt: noon, Reason: odd,
	}
	pending := store.PendingRequest{Digest: d, Request: odd, Facts: odd, ExpiresAt: noon}
	ok(t, s.PutUser(ctx, user))
	ok(t, s.PutApplication(ctx, app))
	ok(t, s.CreateSession(ctx, store.Digest{}, session))
	ok(t, s.CreateFamily(ctx, family))
	ok(t, s.CreatePendingRequest(ctx, pending))
	same(t, user)(s.UserByLogin(ctx, odd, odd))
	same(t, user)(s.UserByPicture(ctx, odd))
	same(t, app)(s.ApplicationByClientID(ctx, "app"+odd))
	same(t, session)(s.SessionByID(ctx, odd))
	same(t, []store.Family{family})(s.FamiliesOfSession(ctx, odd))
	same(t, pending)(s.PendingRequest(ctx, d))
}

var valueTests = []test{
	{"times are kept to the millisecond, in UTC, and none stays none", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		for name, at := range map[string]time.Time{
			"none":              {},
			"the epoch":         time.Unix(0, 0),
			"before the epoch":  time.Date(1969, 12, 31, 23, 59, 59, 999_999_999, time.UTC),
			"long ago":          time.Date(1, 1, 1, 0, 0, 0, 1_000_000, time.UTC),
			"the end of time":   time.Date(9999, 12, 31, 23, 59, 59, 999_000_000, time.UTC),
			"nanoseconds":       time.Date(2026, 3, 1, 0, 0, 0, 123_999_999, time.UTC),
			"another time zone": time.Date(2026, 3, 1, 0, 30, 0, 0, time.FixedZone("", 5*3600+1800)),
		} {
			token := accessToken(name, "u1")
			token.IssuedAt, token.ExpiresAt, token.RevokedAt = at, at, at
			ok(t, s.CreateToken(ctx, token))
			got, err := s.Token(ctx, name)
			ok(t, err)
			for _, kept := range []time.Time{got.IssuedAt, got.ExpiresAt, got.RevokedAt} {
				if !kept.Equal(at.Truncate(time.Millisecond)) || kept.IsZero() != at.IsZero() || kept.Location() != time.UTC {
					t.Errorf("%s: expected %v, got %v", name, at.Truncate(time.Millisecond).UTC(), kept)
				}
			}
		}
	}},
	{"odd strings are kept as they are", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		for name, odd := range oddStrings {
			project := store.Project{ID: "p" + odd, OrganizationID: odd, Name: odd, Roles: []store.Role{{Key: odd, Name: odd}}}
			api := store.API{ID: "a" + odd, ProjectID: project.ID, Name: odd, Identifier: odd, ClientID: "c" + odd, Permissions: []store.Permission{{Key: odd, Name: odd}}}
			user := store.ServiceUser{ID: "u" + odd, Username: odd, Name: odd}
			grant := store.Assignment{SubjectID: user.ID, ProjectID: project.ID, Rights: []string{odd}}
			token := store.Token{
				ID: odd, Kind: store.AccessToken, SubjectID: user.ID, ClientID: odd, Issuer: odd, Name: odd,
				Audience: []string{odd, "", odd}, Scopes: []string{odd},
			}
			ok(t, s.PutProject(ctx, project))
			ok(t, s.PutAPI(ctx, api))
			ok(t, s.PutServiceUser(ctx, user))
			ok(t, s.PutAssignment(ctx, grant))
			ok(t, s.CreateToken(ctx, token))
			ok(t, s.RevokeJWT(ctx, odd, noon))
			same(t, project)(s.ProjectByName(ctx, odd))
			same(t, api)(s.APIByIdentifier(ctx, odd))
			same(t, api)(s.APIByClientID(ctx, "c"+odd))
			same(t, user)(s.ServiceUserByUsername(ctx, odd))
			same(t, []store.Assignment{grant})(s.AssignmentsOf(ctx, user.ID))
			same(t, token)(s.Token(ctx, odd))
			same(t, true)(s.JWTRevoked(ctx, odd))
			oddPeople(t, s, odd)
			if t.Failed() {
				t.Fatal(name)
			}
		}
		same(t, false)(s.JWTRevoked(ctx, "%"))
	}},
	{"a look-up with a hostile string finds nothing", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		for name, hostile := range hostileStrings {
			absent[store.Token](t)(s.Token(ctx, hostile))
			absent[store.ClientKey](t)(s.ClientKey(ctx, hostile))
			absent[store.API](t)(s.API(ctx, hostile))
			absent[store.API](t)(s.APIByClientID(ctx, hostile))
			absent[store.API](t)(s.APIByIdentifier(ctx, hostile))
			absent[store.ServiceUser](t)(s.ServiceUser(ctx, hostile))
			absent[store.ServiceUser](t)(s.ServiceUserByUsername(ctx, hostile))
			absent[store.Project](t)(s.Project(ctx, hostile))
			same(t, []store.Assignment{})(s.AssignmentsOf(ctx, hostile))
			same(t, []store.ClientKey{})(s.ClientKeysOf(ctx, store.Owner{Kind: store.ServiceUserClient, ID: hostile}))
			same(t, false)(s.JWTRevoked(ctx, hostile))
			refused(t, store.ErrNotFound, s.RevokeToken(ctx, hostile, noon))
			absent[store.User](t)(s.User(ctx, hostile))
			absent[store.User](t)(s.UserByLogin(ctx, "org", hostile))
			absent[store.User](t)(s.UserByLogin(ctx, hostile, "anna"))
			absent[store.User](t)(s.UserByPicture(ctx, hostile))
			absent[store.Application](t)(s.ApplicationByClientID(ctx, hostile))
			absent[store.Consent](t)(s.Consent(ctx, "anna", hostile))
			absent[store.Session](t)(s.SessionByID(ctx, hostile))
			absent[store.Family](t)(s.Family(ctx, hostile))
			same(t, false)(s.FamilyAlive(ctx, hostile, noon))
			same(t, 0)(s.RevokeFamiliesOfSession(ctx, hostile, noon, "x"))
			refused(t, store.ErrNotFound, s.RevokeFamily(ctx, hostile, noon, "x"))
			if t.Failed() {
				t.Fatal(name)
			}
		}
	}},
	{"an assertion with a hostile jti is used once like any other", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		for name, hostile := range hostileStrings {
			ok(t, s.UseAssertion(ctx, hostile, hostile, noon))
			refused(t, store.ErrExists, s.UseAssertion(ctx, hostile, hostile, noon))
			if t.Failed() {
				t.Fatal(name)
			}
		}
	}},
	{"an error shows no more than the start of a hostile id, and that quoted", func(t *testing.T, s store.Store) {
		for name, hostile := range hostileStrings {
			_, err := s.Token(t.Context(), hostile)
			if text := fmt.Sprint(err); !utf8.ValidString(text) || strings.ContainsAny(text, "\x00\n") || len(text) > 400 {
				t.Errorf("%s: expected a short line, got %.500q", name, text)
			}
		}
	}},
	{"strings that look the same are two", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		for i, name := range []string{"Grüße", "Gru\u0308ße", "grüße", "Grüße ", "GRÜSSE", "Gr\u00fcsse"} {
			ok(t, s.PutServiceUser(ctx, store.ServiceUser{ID: fmt.Sprint(i), Username: name}))
			ok(t, s.PutProject(ctx, store.Project{ID: fmt.Sprint(i), Name: name}))
			same(t, store.ServiceUser{ID: fmt.Sprint(i), Username: name})(s.ServiceUserByUsername(ctx, name))
		}
	}},
	{"logins that differ by more than letter case are two", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		for i, name := range []string{"Grüße", "Gru\u0308ße", "Grüße ", "Grusse", "gr\ufffd\ufffdße"} {
			u := store.User{ID: fmt.Sprint(i), OrganizationID: "org", Handle: handleOf(fmt.Sprint(i)), LoginName: name}
			ok(t, s.PutUser(ctx, u))
			same(t, u)(s.UserByLogin(ctx, "org", strings.ToUpper(name[:2])+name[2:]))
		}
		absent[store.User](t)(s.UserByLogin(ctx, "org", "gr\xff\xfeße"))
	}},
	{"what was given to the store or got from it may be changed afterwards", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		token := accessToken("mine", "u1")
		ok(t, s.CreateToken(ctx, token))
		token.Audience[0], token.Scopes[0] = "changed", "changed"
		got, err := s.Token(ctx, "mine")
		ok(t, err)
		got.Audience[0], got.Scopes[0] = "changed", "changed"
		same(t, accessToken("mine", "u1"))(s.Token(ctx, "mine"))

		project, err := s.Project(ctx, "p1")
		ok(t, err)
		project.Roles[0].Key = "changed"
		same(t, project1())(s.Project(ctx, "p1"))
	}},
}

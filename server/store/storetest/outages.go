package storetest

import (
	"context"
	"maps"
	"reflect"
	"testing"
	"time"

	"github.com/postern-auth/postern/server/store"
)

// calls has a call of every method of a Tx, with arguments that would succeed or find nothing.
var calls = func() map[string]func(context.Context, store.Tx) error {
	all := maps.Clone(setupCalls)
	maps.Copy(all, peopleCalls)
	maps.Copy(all, factorCalls)
	maps.Copy(all, deviceCalls)
	maps.Copy(all, registrationCalls)
	maps.Copy(all, mailCalls)
	maps.Copy(all, senderCalls)
	maps.Copy(all, refusalCalls)
	return all
}()

// setupCalls are those of calls that have to do with what an operator sets up, and with its tokens.
var setupCalls = map[string]func(context.Context, store.Tx) error{
	"Organization":  func(ctx context.Context, s store.Tx) error { return second(s.Organization(ctx, "org")) },
	"Organizations": func(ctx context.Context, s store.Tx) error { return second(s.Organizations(ctx)) },
	"APIs":          func(ctx context.Context, s store.Tx) error { return second(s.APIs(ctx)) },
	"Subject":       func(ctx context.Context, s store.Tx) error { return second(s.Subject(ctx, "u1")) },
	"PutSubject":    func(ctx context.Context, s store.Tx) error { return s.PutSubject(ctx, store.Subject{ID: "s"}) },
	"EndSubject":    func(ctx context.Context, s store.Tx) error { return s.EndSubject(ctx, "u1", noon) },
	"EndSubjects":   func(ctx context.Context, s store.Tx) error { return third(s.EndSubjects(ctx, "u1", 2, noon)) },
	"DeleteSubject": func(ctx context.Context, s store.Tx) error { return s.DeleteSubject(ctx, "u1") },
	"Client":        func(ctx context.Context, s store.Tx) error { return second(s.Client(ctx, "mailer")) },
	"EndClient":     func(ctx context.Context, s store.Tx) error { return s.EndClient(ctx, ownerU1, noon) },
	"AddEvent":      func(ctx context.Context, s store.Tx) error { return s.AddEvent(ctx, store.Event{ID: "e"}) },
	"EventsBefore":  func(ctx context.Context, s store.Tx) error { return second(s.EventsBefore(ctx, "e", 9)) },
	"LatestEvents":  func(ctx context.Context, s store.Tx) error { return second(s.LatestEvents(ctx, 9)) },
	"PutOrganization": func(ctx context.Context, s store.Tx) error {
		return s.PutOrganization(ctx, store.Organization{ID: "o"})
	},
	"Project":         func(ctx context.Context, s store.Tx) error { return second(s.Project(ctx, "p1")) },
	"ProjectByName":   func(ctx context.Context, s store.Tx) error { return second(s.ProjectByName(ctx, "Messages")) },
	"Projects":        func(ctx context.Context, s store.Tx) error { return second(s.Projects(ctx)) },
	"PutProject":      func(ctx context.Context, s store.Tx) error { return s.PutProject(ctx, store.Project{ID: "p3"}) },
	"DeleteProject":   func(ctx context.Context, s store.Tx) error { return s.DeleteProject(ctx, "p1") },
	"API":             func(ctx context.Context, s store.Tx) error { return second(s.API(ctx, "a1")) },
	"APIByClientID":   func(ctx context.Context, s store.Tx) error { return second(s.APIByClientID(ctx, "197@messages")) },
	"APIByIdentifier": func(ctx context.Context, s store.Tx) error { return second(s.APIByIdentifier(ctx, "urn:x")) },
	"APIStates":       func(ctx context.Context, s store.Tx) error { return second(s.APIStates(ctx, "p1")) },
	"APIsOf":          func(ctx context.Context, s store.Tx) error { return second(s.APIsOf(ctx, "")) },
	"PutAPI": func(ctx context.Context, s store.Tx) error {
		return s.PutAPI(ctx, store.API{ID: "a3", ProjectID: "p1"})
	},
	"DeleteAPI":             func(ctx context.Context, s store.Tx) error { return s.DeleteAPI(ctx, "a1") },
	"ServiceUser":           func(ctx context.Context, s store.Tx) error { return second(s.ServiceUser(ctx, "u1")) },
	"ServiceUserByUsername": func(ctx context.Context, s store.Tx) error { return second(s.ServiceUserByUsername(ctx, "mailer")) },
	"ServiceUsers":          func(ctx context.Context, s store.Tx) error { return second(s.ServiceUsers(ctx)) },
	"ServiceUsersPart": func(ctx context.Context, s store.Tx) error {
		return second(s.ServiceUsersPart(ctx, store.Window{Limit: 1}))
	},
	"StandingsOf": func(ctx context.Context, s store.Tx) error {
		return second(s.StandingsOf(ctx, []string{"u1"}, time.Time{}))
	},
	"ApplicationsPart": func(ctx context.Context, s store.Tx) error {
		return second(s.ApplicationsPart(ctx, store.Window{Limit: 1}))
	},
	"FollowingOf": func(ctx context.Context, s store.Tx) error {
		return second(s.FollowingOf(ctx, "app1", time.Time{}))
	},
	"UsersPart": func(ctx context.Context, s store.Tx) error { return second(s.UsersPart(ctx, store.Window{Limit: 1})) },
	"SessionsPart": func(ctx context.Context, s store.Tx) error {
		return second(s.SessionsPart(ctx, noon, store.Window{Limit: 1}))
	},
	"RightsPart": func(ctx context.Context, s store.Tx) error { return second(s.RightsPart(ctx, store.Window{Limit: 1})) },
	"RolesPart":  func(ctx context.Context, s store.Tx) error { return second(s.RolesPart(ctx, store.Window{Limit: 1})) },
	"APIsPart":   func(ctx context.Context, s store.Tx) error { return second(s.APIsPart(ctx, store.Window{Limit: 1})) },
	"ProjectsPart": func(ctx context.Context, s store.Tx) error {
		return second(s.ProjectsPart(ctx, store.Window{Limit: 1}))
	},
	"PutServiceUser": func(ctx context.Context, s store.Tx) error {
		return s.PutServiceUser(ctx, store.ServiceUser{ID: "u3"})
	},
	"DeleteServiceUser": func(ctx context.Context, s store.Tx) error { return s.DeleteServiceUser(ctx, "u1") },
	"AssignmentsOf":     func(ctx context.Context, s store.Tx) error { return second(s.AssignmentsOf(ctx, "u1")) },
	"HoldersPart": func(ctx context.Context, s store.Tx) error {
		return second(s.HoldersPart(ctx, someGrant, "read", store.Window{Limit: 1}))
	},
	"HolderCounts":     func(ctx context.Context, s store.Tx) error { return second(s.HolderCounts(ctx, someGrant, nil)) },
	"PutAssignment":    func(ctx context.Context, s store.Tx) error { return s.PutAssignment(ctx, someGrant) },
	"DeleteAssignment": func(ctx context.Context, s store.Tx) error { return s.DeleteAssignment(ctx, someGrant) },
	"AssignmentsAmong": func(ctx context.Context, s store.Tx) error { return second(s.AssignmentsAmong(ctx, "u1", nil)) },
	"SecretsOf":        func(ctx context.Context, s store.Tx) error { return second(s.SecretsOf(ctx, ownerU1)) },
	"CreateSecret": func(ctx context.Context, s store.Tx) error {
		return s.CreateSecret(ctx, store.Secret{Owner: ownerU1})
	},
	"DeleteSecret": func(ctx context.Context, s store.Tx) error { return s.DeleteSecret(ctx, "secret-u1") },
	"ClientKey":    func(ctx context.Context, s store.Tx) error { return second(s.ClientKey(ctx, "key-u1")) },
	"ClientKeysOf": func(ctx context.Context, s store.Tx) error { return second(s.ClientKeysOf(ctx, ownerU1)) },
	"CreateClientKey": func(ctx context.Context, s store.Tx) error {
		return s.CreateClientKey(ctx, store.ClientKey{Owner: ownerU1, PublicKey: []byte{1}})
	},
	"DeleteClientKey": func(ctx context.Context, s store.Tx) error { return s.DeleteClientKey(ctx, "key-u1") },
	"CreateToken":     func(ctx context.Context, s store.Tx) error { return s.CreateToken(ctx, accessToken("t3", "u1")) },
	"Token":           func(ctx context.Context, s store.Tx) error { return second(s.Token(ctx, "t1")) },
	"TokensOf": func(ctx context.Context, s store.Tx) error {
		return second(s.TokensOf(ctx, "u1", store.AccessToken))
	},
	"MarkSecretUsed":    func(ctx context.Context, s store.Tx) error { return s.MarkSecretUsed(ctx, "secret-u1", noon) },
	"MarkClientKeyUsed": func(ctx context.Context, s store.Tx) error { return s.MarkClientKeyUsed(ctx, "key-u1", noon) },
	"MarkTokenUsed":     func(ctx context.Context, s store.Tx) error { return s.MarkTokenUsed(ctx, "pat1", noon) },
	"RevokeToken":       func(ctx context.Context, s store.Tx) error { return s.RevokeToken(ctx, "t1", noon) },
	"DeleteExpiredTokens": func(ctx context.Context, s store.Tx) error {
		return second(s.DeleteExpiredTokens(ctx, noon.Add(24*time.Hour), 9))
	},
	"RevokeJWT":        func(ctx context.Context, s store.Tx) error { return s.RevokeJWT(ctx, "jti", noon) },
	"JWTRevoked":       func(ctx context.Context, s store.Tx) error { return second(s.JWTRevoked(ctx, "jti")) },
	"UseAssertion":     func(ctx context.Context, s store.Tx) error { return s.UseAssertion(ctx, "u1", "jti", noon) },
	"SigningKeys":      func(ctx context.Context, s store.Tx) error { return second(s.SigningKeys(ctx)) },
	"PutSigningKey":    func(ctx context.Context, s store.Tx) error { return s.PutSigningKey(ctx, someSigningKey) },
	"DeleteSigningKey": func(ctx context.Context, s store.Tx) error { return s.DeleteSigningKey(ctx, "k") },
}

// storeCalls has those that a Store has beside.
var storeCalls = map[string]func(context.Context, store.Store) error{
	"InTx": func(ctx context.Context, s store.Store) error {
		return s.InTx(ctx, func(store.Tx) error { return nil })
	},
	"Ping": func(ctx context.Context, s store.Store) error { return s.Ping(ctx) },
}

var (
	someGrant      = store.Assignment{SubjectID: "u1", ProjectID: "p1"}
	someSigningKey = store.SigningKey{ID: "new", Algorithm: "ES256", PrivateKey: []byte{1}}
)

func second[T any](_ T, err error) error { return err }

func third[A, B any](_ A, _ B, err error) error { return err }

// each tries every method of the store, and stops at the first that fails the test.
func each(t *testing.T, s store.Store, try func(call func(context.Context) error)) {
	t.Helper()
	for name, call := range calls {
		try(func(ctx context.Context) error { return call(ctx, s) })
		if t.Failed() {
			t.Fatal(name)
		}
	}
	for name, call := range storeCalls {
		try(func(ctx context.Context) error { return call(ctx, s) })
		if t.Failed() {
			t.Fatal(name)
		}
	}
}

var outageTests = []test{
	{"the tests below call every method", func(t *testing.T, _ store.Store) {
		methods := reflect.TypeFor[store.Store]()
		for i := range methods.NumMethod() {
			if name := methods.Method(i).Name; name != "Close" && calls[name] == nil && storeCalls[name] == nil {
				t.Errorf("expected a call of %s, got none", name)
			}
		}
	}},
	{"a store that is open answers a ping", func(t *testing.T, s store.Store) {
		ok(t, s.Ping(t.Context()))
	}},
	{"a closed store is an outage to every method, and not an empty store", func(t *testing.T, s store.Store) {
		world(t, s)
		ok(t, s.Close())
		each(t, s, func(call func(context.Context) error) { refused(t, store.ErrUnavailable, call(t.Context())) })
		ok(t, s.Close())
	}},
	{"a context that has ended stops every method before it does anything", func(t *testing.T, s store.Store) {
		world(t, s)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		each(t, s, func(call func(context.Context) error) { refused(t, context.Canceled, call(ctx)) })
		ok(t, s.InTx(t.Context(), func(tx store.Tx) error {
			for _, call := range calls {
				refused(t, context.Canceled, call(ctx, tx))
			}
			return nil
		}))
		same(t, []store.Project{project2(), project1()})(s.Projects(t.Context()))
		same(t, []store.ServiceUser{user2(), user1()})(s.ServiceUsers(t.Context()))
		same(t, accessToken("t1", "u1"))(s.Token(t.Context(), "t1"))
		same(t, keyOf(ownerU1))(s.ClientKey(t.Context(), "key-u1"))
	}},
}

package storetest

import (
	"context"
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/postern-auth/postern/server/store"
)

// registryReads are the reads of the registry, which an engine may answer from memory. What is asked for is there in
// the world, and some of it is not.
var registryReads = map[string]func(context.Context, store.Tx) (any, error){
	"Organization":  func(ctx context.Context, s store.Tx) (any, error) { return anyOf(s.Organization(ctx, "org")) },
	"Project":       func(ctx context.Context, s store.Tx) (any, error) { return anyOf(s.Project(ctx, "p1")) },
	"Project new":   func(ctx context.Context, s store.Tx) (any, error) { return anyOf(s.Project(ctx, "p9")) },
	"ProjectByName": func(ctx context.Context, s store.Tx) (any, error) { return anyOf(s.ProjectByName(ctx, "Messages")) },
	"API":           func(ctx context.Context, s store.Tx) (any, error) { return anyOf(s.API(ctx, "a1")) },
	"API new":       func(ctx context.Context, s store.Tx) (any, error) { return anyOf(s.API(ctx, "a9")) },
	"APIByClientID": func(ctx context.Context, s store.Tx) (any, error) { return anyOf(s.APIByClientID(ctx, "197@messages")) },
	"APIByIdentifier": func(ctx context.Context, s store.Tx) (any, error) {
		return anyOf(s.APIByIdentifier(ctx, "https://quickstarts/api"))
	},
	"APIsOf":               func(ctx context.Context, s store.Tx) (any, error) { return anyOf(s.APIsOf(ctx, "p1")) },
	"APIStates":            func(ctx context.Context, s store.Tx) (any, error) { return anyOf(s.APIStates(ctx, "p1")) },
	"Client":               func(ctx context.Context, s store.Tx) (any, error) { return anyOf(s.Client(ctx, "mailer")) },
	"SecretsOf":            func(ctx context.Context, s store.Tx) (any, error) { return anyOf(s.SecretsOf(ctx, ownerU1)) },
	"ClientKey":            func(ctx context.Context, s store.Tx) (any, error) { return anyOf(s.ClientKey(ctx, "key-u1")) },
	"ClientKeysOf":         func(ctx context.Context, s store.Tx) (any, error) { return anyOf(s.ClientKeysOf(ctx, ownerU1)) },
	"ClientCertificatesOf": func(ctx context.Context, s store.Tx) (any, error) { return anyOf(s.ClientCertificatesOf(ctx, ownerU1)) },
	"Subject":              func(ctx context.Context, s store.Tx) (any, error) { return anyOf(s.Subject(ctx, "u1")) },
	"ServiceUser":          func(ctx context.Context, s store.Tx) (any, error) { return anyOf(s.ServiceUser(ctx, "u1")) },
	"ServiceUser new":      func(ctx context.Context, s store.Tx) (any, error) { return anyOf(s.ServiceUser(ctx, "u9")) },
	"ServiceUserByUsername": func(ctx context.Context, s store.Tx) (any, error) {
		return anyOf(s.ServiceUserByUsername(ctx, "mailer"))
	},
	"Application": func(ctx context.Context, s store.Tx) (any, error) { return anyOf(s.Application(ctx, "app1")) },
	"ApplicationByClientID": func(ctx context.Context, s store.Tx) (any, error) {
		return anyOf(s.ApplicationByClientID(ctx, application1().ClientID))
	},
	"AssignmentsOf": func(ctx context.Context, s store.Tx) (any, error) { return anyOf(s.AssignmentsOf(ctx, "u1")) },
	"AssignmentsAmong": func(ctx context.Context, s store.Tx) (any, error) {
		return anyOf(s.AssignmentsAmong(ctx, "u1", []string{"send", "read"}))
	},
}

// registryChanges change what these reads find, each of them another part of the registry.
var registryChanges = []struct {
	name   string
	change func(context.Context, store.Tx) error
}{
	{"PutOrganization", func(ctx context.Context, s store.Tx) error {
		return s.PutOrganization(ctx, store.Organization{ID: "org", Name: "Emca"})
	}},
	{"PutProject", func(ctx context.Context, s store.Tx) error {
		p := project1()
		p.Active, p.Roles = false, p.Roles[:2]
		return s.PutProject(ctx, p)
	}},
	{"PutProject new", func(ctx context.Context, s store.Tx) error {
		return s.PutProject(ctx, store.Project{ID: "p9", OrganizationID: "org", Name: "Nine"})
	}},
	{"PutAPI", func(ctx context.Context, s store.Tx) error {
		a := api1()
		a.Active, a.Permissions = false, a.Permissions[:1]
		return s.PutAPI(ctx, a)
	}},
	{"PutAPI new", func(ctx context.Context, s store.Tx) error {
		return s.PutAPI(ctx, store.API{ID: "a9", ProjectID: "p1", Name: "Nine"})
	}},
	{"PutServiceUser", func(ctx context.Context, s store.Tx) error {
		u := user1()
		u.Active, u.Grants = false, u.Grants[:1]
		return s.PutServiceUser(ctx, u)
	}},
	{"PutServiceUser new", func(ctx context.Context, s store.Tx) error {
		return s.PutServiceUser(ctx, store.ServiceUser{ID: "u9", OrganizationID: "org", Username: "nine"})
	}},
	{"PutSubject", func(ctx context.Context, s store.Tx) error {
		return s.PutSubject(ctx, store.Subject{ID: "u1", Kind: store.ServiceUserSubject, Username: "mailer", Active: true})
	}},
	{"EndSubject", func(ctx context.Context, s store.Tx) error { return s.EndSubject(ctx, "u1", noon) }},
	{"EndSubjects", func(ctx context.Context, s store.Tx) error {
		return third(s.EndSubjects(ctx, "", 1000, noon.Add(time.Hour)))
	}},
	{"EndClient", func(ctx context.Context, s store.Tx) error { return s.EndClient(ctx, ownerU1, noon) }},
	{"CreateSecret", func(ctx context.Context, s store.Tx) error {
		return s.CreateSecret(ctx, store.Secret{ID: "secret-9", Owner: ownerU1, CreatedAt: noon})
	}},
	{"MarkSecretUsed", func(ctx context.Context, s store.Tx) error { return s.MarkSecretUsed(ctx, "secret-u1", noon) }},
	{"DeleteSecret", func(ctx context.Context, s store.Tx) error { return s.DeleteSecret(ctx, "secret-u1") }},
	{"CreateClientKey", func(ctx context.Context, s store.Tx) error {
		return s.CreateClientKey(ctx, store.ClientKey{ID: "key-9", Owner: ownerU1, PublicKey: []byte{9}, CreatedAt: noon})
	}},
	{"MarkClientKeyUsed", func(ctx context.Context, s store.Tx) error { return s.MarkClientKeyUsed(ctx, "key-u1", noon) }},
	{"DeleteClientKey", func(ctx context.Context, s store.Tx) error { return s.DeleteClientKey(ctx, "key-u1") }},
	{"CreateClientCertificate", func(ctx context.Context, s store.Tx) error {
		return s.CreateClientCertificate(ctx, store.ClientCertificate{ID: "c9", Owner: ownerU1, NameType: store.DNSName, Name: "nine", CreatedAt: noon})
	}},
	{"DeleteClientCertificate", func(ctx context.Context, s store.Tx) error {
		return s.DeleteClientCertificate(ctx, certificateOf(ownerU1).ID)
	}},
	{"PutApplication", func(ctx context.Context, s store.Tx) error {
		a := application1()
		a.Active, a.RedirectURIs = !a.Active, nil
		return s.PutApplication(ctx, a)
	}},
	{"DeleteAssignment", func(ctx context.Context, s store.Tx) error {
		return s.DeleteAssignment(ctx, store.Assignment{SubjectID: "u1", APIID: "a2"})
	}},
	{"PutAssignment", func(ctx context.Context, s store.Tx) error {
		return s.PutAssignment(ctx, store.Assignment{SubjectID: "u1", ProjectID: "p1"})
	}},
	{"DeleteApplication", func(ctx context.Context, s store.Tx) error { return s.DeleteApplication(ctx, "app1") }},
	{"DeleteAPI", func(ctx context.Context, s store.Tx) error { return s.DeleteAPI(ctx, "a1") }},
	{"DeleteProject", func(ctx context.Context, s store.Tx) error { return s.DeleteProject(ctx, "p1") }},
	{"DeleteServiceUser", func(ctx context.Context, s store.Tx) error { return s.DeleteServiceUser(ctx, "u1") }},
}

var registryTests = []test{
	{"what is read is the caller's", func(t *testing.T, s store.Store) {
		world(t, s)
		for range 3 { // what is read first, and what is remembered
			for _, found := range readAll(t.Context(), s) {
				scribble(reflect.ValueOf(&found).Elem())
			}
		}
		var want map[string]any
		ok(t, s.InTx(t.Context(), func(tx store.Tx) error {
			want = readAll(t.Context(), tx)
			return nil
		}))
		sameAll(t, "callers have changed what they got", want, readAll(t.Context(), s))
	}},
	{"a change is seen by the next read", func(t *testing.T, s store.Store) {
		seenByTheNextRead(t, s, s, func(ctx context.Context) context.Context { return ctx }, 0)
	}},
	{"a change is seen by the next view", func(t *testing.T, s store.Store) {
		seenByTheNextRead(t, s, s, func(ctx context.Context) context.Context {
			ctx, _ = store.WithView(ctx)
			return ctx
		}, 0)
	}},
	{"a view is of one state and knows its version", func(t *testing.T, s store.Store) {
		world(t, s)
		ctx, view := store.WithView(t.Context())
		_, err := s.Project(ctx, "p1")
		ok(t, err)
		first := view.Version()
		ok(t, s.PutOrganization(t.Context(), store.Organization{ID: "org", Name: "Emca"}))
		_, err = s.Project(ctx, "p1")
		ok(t, err)
		later, next := store.WithView(t.Context())
		_, err = s.Project(later, "p1")
		ok(t, err)
		if first == 0 || view.Version() != first || next.Version() <= first {
			t.Errorf("expected one version and then a greater one, got %d, %d, %d", first, view.Version(), next.Version())
		}
	}},
	{"what is undone was never seen", func(t *testing.T, s store.Store) {
		world(t, s)
		want := readAll(t.Context(), s)
		undone := errors.New("undone")
		for _, each := range registryChanges {
			err := s.InTx(t.Context(), func(tx store.Tx) error {
				ok(t, each.change(t.Context(), tx))
				return undone
			})
			if !errors.Is(err, undone) {
				t.Fatal(err)
			}
			sameAll(t, each.name, want, readAll(t.Context(), s))
		}
	}},
	{"a transaction sees what it changes", func(t *testing.T, s store.Store) {
		world(t, s)
		readAll(t.Context(), s)
		ok(t, s.InTx(t.Context(), func(tx store.Tx) error {
			ok(t, tx.DeleteAPI(t.Context(), "a1"))
			ctx, _ := store.WithView(t.Context())
			if _, err := tx.API(ctx, "a1"); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("expected the API to be gone, got %v", err)
			}
			return nil
		}))
	}},
}

// Beside tests two stores that share what they keep, as two processes do: what is changed at the one counts at the other.
// Under store.WithExactView it does at once, and else within the lag, as the engine has promised.
func Beside(t *testing.T, open func(t *testing.T) (one, other store.Store), lag time.Duration) {
	t.Helper()
	exactly := func(ctx context.Context) context.Context {
		ctx, _ = store.WithExactView(ctx)
		return ctx
	}
	for name, test := range map[string]func(one, other store.Store){
		"exactly": func(one, other store.Store) { seenByTheNextRead(t, one, other, exactly, 0) },
		"soon": func(one, other store.Store) {
			seenByTheNextRead(t, one, other, func(ctx context.Context) context.Context { return ctx }, lag)
		},
	} {
		t.Run(name, func(t *testing.T) {
			one, other := open(t)
			defer one.Close()
			defer other.Close()
			test(one, other)
		})
	}
}

// seenByTheNextRead makes every change at one store and reads at the other, which has read all before; what is true is
// read in a transaction.
func seenByTheNextRead(t *testing.T, one, other store.Store, with func(context.Context) context.Context, lag time.Duration) {
	t.Helper()
	world(t, one)
	for i, each := range registryChanges {
		readAll(with(t.Context()), other)
		if i%2 == 0 {
			ok(t, each.change(t.Context(), one))
		} else {
			ok(t, one.InTx(t.Context(), func(tx store.Tx) error { return each.change(t.Context(), tx) }))
		}
		deadline := time.Now().Add(lag)
		got := readAll(with(t.Context()), other)
		var want map[string]any
		ok(t, one.InTx(t.Context(), func(tx store.Tx) error {
			want = readAll(t.Context(), tx)
			return nil
		}))
		for time.Now().Before(deadline) && !cmp.Equal(want, got, cmpopts.EquateEmpty()) {
			time.Sleep(time.Millisecond)
			got = readAll(with(t.Context()), other)
		}
		sameAll(t, each.name, want, got)
	}
}

// readAll returns what all reads find, or their errors in words.
func readAll(ctx context.Context, s store.Tx) map[string]any {
	all := make(map[string]any)
	for name, read := range registryReads {
		found, err := read(ctx, s)
		switch {
		case errors.Is(err, store.ErrNotFound):
			found = store.ErrNotFound.Error()
		case err != nil:
			found = err.Error()
		}
		all[name] = found
	}
	return all
}

func sameAll(t *testing.T, after string, want, got map[string]any) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("after %s: expected (-), got (+):\n%s", after, diff)
	}
}

// scribble changes everything that the value refers to and that another holder of it would see.
func scribble(v reflect.Value) {
	switch v.Kind() {
	case reflect.Interface:
		scribble(v.Elem())
	case reflect.Struct:
		for i := range v.NumField() {
			scribble(v.Field(i))
		}
	case reflect.Map:
		v.Clear()
	case reflect.Slice:
		for i := range v.Len() {
			scribble(v.Index(i))
			v.Index(i).SetZero()
		}
	}
}

func anyOf[T any](found T, err error) (any, error) { return found, err }

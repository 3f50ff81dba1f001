// Package storetest holds every engine of package store to the same behaviour.
//
// An engine's test says how a new, empty store is opened, and Run does the rest:
//
//	func TestStore(t *testing.T) {
//		storetest.Run(t, func(t *testing.T) store.Store {
//			s, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "postern.db"), sqlite.Options{})
//			if err != nil {
//				t.Fatal(err)
//			}
//			return s
//		})
//	}
//
// What a crash leaves behind is tested with two processes: one calls WriteUntilKilled and is killed, the
// other calls CheckAcknowledged.
package storetest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/postern-auth/postern/server/store"
)

// test is one sentence about a store, and how to find out whether it is true.
type test struct {
	name string
	run  func(t *testing.T, s store.Store)
}

// Run tests the engine whose new, empty stores open returns. It opens one for every test and closes it
// afterwards; the engine may register its own clean-up with t.Cleanup.
func Run(t *testing.T, open func(t *testing.T) store.Store) {
	t.Helper()
	if open == nil {
		t.Fatal("storetest: expected a function that opens a store, got nil")
	}
	groups := []struct {
		name  string
		tests []test
	}{
		{"projects", projectTests},
		{"apis", apiTests},
		{"audiences", audienceTests},
		{"subjects", subjectTests},
		{"service users", serviceUserTests},
		{"parts of lists", partTests},
		{"assignments", assignmentTests},
		{"users", userTests},
		{"passwords", passwordTests},
		{"totps", totpTests},
		{"recovery codes", recoveryCodeTests},
		{"passkeys", passkeyTests},
		{"challenges", challengeTests},
		{"applications", applicationTests},
		{"registrations", registrationTests},
		{"consents", consentTests},
		{"sessions", sessionTests},
		{"requests", requestTests},
		{"attempts", attemptTests},
		{"devices", deviceTests},
		{"mail links", mailLinkTests},
		{"outbox", outboxTests},
		{"families", familyTests},
		{"codes", codeTests},
		{"refresh tokens", refreshTests},
		{"secrets and keys", keyTests},
		{"client certificates", certificateTests},
		{"tokens", tokenTests},
		{"revocations and assertions", assertionTests},
		{"signing keys", signingKeyTests},
		{"shared keys", sharedKeyTests},
		{"events", eventTests},
		{"refusals", refusalTests},
		{"values", valueTests},
		{"concurrency", concurrencyTests},
		{"registry", registryTests},
		{"transactions", transactionTests},
		{"outages", outageTests},
	}
	for _, group := range groups {
		t.Run(group.name, func(t *testing.T) {
			if len(group.tests) == 0 {
				t.Fatal("storetest: expected tests, got none")
			}
			for _, test := range group.tests {
				t.Run(test.name, func(t *testing.T) { runOne(t, test, open) })
			}
		})
	}
}

func runOne(t *testing.T, test test, open func(t *testing.T) store.Store) {
	s := open(t)
	if s == nil {
		t.Fatal("storetest: expected a store, got nil")
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	}()
	test.run(t, s)
}

// noon is the time at which things happen, where no other matters.
var noon = time.Date(2026, 3, 1, 12, 0, 0, 123_000_000, time.UTC)

// world fills the store with two of everything, so that every test can see whether the wrong one was hit. It
// is one transaction, because the disk makes a suite of small ones slow.
func world(t *testing.T, s store.Store) {
	t.Helper()
	ok(t, s.InTx(t.Context(), func(tx store.Tx) error {
		ctx := t.Context()
		ok(t, tx.PutOrganization(ctx, store.Organization{ID: "org", Name: "Acme", PrimaryDomain: "acme.example"}))
		for _, p := range []store.Project{project1(), project2()} {
			ok(t, tx.PutProject(ctx, p))
		}
		for _, a := range []store.API{api1(), api2()} {
			ok(t, tx.PutAPI(ctx, a))
		}
		for _, u := range []store.ServiceUser{user1(), user2()} {
			ok(t, tx.PutServiceUser(ctx, u))
			ok(t, tx.PutAssignment(ctx, store.Assignment{SubjectID: u.ID, ProjectID: "p1", Rights: []string{"read", "write"}}))
			ok(t, tx.PutAssignment(ctx, store.Assignment{SubjectID: u.ID, ProjectID: "p2", Rights: []string{"read"}}))
			ok(t, tx.PutAssignment(ctx, store.Assignment{SubjectID: u.ID, APIID: "a1", Rights: []string{"list", "send"}}))
			ok(t, tx.PutAssignment(ctx, store.Assignment{SubjectID: u.ID, APIID: "a2"}))
		}
		for _, owner := range []store.Owner{ownerU1, ownerU2, ownerA1, ownerA2} {
			ok(t, tx.CreateSecret(ctx, secretOf(owner)))
			ok(t, tx.CreateClientKey(ctx, keyOf(owner)))
			ok(t, tx.CreateClientCertificate(ctx, certificateOf(owner)))
		}
		for _, token := range []store.Token{accessToken("t1", "u1"), accessToken("t2", "u2"), pat("pat1", "u1"), pat("pat2", "u2")} {
			ok(t, tx.CreateToken(ctx, token))
		}
		people(t, tx)
		return nil
	}))
}

var (
	ownerU1 = store.Owner{Kind: store.ServiceUserClient, ID: "u1"}
	ownerU2 = store.Owner{Kind: store.ServiceUserClient, ID: "u2"}
	ownerA1 = store.Owner{Kind: store.APIClient, ID: "a1"}
	ownerA2 = store.Owner{Kind: store.APIClient, ID: "a2"}
)

func project1() store.Project {
	return store.Project{
		ID: "p1", OrganizationID: "org", Name: "Messages", Active: true, CreatedAt: noon,
		Roles: []store.Role{{Key: "write", Name: "may write"}, {Key: "read"}, {Key: "admin", Name: "may all"}},
	}
}

func project2() store.Project {
	return store.Project{ID: "p2", OrganizationID: "org", Name: "Billing", CreatedAt: noon.Add(time.Second), Roles: []store.Role{{Key: "read"}}}
}

func api1() store.API {
	return store.API{
		ID: "a1", ProjectID: "p1", Name: "Messages API", Identifier: "https://quickstarts/api", ClientID: "197@messages",
		Form: store.FormRFC9068Permissions, SigningAlgorithm: "ES256", TokenLifetime: 90*time.Minute + time.Nanosecond,
		Permissions: []store.Permission{{Key: "send", Name: "may send"}, {Key: "list"}}, Active: true, CreatedAt: noon,
	}
}

func api2() store.API {
	return store.API{ID: "a2", ProjectID: "p2", Name: "Billing API", ClientID: "198@billing", CreatedAt: noon.Add(time.Second)}
}

func user1() store.ServiceUser {
	return store.ServiceUser{
		ID: "u1", OrganizationID: "org", Username: "mailer", Name: "Sends mail", Form: store.FormZITADEL,
		Grants: []string{"client_credentials", "urn:x"}, SenderConstraint: store.ConstrainedByProof, Active: true, CreatedAt: noon,
	}
}

func user2() store.ServiceUser {
	return store.ServiceUser{ID: "u2", OrganizationID: "org", Username: "biller", CreatedAt: noon.Add(time.Second)}
}

func secretOf(owner store.Owner) store.Secret {
	return store.Secret{ID: "secret-" + owner.ID, Owner: owner, Digest: digest(owner.ID), CreatedAt: noon, ExpiresAt: noon.Add(time.Hour)}
}

func keyOf(owner store.Owner) store.ClientKey {
	return store.ClientKey{
		ID: "key-" + owner.ID, Owner: owner, PublicKey: []byte{0x30, 0x00, 0xff, owner.ID[1]},
		Compatibility: true, CreatedAt: noon, ExpiresAt: noon.Add(time.Hour),
	}
}

func accessToken(id, userID string) store.Token {
	return store.Token{
		ID: id, Kind: store.AccessToken, Digest: digest(id), SubjectID: userID, ClientID: "mailer", Issuer: "https://login.example.com/",
		Audience: []string{"p1", "https://quickstarts/api"}, Scopes: []string{"send", "openid"}, Confirmation: `{"jkt":"ß"}`,
		IssuedAt: noon, ExpiresAt: noon.Add(time.Hour),
	}
}

func pat(id, userID string) store.Token {
	return store.Token{
		ID: id, Kind: store.PersonalAccessToken, Digest: digest(id), SubjectID: userID, ClientID: "mailer", Name: "nightly build", IssuedAt: noon,
	}
}

// digest stands for the SHA-256 of a secret: 32 bytes, among them 0x00 and 0xff.
func digest(seed string) store.Digest {
	d := store.Digest{0: 0x00, 1: 0xff, 31: 0x80}
	copy(d[2:31], seed)
	return d
}

// ok fails the test at once when err is not nil.
func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// same compares what a read returned with what it should have.
func same[T any](t *testing.T, want T) func(got T, err error) {
	t.Helper()
	return func(got T, err error) {
		t.Helper()
		if err != nil {
			t.Errorf("expected no error, got %v", err)
			return
		}
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("expected (-), got (+):\n%s", diff)
		}
	}
}

// refused checks that err is the one wanted and none of the others.
func refused(t *testing.T, want, err error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("expected %v, got %v", want, err)
	}
	for _, other := range []error{store.ErrNotFound, store.ErrExists, store.ErrFull, store.ErrUnavailable, context.Canceled} {
		if other != want && errors.Is(err, other) {
			t.Errorf("expected %v alone, got %v", want, err)
		}
	}
}

// absent checks that a read found nothing.
func absent[T any](t *testing.T) func(T, error) {
	t.Helper()
	return func(got T, err error) {
		t.Helper()
		refused(t, store.ErrNotFound, err)
		if diff := cmp.Diff(*new(T), got); diff != "" {
			t.Errorf("expected nothing beside the error (-), got (+):\n%s", diff)
		}
	}
}

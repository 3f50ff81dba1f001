package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/postern-auth/postern/server/store"
)

var applicationTests = []test{
	{"an application is returned as it was put, and is a client", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		for _, a := range []store.Application{application1(), application2()} {
			same(t, a)(s.Application(ctx, a.ID))
			same(t, a)(s.ApplicationByClientID(ctx, a.ClientID))
			same(t, store.Client{Owner: store.Owner{Kind: store.ApplicationClient, ID: a.ID}, ClientID: a.ClientID})(s.Client(ctx, a.ClientID))
			absent[store.Subject](t)(s.Subject(ctx, a.ID))
		}
		same(t, []store.Application{application2(), application1()})(s.Applications(ctx))
		for _, id := range []string{"", "SHOP", "shop ", "app1", "197@messages"} {
			absent[store.Application](t)(s.ApplicationByClientID(ctx, id))
		}
		changed := application2()
		changed.ID, changed.ClientID, changed.Name = "app1", "store", "Store"
		ok(t, s.PutApplication(ctx, changed))
		same(t, changed)(s.ApplicationByClientID(ctx, "store"))
		absent[store.Application](t)(s.ApplicationByClientID(ctx, "shop"))
	}},
	{"a client id is one client's, and a name within a project one application's", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		for _, taken := range []string{"shop", "mailer", "197@messages"} {
			refused(t, store.ErrExists, s.PutApplication(ctx, store.Application{ID: "app3", ClientID: taken}))
		}
		refused(t, store.ErrExists, s.PutAPI(ctx, store.API{ID: "a3", ProjectID: "p1", Name: "x", ClientID: "shop"}))
		refused(t, store.ErrExists, s.PutServiceUser(ctx, store.ServiceUser{ID: "u3", Username: "shop"}))
		refused(t, store.ErrExists, s.PutApplication(ctx, store.Application{ID: "app3", ProjectID: "p1", Name: "Shop", ClientID: "x"}))
		refused(t, store.ErrNotFound, s.PutApplication(ctx, store.Application{ID: "app3", ProjectID: "p3", ClientID: "x"}))
		absent[store.Client](t)(s.Client(ctx, "x"))
		for _, a := range []store.Application{{ProjectID: "p2", Name: "Shop"}, {Name: "Shop"}, {Name: "Desk"}} {
			a.ID = "another " + a.Name + a.ProjectID
			a.ClientID = a.ID
			ok(t, s.PutApplication(ctx, a))
		}
	}},
	{"an application has secrets and keys, and goes with them, its consents and its families", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		ok(t, s.CreateSecret(ctx, secretOf(ownerApp1)))
		ok(t, s.CreateClientKey(ctx, keyOf(ownerApp1)))
		same(t, []store.Secret{secretOf(ownerApp1)})(s.SecretsOf(ctx, ownerApp1))
		ok(t, s.DeleteApplication(ctx, "app1"))
		shopIsGone(t, s)
		refused(t, store.ErrNotFound, s.DeleteApplication(ctx, "app1"))
		refused(t, store.ErrNotFound, s.DeleteApplication(ctx, "a1"))
	}},
	{"an application goes with its project", func(t *testing.T, s store.Store) {
		world(t, s)
		ok(t, s.CreateSecret(t.Context(), secretOf(ownerApp1)))
		ok(t, s.DeleteProject(t.Context(), "p1"))
		shopIsGone(t, s)
	}},
	{"of applications put at once with the same client id one is kept", func(t *testing.T, s store.Store) {
		onlyOne(t, together(50, func(i int) error {
			return s.PutApplication(t.Context(), store.Application{ID: fmt.Sprint(i), ClientID: "same"})
		}))
	}},
}

func shopIsGone(t *testing.T, s store.Store) {
	t.Helper()
	ctx := t.Context()
	absent[store.Application](t)(s.Application(ctx, "app1"))
	absent[store.Client](t)(s.Client(ctx, "shop"))
	same(t, []store.Secret{})(s.SecretsOf(ctx, ownerApp1))
	absent[store.ClientKey](t)(s.ClientKey(ctx, "key-app1"))
	same(t, []store.Consent{consentOf("anna", "desk")})(s.ConsentsOf(ctx, "anna"))
	absent[store.Family](t)(s.Family(ctx, "f1"))
	absent[store.RefreshToken](t)(s.RefreshToken(ctx, digest("refresh-f1")))
	same(t, application2())(s.Application(ctx, "app2"))
	same(t, family("f2", "ben", "desk"))(s.Family(ctx, "f2"))
	same(t, anna())(s.User(ctx, "anna"))
}

var consentTests = []test{
	{"a consent is returned as it was put, and keeps the time it was given first", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		same(t, consentOf("anna", "shop"))(s.Consent(ctx, "anna", "shop"))
		same(t, []store.Consent{consentOf("anna", "desk"), consentOf("anna", "shop")})(s.ConsentsOf(ctx, "anna"))
		changed := store.Consent{UserID: "anna", ClientID: "shop", Scopes: []string{"openid"}, GivenAt: noon.Add(time.Hour), UpdatedAt: noon.Add(time.Hour)}
		ok(t, s.PutConsent(ctx, changed))
		changed.GivenAt = noon
		same(t, changed)(s.Consent(ctx, "anna", "shop"))
		same(t, consentOf("ben", "shop"))(s.Consent(ctx, "ben", "shop"))
		same(t, consentOf("anna", "desk"))(s.Consent(ctx, "anna", "desk"))
	}},
	{"a consent that is withdrawn is gone, and no other", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		ok(t, s.DeleteConsent(ctx, "anna", "shop"))
		absent[store.Consent](t)(s.Consent(ctx, "anna", "shop"))
		refused(t, store.ErrNotFound, s.DeleteConsent(ctx, "anna", "shop"))
		same(t, []store.Consent{consentOf("anna", "desk")})(s.ConsentsOf(ctx, "anna"))
		same(t, consentOf("ben", "shop"))(s.Consent(ctx, "ben", "shop"))
	}},
	{"a consent needs a user and a client, and follows the client's new name", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		refused(t, store.ErrNotFound, s.PutConsent(ctx, consentOf("u1", "shop")))
		refused(t, store.ErrNotFound, s.PutConsent(ctx, consentOf("anna", "nothing")))
		renamed := application1()
		renamed.ClientID = "store"
		ok(t, s.PutApplication(ctx, renamed))
		same(t, consentOf("anna", "store"))(s.Consent(ctx, "anna", "store"))
		absent[store.Consent](t)(s.Consent(ctx, "anna", "shop"))
		same(t, family("f1", "anna", "store"))(s.Family(ctx, "f1"))
	}},
}

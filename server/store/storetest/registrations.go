package storetest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/postern-auth/postern/server/store"
)

var registrationTests = []test{
	{"a registration is returned as it was made, and goes with its application", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		absent[store.Registration](t)(s.Registration(ctx, "app1"))
		for _, r := range []store.Registration{registrationOf("app1"), {ApplicationID: "app2", Kind: store.DocumentRegistration, ExpiresAt: noon}} {
			ok(t, s.CreateRegistration(ctx, r, roomy))
			same(t, r)(s.Registration(ctx, r.ApplicationID))
			refused(t, store.ErrExists, s.CreateRegistration(ctx, r, roomy))
		}
		for _, id := range []string{"", "APP1", "shop"} {
			absent[store.Registration](t)(s.Registration(ctx, id))
		}
		changed := registrationOf("app2")
		changed.Digest, changed.Keys = store.Digest{}, ""
		ok(t, s.PutRegistration(ctx, changed))
		same(t, changed)(s.Registration(ctx, "app2"))
		same(t, registrationOf("app1"))(s.Registration(ctx, "app1"))
		ok(t, s.DeleteApplication(ctx, "app1"))
		absent[store.Registration](t)(s.Registration(ctx, "app1"))
		same(t, changed)(s.Registration(ctx, "app2"))
	}},
	{"an application that is not there has no registration", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		refused(t, store.ErrNotFound, s.CreateRegistration(ctx, registrationOf("app3"), roomy))
		refused(t, store.ErrNotFound, s.PutRegistration(ctx, registrationOf("app3")))
		absent[store.Registration](t)(s.Registration(ctx, "app3"))
	}},
	{"registrations are bounded by address and in all", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		n := 0
		create := func(at time.Time, kind store.RegistrationKind, from string, b store.RegistrationBounds) error {
			n++
			id := fmt.Sprint("x", n)
			ok(t, s.PutApplication(ctx, store.Application{ID: id, ClientID: id}))
			return s.CreateRegistration(ctx, store.Registration{
				ApplicationID: id, Kind: kind, AddressPrefix: from, CreatedAt: at, ExpiresAt: at.Add(time.Hour),
			}, b)
		}
		byAddress := store.RegistrationBounds{FromAddress: 2, Since: noon, Unexpired: 100}
		ok(t, create(noon.Add(-time.Millisecond), store.DynamicRegistration, "192.0.2.0/24", byAddress))
		for range 2 {
			ok(t, create(noon, store.DynamicRegistration, "192.0.2.0/24", byAddress))
		}
		refused(t, store.ErrFull, create(noon, store.DynamicRegistration, "192.0.2.0/24", byAddress))
		ok(t, create(noon, store.DynamicRegistration, "198.51.100.0/24", byAddress))
		for range 3 {
			ok(t, create(noon, store.DynamicRegistration, "", byAddress))
		}
		inAll := store.RegistrationBounds{FromAddress: 100, Since: noon, Unexpired: 8}
		ok(t, create(noon, store.DynamicRegistration, "a", inAll))
		refused(t, store.ErrFull, create(noon, store.DynamicRegistration, "b", inAll))
		ok(t, create(noon, store.DocumentRegistration, "b", inAll))
		// That of a millisecond before noon has expired by then.
		ok(t, create(noon.Add(time.Hour-time.Millisecond), store.DynamicRegistration, "b", inAll))
		refused(t, store.ErrFull, create(noon.Add(time.Hour-time.Millisecond), store.DynamicRegistration, "b", inAll))
		ok(t, create(noon.Add(time.Hour), store.DynamicRegistration, "b", inAll))
	}},
	{"of registrations at once as many are let in as the bounds say", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		in := 0
		for _, err := range together(50, func(i int) error {
			return s.InTx(ctx, func(tx store.Tx) error {
				id := fmt.Sprint(i)
				if err := tx.PutApplication(ctx, store.Application{ID: id, ClientID: id}); err != nil {
					return err
				}
				return tx.CreateRegistration(ctx, store.Registration{
					ApplicationID: id, Kind: store.DynamicRegistration, AddressPrefix: "a", CreatedAt: noon, ExpiresAt: noon,
				}, store.RegistrationBounds{FromAddress: 3, Since: noon, Unexpired: 100})
			})
		}) {
			if err == nil {
				in++
				continue
			}
			refused(t, store.ErrFull, err)
		}
		if in != 3 {
			t.Errorf("expected 3 to be let in, got %d", in)
		}
	}},
	{"an application that came by itself goes unless a person has let it in", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		later := noon.Add(time.Millisecond)
		for _, id := range []string{"new", "consented", "used", "young"} {
			ok(t, s.PutApplication(ctx, store.Application{ID: id, ClientID: id}))
			r := store.Registration{ApplicationID: id, Kind: store.DynamicRegistration, CreatedAt: noon, ExpiresAt: noon}
			if id == "young" {
				r.ExpiresAt = later
			}
			ok(t, s.PutRegistration(ctx, r))
		}
		ok(t, s.PutRegistration(ctx, store.Registration{ApplicationID: "app1", Kind: store.DynamicRegistration, ExpiresAt: noon}))
		ok(t, s.PutConsent(ctx, consentOf("anna", "consented")))
		f := family("f-used", "anna", "used")
		f.ExpiresAt = later
		ok(t, s.CreateFamily(ctx, f))
		there := func(want ...string) {
			t.Helper()
			for _, id := range []string{"new", "consented", "used", "young", "app1", "app2"} {
				_, err := s.Application(ctx, id)
				is := false
				for _, w := range want {
					is = is || w == id
				}
				if (err == nil) != is {
					t.Errorf("%s: %v, expected there: %v", id, err, is)
				}
			}
		}
		sweep := func(at time.Time, want int) { t.Helper(); same(t, want)(s.DeleteExpiredTokens(ctx, at, 100)) }
		sweep(noon, 0)
		there("new", "consented", "used", "young", "app1", "app2")
		sweep(later, 1)
		there("consented", "used", "young", "app1", "app2")
		sweep(later.Add(time.Millisecond), 3) // the family, then the application that it was of, and the young one
		there("consented", "app1", "app2")
		ok(t, s.DeleteConsent(ctx, "anna", "consented"))
		sweep(later.Add(time.Millisecond), 1)
		there("app1", "app2")
	}},
}

// roomy are bounds that let everything in.
var roomy = store.RegistrationBounds{FromAddress: 1000, Unexpired: 1000}

func registrationOf(applicationID string) store.Registration {
	return store.Registration{
		ApplicationID: applicationID, Kind: store.DynamicRegistration, Digest: digest("registration-" + applicationID), Keys: `{"keys":[]}`,
		AddressPrefix: "192.0.2.0/24", CreatedAt: noon, ExpiresAt: noon.Add(24 * time.Hour),
	}
}

// registrationCalls are those of calls that have to do with applications that nobody set up.
var registrationCalls = map[string]func(context.Context, store.Tx) error{
	"Registration": func(ctx context.Context, s store.Tx) error { return second(s.Registration(ctx, "app2")) },
	"CreateRegistration": func(ctx context.Context, s store.Tx) error {
		return s.CreateRegistration(ctx, registrationOf("app2"), roomy)
	},
	"PutRegistration": func(ctx context.Context, s store.Tx) error { return s.PutRegistration(ctx, registrationOf("app1")) },
}

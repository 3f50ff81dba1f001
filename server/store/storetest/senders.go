package storetest

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/postern-auth/postern/server/store"
)

func certificateOf(owner store.Owner) store.ClientCertificate {
	return store.ClientCertificate{ID: "certificate-" + owner.ID, Owner: owner, Thumbprint: digest("certificate-" + owner.ID), CreatedAt: noon}
}

// senderCalls are those of calls that have to do with what tokens and clients are bound to.
var senderCalls = map[string]func(context.Context, store.Tx) error{
	"ClientCertificatesOf": func(ctx context.Context, s store.Tx) error { return second(s.ClientCertificatesOf(ctx, ownerU1)) },
	"CreateClientCertificate": func(ctx context.Context, s store.Tx) error {
		return s.CreateClientCertificate(ctx, store.ClientCertificate{ID: "new", Owner: ownerU1, NameType: store.DNSName, Name: "x"})
	},
	"DeleteClientCertificate": func(ctx context.Context, s store.Tx) error { return s.DeleteClientCertificate(ctx, "certificate-u1") },
	"SharedKey":               func(ctx context.Context, s store.Tx) error { return second(s.SharedKey(ctx, "k", store.SharedKey{1})) },
	"BindFamily":              func(ctx context.Context, s store.Tx) error { return s.BindFamily(ctx, "free", `{}`) },
}

var certificateTests = []test{
	{"certificates are returned as they were created, oldest first, to their owner alone", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		named := store.ClientCertificate{ID: "a", Owner: ownerU1, NameType: store.SubjectName, Name: `CN=Ü "x",O=y`, CreatedAt: noon.Add(-time.Millisecond)}
		ok(t, s.CreateClientCertificate(ctx, named))
		same(t, []store.ClientCertificate{named, certificateOf(ownerU1)})(s.ClientCertificatesOf(ctx, ownerU1))
		same(t, []store.ClientCertificate{certificateOf(ownerA1)})(s.ClientCertificatesOf(ctx, ownerA1))
		for _, stranger := range []store.Owner{{}, {ID: "u1"}, {Kind: store.APIClient, ID: "u1"}} {
			same(t, []store.ClientCertificate{})(s.ClientCertificatesOf(ctx, stranger))
		}
	}},
	{"a certificate needs an owner and an id of its own, and goes with its owner", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		stolen := certificateOf(ownerU1)
		stolen.Owner = ownerU2
		refused(t, store.ErrExists, s.CreateClientCertificate(ctx, stolen))
		refused(t, store.ErrNotFound, s.CreateClientCertificate(ctx, certificateOf(store.Owner{Kind: store.APIClient, ID: "nobody"})))
		ok(t, s.DeleteClientCertificate(ctx, "certificate-u2"))
		refused(t, store.ErrNotFound, s.DeleteClientCertificate(ctx, "certificate-u2"))
		same(t, []store.ClientCertificate{})(s.ClientCertificatesOf(ctx, ownerU2))
		ok(t, s.DeleteServiceUser(ctx, "u1"))
		same(t, []store.ClientCertificate{})(s.ClientCertificatesOf(ctx, ownerU1))
		refused(t, store.ErrNotFound, s.DeleteClientCertificate(ctx, "certificate-u1"))
		same(t, []store.ClientCertificate{certificateOf(ownerA1)})(s.ClientCertificatesOf(ctx, ownerA1))
	}},
}

var sharedKeyTests = []test{
	{"of many who propose a key at once all get the same, and so do later ones", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		var mu sync.Mutex
		got := make(map[store.SharedKey]int)
		for _, err := range together(100, func(i int) error {
			key, err := s.SharedKey(ctx, "nonces", store.SharedKey{byte(i + 1)})
			mu.Lock()
			defer mu.Unlock()
			got[key]++
			return err
		}) {
			ok(t, err)
		}
		if len(got) != 1 {
			t.Errorf("expected one key, got %d", len(got))
		}
		for key := range got {
			same(t, key)(s.SharedKey(ctx, "nonces", store.SharedKey{200}))
		}
		same(t, store.SharedKey{201})(s.SharedKey(ctx, "another", store.SharedKey{201}))
	}},
}

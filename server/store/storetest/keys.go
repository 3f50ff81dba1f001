package storetest

import (
	"testing"
	"time"

	"github.com/postern-auth/postern/server/store"
)

var keyTests = []test{
	{"secrets and keys are returned as they were created, to their owner alone", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		for _, owner := range []store.Owner{ownerU1, ownerU2, ownerA1, ownerA2} {
			same(t, []store.Secret{secretOf(owner)})(s.SecretsOf(ctx, owner))
			same(t, []store.ClientKey{keyOf(owner)})(s.ClientKeysOf(ctx, owner))
			same(t, keyOf(owner))(s.ClientKey(ctx, keyOf(owner).ID))
		}
		for _, stranger := range []store.Owner{{}, {ID: "u1"}, {Kind: store.APIClient, ID: "u1"}, {Kind: store.ServiceUserClient, ID: "a1"}, {Kind: "other", ID: "u1"}} {
			same(t, []store.Secret{})(s.SecretsOf(ctx, stranger))
			same(t, []store.ClientKey{})(s.ClientKeysOf(ctx, stranger))
		}
		absent[store.ClientKey](t)(s.ClientKey(ctx, "u1"))
		absent[store.ClientKey](t)(s.ClientKey(ctx, ""))
	}},
	{"an owner's secrets and keys come oldest first, expired ones and those without expiry included", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		wantSecrets, wantKeys := []store.Secret{}, []store.ClientKey{}
		for i, id := range []string{"z", "m", "a"} {
			at := noon.Add(time.Duration(i-5) * time.Millisecond)
			wantSecrets = append(wantSecrets, store.Secret{ID: id, Owner: ownerU1, Digest: digest(id), CreatedAt: at})
			wantKeys = append(wantKeys, store.ClientKey{ID: id, Owner: ownerU1, PublicKey: []byte(id), CreatedAt: at})
		}
		wantSecrets[1].ExpiresAt = time.UnixMilli(1).UTC()
		wantKeys[1].ExpiresAt = time.UnixMilli(1).UTC()
		for _, i := range []int{1, 2, 0} {
			ok(t, s.CreateSecret(ctx, wantSecrets[i]))
			ok(t, s.CreateClientKey(ctx, wantKeys[i]))
		}
		same(t, append(wantSecrets, secretOf(ownerU1)))(s.SecretsOf(ctx, ownerU1))
		same(t, append(wantKeys, keyOf(ownerU1)))(s.ClientKeysOf(ctx, ownerU1))
	}},
	{"an id is taken once, and its owner cannot be changed by creating it again", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		for _, owner := range []store.Owner{ownerU1, ownerU2, ownerA1} {
			secret, key := secretOf(ownerU1), keyOf(ownerU1)
			secret.Owner, secret.Digest = owner, digest("forged")
			key.Owner, key.PublicKey = owner, []byte("forged")
			refused(t, store.ErrExists, s.CreateSecret(ctx, secret))
			refused(t, store.ErrExists, s.CreateClientKey(ctx, key))
		}
		same(t, []store.Secret{secretOf(ownerU1)})(s.SecretsOf(ctx, ownerU1))
		same(t, []store.Secret{secretOf(ownerU2)})(s.SecretsOf(ctx, ownerU2))
		same(t, keyOf(ownerU1))(s.ClientKey(ctx, "key-u1"))
	}},
	{"a secret or key says when it was last used, and no earlier use changes that", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		secret, key := secretOf(ownerU1), keyOf(ownerU1)
		secret.UsedAt, key.UsedAt = noon.Add(time.Minute), noon.Add(time.Minute)
		for _, at := range []time.Time{noon, noon.Add(time.Minute), noon.Add(-time.Hour)} {
			ok(t, s.MarkSecretUsed(ctx, secret.ID, at))
			ok(t, s.MarkClientKeyUsed(ctx, key.ID, at))
		}
		same(t, []store.Secret{secret})(s.SecretsOf(ctx, ownerU1))
		same(t, []store.ClientKey{key})(s.ClientKeysOf(ctx, ownerU1))
		same(t, key)(s.ClientKey(ctx, key.ID))
		same(t, []store.Secret{secretOf(ownerU2)})(s.SecretsOf(ctx, ownerU2))
		same(t, keyOf(ownerA1))(s.ClientKey(ctx, "key-a1"))
		for _, id := range []string{"", "key-u1", "u1"} {
			refused(t, store.ErrNotFound, s.MarkSecretUsed(ctx, id, noon))
		}
		for _, id := range []string{"", "secret-u1", "u1"} {
			refused(t, store.ErrNotFound, s.MarkClientKeyUsed(ctx, id, noon))
		}
		secret.ID, key.ID = "used at birth", "used at birth"
		ok(t, s.CreateSecret(ctx, secret))
		ok(t, s.CreateClientKey(ctx, key))
		same(t, key)(s.ClientKey(ctx, key.ID))
		same(t, []store.Secret{{ID: "secret-u1", Owner: ownerU1, Digest: secret.Digest, CreatedAt: secret.CreatedAt, ExpiresAt: secret.ExpiresAt, UsedAt: secret.UsedAt}, secret})(s.SecretsOf(ctx, ownerU1))
	}},
	{"secrets and keys need an owner of the right kind", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		for _, owner := range []store.Owner{{}, {Kind: store.ServiceUserClient, ID: "u3"}, {Kind: store.ServiceUserClient, ID: "a1"}, {Kind: store.APIClient, ID: "u1"}, {Kind: "other", ID: "u1"}} {
			refused(t, store.ErrNotFound, s.CreateSecret(ctx, store.Secret{ID: "new", Owner: owner}))
			refused(t, store.ErrNotFound, s.CreateClientKey(ctx, store.ClientKey{ID: "new", Owner: owner, PublicKey: []byte{1}}))
		}
		absent[store.ClientKey](t)(s.ClientKey(ctx, "new"))
		refused(t, store.ErrNotFound, s.DeleteSecret(ctx, "new"))
	}},
	{"a deleted secret or key is gone, and only that", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		ok(t, s.DeleteSecret(ctx, "secret-u1"))
		ok(t, s.DeleteClientKey(ctx, "key-u1"))
		same(t, []store.Secret{})(s.SecretsOf(ctx, ownerU1))
		same(t, []store.ClientKey{})(s.ClientKeysOf(ctx, ownerU1))
		absent[store.ClientKey](t)(s.ClientKey(ctx, "key-u1"))
		refused(t, store.ErrNotFound, s.DeleteSecret(ctx, "secret-u1"))
		refused(t, store.ErrNotFound, s.DeleteClientKey(ctx, "key-u1"))
		refused(t, store.ErrNotFound, s.DeleteClientKey(ctx, "secret-u2"))
		same(t, []store.Secret{secretOf(ownerU2)})(s.SecretsOf(ctx, ownerU2))
		same(t, keyOf(ownerA1))(s.ClientKey(ctx, "key-a1"))
		ok(t, s.CreateSecret(ctx, secretOf(ownerU1)))
	}},
}

var signingKeyTests = []test{
	{"signing keys are returned as they were put, oldest first", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		same(t, []store.SigningKey{})(s.SigningKeys(ctx))
		first := store.SigningKey{
			ID: "z", Algorithm: "ES256", PrivateKey: []byte{0, 1, 0xff, 0}, CreatedAt: noon, SignsFrom: noon.Add(time.Minute),
			RetiredAt: noon.Add(time.Hour), VerifiesUntil: noon.Add(2 * time.Hour),
		}
		second := store.SigningKey{ID: "a", Algorithm: "RS256", PrivateKey: []byte("der"), CreatedAt: noon.Add(time.Millisecond), SignsFrom: noon}
		ok(t, s.PutSigningKey(ctx, second))
		ok(t, s.PutSigningKey(ctx, first))
		same(t, []store.SigningKey{first, second})(s.SigningKeys(ctx))
	}},
	{"a put signing key replaces the one with its id", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		key := store.SigningKey{ID: "k", Algorithm: "ES256", PrivateKey: []byte{1}, CreatedAt: noon, SignsFrom: noon}
		other := store.SigningKey{ID: "l", Algorithm: "ES256", PrivateKey: []byte{2}, CreatedAt: noon, SignsFrom: noon}
		ok(t, s.PutSigningKey(ctx, key))
		ok(t, s.PutSigningKey(ctx, other))
		key.Algorithm, key.PrivateKey, key.CreatedAt = "EdDSA", []byte{3}, noon.Add(-time.Hour)
		key.SignsFrom, key.RetiredAt, key.VerifiesUntil = noon.Add(1*time.Hour), noon.Add(2*time.Hour), noon.Add(3*time.Hour)
		ok(t, s.PutSigningKey(ctx, key))
		same(t, []store.SigningKey{key, other})(s.SigningKeys(ctx))
		key.RetiredAt, key.VerifiesUntil = time.Time{}, time.Time{}
		ok(t, s.PutSigningKey(ctx, key))
		same(t, []store.SigningKey{key, other})(s.SigningKeys(ctx))
	}},
	{"a deleted signing key is gone, and only that", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		key := store.SigningKey{ID: "k", Algorithm: "ES256", PrivateKey: []byte{1}, CreatedAt: noon}
		other := store.SigningKey{ID: "l", Algorithm: "ES256", PrivateKey: []byte{2}, CreatedAt: noon}
		ok(t, s.PutSigningKey(ctx, key))
		ok(t, s.PutSigningKey(ctx, other))
		ok(t, s.DeleteSigningKey(ctx, "k"))
		refused(t, store.ErrNotFound, s.DeleteSigningKey(ctx, "k"))
		same(t, []store.SigningKey{other})(s.SigningKeys(ctx))
	}},
}

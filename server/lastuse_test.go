package server_test

import (
	"context"
	"testing"
	"time"

	"github.com/postern-auth/postern/server/store"
)

// uses are when what u-robot and the API samples have was last used: by the id of a secret, key or personal access token.
func (w *world) uses() map[string]time.Time {
	w.t.Helper()
	w.must(w.server.Close()) // which writes
	ctx, all := context.Background(), make(map[string]time.Time)
	for _, owner := range []store.Owner{robotOwner, apiOwner, plainOwner} {
		secrets, err := w.store.SecretsOf(ctx, owner)
		w.must(err)
		for _, s := range secrets {
			all[s.ID] = s.UsedAt
		}
		keys, err := w.store.ClientKeysOf(ctx, owner)
		w.must(err)
		for _, k := range keys {
			all[k.ID] = k.UsedAt
		}
	}
	tokens, err := w.store.TokensOf(ctx, "u-robot", store.PersonalAccessToken)
	w.must(err)
	for _, t := range tokens {
		all[t.ID] = t.UsedAt
	}
	return all
}

// A use is that of the one which proved something, and what is refused is none.
func TestAUseIsKeptOfWhatProvedSomething(t *testing.T) {
	w := newAssertionWorld(t)
	secrets, err := w.store.SecretsOf(t.Context(), robotOwner)
	w.must(err)
	if len(secrets) != 1 {
		t.Fatalf("robot has %d secrets", len(secrets))
	}
	for _, password := range []string{"wrong", robotSecret} {
		w.do(call{path: "/oauth/v2/token", user: "robot:" + password, form: values("grant_type", "client_credentials", "scope", sampleScope)})
		w.pass(time.Second)
	}
	const bearer = "urn:ietf:params:oauth:grant-type:jwt-bearer"
	raw := w.strict()
	w.issued(w.do(call{path: "/oauth/v2/token", form: values("grant_type", bearer, "assertion", raw, "scope", sampleScope)}))
	w.pass(time.Second)
	w.do(call{path: "/oauth/v2/token", form: values("grant_type", bearer, "assertion", raw, "scope", sampleScope)}) // a replay
	ended := w.strict(func(d *draft) { d.kid = "k-robot-ended" })
	w.do(call{path: "/oauth/v2/token", form: values("grant_type", bearer, "assertion", ended, "scope", sampleScope)})
	used := w.uses()
	for id, want := range map[string]time.Time{
		secrets[0].ID: start.Add(time.Second), "k-robot": start.Add(2 * time.Second),
		"k-robot-ed": {}, "k-robot-rsa": {}, "k-robot-ended": {}, "k-plain": {}, "k-api": {},
	} {
		if got := used[id]; !got.Equal(want) {
			t.Errorf("%s was last used %v, want %v", id, got, want)
		}
	}
}

func TestTheConsoleTellsWhatWasLastUsed(t *testing.T) {
	w, b := inConsole(t)
	about := "/console/service-users/u-robot"
	b.open(about).tells(t, 200, "robot", "Last used", "not yet")
	w.token("robot", "scope", sampleScope)
	w.must(w.server.Close())
	b.open(about).tells(t, 200, "robot", "Last used", start.UTC().Format("2 January 2006"))
	secrets, err := w.store.SecretsOf(t.Context(), robotOwner)
	w.must(err)
	ask := about + "/secrets/" + secrets[0].ID + "/delete"
	b.open(ask).tells(t, 200, "Delete this secret?", "It was last used")
	w.pass(41 * 24 * time.Hour)
	b.enters(about, "mia", miaPassword).tells(t, 200, "robot", "not for 41 days")
	b.open("/console/apis/a-other/keys").tells(t, 200, "other", "Last used", "never, for 41 days")
}

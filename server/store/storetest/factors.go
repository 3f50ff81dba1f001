package storetest

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/postern-auth/postern/server/store"
)

// factors gives people what they prove who they are with.
func factors(t *testing.T, tx store.Tx) {
	t.Helper()
	ctx := t.Context()
	for _, user := range []string{"anna", "ben"} {
		ok(t, tx.CreateTOTP(ctx, totpOf(user)))
		ok(t, tx.ReplaceRecoveryCodes(ctx, user, []store.Digest{digest("one"), digest("two-" + user)}))
		ok(t, tx.CreatePasskey(ctx, passkeyOf(user)))
	}
}

func totpOf(userID string) store.TOTP {
	return store.TOTP{UserID: userID, Secret: []byte{1, 0, 0xff, userID[0]}, LastStep: 7, CreatedAt: noon}
}

func passkeyOf(userID string) store.Passkey {
	return store.Passkey{
		ID: "passkey-" + userID, Credential: []byte{0, 0xff, userID[0]}, UserID: userID, RPID: "login.example.com",
		Name: "Telephone", Record: `{"k":"ß"}`, SignCount: 1<<32 - 2, CreatedAt: noon, LastUsedAt: noon.Add(time.Second),
	}
}

func challengeOf(key string) store.Challenge {
	return store.Challenge{Key: key, Browser: digest("browser-" + key), Data: `{"challenge":"ß"}`, ExpiresAt: noon.Add(5 * time.Minute)}
}

var totpTests = []test{
	{"an app is returned as it was created, and a user has one", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		same(t, totpOf("anna"))(s.TOTP(ctx, "anna"))
		refused(t, store.ErrExists, s.CreateTOTP(ctx, store.TOTP{UserID: "anna", Secret: []byte{2}}))
		refused(t, store.ErrNotFound, s.CreateTOTP(ctx, store.TOTP{UserID: "u1", Secret: []byte{2}}))
		refused(t, store.ErrNotFound, s.CreateTOTP(ctx, store.TOTP{UserID: "nobody", Secret: []byte{2}}))
		same(t, totpOf("anna"))(s.TOTP(ctx, "anna"))
		absent[store.TOTP](t)(s.TOTP(ctx, ""))
		ok(t, s.DeleteTOTP(ctx, "anna"))
		refused(t, store.ErrNotFound, s.DeleteTOTP(ctx, "anna"))
		absent[store.TOTP](t)(s.TOTP(ctx, "anna"))
		same(t, totpOf("ben"))(s.TOTP(ctx, "ben"))
	}},
	{"the last step of an app is raised and never lowered", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		want := totpOf("anna")
		for _, step := range []int64{6, 7, 0, -1} {
			refused(t, store.ErrNotFound, s.UseTOTP(ctx, "anna", want.Secret, step))
		}
		ok(t, s.UseTOTP(ctx, "anna", want.Secret, 9))
		refused(t, store.ErrNotFound, s.UseTOTP(ctx, "anna", want.Secret, 8))
		refused(t, store.ErrNotFound, s.UseTOTP(ctx, "nobody", want.Secret, 10))
		want.LastStep = 9
		same(t, want)(s.TOTP(ctx, "anna"))
		same(t, totpOf("ben"))(s.TOTP(ctx, "ben"))
	}},
	{"a code of an app that another has replaced counts for nothing", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		former := totpOf("anna")
		next := store.TOTP{UserID: "anna", Secret: []byte{9}, CreatedAt: noon}
		ok(t, s.DeleteTOTP(ctx, "anna"))
		ok(t, s.CreateTOTP(ctx, next))
		refused(t, store.ErrNotFound, s.UseTOTP(ctx, "anna", former.Secret, 100))
		same(t, next)(s.TOTP(ctx, "anna"))
	}},
	{"of a hundred uses of one code at once one succeeds", func(t *testing.T, s store.Store) {
		world(t, s)
		onlyOneFound(t, together(100, func(int) error { return s.UseTOTP(t.Context(), "anna", totpOf("anna").Secret, 8) }))
		onlyOneFound(t, together(100, func(int) error {
			return s.InTx(t.Context(), func(tx store.Tx) error { return tx.UseTOTP(t.Context(), "ben", totpOf("ben").Secret, 8) })
		}))
	}},
	{"an app goes with its user", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		ok(t, s.DeleteSubject(ctx, "anna"))
		absent[store.TOTP](t)(s.TOTP(ctx, "anna"))
		same(t, totpOf("ben"))(s.TOTP(ctx, "ben"))
	}},
}

var recoveryCodeTests = []test{
	{"recovery codes are used once, and each by the user whose they are", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		later := noon.Add(time.Hour)
		refused(t, store.ErrNotFound, s.UseRecoveryCode(ctx, "anna", digest("two-ben"), later))
		refused(t, store.ErrNotFound, s.UseRecoveryCode(ctx, "nobody", digest("one"), later))
		ok(t, s.UseRecoveryCode(ctx, "anna", digest("one"), later))
		refused(t, store.ErrNotFound, s.UseRecoveryCode(ctx, "anna", digest("one"), later.Add(time.Hour)))
		same(t, []store.RecoveryCode{{UserID: "anna", Digest: digest("one"), UsedAt: later}, {UserID: "anna", Digest: digest("two-anna")}})(
			s.RecoveryCodes(ctx, "anna"))
		same(t, []store.RecoveryCode{{UserID: "ben", Digest: digest("one")}, {UserID: "ben", Digest: digest("two-ben")}})(s.RecoveryCodes(ctx, "ben"))
		same[[]store.RecoveryCode](t, nil)(s.RecoveryCodes(ctx, "nobody"))
	}},
	{"a use without a time is a use", func(t *testing.T, s store.Store) {
		world(t, s)
		ok(t, s.UseRecoveryCode(t.Context(), "anna", digest("one"), time.Time{}))
		refused(t, store.ErrNotFound, s.UseRecoveryCode(t.Context(), "anna", digest("one"), time.Time{}))
	}},
	{"of a hundred uses of a recovery code at once one succeeds", func(t *testing.T, s store.Store) {
		world(t, s)
		onlyOneFound(t, together(100, func(int) error { return s.UseRecoveryCode(t.Context(), "anna", digest("one"), noon) }))
	}},
	{"a new set of recovery codes takes the place of the former, used ones included", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		ok(t, s.UseRecoveryCode(ctx, "anna", digest("one"), noon))
		ok(t, s.ReplaceRecoveryCodes(ctx, "anna", []store.Digest{digest("one"), digest("three")}))
		same(t, []store.RecoveryCode{{UserID: "anna", Digest: digest("one")}, {UserID: "anna", Digest: digest("three")}})(s.RecoveryCodes(ctx, "anna"))
		refused(t, store.ErrNotFound, s.UseRecoveryCode(ctx, "anna", digest("two-anna"), noon))
		refused(t, store.ErrExists, s.ReplaceRecoveryCodes(ctx, "anna", []store.Digest{digest("four"), digest("four")}))
		refused(t, store.ErrNotFound, s.ReplaceRecoveryCodes(ctx, "nobody", []store.Digest{digest("four")}))
		refused(t, store.ErrNotFound, s.ReplaceRecoveryCodes(ctx, "u1", nil))
		ok(t, s.UseRecoveryCode(ctx, "anna", digest("three"), noon)) // what failed has changed nothing
		ok(t, s.ReplaceRecoveryCodes(ctx, "anna", nil))
		same[[]store.RecoveryCode](t, nil)(s.RecoveryCodes(ctx, "anna"))
		ok(t, s.UseRecoveryCode(ctx, "ben", digest("one"), noon))
		ok(t, s.DeleteSubject(ctx, "ben"))
		same[[]store.RecoveryCode](t, nil)(s.RecoveryCodes(ctx, "ben"))
	}},
}

var passkeyTests = []test{
	{"a passkey is returned as it was created, by its credential and among those of its user", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		want := passkeyOf("anna")
		same(t, want)(s.PasskeyByCredential(ctx, want.Credential))
		bare := store.Passkey{ID: "bare", Credential: []byte{0, 0xff}, UserID: "anna", CreatedAt: noon.Add(time.Hour)}
		ok(t, s.CreatePasskey(ctx, bare))
		long := store.Passkey{ID: "long", Credential: []byte(strings.Repeat("x", 1023)), UserID: "anna", CreatedAt: noon.Add(-time.Hour)}
		ok(t, s.CreatePasskey(ctx, long))
		same(t, []store.Passkey{long, want, bare})(s.PasskeysOf(ctx, "anna"))
		same(t, long)(s.PasskeyByCredential(ctx, long.Credential))
		absent[store.Passkey](t)(s.PasskeyByCredential(ctx, []byte{0}))
		absent[store.Passkey](t)(s.PasskeyByCredential(ctx, []byte{}))
		absent[store.Passkey](t)(s.PasskeyByCredential(ctx, nil))
		same[[]store.Passkey](t, nil)(s.PasskeysOf(ctx, "nobody"))
	}},
	{"a credential is one person's", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		for _, taken := range []store.Passkey{
			{ID: "free", Credential: passkeyOf("anna").Credential, UserID: "ben"},
			{ID: "free", Credential: passkeyOf("anna").Credential, UserID: "anna"},
			{ID: "passkey-anna", Credential: []byte{5}, UserID: "ben"},
		} {
			refused(t, store.ErrExists, s.CreatePasskey(ctx, taken))
		}
		refused(t, store.ErrNotFound, s.CreatePasskey(ctx, store.Passkey{ID: "free", Credential: []byte{5}, UserID: "u1"}))
		same(t, []store.Passkey{passkeyOf("ben")})(s.PasskeysOf(ctx, "ben"))
	}},
	{"the count of a passkey goes up, and one that does not count stays at 0", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		want, later := passkeyOf("anna"), noon.Add(time.Hour)
		for _, count := range []uint32{0, 1, want.SignCount - 1, want.SignCount} {
			refused(t, store.ErrNotFound, s.UsePasskey(ctx, want.ID, count, `{}`, later))
		}
		same(t, want)(s.PasskeyByCredential(ctx, want.Credential))
		ok(t, s.UsePasskey(ctx, want.ID, 1<<32-1, `{"n":2}`, later))
		want.SignCount, want.Record, want.LastUsedAt = 1<<32-1, `{"n":2}`, later
		same(t, want)(s.PasskeyByCredential(ctx, want.Credential))
		synced := store.Passkey{ID: "synced", Credential: []byte{6}, UserID: "anna"}
		ok(t, s.CreatePasskey(ctx, synced))
		ok(t, s.UsePasskey(ctx, "synced", 0, `{}`, later))
		ok(t, s.UsePasskey(ctx, "synced", 0, `{}`, noon))
		same(t, store.Passkey{ID: "synced", Credential: []byte{6}, UserID: "anna", Record: `{}`, LastUsedAt: later})(s.PasskeyByCredential(ctx, []byte{6}))
		ok(t, s.UsePasskey(ctx, "synced", 1, `{}`, later))
		refused(t, store.ErrNotFound, s.UsePasskey(ctx, "synced", 0, `{}`, later))
		refused(t, store.ErrNotFound, s.UsePasskey(ctx, "nothing", 1, `{}`, later))
	}},
	{"of a hundred uses of a passkey with one count one succeeds", func(t *testing.T, s store.Store) {
		world(t, s)
		onlyOneFound(t, together(100, func(int) error { return s.UsePasskey(t.Context(), "passkey-anna", 1<<32-1, `{}`, noon) }))
	}},
	{"a passkey is removed by whose it is, and goes with its user", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		refused(t, store.ErrNotFound, s.DeletePasskey(ctx, "ben", "passkey-anna"))
		ok(t, s.DeletePasskey(ctx, "anna", "passkey-anna"))
		refused(t, store.ErrNotFound, s.DeletePasskey(ctx, "anna", "passkey-anna"))
		absent[store.Passkey](t)(s.PasskeyByCredential(ctx, passkeyOf("anna").Credential))
		refused(t, store.ErrNotFound, s.UsePasskey(ctx, "passkey-anna", 1<<32-1, `{}`, noon))
		same(t, passkeyOf("ben"))(s.PasskeyByCredential(ctx, passkeyOf("ben").Credential))
		ok(t, s.DeleteSubject(ctx, "ben"))
		absent[store.Passkey](t)(s.PasskeyByCredential(ctx, passkeyOf("ben").Credential))
	}},
}

var challengeTests = []test{
	{"a challenge is returned as it was put, taken once, and replaced by the next with its key", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		want := challengeOf("login:1")
		ok(t, s.PutChallenge(ctx, challengeOf("login:2")))
		ok(t, s.PutChallenge(ctx, store.Challenge{Key: "login:1", ExpiresAt: noon}))
		ok(t, s.PutChallenge(ctx, want))
		same(t, want)(s.Challenge(ctx, "login:1"))
		same(t, want)(s.TakeChallenge(ctx, "login:1", noon))
		absent[store.Challenge](t)(s.TakeChallenge(ctx, "login:1", noon))
		absent[store.Challenge](t)(s.Challenge(ctx, "login:1"))
		absent[store.Challenge](t)(s.Challenge(ctx, ""))
		same(t, challengeOf("login:2"))(s.Challenge(ctx, "login:2"))
	}},
	{"a challenge that has expired is not taken, and is deleted", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		want := challengeOf("login:1")
		ok(t, s.PutChallenge(ctx, want))
		absent[store.Challenge](t)(s.TakeChallenge(ctx, "login:1", want.ExpiresAt))
		same(t, want)(s.TakeChallenge(ctx, "login:1", want.ExpiresAt.Add(-time.Millisecond)))
		ok(t, s.PutChallenge(ctx, want))
		ok(t, s.PutChallenge(ctx, challengeOf("login:2")))
		ok(t, second(s.DeleteExpiredTokens(ctx, want.ExpiresAt, 1000))) // with what else has ended by then
		same(t, want)(s.Challenge(ctx, "login:1"))
		same(t, 1)(s.DeleteExpiredTokens(ctx, want.ExpiresAt.Add(time.Millisecond), 1))
		same(t, 1)(s.DeleteExpiredTokens(ctx, want.ExpiresAt.Add(time.Millisecond), 1000))
		absent[store.Challenge](t)(s.Challenge(ctx, "login:1"))
	}},
	{"of a hundred that take a challenge at once one has it", func(t *testing.T, s store.Store) {
		world(t, s)
		ok(t, s.PutChallenge(t.Context(), challengeOf("login:1")))
		onlyOneFound(t, together(100, func(i int) error {
			c, err := s.TakeChallenge(t.Context(), "login:1", noon)
			if err == nil && c.Data != challengeOf("login:1").Data {
				return fmt.Errorf("call %d was given %+v", i, c)
			}
			return err
		}))
	}},
}

// factorCalls are those of calls that have to do with how people prove who they are.
var factorCalls = map[string]func(context.Context, store.Tx) error{
	"TOTP":       func(ctx context.Context, s store.Tx) error { return second(s.TOTP(ctx, "anna")) },
	"CreateTOTP": func(ctx context.Context, s store.Tx) error { return s.CreateTOTP(ctx, store.TOTP{UserID: "anna"}) },
	"UseTOTP":    func(ctx context.Context, s store.Tx) error { return s.UseTOTP(ctx, "anna", totpOf("anna").Secret, 8) },
	"DeleteTOTP": func(ctx context.Context, s store.Tx) error { return s.DeleteTOTP(ctx, "ben") },
	"RecoveryCodes": func(ctx context.Context, s store.Tx) error {
		return second(s.RecoveryCodes(ctx, "anna"))
	},
	"ReplaceRecoveryCodes": func(ctx context.Context, s store.Tx) error {
		return s.ReplaceRecoveryCodes(ctx, "ben", []store.Digest{digest("new")})
	},
	"UseRecoveryCode": func(ctx context.Context, s store.Tx) error {
		return s.UseRecoveryCode(ctx, "anna", digest("one"), noon)
	},
	"PasskeyByCredential": func(ctx context.Context, s store.Tx) error {
		return second(s.PasskeyByCredential(ctx, passkeyOf("anna").Credential))
	},
	"PasskeysOf": func(ctx context.Context, s store.Tx) error { return second(s.PasskeysOf(ctx, "anna")) },
	"CreatePasskey": func(ctx context.Context, s store.Tx) error {
		return s.CreatePasskey(ctx, store.Passkey{ID: "new", Credential: []byte{7}, UserID: "anna"})
	},
	"UsePasskey": func(ctx context.Context, s store.Tx) error {
		return s.UsePasskey(ctx, "passkey-anna", 1<<32-1, `{}`, noon)
	},
	"DeletePasskey": func(ctx context.Context, s store.Tx) error { return s.DeletePasskey(ctx, "ben", "passkey-ben") },
	"Challenge":     func(ctx context.Context, s store.Tx) error { return second(s.Challenge(ctx, "login:1")) },
	"PutChallenge":  func(ctx context.Context, s store.Tx) error { return s.PutChallenge(ctx, challengeOf("login:1")) },
	"TakeChallenge": func(ctx context.Context, s store.Tx) error { return second(s.TakeChallenge(ctx, "login:1", noon)) },
}

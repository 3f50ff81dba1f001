package sqlstore

import (
	"context"
	"time"

	"github.com/postern-auth/postern/server/store"
)

// TOTP returns the user's app.
func (t *Tx) TOTP(ctx context.Context, userID string) (store.TOTP, error) {
	const query = `SELECT user_id, secret, last_step, created_at FROM totps WHERE user_id = $1`
	return find(ctx, t, "totp of user", userID, addTOTP, query, userID)
}

func addTOTP(row Scan, all []store.TOTP) ([]store.TOTP, error) {
	var a store.TOTP
	err := row(&a.UserID, &a.Secret, &a.LastStep, (*instant)(&a.CreatedAt))
	return append(all, a), err
}

// CreateTOTP adds the user's app. Errors: store.ErrNotFound when the user is not there, store.ErrExists when there
// is an app already.
func (t *Tx) CreateTOTP(ctx context.Context, a store.TOTP) error {
	return t.alter(ctx, "create totp of user", a.UserID, func(q Querier) error {
		_, err := q.Exec(`INSERT INTO totps (user_id, secret, last_step, created_at) VALUES ($1, $2, $3, $4)`,
			a.UserID, a.Secret, a.LastStep, instant(a.CreatedAt))
		return err
	})
}

// UseTOTP raises the last step of the app with the secret. Errors: store.ErrNotFound when it is as high already, or
// the app is gone.
func (t *Tx) UseTOTP(ctx context.Context, userID string, secret []byte, step int64) error {
	return t.alter(ctx, "use totp of user", userID, func(q Querier) error {
		return change(q, `UPDATE totps SET last_step = $3 WHERE user_id = $1 AND secret = $2 AND last_step < $3`, userID, secret, step)
	})
}

// DeleteTOTP removes the user's app.
func (t *Tx) DeleteTOTP(ctx context.Context, userID string) error {
	return t.alter(ctx, "delete totp of user", userID, func(q Querier) error {
		return change(q, `DELETE FROM totps WHERE user_id = $1`, userID)
	})
}

// RecoveryCodes returns those of a user, ordered by Digest.
func (t *Tx) RecoveryCodes(ctx context.Context, userID string) ([]store.RecoveryCode, error) {
	const query = `SELECT user_id, digest, used_at FROM recovery_codes WHERE user_id = $1 ORDER BY digest`
	return list(ctx, t, "recovery codes of user", userID, addRecoveryCode, query, userID)
}

func addRecoveryCode(row Scan, all []store.RecoveryCode) ([]store.RecoveryCode, error) {
	var c store.RecoveryCode
	err := row(&c.UserID, (*digest)(&c.Digest), (*instant)(&c.UsedAt))
	return append(all, c), err
}

// ReplaceRecoveryCodes puts a new set in the place of the user's former one. Errors: store.ErrNotFound when the user
// is not there, store.ErrExists when a digest is there twice.
func (t *Tx) ReplaceRecoveryCodes(ctx context.Context, userID string, digests []store.Digest) error {
	return t.alter(ctx, "replace recovery codes of user", userID, func(q Querier) error {
		if err := change(q, `UPDATE users SET id = id WHERE id = $1`, userID); err != nil {
			return err
		}
		if _, err := q.Exec(`DELETE FROM recovery_codes WHERE user_id = $1`, userID); err != nil {
			return err
		}
		for _, d := range digests {
			if _, err := q.Exec(`INSERT INTO recovery_codes (user_id, digest, used_at) VALUES ($1, $2, NULL)`, userID, d[:]); err != nil {
				return err
			}
		}
		return nil
	})
}

// UseRecoveryCode uses the code. All calls but one get store.ErrNotFound.
func (t *Tx) UseRecoveryCode(ctx context.Context, userID string, d store.Digest, now time.Time) error {
	return t.alter(ctx, "use recovery code of user", userID, func(q Querier) error {
		return change(q, `UPDATE recovery_codes SET used_at = $3 WHERE user_id = $1 AND digest = $2 AND used_at IS NULL`,
			userID, d[:], instant(t.orNow(now)))
	})
}

const selectPasskeys = `
	SELECT id, credential, user_id, rp_id, name, record, sign_count, created_at, last_used_at
	FROM passkeys `

func addPasskey(row Scan, all []store.Passkey) ([]store.Passkey, error) {
	var p store.Passkey
	err := row(&p.ID, &p.Credential, &p.UserID, &p.RPID, &p.Name, &p.Record, &p.SignCount,
		(*instant)(&p.CreatedAt), (*instant)(&p.LastUsedAt))
	return append(all, p), err
}

// PasskeyByCredential returns the passkey that an authenticator named.
func (t *Tx) PasskeyByCredential(ctx context.Context, credential []byte) (store.Passkey, error) {
	return find(ctx, t, "passkey", "", addPasskey, selectPasskeys+`WHERE credential = $1`, credential)
}

// PasskeysOf returns those of a user, the oldest first.
func (t *Tx) PasskeysOf(ctx context.Context, userID string) ([]store.Passkey, error) {
	return list(ctx, t, "passkeys of user", userID, addPasskey, selectPasskeys+`WHERE user_id = $1 ORDER BY created_at, id`, userID)
}

// CreatePasskey adds a passkey. Errors: store.ErrNotFound when the user is not there, store.ErrExists for its ID or
// Credential.
func (t *Tx) CreatePasskey(ctx context.Context, p store.Passkey) error {
	return t.alter(ctx, "create passkey", p.ID, func(q Querier) error {
		_, err := q.Exec(`
			INSERT INTO passkeys (id, credential, user_id, rp_id, name, record, sign_count, created_at, last_used_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
			p.ID, p.Credential, p.UserID, p.RPID, p.Name, p.Record, p.SignCount, instant(p.CreatedAt), instant(p.LastUsedAt))
		return err
	})
}

// UsePasskey records a use. Errors: store.ErrNotFound when the count is not higher than the former, unless both are
// 0, and when the passkey is gone.
func (t *Tx) UsePasskey(ctx context.Context, id string, signCount uint32, record string, now time.Time) error {
	return t.alter(ctx, "use passkey", id, func(q Querier) error {
		return change(q, `
			UPDATE passkeys SET sign_count = $2, record = $3,
				last_used_at = CASE WHEN last_used_at > $4 THEN last_used_at ELSE $4 END
			WHERE id = $1 AND (sign_count < $2 OR sign_count = 0 AND $2 = 0)`,
			id, signCount, record, instant(t.orNow(now)))
	})
}

// DeletePasskey removes a passkey of the user.
func (t *Tx) DeletePasskey(ctx context.Context, userID, id string) error {
	return t.alter(ctx, "delete passkey", id, func(q Querier) error {
		return change(q, `DELETE FROM passkeys WHERE user_id = $1 AND id = $2`, userID, id)
	})
}

const selectChallenges = `SELECT key, browser, data, expires_at FROM challenges WHERE key = $1`

func addChallenge(row Scan, all []store.Challenge) ([]store.Challenge, error) {
	var c store.Challenge
	err := row(&c.Key, (*digest)(&c.Browser), &c.Data, (*instant)(&c.ExpiresAt))
	return append(all, c), err
}

// Challenge returns what waits for an answer, expired or not.
func (t *Tx) Challenge(ctx context.Context, key string) (store.Challenge, error) {
	return find(ctx, t, "challenge", key, addChallenge, selectChallenges, key)
}

// PutChallenge adds the challenge, in the place of a former one with its Key.
func (t *Tx) PutChallenge(ctx context.Context, c store.Challenge) error {
	return t.alter(ctx, "put challenge", c.Key, func(q Querier) error {
		_, err := q.Exec(`
			INSERT INTO challenges (key, browser, data, expires_at) VALUES ($1, $2, $3, $4)
			ON CONFLICT (key) DO UPDATE SET browser = excluded.browser, data = excluded.data, expires_at = excluded.expires_at`,
			c.Key, c.Browser[:], c.Data, instant(c.ExpiresAt))
		return err
	})
}

// TakeChallenge removes the challenge and returns it. All calls but one, and any when it has expired, get
// store.ErrNotFound.
func (t *Tx) TakeChallenge(ctx context.Context, key string, now time.Time) (store.Challenge, error) {
	var found []store.Challenge
	err := t.alter(ctx, "take challenge", key, func(q Querier) error {
		found = nil
		err := q.Each(ctx, selectChallenges, []any{key}, func(row Scan) (err error) {
			found, err = addChallenge(row, found)
			return err
		})
		if err != nil {
			return err
		}
		return change(q, `DELETE FROM challenges WHERE key = $1 AND expires_at > $2`, key, instant(now))
	})
	if err != nil {
		return store.Challenge{}, err
	}
	return found[0], nil
}

package sqlstore

import (
	"context"
	"fmt"
	"time"

	"github.com/postern-auth/postern/server/store"
)

// Attempt asks for one attempt and counts it when it is allowed.
func (t *Tx) Attempt(ctx context.Context, key string, now time.Time, policy store.AttemptPolicy) (store.Permit, error) {
	if policy.Free < 1 || policy.Hold <= 0 {
		return store.Permit{}, fmt.Errorf("store: attempt: expected a policy with free attempts and a time to hold, got %+v", policy)
	}
	var permit store.Permit
	err := t.alter(ctx, "attempt", key, func(q Querier) error {
		permit = store.Permit{}
		if err := settleAttempts(q, key, now, policy); err != nil {
			return err
		}
		// While failures have no consequence there may be as many under way as are left of them; afterwards one
		// at a time, when the delay is over.
		n, err := q.Exec(`
			INSERT INTO attempts (key, failures, pending, held_until, delay, shut_until, expires_at)
			VALUES ($1, 0, 1, $3, 0, $2, $4)
			ON CONFLICT (key) DO UPDATE SET pending = attempts.pending + 1, held_until = excluded.held_until,
				expires_at = CASE WHEN attempts.failures = 0 THEN excluded.expires_at
					WHEN attempts.expires_at > excluded.held_until THEN attempts.expires_at ELSE excluded.held_until END
			WHERE attempts.failures + attempts.pending < $5 OR attempts.pending = 0 AND attempts.shut_until <= $2`,
			key, instant(now), instant(now.Add(policy.Hold)), instant(now.Add(policy.Hold+policy.Memory)), policy.Free)
		if err != nil || n == 1 {
			permit.Allowed = err == nil
			return err
		}
		return q.Each(ctx, `SELECT pending, shut_until FROM attempts WHERE key = $1`, []any{key}, func(row Scan) error {
			var pending int
			var shut time.Time
			if err := row(&pending, (*instant)(&shut)); err != nil {
				return err
			}
			permit.Busy = pending > 0
			if !permit.Busy {
				permit.Wait = shut.Sub(now)
			}
			return nil
		})
	})
	if err != nil {
		return store.Permit{}, err
	}
	return permit, nil
}

// settleAttempts turns attempts that nobody has ended in time into failures, and forgets failures of long ago.
func settleAttempts(q Querier, key string, now time.Time, policy store.AttemptPolicy) error {
	n, err := q.Exec(`
		UPDATE attempts SET failures = failures + pending, pending = 0
		WHERE key = $1 AND pending > 0 AND held_until <= $2`, key, instant(now))
	if err != nil {
		return err
	}
	if n > 0 {
		if err := shut(q, key, now, policy); err != nil {
			return err
		}
	}
	_, err = q.Exec(`DELETE FROM attempts WHERE key = $1 AND pending = 0 AND expires_at <= $2`, key, instant(now))
	return err
}

// EndAttempt says how an attempt that was allowed has ended.
func (t *Tx) EndAttempt(ctx context.Context, key string, succeeded bool, now time.Time, policy store.AttemptPolicy) error {
	return t.alter(ctx, "end attempt", key, func(q Querier) error {
		if succeeded {
			_, err := q.Exec(`UPDATE attempts SET pending = pending - 1 WHERE key = $1 AND pending > 0`, key)
			if err != nil {
				return err
			}
			_, err = q.Exec(`DELETE FROM attempts WHERE key = $1 AND pending = 0 AND failures = 0`, key)
			return err
		}
		n, err := q.Exec(`UPDATE attempts SET pending = pending - 1, failures = failures + 1 WHERE key = $1 AND pending > 0`, key)
		if err != nil || n == 0 {
			return err
		}
		return shut(q, key, now, policy)
	})
}

// Failures returns how many failures of the key count.
func (t *Tx) Failures(ctx context.Context, key string, now time.Time) (int, error) {
	const query = `SELECT failures FROM attempts WHERE key = $1 AND expires_at > $2`
	found, err := list(ctx, t, "failures of", key, func(row Scan, all []int) ([]int, error) {
		var n int
		err := row(&n)
		return append(all, n), err
	}, query, key, instant(now))
	if err != nil || len(found) == 0 {
		return 0, err
	}
	return found[0], nil
}

// shut doubles the delay, once the free failures are used up, and lets it begin.
func shut(q Querier, key string, now time.Time, policy store.AttemptPolicy) error {
	_, err := q.Exec(`
		UPDATE attempts SET delay = CASE WHEN failures < $2 THEN 0 WHEN delay = 0 THEN $3 WHEN delay * 2 > $4 THEN $4 ELSE delay * 2 END
		WHERE key = $1`,
		key, policy.Free, policy.Delay.Milliseconds(), policy.MaxDelay.Milliseconds())
	if err != nil {
		return err
	}
	// The delay does not get shorter, whatever the clock does; nor does the memory while attempts are under way.
	_, err = q.Exec(`
		UPDATE attempts SET
			shut_until = CASE WHEN shut_until > $2 + delay THEN shut_until ELSE $2 + delay END,
			expires_at = CASE WHEN pending > 0 AND expires_at > $2 + delay + $3 THEN expires_at ELSE $2 + delay + $3 END
		WHERE key = $1`,
		key, instant(now), policy.Memory.Milliseconds())
	return err
}

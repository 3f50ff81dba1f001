package sqlstore

import (
	"context"
	"time"

	"github.com/postern-auth/postern/server/store"
)

const selectFamilies = `
	SELECT id, subject_id, client_id, session_id, issuer, kind, scopes, targets, auth_time, acr, amr, confirmation,
		parent_id, source, actor, ends_with_session, created_at, expires_at, revoked_at, reason
	FROM families `

func addFamily(row Scan, all []store.Family) ([]store.Family, error) {
	var f store.Family
	err := row(&f.ID, &f.SubjectID, &f.ClientID, (*optional)(&f.SessionID), &f.Issuer, &f.Kind, (*texts)(&f.Scopes), (*texts)(&f.Targets),
		(*instant)(&f.AuthTime), &f.ACR, (*texts)(&f.AMR), &f.Confirmation,
		(*optional)(&f.Parent), &f.Source, &f.Actor, &f.EndsWithSession, (*instant)(&f.CreatedAt), (*instant)(&f.ExpiresAt), (*instant)(&f.RevokedAt), &f.Reason)
	return append(all, f), err
}

// Family returns the family with the id, revoked and expired ones included.
func (t *Tx) Family(ctx context.Context, id string) (store.Family, error) {
	return find(ctx, t, "family", id, addFamily, selectFamilies+`WHERE id = $1`, id)
}

// FamilyAlive reports whether the family is there and neither revoked nor expired.
func (t *Tx) FamilyAlive(ctx context.Context, id string, now time.Time) (bool, error) {
	found, err := list(ctx, t, "life of family", id, addText,
		`SELECT id FROM families WHERE id = $1 AND revoked_at IS NULL AND expires_at > $2`, id, instant(now))
	return len(found) > 0, err
}

// FamiliesOfSession returns the families that began in the session, oldest first, ended ones included.
func (t *Tx) FamiliesOfSession(ctx context.Context, sessionID string) ([]store.Family, error) {
	return list(ctx, t, "families of session", sessionID, addFamily,
		selectFamilies+`WHERE session_id = $1 ORDER BY created_at, id`, sessionID)
}

// FamiliesOf returns the families of a subject that are neither revoked nor expired, oldest first.
func (t *Tx) FamiliesOf(ctx context.Context, subjectID string, now time.Time) ([]store.Family, error) {
	return list(ctx, t, "families of subject", subjectID, addFamily,
		selectFamilies+`WHERE subject_id = $1 AND revoked_at IS NULL AND expires_at > $2 ORDER BY created_at, id`,
		subjectID, instant(t.orNow(now)))
}

// CreateFamily adds a family. Errors: store.ErrNotFound when the subject or client is not there,
// store.ErrExists for its ID.
func (t *Tx) CreateFamily(ctx context.Context, f store.Family) error {
	return t.alter(ctx, "create family", f.ID, func(q Querier) error {
		_, err := q.Exec(`
			INSERT INTO families (id, subject_id, client_id, session_id, issuer, kind, scopes, targets, auth_time, acr, amr,
				confirmation, parent_id, source, actor, ends_with_session, created_at, expires_at, revoked_at, reason)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)`,
			f.ID, f.SubjectID, f.ClientID, optional(f.SessionID), f.Issuer, f.Kind, texts(f.Scopes), texts(f.Targets),
			instant(f.AuthTime), f.ACR, texts(f.AMR), f.Confirmation, optional(f.Parent), f.Source, f.Actor, f.EndsWithSession,
			instant(f.CreatedAt), instant(f.ExpiresAt), instant(f.RevokedAt), f.Reason)
		return err
	})
}

// ExtendFamily moves ExpiresAt forward to the time. Errors: store.ErrNotFound when the family is not alive.
func (t *Tx) ExtendFamily(ctx context.Context, id string, now, expires time.Time) error {
	return t.alter(ctx, "extend family", id, func(q Querier) error {
		return change(q, `
			UPDATE families SET expires_at = CASE WHEN expires_at > $3 THEN expires_at ELSE $3 END
			WHERE id = $1 AND revoked_at IS NULL AND expires_at > $2`, id, instant(now), instant(expires))
	})
}

// extendFamily is ExtendFamily without a look at whether the family is alive.
func extendFamily(q Querier, id string, expires time.Time) error {
	_, err := q.Exec(`UPDATE families SET expires_at = $2 WHERE id = $1 AND expires_at < $2`, id, instant(expires))
	return err
}

// BindFamily sets the Confirmation of a family that has none. Errors: store.ErrNotFound when there is no such family,
// or it has one.
func (t *Tx) BindFamily(ctx context.Context, id, confirmation string) error {
	return t.alter(ctx, "bind family", id, func(q Querier) error {
		return change(q, `UPDATE families SET confirmation = $2 WHERE id = $1 AND confirmation = ''`, id, confirmation)
	})
}

// RevokeFamily ends the family. Revoking it again changes nothing.
func (t *Tx) RevokeFamily(ctx context.Context, id string, at time.Time, reason string) error {
	at = t.orNow(at)
	return t.alter(ctx, "revoke family", id, func(q Querier) error {
		return change(q, `
			UPDATE families SET revoked_at = coalesce(revoked_at, $2), reason = CASE WHEN revoked_at IS NULL THEN $3 ELSE reason END
			WHERE id = $1`, id, instant(at), reason)
	})
}

// RevokeFamiliesOf ends the families of a subject, those of one client alone if clientID is not empty.
func (t *Tx) RevokeFamiliesOf(ctx context.Context, subjectID, clientID string, at time.Time, reason string) (int, error) {
	return t.count(ctx, "revoke families of subject", subjectID, `
		UPDATE families SET revoked_at = $3, reason = $4
		WHERE subject_id = $1 AND ($2 = '' OR client_id = $2) AND revoked_at IS NULL`,
		subjectID, clientID, instant(t.orNow(at)), reason)
}

// RevokeFamiliesOfClient ends the families of a client.
func (t *Tx) RevokeFamiliesOfClient(ctx context.Context, clientID string, at time.Time, reason string) (int, error) {
	return t.count(ctx, "revoke families of client", clientID, `
		UPDATE families SET revoked_at = $2, reason = $3 WHERE client_id = $1 AND revoked_at IS NULL`,
		clientID, instant(t.orNow(at)), reason)
}

// RevokeFamiliesOfSession ends the families that began in the session and end with it.
func (t *Tx) RevokeFamiliesOfSession(ctx context.Context, sessionID string, at time.Time, reason string) (int, error) {
	return t.count(ctx, "revoke families of session", sessionID, `
		UPDATE families SET revoked_at = $2, reason = $3
		WHERE session_id = $1 AND ends_with_session = $4 AND revoked_at IS NULL`,
		sessionID, instant(t.orNow(at)), reason, true)
}

// Code returns the code, used and expired ones included.
func (t *Tx) Code(ctx context.Context, d store.Digest) (store.Code, error) {
	const query = `SELECT digest, family_id, request, expires_at, used_at FROM codes WHERE digest = $1`
	return find(ctx, t, "code", "", addCode, query, d[:])
}

func addCode(row Scan, all []store.Code) ([]store.Code, error) {
	var c store.Code
	err := row((*digest)(&c.Digest), &c.FamilyID, &c.Request, (*instant)(&c.ExpiresAt), (*instant)(&c.UsedAt))
	return append(all, c), err
}

// CreateCode adds a code. Errors: store.ErrNotFound when the family is not there, store.ErrExists for its
// Digest. The family lives at least as long as the code.
func (t *Tx) CreateCode(ctx context.Context, c store.Code) error {
	return t.alter(ctx, "create code of family", c.FamilyID, func(q Querier) error {
		_, err := q.Exec(`INSERT INTO codes (digest, family_id, request, expires_at, used_at) VALUES ($1, $2, $3, $4, $5)`,
			c.Digest[:], c.FamilyID, c.Request, instant(c.ExpiresAt), instant(c.UsedAt))
		if err != nil {
			return err
		}
		return extendFamily(q, c.FamilyID, c.ExpiresAt)
	})
}

// UseCode uses the code: once, and a later use revokes the family.
func (t *Tx) UseCode(ctx context.Context, d store.Digest, now time.Time) (store.Use, error) {
	var use store.Use
	err := t.alter(ctx, "use code", "", func(q Querier) error {
		n, err := q.Exec(`
			UPDATE codes SET used_at = $2
			WHERE digest = $1 AND used_at IS NULL AND expires_at > $2
				AND EXISTS (SELECT 1 FROM families f WHERE f.id = codes.family_id AND f.revoked_at IS NULL AND f.expires_at > $2)`,
			d[:], instant(now))
		if err != nil || n == 1 {
			use = store.Used
			return err
		}
		use, err = whyUnused(ctx, q, now, store.CodeReused, `
			SELECT f.id, f.revoked_at, f.expires_at, c.used_at IS NOT NULL
			FROM codes c JOIN families f ON f.id = c.family_id WHERE c.digest = $1`, d[:])
		return err
	})
	if err != nil {
		return store.UseUnknown, err
	}
	return use, nil
}

const selectRefreshTokens = `
	SELECT digest, family_id, parent, generation, issued_at, first_used_at, successors, branch_ends_at, expires_at
	FROM refresh_tokens `

func addRefreshToken(row Scan, all []store.RefreshToken) ([]store.RefreshToken, error) {
	var r store.RefreshToken
	err := row((*digest)(&r.Digest), &r.FamilyID, (*optionalDigest)(&r.Parent), &r.Generation,
		(*instant)(&r.IssuedAt), (*instant)(&r.FirstUsedAt), &r.Successors, (*instant)(&r.BranchEndsAt), (*instant)(&r.ExpiresAt))
	return append(all, r), err
}

// RefreshToken returns the token, used and expired ones included.
func (t *Tx) RefreshToken(ctx context.Context, d store.Digest) (store.RefreshToken, error) {
	return find(ctx, t, "refresh token", "", addRefreshToken, selectRefreshTokens+`WHERE digest = $1`, d[:])
}

// CreateRefreshToken adds the first token of a family. Errors: store.ErrNotFound when the family is not there,
// store.ErrExists for its Digest.
func (t *Tx) CreateRefreshToken(ctx context.Context, r store.RefreshToken) error {
	return t.alter(ctx, "create refresh token of family", r.FamilyID, func(q Querier) error {
		_, err := q.Exec(`
			INSERT INTO refresh_tokens (digest, family_id, parent, generation, issued_at, first_used_at, successors, expires_at)
			VALUES ($1, $2, NULL, 0, $3, NULL, 0, $4)`,
			r.Digest[:], r.FamilyID, instant(r.IssuedAt), instant(r.ExpiresAt))
		if err != nil {
			return err
		}
		return extendFamily(q, r.FamilyID, r.ExpiresAt)
	})
}

// usable is what of a refresh token r has to be true for a use, with $2 as the earliest first use that leaves
// time, $3 as the most successors, and $4 as now.
const usable = `r.successors < $3 AND (r.first_used_at IS NULL OR r.first_used_at >= $2)
	AND (r.branch_ends_at IS NULL OR r.branch_ends_at >= $4)`

// UseRefreshToken uses the token and adds its successor; see store.Families.
func (t *Tx) UseRefreshToken(ctx context.Context, d store.Digest, now time.Time, overlap time.Duration, successor store.RefreshToken) (store.Use, error) {
	var use store.Use
	err := t.alter(ctx, "use refresh token", "", func(q Querier) error {
		args := []any{d[:], instant(now.Add(-overlap)), store.MaxSuccessors, instant(now)}
		n, err := q.Exec(`
			UPDATE refresh_tokens AS r SET successors = r.successors + 1, first_used_at = coalesce(r.first_used_at, $4)
			WHERE r.digest = $1 AND r.expires_at > $4 AND `+usable+`
				AND EXISTS (SELECT 1 FROM families f WHERE f.id = r.family_id AND f.revoked_at IS NULL AND f.expires_at > $4)`,
			args...)
		if err != nil {
			return err
		}
		if n == 1 {
			use = store.Used
			if err := endSiblings(q, d, now.Add(overlap)); err != nil {
				return err
			}
			return insertSuccessor(q, d, overlap, successor)
		}
		use, err = whyUnused(ctx, q, now, store.RefreshTokenReused, `
			SELECT f.id, f.revoked_at, f.expires_at, NOT (`+usable+`)
			FROM refresh_tokens r JOIN families f ON f.id = r.family_id WHERE r.digest = $1`, args...)
		return err
	})
	if err != nil {
		return store.UseUnknown, err
	}
	return use, nil
}

// endSiblings says when the branches of those end that followed the same token as the one with the digest, which is
// used. One whose own branch ends was not the first, and ends none. None of the others has followers yet: a use of
// it would have been the first.
func endSiblings(q Querier, d store.Digest, at time.Time) error {
	_, err := q.Exec(`
		UPDATE refresh_tokens AS s SET branch_ends_at = $2 FROM refresh_tokens AS r
		WHERE r.digest = $1 AND r.branch_ends_at IS NULL
			AND s.family_id = r.family_id AND s.parent = r.parent AND s.digest <> r.digest AND s.branch_ends_at IS NULL`,
		d[:], instant(at))
	return err
}

// insertSuccessor adds a token that follows the one with the digest. It is of the branch of that one, and a branch
// of its own that ends when another that followed has been used already.
func insertSuccessor(q Querier, parent store.Digest, overlap time.Duration, r store.RefreshToken) error {
	_, err := q.Exec(`
		INSERT INTO refresh_tokens (digest, family_id, parent, generation, issued_at, first_used_at, successors, branch_ends_at, expires_at)
		SELECT $2, p.family_id, p.digest, p.generation + 1, $3, NULL, 0, coalesce(p.branch_ends_at, (
			SELECT min(s.first_used_at) + $5 FROM refresh_tokens s WHERE s.family_id = p.family_id AND s.parent = p.digest)), $4
		FROM refresh_tokens p WHERE p.digest = $1`,
		parent[:], r.Digest[:], instant(r.IssuedAt), instant(r.ExpiresAt), overlap.Milliseconds())
	if err != nil {
		return err
	}
	_, err = q.Exec(`
		UPDATE families SET expires_at = $2
		WHERE id = (SELECT family_id FROM refresh_tokens WHERE digest = $1) AND expires_at < $2`,
		parent[:], instant(r.ExpiresAt))
	return err
}

// whyUnused says why a code or refresh token could not be used, and revokes the family when it had been used up
// before. The query yields the family's id, revocation and expiry, and whether it had.
func whyUnused(ctx context.Context, q Querier, now time.Time, reason, query string, args ...any) (store.Use, error) {
	var f store.Family
	var again bool
	err := q.Each(ctx, query, args, func(row Scan) error {
		return row(&f.ID, (*instant)(&f.RevokedAt), (*instant)(&f.ExpiresAt), &again)
	})
	switch {
	case err != nil:
		return store.UseUnknown, err
	case f.ID == "":
		return store.UseUnknown, nil
	case !f.RevokedAt.IsZero():
		return store.UseRevoked, nil
	case !again || !f.ExpiresAt.After(now):
		return store.UseExpired, nil
	}
	_, err = q.Exec(`UPDATE families SET revoked_at = $2, reason = $3 WHERE id = $1 AND revoked_at IS NULL`, f.ID, instant(now), reason)
	return store.UseAgain, err
}

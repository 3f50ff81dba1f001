package mutation

var withStore = []string{"server/store/sqlite"}

var storeMutants = []mutant{
	{"store: a code that was used", "server/store/internal/sqlstore/families.go", `WHERE digest = $1 AND used_at IS NULL AND expires_at > $2`, `WHERE digest = $1 AND expires_at > $2`, withStore},
	{"store: a code that has expired", "server/store/internal/sqlstore/families.go", `used_at IS NULL AND expires_at > $2`, `used_at IS NULL`, withStore},
	{"store: the family of a code", "server/store/internal/sqlstore/families.go", `f.id = codes.family_id AND f.revoked_at IS NULL AND f.expires_at > $2`, `f.id = codes.family_id`, withStore},
	{"store: the family of a refresh token", "server/store/internal/sqlstore/families.go", `f.id = r.family_id AND f.revoked_at IS NULL AND f.expires_at > $4`, `f.id = r.family_id`, withStore},
	{"store: a refresh token that has expired", "server/store/internal/sqlstore/families.go", `r.digest = $1 AND r.expires_at > $4 AND`, `r.digest = $1 AND`, withStore},
	{"store: how many successors", "server/store/internal/sqlstore/families.go", `r.successors < $3`, `r.successors <= $3`, withStore},
	{"store: the overlap", "server/store/internal/sqlstore/families.go", `(r.first_used_at IS NULL OR r.first_used_at >= $2)`, `($2 = $2)`, withStore},
	{"store: the overlap counts from the first use", "server/store/internal/sqlstore/families.go", `first_used_at = coalesce(r.first_used_at, $4)`, `first_used_at = $4`, withStore},
	{"store: siblings", "server/store/internal/sqlstore/families.go", `(r.branch_ends_at IS NULL OR r.branch_ends_at >= $4)`, `($4 = $4)`, withStore},
	{"store: which sibling was first", "server/store/internal/sqlstore/families.go", `WHERE r.digest = $1 AND r.branch_ends_at IS NULL`, `WHERE r.digest = $1`, withStore},
	{"store: what follows a sibling", "server/store/internal/sqlstore/families.go", `coalesce(p.branch_ends_at, (`, `coalesce(NULL, (`, withStore},
	{"store: a sibling that comes late", "server/store/internal/sqlstore/families.go", `SELECT min(s.first_used_at) + $5`, `SELECT NULL + $5`, withStore},
	{"store: siblings of one parent", "server/store/internal/sqlstore/families.go", ` AND s.parent = r.parent AND s.digest <> r.digest`, ` AND s.digest <> r.digest`, withStore},
	{"store: reuse revokes", "server/store/internal/sqlstore/families.go", "_, err = q.Exec(`UPDATE families SET revoked_at = $2, reason = $3 WHERE id = $1 AND revoked_at IS NULL`, f.ID, instant(now), reason)\n", "", withStore},
	{"store: a family that was revoked", "server/store/internal/sqlstore/families.go", `WHERE id = $1 AND revoked_at IS NULL AND expires_at > $2` + "`, id, instant(now))", `WHERE id = $1 AND expires_at > $2` + "`, id, instant(now))", withStore},
	{"store: what ends with a session", "server/store/internal/sqlstore/families.go", `AND ends_with_session = $4`, `AND $4 = $4`, withStore},
	{"store: the idle end of a session", "server/store/internal/sqlstore/sessions.go", `WHERE digest = $1 AND idle_expires_at > $2`, `WHERE digest = $1`, withStore},
	{"store: the end of a session", "server/store/internal/sqlstore/sessions.go", ` WHEN expires_at < $3 THEN expires_at`, ``, withStore},
	{"store: the session that a second factor goes on from", "server/store/internal/sqlstore/sessions.go", "if err := change(q, `DELETE FROM sessions", "if _, err := q.Exec(`DELETE FROM sessions", withStore},
	{"store: facts as they were", "server/store/internal/sqlstore/logins.go", `WHERE digest = $1 AND facts = $2 AND`, `WHERE digest = $1 AND $2 = $2 AND`, withStore},
	{"store: a pushed request that was used", "server/store/internal/sqlstore/logins.go", `SET used_at = $2 WHERE digest = $1 AND used_at IS NULL`, `SET used_at = $2 WHERE digest = $1`, withStore},
	{"store: attempts under way", "server/store/internal/sqlstore/attempts.go", `attempts.failures + attempts.pending < $5`, `attempts.failures < $5`, withStore},
	{"store: one attempt at a time", "server/store/internal/sqlstore/attempts.go", `OR attempts.pending = 0 AND`, `OR`, withStore},
	{"store: the delay after failures", "server/store/internal/sqlstore/attempts.go", `attempts.pending = 0 AND attempts.shut_until <= $2`, `attempts.pending = 0`, withStore},
	{"store: attempts that nobody ends", "server/store/internal/sqlstore/attempts.go", `SET failures = failures + pending, pending = 0`, `SET pending = 0`, withStore},
	{"store: addresses that are not verified", "server/store/internal/sqlstore/users.go", `!u.EmailVerifiedAt.IsZero() && `, ``, withStore},
	{"store: a password that was changed", "server/store/internal/sqlstore/users.go", `WHERE user_id = $1 AND phc = $2`, `WHERE user_id = $1 AND $2 = $2`, withStore},
}

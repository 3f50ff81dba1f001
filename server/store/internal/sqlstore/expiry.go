package sqlstore

import (
	"context"
	"time"
)

// deletions remove what ended before $1, at most $2 rows each, what ended first before others. A family goes
// when the last of its refresh tokens has gone; there may be thousands of those. An application that nobody set up
// goes when no person has let it in.
var deletions = []string{
	`DELETE FROM tokens WHERE id IN (SELECT id FROM tokens
		WHERE kind = 'access_token' AND expires_at < $1 ORDER BY expires_at LIMIT $2)`,
	deletion("revoked_jwts", "jti", "expires_at"),
	deletion("used_assertions", "digest", "expires_at"),
	deletion("sessions", "digest", "idle_expires_at"),
	deletion("pending_requests", "digest", "expires_at"),
	deletion("pushed_requests", "digest", "expires_at"),
	deletion("attempts", "key", "expires_at"),
	`DELETE FROM device_codes WHERE digest IN (SELECT digest FROM device_codes
		WHERE expires_at < CAST($1 AS BIGINT) - 3600000 ORDER BY expires_at LIMIT $2)`, // an hour longer: devices poll on, and are told why
	deletion("challenges", "key", "expires_at"),
	deletion("mail_links", "digest", "expires_at"),
	deletion("outbox", "id", "expires_at"),
	deletion("former_subjects", "id", "expires_at"),
	`DELETE FROM refresh_tokens WHERE digest IN (SELECT r.digest FROM families f JOIN refresh_tokens r ON r.family_id = f.id
		WHERE f.expires_at < $1 ORDER BY f.expires_at LIMIT $2)`,
	`DELETE FROM families WHERE id IN (SELECT f.id FROM families f
		WHERE f.expires_at < $1 AND NOT EXISTS (SELECT 1 FROM refresh_tokens r WHERE r.family_id = f.id)
		ORDER BY f.expires_at LIMIT $2)`,
	`DELETE FROM clients WHERE kind = 'application' AND id IN (SELECT r.application_id FROM registrations r
		JOIN clients c ON c.kind = 'application' AND c.id = r.application_id
		WHERE r.expires_at < $1 AND NOT EXISTS (SELECT 1 FROM consents n WHERE n.client_id = c.client_id)
			AND NOT EXISTS (SELECT 1 FROM families f WHERE f.client_id = c.client_id)
		ORDER BY r.expires_at LIMIT $2)`,
}

// deletion is one of deletions, for a table whose rows end at the time in the column.
func deletion(table, key, column string) string {
	return `DELETE FROM ` + table + ` WHERE ` + key + ` IN (SELECT ` + key + ` FROM ` + table + `
		WHERE ` + column + ` < $1 ORDER BY ` + column + ` LIMIT $2)`
}

// DeleteExpiredTokens removes what ended before the time, at most limit rows of each noun, and returns how many
// rows went. The code of a family goes with it and is not counted.
func (t *Tx) DeleteExpiredTokens(ctx context.Context, before time.Time, limit int) (int, error) {
	deleted := 0
	for _, query := range deletions { // one by one, so that others write between them
		n, err := t.count(ctx, "delete expired tokens before", before.UTC().Format(time.RFC3339), query, instant(before), max(limit, 0))
		if err != nil {
			return 0, err
		}
		deleted += n
	}
	return deleted, nil
}

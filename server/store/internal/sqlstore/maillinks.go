package sqlstore

import (
	"context"
	"strings"
	"time"

	"github.com/postern-auth/postern/server/store"
)

const mailLinkColumns = `digest, purpose, user_id, address, name, locale, expires_at`

func addMailLink(row Scan, all []store.MailLink) ([]store.MailLink, error) {
	var l store.MailLink
	err := row((*digest)(&l.Digest), &l.Purpose, (*optional)(&l.UserID), &l.Address, &l.Name, &l.Locale, (*instant)(&l.ExpiresAt))
	return append(all, l), err
}

// MailLink returns the link with the digest, also an expired one.
func (t *Tx) MailLink(ctx context.Context, d store.Digest) (store.MailLink, error) {
	return find(ctx, t, "mail link", "", addMailLink, `SELECT `+mailLinkColumns+` FROM mail_links WHERE digest = $1`, d[:])
}

// PutMailLink adds a link in place of the one for the same purpose and user, or address where there is none.
func (t *Tx) PutMailLink(ctx context.Context, l store.MailLink) error {
	holder := l.UserID
	if holder == "" {
		holder = strings.ToLower(l.Address)
	}
	return t.alter(ctx, "put mail link for", string(l.Purpose), func(q Querier) error {
		_, err := q.Exec(`
			INSERT INTO mail_links (holder, `+mailLinkColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
			ON CONFLICT (purpose, holder) DO UPDATE SET digest = excluded.digest, user_id = excluded.user_id,
				address = excluded.address, name = excluded.name, locale = excluded.locale, expires_at = excluded.expires_at`,
			holder, l.Digest[:], string(l.Purpose), optional(l.UserID), l.Address, l.Name, l.Locale, instant(l.ExpiresAt))
		return err
	})
}

// UseMailLink removes the link and returns it. All calls but one, and any when it has expired, get
// store.ErrNotFound.
func (t *Tx) UseMailLink(ctx context.Context, d store.Digest, now time.Time) (store.MailLink, error) {
	var used []store.MailLink
	err := t.alter(ctx, "use mail link", "", func(q Querier) error {
		used = nil
		err := q.Each(ctx, `DELETE FROM mail_links WHERE digest = $1 AND expires_at > $2 RETURNING `+mailLinkColumns,
			[]any{d[:], instant(now)}, func(row Scan) (err error) {
				used, err = addMailLink(row, used)
				return err
			})
		if err == nil && len(used) == 0 {
			return store.ErrNotFound
		}
		return err
	})
	if err != nil {
		return store.MailLink{}, err
	}
	return used[0], nil
}

// DeleteMailLinksOf removes the links of a user. It returns how many there were.
func (t *Tx) DeleteMailLinksOf(ctx context.Context, userID string) (int, error) {
	return t.count(ctx, "delete mail links of", userID, `DELETE FROM mail_links WHERE user_id = $1`, userID)
}

-- What is to be sent to others, and the links that mails carry. A digest is the SHA-256 of a random value.

-- +goose Up
CREATE TABLE outbox (
    id          TEXT    NOT NULL PRIMARY KEY, -- time-ordered
    kind        TEXT    NOT NULL,
    payload     TEXT    NOT NULL, -- JSON
    tries       INTEGER NOT NULL,
    next_try_at INTEGER NOT NULL,
    expires_at  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX outbox_due ON outbox (kind, next_try_at);
CREATE INDEX outbox_by_expiry ON outbox (expires_at);

CREATE TABLE mail_links (
    purpose    TEXT    NOT NULL,
    holder     TEXT    NOT NULL, -- the user's id, or the address in lower case where there is no user
    digest     BLOB    NOT NULL UNIQUE CHECK (length(digest) = 32),
    user_id    TEXT    REFERENCES users (id) ON DELETE CASCADE, -- NULL: none yet
    address    TEXT    NOT NULL,
    name       TEXT    NOT NULL,
    locale     TEXT    NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (purpose, holder)
) STRICT, WITHOUT ROWID;
CREATE INDEX mail_links_of_user ON mail_links (user_id) WHERE user_id IS NOT NULL;
CREATE INDEX mail_links_by_expiry ON mail_links (expires_at);

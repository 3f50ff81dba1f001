-- What people prove who they are with, beside a password.

-- +goose Up
CREATE TABLE totps (
    user_id    TEXT    NOT NULL PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    secret     BLOB    NOT NULL, -- sealed
    last_step  INTEGER NOT NULL,
    created_at INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE recovery_codes (
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    digest  BLOB NOT NULL CHECK (length(digest) = 32),
    used_at INTEGER,
    PRIMARY KEY (user_id, digest)
) STRICT, WITHOUT ROWID;

CREATE TABLE passkeys (
    id           TEXT    NOT NULL PRIMARY KEY,
    credential   BLOB    NOT NULL UNIQUE CHECK (length(credential) BETWEEN 1 AND 1023),
    user_id      TEXT    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    rp_id        TEXT    NOT NULL,
    name         TEXT    NOT NULL,
    record       TEXT    NOT NULL,
    sign_count   INTEGER NOT NULL,
    created_at   INTEGER,
    last_used_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX passkeys_of_user ON passkeys (user_id);

CREATE TABLE challenges (
    key        TEXT    NOT NULL PRIMARY KEY,
    browser    BLOB    NOT NULL CHECK (length(browser) = 32),
    data       TEXT    NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX challenges_by_expiry ON challenges (expires_at);

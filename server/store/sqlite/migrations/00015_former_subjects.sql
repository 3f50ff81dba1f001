-- The access tokens of a subject that is deleted are left to their end: there is on purpose no index to find them by, and
-- to look at every row would hold up all who write. They are worth nothing without their subject; so that they stay
-- worthless should another one come to have its id, what that had is known until the last of them has ended.

-- +goose Up
CREATE TABLE former_subjects (
    id         TEXT NOT NULL PRIMARY KEY,
    ended_at   INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX former_subjects_by_expiry ON former_subjects (expires_at);

-- The same table without the reference to subjects.
CREATE TABLE new_tokens (
    id           TEXT NOT NULL PRIMARY KEY,
    kind         TEXT NOT NULL,
    digest       BLOB NOT NULL CHECK (length(digest) = 32),
    subject_id   TEXT NOT NULL,
    client_id    TEXT NOT NULL,
    issuer       TEXT NOT NULL,
    name         TEXT NOT NULL,
    audience     TEXT NOT NULL, -- a JSON array
    scopes       TEXT NOT NULL, -- a JSON array
    issued_at    INTEGER,
    expires_at   INTEGER,
    revoked_at   INTEGER,
    family_id    TEXT, -- NULL: none
    confirmation TEXT, -- NULL: none
    used_at      INTEGER -- of personal access tokens alone
) STRICT, WITHOUT ROWID;
INSERT INTO new_tokens (id, kind, digest, subject_id, client_id, issuer, name, audience, scopes, issued_at, expires_at,
    revoked_at, family_id, confirmation, used_at)
SELECT id, kind, digest, subject_id, client_id, issuer, name, audience, scopes, issued_at, expires_at,
    revoked_at, family_id, confirmation, used_at FROM tokens;
DROP TABLE tokens;
ALTER TABLE new_tokens RENAME TO tokens;
CREATE INDEX tokens_by_expiry ON tokens (expires_at) WHERE kind = 'access_token';
CREATE INDEX personal_access_tokens_by_subject ON tokens (subject_id) WHERE kind = 'personal_access_token';

-- How applications came here that no operator has set up.

-- +goose Up
CREATE TABLE registrations (
    application_id TEXT    NOT NULL PRIMARY KEY REFERENCES applications (id) ON DELETE CASCADE,
    kind           TEXT    NOT NULL,
    digest         BLOB    CHECK (length(digest) = 32), -- NULL: none
    keys           TEXT    NOT NULL,
    address_prefix TEXT    NOT NULL,
    created_at     INTEGER,
    expires_at     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX registrations_by_address ON registrations (address_prefix, created_at);
CREATE INDEX registrations_by_expiry ON registrations (expires_at, kind);

-- Devices that people let in, the issuer at which a login was made, and tokens that came of other tokens.

-- +goose Up
ALTER TABLE families ADD COLUMN issuer TEXT NOT NULL DEFAULT ''; -- empty: of a version that did not keep it
ALTER TABLE families ADD COLUMN parent_id TEXT; -- that of the token which was exchanged; NULL: none
ALTER TABLE families ADD COLUMN source TEXT NOT NULL DEFAULT ''; -- the jti of that token; empty: none
ALTER TABLE families ADD COLUMN actor TEXT NOT NULL DEFAULT ''; -- act, as JSON; empty: none

-- When a refresh token and all that follow it end, because another that followed the same one was used first.
ALTER TABLE refresh_tokens ADD COLUMN branch_ends_at INTEGER;
UPDATE refresh_tokens AS r SET branch_ends_at = (
    SELECT min(s.first_used_at) + 30000 FROM refresh_tokens s
    WHERE s.family_id = r.family_id AND s.parent = r.parent AND s.digest <> r.digest)
WHERE r.first_used_at IS NULL;

ALTER TABLE applications ADD COLUMN initiate_login_uri TEXT NOT NULL DEFAULT '';
ALTER TABLE service_users ADD COLUMN grants TEXT NOT NULL DEFAULT '[]'; -- a JSON array; empty: those of every service user

CREATE TABLE device_codes (
    digest      BLOB    NOT NULL PRIMARY KEY CHECK (length(digest) = 32),
    user_code   TEXT    NOT NULL UNIQUE,
    client_id   TEXT    NOT NULL REFERENCES clients (client_id) ON DELETE CASCADE ON UPDATE CASCADE,
    request     TEXT    NOT NULL,
    address     TEXT    NOT NULL,
    created_at  INTEGER,
    wait        INTEGER NOT NULL, -- between two polls, in milliseconds
    polled_at   INTEGER,
    answered_at INTEGER,
    allowed     INTEGER NOT NULL,
    expires_at  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX device_codes_of_client ON device_codes (client_id);
CREATE INDEX device_codes_by_expiry ON device_codes (expires_at);

-- A token may be bound to a key of its sender, and clients may prove themselves with a certificate.

-- +goose Up
ALTER TABLE tokens ADD COLUMN confirmation TEXT; -- NULL: none

ALTER TABLE applications ADD COLUMN sender_constraint TEXT NOT NULL DEFAULT '';
ALTER TABLE service_users ADD COLUMN sender_constraint TEXT NOT NULL DEFAULT '';

CREATE TABLE client_certificates (
    id          TEXT NOT NULL PRIMARY KEY,
    client_kind TEXT NOT NULL,
    client_id   TEXT NOT NULL,
    thumbprint  BLOB CHECK (length(thumbprint) = 32), -- NULL: by the name
    name_type   TEXT NOT NULL,
    name        TEXT NOT NULL,
    created_at  INTEGER,
    FOREIGN KEY (client_kind, client_id) REFERENCES clients (kind, id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX client_certificates_by_client ON client_certificates (client_kind, client_id);

-- Secrets of the server that its replicas share.
CREATE TABLE shared_keys (
    name TEXT NOT NULL PRIMARY KEY,
    key  BLOB NOT NULL CHECK (length(key) = 32)
) STRICT, WITHOUT ROWID;

-- Those that wait are counted by client.
CREATE INDEX pushed_requests_waiting ON pushed_requests (client_id, expires_at) WHERE used_at IS NULL;

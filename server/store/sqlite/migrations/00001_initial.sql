-- Times are milliseconds since 1970 in UTC, NULL for none. Durations are nanoseconds.
-- Booleans are 0 and 1. Text compares byte for byte.

-- +goose Up
CREATE TABLE organizations (
    seq            INTEGER PRIMARY KEY, -- the order of creation
    id             TEXT    NOT NULL UNIQUE,
    name           TEXT    NOT NULL,
    primary_domain TEXT    NOT NULL
) STRICT;

CREATE TABLE projects (
    id              TEXT    NOT NULL PRIMARY KEY,
    organization_id TEXT    NOT NULL,
    name            TEXT    NOT NULL UNIQUE,
    assert_roles    INTEGER NOT NULL,
    active          INTEGER NOT NULL,
    created_at      INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE roles (
    project_id TEXT    NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    key        TEXT    NOT NULL,
    name       TEXT    NOT NULL,
    position   INTEGER NOT NULL,
    PRIMARY KEY (project_id, key)
) STRICT, WITHOUT ROWID;

-- Service users and APIs share one space of client ids and hold secrets and keys alike, so both have
-- their parent here. Deleting the owner deletes all that is its own.
CREATE TABLE owners (
    kind      TEXT NOT NULL CHECK (kind IN ('service_user', 'api')),
    id        TEXT NOT NULL,
    client_id TEXT UNIQUE, -- NULL: none
    PRIMARY KEY (kind, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE apis (
    id                TEXT    NOT NULL PRIMARY KEY,
    kind              TEXT    NOT NULL DEFAULT 'api' CHECK (kind = 'api'),
    project_id        TEXT    NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    name              TEXT    NOT NULL,
    identifier        TEXT    UNIQUE, -- NULL: none
    form              TEXT    NOT NULL,
    signing_algorithm TEXT    NOT NULL,
    token_lifetime    INTEGER NOT NULL,
    active            INTEGER NOT NULL,
    created_at        INTEGER,
    UNIQUE (project_id, name),
    FOREIGN KEY (kind, id) REFERENCES owners (kind, id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE TABLE permissions (
    api_id   TEXT    NOT NULL REFERENCES apis (id) ON DELETE CASCADE,
    key      TEXT    NOT NULL,
    name     TEXT    NOT NULL,
    position INTEGER NOT NULL,
    PRIMARY KEY (api_id, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE service_users (
    id              TEXT    NOT NULL PRIMARY KEY,
    kind            TEXT    NOT NULL DEFAULT 'service_user' CHECK (kind = 'service_user'),
    organization_id TEXT    NOT NULL,
    name            TEXT    NOT NULL,
    form            TEXT    NOT NULL,
    active          INTEGER NOT NULL,
    created_at      INTEGER,
    FOREIGN KEY (kind, id) REFERENCES owners (kind, id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE TABLE grants (
    id         INTEGER PRIMARY KEY,
    user_id    TEXT NOT NULL REFERENCES service_users (id) ON DELETE CASCADE,
    project_id TEXT REFERENCES projects (id) ON DELETE CASCADE,
    api_id     TEXT REFERENCES apis (id) ON DELETE CASCADE,
    CHECK ((project_id IS NULL) <> (api_id IS NULL))
) STRICT;
CREATE UNIQUE INDEX grants_by_project ON grants (user_id, project_id) WHERE project_id IS NOT NULL;
CREATE UNIQUE INDEX grants_by_api ON grants (user_id, api_id) WHERE api_id IS NOT NULL;
CREATE INDEX grants_by_user ON grants (user_id);
CREATE INDEX grants_of_project ON grants (project_id);
CREATE INDEX grants_of_api ON grants (api_id);

-- One of project_id and api_id is NULL, as in the grant, and its foreign key is then not looked at.
CREATE TABLE grant_keys (
    grant_id   INTEGER NOT NULL REFERENCES grants (id) ON DELETE CASCADE,
    key        TEXT    NOT NULL,
    project_id TEXT,
    api_id     TEXT,
    PRIMARY KEY (grant_id, key),
    FOREIGN KEY (project_id, key) REFERENCES roles (project_id, key) ON DELETE CASCADE,
    FOREIGN KEY (api_id, key) REFERENCES permissions (api_id, key) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX grant_keys_by_role ON grant_keys (project_id, key);
CREATE INDEX grant_keys_by_permission ON grant_keys (api_id, key);

CREATE TABLE secrets (
    id         TEXT NOT NULL PRIMARY KEY,
    owner_kind TEXT NOT NULL,
    owner_id   TEXT NOT NULL,
    digest     BLOB NOT NULL CHECK (length(digest) = 32),
    created_at INTEGER,
    expires_at INTEGER,
    FOREIGN KEY (owner_kind, owner_id) REFERENCES owners (kind, id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX secrets_by_owner ON secrets (owner_kind, owner_id);

CREATE TABLE keys (
    id            TEXT    NOT NULL PRIMARY KEY,
    owner_kind    TEXT    NOT NULL,
    owner_id      TEXT    NOT NULL,
    public_key    BLOB    NOT NULL,
    compatibility INTEGER NOT NULL,
    created_at    INTEGER,
    expires_at    INTEGER,
    FOREIGN KEY (owner_kind, owner_id) REFERENCES owners (kind, id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX keys_by_owner ON keys (owner_kind, owner_id);

-- The row is the index: ids are time-ordered, so a new token lands on the last page. There is on purpose
-- no index by user over access tokens: it would touch a page of its own for every row of a commit, which
-- doubles the cost of issuing, to speed up the deletion of a user.
CREATE TABLE tokens (
    id           TEXT NOT NULL PRIMARY KEY,
    kind         TEXT NOT NULL,
    digest       BLOB NOT NULL CHECK (length(digest) = 32),
    user_id      TEXT NOT NULL REFERENCES service_users (id) ON DELETE CASCADE,
    client_id    TEXT NOT NULL,
    issuer       TEXT NOT NULL,
    name         TEXT NOT NULL,
    audience     TEXT NOT NULL, -- a JSON array
    scopes       TEXT NOT NULL, -- a JSON array
    confirmation TEXT NOT NULL,
    issued_at    INTEGER,
    expires_at   INTEGER,
    revoked_at   INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX tokens_by_expiry ON tokens (expires_at) WHERE kind = 'access_token';
CREATE INDEX personal_access_tokens_by_user ON tokens (user_id) WHERE kind = 'personal_access_token';

CREATE TABLE revoked_jwts (
    jti        TEXT NOT NULL PRIMARY KEY,
    expires_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX revoked_jwts_by_expiry ON revoked_jwts (expires_at);

-- The digest of issuer and jti, because both are of the client's choosing and of any length.
CREATE TABLE used_assertions (
    digest     BLOB NOT NULL PRIMARY KEY,
    expires_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX used_assertions_by_expiry ON used_assertions (expires_at);

CREATE TABLE signing_keys (
    id             TEXT NOT NULL PRIMARY KEY,
    algorithm      TEXT NOT NULL,
    private_key    BLOB NOT NULL,
    created_at     INTEGER,
    signs_from     INTEGER,
    retired_at     INTEGER,
    verifies_until INTEGER
) STRICT, WITHOUT ROWID;

-- What Ping writes, to learn whether the disk takes a write.
CREATE TABLE heartbeat (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    at INTEGER
) STRICT;
INSERT INTO heartbeat (id) VALUES (1);

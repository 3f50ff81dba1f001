-- Who a token is about (subject) and who asked for it (client) are two things, of any kind each. All names
-- that say in a token whom it is for are one space. Changes leave a trail.

-- +goose Up
CREATE TABLE subjects (
    id              TEXT    NOT NULL PRIMARY KEY,
    kind            TEXT    NOT NULL,
    organization_id TEXT    NOT NULL,
    username        TEXT    NOT NULL,
    active          INTEGER NOT NULL,
    not_before      INTEGER
) STRICT, WITHOUT ROWID;
INSERT INTO subjects (id, kind, organization_id, username, active)
    SELECT u.id, 'service_user', u.organization_id, coalesce(o.client_id, ''), u.active
    FROM service_users u JOIN owners o ON o.kind = 'service_user' AND o.id = u.id;

-- A table that a CHECK or a foreign key holds to the old shape is made anew. What refers to one goes before
-- it, for to drop a table deletes its rows, and with them all that hangs on them.
CREATE TABLE new_clients (
    kind       TEXT NOT NULL,
    id         TEXT NOT NULL,
    client_id  TEXT UNIQUE, -- NULL: none
    not_before INTEGER,
    PRIMARY KEY (kind, id)
) STRICT, WITHOUT ROWID;
INSERT INTO new_clients (kind, id, client_id) SELECT kind, id, client_id FROM owners;

CREATE TABLE new_service_users (
    id         TEXT    NOT NULL PRIMARY KEY REFERENCES subjects (id) ON DELETE CASCADE,
    kind       TEXT    NOT NULL DEFAULT 'service_user' CHECK (kind = 'service_user'),
    name       TEXT    NOT NULL,
    form       TEXT    NOT NULL,
    created_at INTEGER,
    FOREIGN KEY (kind, id) REFERENCES new_clients (kind, id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
INSERT INTO new_service_users (id, name, form, created_at) SELECT id, name, form, created_at FROM service_users;

CREATE TABLE new_apis (
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
    FOREIGN KEY (kind, id) REFERENCES new_clients (kind, id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
INSERT INTO new_apis (id, project_id, name, identifier, form, signing_algorithm, token_lifetime, active, created_at)
    SELECT id, project_id, name, identifier, form, signing_algorithm, token_lifetime, active, created_at FROM apis;

CREATE TABLE new_permissions (
    api_id   TEXT    NOT NULL REFERENCES new_apis (id) ON DELETE CASCADE,
    key      TEXT    NOT NULL,
    name     TEXT    NOT NULL,
    position INTEGER NOT NULL,
    PRIMARY KEY (api_id, key)
) STRICT, WITHOUT ROWID;
INSERT INTO new_permissions SELECT api_id, key, name, position FROM permissions;

CREATE TABLE assignments (
    id         INTEGER PRIMARY KEY,
    subject_id TEXT NOT NULL REFERENCES subjects (id) ON DELETE CASCADE,
    project_id TEXT REFERENCES projects (id) ON DELETE CASCADE,
    api_id     TEXT REFERENCES new_apis (id) ON DELETE CASCADE,
    CHECK ((project_id IS NULL) <> (api_id IS NULL))
) STRICT;
INSERT INTO assignments SELECT id, user_id, project_id, api_id FROM grants;

-- One of project_id and api_id is NULL, as in the assignment, and its foreign key is then not looked at.
CREATE TABLE assigned_rights (
    assignment_id INTEGER NOT NULL REFERENCES assignments (id) ON DELETE CASCADE,
    key           TEXT    NOT NULL,
    project_id    TEXT,
    api_id        TEXT,
    PRIMARY KEY (assignment_id, key),
    FOREIGN KEY (project_id, key) REFERENCES roles (project_id, key) ON DELETE CASCADE,
    FOREIGN KEY (api_id, key) REFERENCES new_permissions (api_id, key) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
INSERT INTO assigned_rights SELECT grant_id, key, project_id, api_id FROM grant_keys;

CREATE TABLE new_secrets (
    id          TEXT NOT NULL PRIMARY KEY,
    client_kind TEXT NOT NULL,
    client_id   TEXT NOT NULL,
    digest      BLOB NOT NULL CHECK (length(digest) = 32),
    created_at  INTEGER,
    expires_at  INTEGER,
    FOREIGN KEY (client_kind, client_id) REFERENCES new_clients (kind, id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
INSERT INTO new_secrets SELECT id, owner_kind, owner_id, digest, created_at, expires_at FROM secrets;

CREATE TABLE client_keys (
    id            TEXT    NOT NULL PRIMARY KEY,
    client_kind   TEXT    NOT NULL,
    client_id     TEXT    NOT NULL,
    public_key    BLOB    NOT NULL,
    compatibility INTEGER NOT NULL,
    created_at    INTEGER,
    expires_at    INTEGER,
    FOREIGN KEY (client_kind, client_id) REFERENCES new_clients (kind, id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
INSERT INTO client_keys SELECT id, owner_kind, owner_id, public_key, compatibility, created_at, expires_at FROM keys;

-- The row is the index: ids are time-ordered, so a new token lands on the last page. There is on purpose
-- no index by subject over access tokens: it would touch a page of its own for every row of a commit, which
-- doubles the cost of issuing, to speed up the deletion of a subject.
CREATE TABLE new_tokens (
    id         TEXT NOT NULL PRIMARY KEY,
    kind       TEXT NOT NULL,
    digest     BLOB NOT NULL CHECK (length(digest) = 32),
    subject_id TEXT NOT NULL REFERENCES subjects (id) ON DELETE CASCADE,
    client_id  TEXT NOT NULL,
    issuer     TEXT NOT NULL,
    name       TEXT NOT NULL,
    audience   TEXT NOT NULL, -- a JSON array
    scopes     TEXT NOT NULL, -- a JSON array
    issued_at  INTEGER,
    expires_at INTEGER,
    revoked_at INTEGER
) STRICT, WITHOUT ROWID;
INSERT INTO new_tokens SELECT id, kind, digest, user_id, client_id, issuer, name, audience, scopes, issued_at, expires_at, revoked_at FROM tokens;

DROP TABLE tokens;
DROP TABLE keys;
DROP TABLE secrets;
DROP TABLE grant_keys;
DROP TABLE grants;
DROP TABLE permissions;
DROP TABLE apis;
DROP TABLE service_users;
DROP TABLE owners;
ALTER TABLE new_clients RENAME TO clients;
ALTER TABLE new_service_users RENAME TO service_users;
ALTER TABLE new_apis RENAME TO apis;
ALTER TABLE new_permissions RENAME TO permissions;
ALTER TABLE new_secrets RENAME TO secrets;
ALTER TABLE new_tokens RENAME TO tokens;

CREATE UNIQUE INDEX assignments_by_project ON assignments (subject_id, project_id) WHERE project_id IS NOT NULL;
CREATE UNIQUE INDEX assignments_by_api ON assignments (subject_id, api_id) WHERE api_id IS NOT NULL;
CREATE INDEX assignments_by_subject ON assignments (subject_id);
CREATE INDEX assignments_of_project ON assignments (project_id);
CREATE INDEX assignments_of_api ON assignments (api_id);
CREATE INDEX assigned_rights_by_role ON assigned_rights (project_id, key);
CREATE INDEX assigned_rights_by_permission ON assigned_rights (api_id, key);
CREATE INDEX secrets_by_client ON secrets (client_kind, client_id);
CREATE INDEX client_keys_by_client ON client_keys (client_kind, client_id);
CREATE INDEX tokens_by_expiry ON tokens (expires_at) WHERE kind = 'access_token';
CREATE INDEX personal_access_tokens_by_subject ON tokens (subject_id) WHERE kind = 'personal_access_token';

-- Whom a token can be for: the ids of projects, the identifiers and client ids of APIs. Of two objects that
-- share a name from before, the one that tokens are issued for keeps it.
CREATE TABLE audiences (
    name       TEXT NOT NULL PRIMARY KEY,
    project_id TEXT REFERENCES projects (id) ON DELETE CASCADE,
    api_id     TEXT REFERENCES apis (id) ON DELETE CASCADE,
    CHECK ((project_id IS NULL) <> (api_id IS NULL))
) STRICT, WITHOUT ROWID;
INSERT INTO audiences (name, project_id) SELECT id, id FROM projects;
INSERT OR IGNORE INTO audiences (name, api_id) SELECT identifier, id FROM apis WHERE identifier IS NOT NULL;
INSERT OR IGNORE INTO audiences (name, api_id)
    SELECT c.client_id, c.id FROM clients c JOIN apis a ON a.id = c.id WHERE c.kind = 'api' AND c.client_id IS NOT NULL;
CREATE INDEX audiences_of_project ON audiences (project_id);
CREATE INDEX audiences_of_api ON audiences (api_id);

ALTER TABLE projects DROP COLUMN assert_roles;

CREATE TABLE events (
    id        TEXT NOT NULL PRIMARY KEY, -- time-ordered
    at        INTEGER,
    actor     TEXT NOT NULL,
    action    TEXT NOT NULL,
    object    TEXT NOT NULL,
    object_id TEXT NOT NULL,
    name      TEXT NOT NULL,
    detail    TEXT NOT NULL
) STRICT, WITHOUT ROWID;

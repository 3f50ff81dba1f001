-- People, the applications that they log in to, their sessions, and the families of tokens that come of it.
-- A digest is the SHA-256 of a random value. What has an end by time has it in expires_at, which is not NULL.

-- +goose Up
CREATE TABLE users (
    id                TEXT    NOT NULL PRIMARY KEY REFERENCES subjects (id) ON DELETE CASCADE,
    handle            BLOB    NOT NULL UNIQUE CHECK (length(handle) = 64),
    email             TEXT    NOT NULL,
    email_verified_at INTEGER,
    name              TEXT    NOT NULL,
    given_name        TEXT    NOT NULL,
    family_name       TEXT    NOT NULL,
    nickname          TEXT    NOT NULL,
    picture_id        TEXT    UNIQUE, -- NULL: none
    locale            TEXT    NOT NULL,
    created_at        INTEGER,
    updated_at        INTEGER
) STRICT, WITHOUT ROWID;

-- What finds a person at a login: login names and verified addresses, in lower case, in one space.
CREATE TABLE logins (
    organization_id TEXT NOT NULL,
    login           TEXT NOT NULL,
    user_id         TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    PRIMARY KEY (organization_id, login)
) STRICT, WITHOUT ROWID;
CREATE INDEX logins_of_user ON logins (user_id);

CREATE TABLE passwords (
    user_id    TEXT    NOT NULL PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    phc        TEXT    NOT NULL,
    changed_at INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE applications (
    id                        TEXT    NOT NULL PRIMARY KEY,
    kind                      TEXT    NOT NULL DEFAULT 'application' CHECK (kind = 'application'),
    project_id                TEXT    REFERENCES projects (id) ON DELETE CASCADE, -- NULL: none
    name                      TEXT    NOT NULL,
    type                      TEXT    NOT NULL,
    redirect_uris             TEXT    NOT NULL, -- a JSON array, as the lists below
    logout_uris               TEXT    NOT NULL,
    allowed_origins           TEXT    NOT NULL,
    backchannel_logout_uri    TEXT    NOT NULL,
    grants                    TEXT    NOT NULL,
    id_token_lifetime         INTEGER NOT NULL,
    refresh_idle              INTEGER NOT NULL,
    refresh_lifetime          INTEGER NOT NULL,
    id_token_algorithm        TEXT    NOT NULL,
    id_token_claims           TEXT    NOT NULL,
    refresh_ends_with_session INTEGER NOT NULL,
    first_party               INTEGER NOT NULL,
    insecure_no_pkce          INTEGER NOT NULL,
    profile                   TEXT    NOT NULL,
    active                    INTEGER NOT NULL,
    created_at                INTEGER,
    UNIQUE (project_id, name),
    FOREIGN KEY (kind, id) REFERENCES clients (kind, id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE TABLE consents (
    user_id    TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    client_id  TEXT NOT NULL REFERENCES clients (client_id) ON DELETE CASCADE ON UPDATE CASCADE,
    scopes     TEXT NOT NULL, -- a JSON array
    targets    TEXT NOT NULL, -- a JSON array
    given_at   INTEGER,
    updated_at INTEGER,
    PRIMARY KEY (user_id, client_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX consents_to_client ON consents (client_id);

CREATE TABLE sessions (
    digest          BLOB    NOT NULL PRIMARY KEY CHECK (length(digest) = 32),
    id              TEXT    NOT NULL UNIQUE,
    user_id         TEXT    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    browser         BLOB    NOT NULL CHECK (length(browser) = 32),
    methods         TEXT    NOT NULL, -- a JSON array
    created_at      INTEGER,
    last_seen_at    INTEGER,
    idle_expires_at INTEGER NOT NULL,
    expires_at      INTEGER NOT NULL,
    user_agent      TEXT    NOT NULL,
    address_prefix  TEXT    NOT NULL,
    CHECK (idle_expires_at <= expires_at)
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_of_user ON sessions (user_id);
CREATE INDEX sessions_by_expiry ON sessions (idle_expires_at);

CREATE TABLE pending_requests (
    digest     BLOB    NOT NULL PRIMARY KEY CHECK (length(digest) = 32),
    browser    BLOB    NOT NULL CHECK (length(browser) = 32),
    request    TEXT    NOT NULL,
    facts      TEXT    NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX pending_requests_by_expiry ON pending_requests (expires_at);

CREATE TABLE pushed_requests (
    digest     BLOB    NOT NULL PRIMARY KEY CHECK (length(digest) = 32),
    client_id  TEXT    NOT NULL,
    request    TEXT    NOT NULL,
    expires_at INTEGER NOT NULL,
    used_at    INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX pushed_requests_by_expiry ON pushed_requests (expires_at);

CREATE TABLE families (
    id                TEXT    NOT NULL PRIMARY KEY, -- time-ordered
    subject_id        TEXT    NOT NULL REFERENCES subjects (id) ON DELETE CASCADE,
    client_id         TEXT    NOT NULL REFERENCES clients (client_id) ON DELETE CASCADE ON UPDATE CASCADE,
    session_id        TEXT, -- NULL: none
    kind              TEXT    NOT NULL,
    scopes            TEXT    NOT NULL, -- a JSON array
    targets           TEXT    NOT NULL, -- a JSON array
    auth_time         INTEGER,
    acr               TEXT    NOT NULL,
    amr               TEXT    NOT NULL, -- a JSON array
    confirmation      TEXT    NOT NULL,
    ends_with_session INTEGER NOT NULL,
    created_at        INTEGER,
    expires_at        INTEGER NOT NULL,
    revoked_at        INTEGER,
    reason            TEXT    NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX families_of_subject ON families (subject_id);
CREATE INDEX families_of_client ON families (client_id);
CREATE INDEX families_of_session ON families (session_id) WHERE session_id IS NOT NULL;
CREATE INDEX families_by_expiry ON families (expires_at);

CREATE TABLE codes (
    digest     BLOB    NOT NULL PRIMARY KEY CHECK (length(digest) = 32),
    family_id  TEXT    NOT NULL REFERENCES families (id) ON DELETE CASCADE,
    request    TEXT    NOT NULL,
    expires_at INTEGER NOT NULL,
    used_at    INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX codes_of_family ON codes (family_id);

CREATE TABLE refresh_tokens (
    digest        BLOB    NOT NULL PRIMARY KEY CHECK (length(digest) = 32),
    family_id     TEXT    NOT NULL REFERENCES families (id) ON DELETE CASCADE,
    parent        BLOB    CHECK (length(parent) = 32), -- NULL: the first
    generation    INTEGER NOT NULL,
    issued_at     INTEGER,
    first_used_at INTEGER,
    successors    INTEGER NOT NULL,
    expires_at    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX refresh_tokens_of_family ON refresh_tokens (family_id, parent);

-- An access token lives no longer than its family, which is looked up by its id. There is no foreign key: it
-- would need an index that touches a page of its own for every token.
ALTER TABLE tokens ADD COLUMN family_id TEXT; -- NULL: none

CREATE TABLE attempts (
    key        TEXT    NOT NULL PRIMARY KEY,
    failures   INTEGER NOT NULL,
    pending    INTEGER NOT NULL, -- attempts whose outcome is not known yet
    held_until INTEGER NOT NULL, -- when those have failed
    delay      INTEGER NOT NULL, -- in milliseconds
    shut_until INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX attempts_by_expiry ON attempts (expires_at);

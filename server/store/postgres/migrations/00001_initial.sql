-- The schema that an SQLite file has after 00013. Times are milliseconds, so that both engines keep the same ones, and
-- text is compared by its bytes, whatever the database's own collation is.

-- +goose Up
CREATE TABLE organizations (
    seq            BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, -- the order of creation
    id             TEXT COLLATE "C" NOT NULL UNIQUE,
    name           TEXT COLLATE "C" NOT NULL,
    primary_domain TEXT COLLATE "C" NOT NULL
);

CREATE TABLE projects (
    id              TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    organization_id TEXT COLLATE "C" NOT NULL,
    name            TEXT COLLATE "C" NOT NULL UNIQUE,
    active          BOOLEAN NOT NULL,
    created_at      BIGINT
);

CREATE TABLE roles (
    project_id TEXT COLLATE "C" NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    key        TEXT COLLATE "C" NOT NULL,
    name       TEXT COLLATE "C" NOT NULL,
    position   BIGINT NOT NULL,
    PRIMARY KEY (project_id, key)
);

CREATE TABLE revoked_jwts (
    jti        TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    expires_at BIGINT
);
CREATE INDEX revoked_jwts_by_expiry ON revoked_jwts (expires_at);

CREATE TABLE used_assertions (
    digest     BYTEA NOT NULL PRIMARY KEY,
    expires_at BIGINT
);
CREATE INDEX used_assertions_by_expiry ON used_assertions (expires_at);

CREATE TABLE signing_keys (
    id             TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    algorithm      TEXT COLLATE "C" NOT NULL,
    private_key    BYTEA NOT NULL,
    created_at     BIGINT,
    signs_from     BIGINT,
    retired_at     BIGINT,
    verifies_until BIGINT
);

CREATE TABLE heartbeat (
    id BIGINT PRIMARY KEY CHECK (id = 1),
    at BIGINT
);

CREATE TABLE subjects (
    id              TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    kind            TEXT COLLATE "C" NOT NULL,
    organization_id TEXT COLLATE "C" NOT NULL,
    username        TEXT COLLATE "C" NOT NULL,
    active          BOOLEAN NOT NULL,
    not_before      BIGINT
);

CREATE TABLE clients (
    kind       TEXT COLLATE "C" NOT NULL,
    id         TEXT COLLATE "C" NOT NULL,
    client_id  TEXT COLLATE "C" UNIQUE, -- NULL: none
    not_before BIGINT,
    PRIMARY KEY (kind, id)
);

CREATE TABLE service_users (
    id                TEXT COLLATE "C" NOT NULL PRIMARY KEY REFERENCES subjects (id) ON DELETE CASCADE,
    kind              TEXT COLLATE "C" NOT NULL DEFAULT 'service_user' CHECK (kind = 'service_user'),
    name              TEXT COLLATE "C" NOT NULL,
    form              TEXT COLLATE "C" NOT NULL,
    created_at        BIGINT,
    sender_constraint TEXT COLLATE "C" NOT NULL DEFAULT '',
    grants            TEXT COLLATE "C" NOT NULL DEFAULT '[]',
    FOREIGN KEY (kind, id) REFERENCES clients (kind, id) ON DELETE CASCADE
);

CREATE TABLE apis (
    id                TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    kind              TEXT COLLATE "C" NOT NULL DEFAULT 'api' CHECK (kind = 'api'),
    project_id        TEXT COLLATE "C" NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    name              TEXT COLLATE "C" NOT NULL,
    identifier        TEXT COLLATE "C" UNIQUE, -- NULL: none
    form              TEXT COLLATE "C" NOT NULL,
    signing_algorithm TEXT COLLATE "C" NOT NULL,
    token_lifetime    BIGINT NOT NULL,
    active            BOOLEAN NOT NULL,
    created_at        BIGINT,
    UNIQUE (project_id, name),
    FOREIGN KEY (kind, id) REFERENCES clients (kind, id) ON DELETE CASCADE
);

CREATE TABLE permissions (
    api_id   TEXT COLLATE "C" NOT NULL REFERENCES apis (id) ON DELETE CASCADE,
    key      TEXT COLLATE "C" NOT NULL,
    name     TEXT COLLATE "C" NOT NULL,
    position BIGINT NOT NULL,
    PRIMARY KEY (api_id, key)
);

CREATE TABLE assignments (
    id         BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    subject_id TEXT COLLATE "C" NOT NULL REFERENCES subjects (id) ON DELETE CASCADE,
    project_id TEXT COLLATE "C" REFERENCES projects (id) ON DELETE CASCADE,
    api_id     TEXT COLLATE "C" REFERENCES apis (id) ON DELETE CASCADE,
    CHECK ((project_id IS NULL) <> (api_id IS NULL))
);

CREATE TABLE assigned_rights (
    assignment_id BIGINT NOT NULL REFERENCES assignments (id) ON DELETE CASCADE,
    key           TEXT COLLATE "C" NOT NULL,
    project_id    TEXT COLLATE "C",
    api_id        TEXT COLLATE "C",
    PRIMARY KEY (assignment_id, key),
    FOREIGN KEY (project_id, key) REFERENCES roles (project_id, key) ON DELETE CASCADE,
    FOREIGN KEY (api_id, key) REFERENCES permissions (api_id, key) ON DELETE CASCADE
);

CREATE TABLE secrets (
    id          TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    client_kind TEXT COLLATE "C" NOT NULL,
    client_id   TEXT COLLATE "C" NOT NULL,
    digest      BYTEA NOT NULL CHECK (octet_length(digest) = 32),
    created_at  BIGINT,
    expires_at  BIGINT,
    used_at     BIGINT,
    FOREIGN KEY (client_kind, client_id) REFERENCES clients (kind, id) ON DELETE CASCADE
);

CREATE TABLE client_keys (
    id            TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    client_kind   TEXT COLLATE "C" NOT NULL,
    client_id     TEXT COLLATE "C" NOT NULL,
    public_key    BYTEA NOT NULL,
    compatibility BOOLEAN NOT NULL,
    created_at    BIGINT,
    expires_at    BIGINT,
    used_at       BIGINT,
    FOREIGN KEY (client_kind, client_id) REFERENCES clients (kind, id) ON DELETE CASCADE
);

CREATE TABLE tokens (
    id           TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    kind         TEXT COLLATE "C" NOT NULL,
    digest       BYTEA NOT NULL CHECK (octet_length(digest) = 32),
    subject_id   TEXT COLLATE "C" NOT NULL REFERENCES subjects (id) ON DELETE CASCADE,
    client_id    TEXT COLLATE "C" NOT NULL,
    issuer       TEXT COLLATE "C" NOT NULL,
    name         TEXT COLLATE "C" NOT NULL,
    audience     TEXT COLLATE "C" NOT NULL, -- a JSON array
    scopes       TEXT COLLATE "C" NOT NULL, -- a JSON array
    issued_at    BIGINT,
    expires_at   BIGINT,
    revoked_at   BIGINT,
    family_id    TEXT COLLATE "C",
    confirmation TEXT COLLATE "C",
    used_at      BIGINT
);
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

CREATE TABLE audiences (
    name       TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    project_id TEXT COLLATE "C" REFERENCES projects (id) ON DELETE CASCADE,
    api_id     TEXT COLLATE "C" REFERENCES apis (id) ON DELETE CASCADE,
    CHECK ((project_id IS NULL) <> (api_id IS NULL))
);
CREATE INDEX audiences_of_project ON audiences (project_id);
CREATE INDEX audiences_of_api ON audiences (api_id);

CREATE TABLE events (
    id        TEXT COLLATE "C" NOT NULL PRIMARY KEY, -- time-ordered
    at        BIGINT,
    actor     TEXT COLLATE "C" NOT NULL,
    action    TEXT COLLATE "C" NOT NULL,
    object    TEXT COLLATE "C" NOT NULL,
    object_id TEXT COLLATE "C" NOT NULL,
    name      TEXT COLLATE "C" NOT NULL,
    detail    TEXT COLLATE "C" NOT NULL
);

CREATE TABLE users (
    id                TEXT COLLATE "C" NOT NULL PRIMARY KEY REFERENCES subjects (id) ON DELETE CASCADE,
    handle            BYTEA NOT NULL UNIQUE CHECK (octet_length(handle) = 64),
    email             TEXT COLLATE "C" NOT NULL,
    email_verified_at BIGINT,
    name              TEXT COLLATE "C" NOT NULL,
    given_name        TEXT COLLATE "C" NOT NULL,
    family_name       TEXT COLLATE "C" NOT NULL,
    nickname          TEXT COLLATE "C" NOT NULL,
    picture_id        TEXT COLLATE "C" UNIQUE, -- NULL: none
    locale            TEXT COLLATE "C" NOT NULL,
    created_at        BIGINT,
    updated_at        BIGINT,
    called            TEXT COLLATE "C" NOT NULL DEFAULT '',
    last_login_at     BIGINT
);

CREATE TABLE logins (
    organization_id TEXT COLLATE "C" NOT NULL,
    login           TEXT COLLATE "C" NOT NULL,
    user_id         TEXT COLLATE "C" NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    PRIMARY KEY (organization_id, login)
);
CREATE INDEX logins_of_user ON logins (user_id);

CREATE TABLE passwords (
    user_id    TEXT COLLATE "C" NOT NULL PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    phc        TEXT COLLATE "C" NOT NULL,
    changed_at BIGINT
);

CREATE TABLE applications (
    id                        TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    kind                      TEXT COLLATE "C" NOT NULL DEFAULT 'application' CHECK (kind = 'application'),
    project_id                TEXT COLLATE "C" REFERENCES projects (id) ON DELETE CASCADE, -- NULL: none
    name                      TEXT COLLATE "C" NOT NULL,
    type                      TEXT COLLATE "C" NOT NULL,
    redirect_uris             TEXT COLLATE "C" NOT NULL, -- a JSON array, as the lists below
    logout_uris               TEXT COLLATE "C" NOT NULL,
    allowed_origins           TEXT COLLATE "C" NOT NULL,
    backchannel_logout_uri    TEXT COLLATE "C" NOT NULL,
    grants                    TEXT COLLATE "C" NOT NULL,
    id_token_lifetime         BIGINT NOT NULL,
    refresh_idle              BIGINT NOT NULL,
    refresh_lifetime          BIGINT NOT NULL,
    id_token_algorithm        TEXT COLLATE "C" NOT NULL,
    id_token_claims           TEXT COLLATE "C" NOT NULL,
    refresh_ends_with_session BOOLEAN NOT NULL,
    first_party               BOOLEAN NOT NULL,
    insecure_no_pkce          BOOLEAN NOT NULL,
    profile                   TEXT COLLATE "C" NOT NULL,
    active                    BOOLEAN NOT NULL,
    created_at                BIGINT,
    sender_constraint         TEXT COLLATE "C" NOT NULL DEFAULT '',
    initiate_login_uri        TEXT COLLATE "C" NOT NULL DEFAULT '',
    userinfo_algorithm        TEXT COLLATE "C" NOT NULL DEFAULT '',
    UNIQUE (project_id, name),
    FOREIGN KEY (kind, id) REFERENCES clients (kind, id) ON DELETE CASCADE
);

CREATE TABLE consents (
    user_id    TEXT COLLATE "C" NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    client_id  TEXT COLLATE "C" NOT NULL REFERENCES clients (client_id) ON DELETE CASCADE ON UPDATE CASCADE,
    scopes     TEXT COLLATE "C" NOT NULL, -- a JSON array
    targets    TEXT COLLATE "C" NOT NULL, -- a JSON array
    given_at   BIGINT,
    updated_at BIGINT,
    PRIMARY KEY (user_id, client_id)
);
CREATE INDEX consents_to_client ON consents (client_id);

CREATE TABLE sessions (
    digest          BYTEA NOT NULL PRIMARY KEY CHECK (octet_length(digest) = 32),
    id              TEXT COLLATE "C" NOT NULL UNIQUE,
    user_id         TEXT COLLATE "C" NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    browser         BYTEA NOT NULL CHECK (octet_length(browser) = 32),
    methods         TEXT COLLATE "C" NOT NULL, -- a JSON array
    created_at      BIGINT,
    last_seen_at    BIGINT,
    idle_expires_at BIGINT NOT NULL,
    expires_at      BIGINT NOT NULL,
    user_agent      TEXT COLLATE "C" NOT NULL,
    address_prefix  TEXT COLLATE "C" NOT NULL,
    remembered      BOOLEAN NOT NULL DEFAULT FALSE,
    CHECK (idle_expires_at <= expires_at)
);
CREATE INDEX sessions_of_user ON sessions (user_id);
CREATE INDEX sessions_by_expiry ON sessions (idle_expires_at);

CREATE TABLE pending_requests (
    digest     BYTEA NOT NULL PRIMARY KEY CHECK (octet_length(digest) = 32),
    browser    BYTEA NOT NULL CHECK (octet_length(browser) = 32),
    request    TEXT COLLATE "C" NOT NULL,
    facts      TEXT COLLATE "C" NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX pending_requests_by_expiry ON pending_requests (expires_at);

CREATE TABLE pushed_requests (
    digest     BYTEA NOT NULL PRIMARY KEY CHECK (octet_length(digest) = 32),
    client_id  TEXT COLLATE "C" NOT NULL,
    request    TEXT COLLATE "C" NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at    BIGINT
);
CREATE INDEX pushed_requests_by_expiry ON pushed_requests (expires_at);

CREATE TABLE families (
    id                TEXT COLLATE "C" NOT NULL PRIMARY KEY, -- time-ordered
    subject_id        TEXT COLLATE "C" NOT NULL REFERENCES subjects (id) ON DELETE CASCADE,
    client_id         TEXT COLLATE "C" NOT NULL REFERENCES clients (client_id) ON DELETE CASCADE ON UPDATE CASCADE,
    session_id        TEXT COLLATE "C", -- NULL: none
    kind              TEXT COLLATE "C" NOT NULL,
    scopes            TEXT COLLATE "C" NOT NULL, -- a JSON array
    targets           TEXT COLLATE "C" NOT NULL, -- a JSON array
    auth_time         BIGINT,
    acr               TEXT COLLATE "C" NOT NULL,
    amr               TEXT COLLATE "C" NOT NULL, -- a JSON array
    confirmation      TEXT COLLATE "C" NOT NULL,
    ends_with_session BOOLEAN NOT NULL,
    created_at        BIGINT,
    expires_at        BIGINT NOT NULL,
    revoked_at        BIGINT,
    reason            TEXT COLLATE "C" NOT NULL,
    issuer            TEXT COLLATE "C" NOT NULL DEFAULT '',
    parent_id         TEXT COLLATE "C",
    source            TEXT COLLATE "C" NOT NULL DEFAULT '',
    actor             TEXT COLLATE "C" NOT NULL DEFAULT ''
);
CREATE INDEX families_of_subject ON families (subject_id);
CREATE INDEX families_of_client ON families (client_id);
CREATE INDEX families_of_session ON families (session_id) WHERE session_id IS NOT NULL;
CREATE INDEX families_by_expiry ON families (expires_at);

CREATE TABLE codes (
    digest     BYTEA NOT NULL PRIMARY KEY CHECK (octet_length(digest) = 32),
    family_id  TEXT COLLATE "C" NOT NULL REFERENCES families (id) ON DELETE CASCADE,
    request    TEXT COLLATE "C" NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at    BIGINT
);
CREATE INDEX codes_of_family ON codes (family_id);

CREATE TABLE refresh_tokens (
    digest         BYTEA NOT NULL PRIMARY KEY CHECK (octet_length(digest) = 32),
    family_id      TEXT COLLATE "C" NOT NULL REFERENCES families (id) ON DELETE CASCADE,
    parent         BYTEA CHECK (octet_length(parent) = 32), -- NULL: the first
    generation     BIGINT NOT NULL,
    issued_at      BIGINT,
    first_used_at  BIGINT,
    successors     BIGINT NOT NULL,
    expires_at     BIGINT NOT NULL,
    branch_ends_at BIGINT
);
CREATE INDEX refresh_tokens_of_family ON refresh_tokens (family_id, parent);

CREATE TABLE attempts (
    key        TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    failures   BIGINT NOT NULL,
    pending    BIGINT NOT NULL, -- attempts whose outcome is not known yet
    held_until BIGINT NOT NULL, -- when those have failed
    delay      BIGINT NOT NULL, -- in milliseconds
    shut_until BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX attempts_by_expiry ON attempts (expires_at);

CREATE TABLE client_certificates (
    id          TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    client_kind TEXT COLLATE "C" NOT NULL,
    client_id   TEXT COLLATE "C" NOT NULL,
    thumbprint  BYTEA CHECK (octet_length(thumbprint) = 32), -- NULL: by the name
    name_type   TEXT COLLATE "C" NOT NULL,
    name        TEXT COLLATE "C" NOT NULL,
    created_at  BIGINT,
    FOREIGN KEY (client_kind, client_id) REFERENCES clients (kind, id) ON DELETE CASCADE
);
CREATE INDEX client_certificates_by_client ON client_certificates (client_kind, client_id);

CREATE TABLE shared_keys (
    name TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    key  BYTEA NOT NULL CHECK (octet_length(key) = 32)
);
CREATE INDEX pushed_requests_waiting ON pushed_requests (client_id, expires_at) WHERE used_at IS NULL;

CREATE TABLE device_codes (
    digest      BYTEA NOT NULL PRIMARY KEY CHECK (octet_length(digest) = 32),
    user_code   TEXT COLLATE "C" NOT NULL UNIQUE,
    client_id   TEXT COLLATE "C" NOT NULL REFERENCES clients (client_id) ON DELETE CASCADE ON UPDATE CASCADE,
    request     TEXT COLLATE "C" NOT NULL,
    address     TEXT COLLATE "C" NOT NULL,
    created_at  BIGINT,
    wait        BIGINT NOT NULL, -- between two polls, in milliseconds
    polled_at   BIGINT,
    answered_at BIGINT,
    allowed     BOOLEAN NOT NULL,
    expires_at  BIGINT NOT NULL
);
CREATE INDEX device_codes_of_client ON device_codes (client_id);
CREATE INDEX device_codes_by_expiry ON device_codes (expires_at);

CREATE TABLE totps (
    user_id    TEXT COLLATE "C" NOT NULL PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    secret     BYTEA NOT NULL, -- sealed
    last_step  BIGINT NOT NULL,
    created_at BIGINT
);

CREATE TABLE recovery_codes (
    user_id TEXT COLLATE "C" NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    digest  BYTEA NOT NULL CHECK (octet_length(digest) = 32),
    used_at BIGINT,
    PRIMARY KEY (user_id, digest)
);

CREATE TABLE passkeys (
    id           TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    credential   BYTEA NOT NULL UNIQUE CHECK (octet_length(credential) BETWEEN 1 AND 1023),
    user_id      TEXT COLLATE "C" NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    rp_id        TEXT COLLATE "C" NOT NULL,
    name         TEXT COLLATE "C" NOT NULL,
    record       TEXT COLLATE "C" NOT NULL,
    sign_count   BIGINT NOT NULL,
    created_at   BIGINT,
    last_used_at BIGINT
);
CREATE INDEX passkeys_of_user ON passkeys (user_id);

CREATE TABLE challenges (
    key        TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    browser    BYTEA NOT NULL CHECK (octet_length(browser) = 32),
    data       TEXT COLLATE "C" NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX challenges_by_expiry ON challenges (expires_at);

CREATE TABLE outbox (
    id          TEXT COLLATE "C" NOT NULL PRIMARY KEY, -- time-ordered
    kind        TEXT COLLATE "C" NOT NULL,
    payload     TEXT COLLATE "C" NOT NULL, -- JSON
    tries       BIGINT NOT NULL,
    next_try_at BIGINT NOT NULL,
    expires_at  BIGINT NOT NULL
);
CREATE INDEX outbox_due ON outbox (kind, next_try_at);
CREATE INDEX outbox_by_expiry ON outbox (expires_at);

CREATE TABLE mail_links (
    purpose    TEXT COLLATE "C" NOT NULL,
    holder     TEXT COLLATE "C" NOT NULL, -- the user's id, or the address in lower case where there is no user
    digest     BYTEA NOT NULL UNIQUE CHECK (octet_length(digest) = 32),
    user_id    TEXT COLLATE "C" REFERENCES users (id) ON DELETE CASCADE, -- NULL: none yet
    address    TEXT COLLATE "C" NOT NULL,
    name       TEXT COLLATE "C" NOT NULL,
    locale     TEXT COLLATE "C" NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (purpose, holder)
);
CREATE INDEX mail_links_of_user ON mail_links (user_id) WHERE user_id IS NOT NULL;
CREATE INDEX mail_links_by_expiry ON mail_links (expires_at);

CREATE TABLE registrations (
    application_id TEXT COLLATE "C" NOT NULL PRIMARY KEY REFERENCES applications (id) ON DELETE CASCADE,
    kind           TEXT COLLATE "C" NOT NULL,
    digest         BYTEA CHECK (octet_length(digest) = 32), -- NULL: none
    keys           TEXT COLLATE "C" NOT NULL,
    address_prefix TEXT COLLATE "C" NOT NULL,
    created_at     BIGINT,
    expires_at     BIGINT NOT NULL
);
CREATE INDEX registrations_by_address ON registrations (address_prefix, created_at);
CREATE INDEX registrations_by_expiry ON registrations (expires_at, kind);
CREATE INDEX users_by_called ON users (called, id);
CREATE INDEX service_users_by_name ON subjects (username, id) WHERE kind = 'service_user';

CREATE TABLE refusals (
    id        TEXT COLLATE "C" PRIMARY KEY,
    decision  TEXT COLLATE "C" NOT NULL,
    at        BIGINT NOT NULL,
    place     TEXT COLLATE "C" NOT NULL,
    reason    TEXT COLLATE "C" NOT NULL,
    detail    TEXT COLLATE "C" NOT NULL,
    api_id    TEXT COLLATE "C" NOT NULL,
    client_id TEXT COLLATE "C" NOT NULL,
    issuer    TEXT COLLATE "C" NOT NULL,
    audience  TEXT COLLATE "C" NOT NULL,
    key_id    TEXT COLLATE "C" NOT NULL,
    subject   TEXT COLLATE "C" NOT NULL
);
CREATE INDEX refusals_decision ON refusals (decision);
CREATE INDEX refusals_reason ON refusals (reason, id);
CREATE INDEX refusals_place ON refusals (place, reason, id);

CREATE TABLE counts (
    hour   BIGINT NOT NULL,
    reason TEXT COLLATE "C" NOT NULL,
    number BIGINT NOT NULL,
    PRIMARY KEY (hour, reason)
);

INSERT INTO heartbeat (id) VALUES (1);

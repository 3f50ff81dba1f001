-- What lists of people are ordered by, and when people logged in last.

-- +goose Up
ALTER TABLE users ADD COLUMN called TEXT NOT NULL DEFAULT ''; -- the login name, or the address of those without one
ALTER TABLE users ADD COLUMN last_login_at INTEGER;
UPDATE users SET
    called = coalesce((SELECT CASE WHEN s.username = '' THEN email ELSE s.username END FROM subjects s WHERE s.id = users.id), ''),
    last_login_at = (SELECT max(x.created_at) FROM sessions x WHERE x.user_id = users.id);
CREATE INDEX users_by_called ON users (called, id);

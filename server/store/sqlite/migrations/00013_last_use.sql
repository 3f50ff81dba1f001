-- When what clients prove themselves with, and personal access tokens, were last used.

-- +goose Up
ALTER TABLE secrets ADD COLUMN used_at INTEGER;
ALTER TABLE client_keys ADD COLUMN used_at INTEGER;
ALTER TABLE tokens ADD COLUMN used_at INTEGER; -- of personal access tokens alone

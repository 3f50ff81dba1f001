-- How an application is told about a person, and which sessions a browser keeps when it is closed.

-- +goose Up
ALTER TABLE applications ADD COLUMN userinfo_algorithm TEXT NOT NULL DEFAULT ''; -- a JWS algorithm; empty: JSON

ALTER TABLE sessions ADD COLUMN remembered INTEGER NOT NULL DEFAULT 0;

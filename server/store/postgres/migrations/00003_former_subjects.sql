-- As 00015 of SQLite: the access tokens of a subject that is deleted are left to their end.

-- +goose Up
CREATE TABLE former_subjects (
    id         TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    ended_at   BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX former_subjects_by_expiry ON former_subjects (expires_at);
ALTER TABLE tokens DROP CONSTRAINT tokens_subject_id_fkey;

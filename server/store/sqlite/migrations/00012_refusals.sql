-- What was refused, and how much was issued and refused. Of a refused token no part is kept.

-- +goose Up
CREATE TABLE refusals (
    id        TEXT PRIMARY KEY,
    decision  TEXT NOT NULL,
    at        INTEGER NOT NULL,
    place     TEXT NOT NULL,
    reason    TEXT NOT NULL,
    detail    TEXT NOT NULL,
    api_id    TEXT NOT NULL,
    client_id TEXT NOT NULL,
    issuer    TEXT NOT NULL,
    audience  TEXT NOT NULL,
    key_id    TEXT NOT NULL,
    subject   TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX refusals_decision ON refusals (decision);
CREATE INDEX refusals_reason ON refusals (reason, id);
CREATE INDEX refusals_place ON refusals (place, reason, id);
CREATE TABLE counts (
    hour   INTEGER NOT NULL,
    reason TEXT NOT NULL,
    number INTEGER NOT NULL,
    PRIMARY KEY (hour, reason)
) STRICT, WITHOUT ROWID;

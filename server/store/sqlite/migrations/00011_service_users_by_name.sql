-- What the list of service users is ordered by and counted in.

-- +goose Up
CREATE INDEX service_users_by_name ON subjects (username, id) WHERE kind = 'service_user';

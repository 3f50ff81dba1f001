-- As 00014 of SQLite: the version of the registry. Triggers are once a statement here and not once a row; a notification
-- that is sent many times in a transaction arrives once, when that is committed.

-- +goose Up
CREATE TABLE registry_version (
    id BIGINT PRIMARY KEY CHECK (id = 1),
    v  BIGINT NOT NULL
);
INSERT INTO registry_version (id, v) VALUES (1, 1);

-- +goose StatementBegin
CREATE FUNCTION registry_moves() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    UPDATE registry_version SET v = v + 1;
    PERFORM pg_notify('postern_registry', '');
    RETURN NULL;
END
$$;
-- +goose StatementEnd

CREATE TRIGGER registry_moves AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON organizations EXECUTE FUNCTION registry_moves();
CREATE TRIGGER registry_moves AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON projects EXECUTE FUNCTION registry_moves();
CREATE TRIGGER registry_moves AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON roles EXECUTE FUNCTION registry_moves();
CREATE TRIGGER registry_moves AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON apis EXECUTE FUNCTION registry_moves();
CREATE TRIGGER registry_moves AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON permissions EXECUTE FUNCTION registry_moves();
CREATE TRIGGER registry_moves AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON subjects EXECUTE FUNCTION registry_moves();
CREATE TRIGGER registry_moves AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON clients EXECUTE FUNCTION registry_moves();
CREATE TRIGGER registry_moves AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON service_users EXECUTE FUNCTION registry_moves();
CREATE TRIGGER registry_moves AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON applications EXECUTE FUNCTION registry_moves();
CREATE TRIGGER registry_moves AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON assignments EXECUTE FUNCTION registry_moves();
CREATE TRIGGER registry_moves AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON assigned_rights EXECUTE FUNCTION registry_moves();
CREATE TRIGGER registry_moves AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON secrets EXECUTE FUNCTION registry_moves();
CREATE TRIGGER registry_moves AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON client_keys EXECUTE FUNCTION registry_moves();
CREATE TRIGGER registry_moves AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON client_certificates EXECUTE FUNCTION registry_moves();

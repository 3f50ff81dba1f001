-- A number that moves with every change of what requests ask for before they are answered: who may get what. A server
-- that remembers what it has read for as long as the number stands still is never behind. Triggers move it, so that
-- there is no way of changing these tables that it does not see.

-- +goose Up
CREATE TABLE registry_version (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    v  INTEGER NOT NULL
) STRICT;
INSERT INTO registry_version (id, v) VALUES (1, 1);

-- +goose StatementBegin
CREATE TRIGGER organizations_insert AFTER INSERT ON organizations BEGIN UPDATE registry_version SET v = v + 1; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER organizations_update AFTER UPDATE ON organizations BEGIN UPDATE registry_version SET v = v + 1; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER organizations_delete AFTER DELETE ON organizations BEGIN UPDATE registry_version SET v = v + 1; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER projects_insert AFTER INSERT ON projects BEGIN UPDATE registry_version SET v = v + 1; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER projects_update AFTER UPDATE ON projects BEGIN UPDATE registry_version SET v = v + 1; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER projects_delete AFTER DELETE ON projects BEGIN UPDATE registry_version SET v = v + 1; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER roles_insert AFTER INSERT ON roles BEGIN UPDATE registry_version SET v = v + 1; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER roles_update AFTER UPDATE ON roles BEGIN UPDATE registry_version SET v = v + 1; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER roles_delete AFTER DELETE ON roles BEGIN UPDATE registry_version SET v = v + 1; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER apis_insert AFTER INSERT ON apis BEGIN UPDATE registry_version SET v = v + 1; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER apis_update AFTER UPDATE ON apis BEGIN UPDATE registry_version SET v = v + 1; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER apis_delete AFTER DELETE ON apis BEGIN UPDATE registry_version SET v = v + 1; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER permissions_insert AFTER INSERT ON permissions BEGIN UPDATE registry_version SET v = v + 1; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER permissions_update AFTER UPDATE ON permissions BEGIN UPDATE registry_version SET v = v + 1; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER permissions_delete AFTER DELETE ON permissions BEGIN UPDATE registry_version SET v = v + 1; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER subjects_insert AFTER INSERT ON subjects BEGIN UPDATE registry_version SET v = v + 1; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER subjects_update AFTER UPDATE ON subjects BEGIN UPDATE registry_version SET v = v + 1; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER subjects_delete AFTER DELETE ON subjects BEGIN UPDATE registry_version SET v = v + 1; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER clients_insert AFTER INSERT ON clients BEGIN UPDATE registry_version SET v = v + 1; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER clients_update AFTER UPDATE ON clients BEGIN UPDATE registry_version SET v = v + 1; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER clients_delete AFTER DELETE ON clients BEGIN UPDATE registry_version SET v = v + 1; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER service_users_insert AFTER INSERT ON service_users BEGIN UPDATE registry_version SET v = v + 1; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER service_users_update AFTER UPDATE ON service_users BEGIN UPDATE registry_version SET v = v + 1; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER service_users_delete AFTER DELETE ON service_users BEGIN UPDATE registry_version SET v = v + 1; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER applications_insert AFTER INSERT ON applications BEGIN UPDATE registry_version SET v = v + 1; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER applications_update AFTER UPDATE ON applications BEGIN UPDATE registry_version SET v = v + 1; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER applications_delete AFTER DELETE ON applications BEGIN UPDATE registry_version SET v = v + 1; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER assignments_insert AFTER INSERT ON assignments BEGIN UPDATE registry_version SET v = v + 1; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER assignments_update AFTER UPDATE ON assignments BEGIN UPDATE registry_version SET v = v + 1; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER assignments_delete AFTER DELETE ON assignments BEGIN UPDATE registry_version SET v = v + 1; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER assigned_rights_insert AFTER INSERT ON assigned_rights BEGIN UPDATE registry_version SET v = v + 1; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER assigned_rights_update AFTER UPDATE ON assigned_rights BEGIN UPDATE registry_version SET v = v + 1; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER assigned_rights_delete AFTER DELETE ON assigned_rights BEGIN UPDATE registry_version SET v = v + 1; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER secrets_insert AFTER INSERT ON secrets BEGIN UPDATE registry_version SET v = v + 1; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER secrets_update AFTER UPDATE ON secrets BEGIN UPDATE registry_version SET v = v + 1; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER secrets_delete AFTER DELETE ON secrets BEGIN UPDATE registry_version SET v = v + 1; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER client_keys_insert AFTER INSERT ON client_keys BEGIN UPDATE registry_version SET v = v + 1; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER client_keys_update AFTER UPDATE ON client_keys BEGIN UPDATE registry_version SET v = v + 1; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER client_keys_delete AFTER DELETE ON client_keys BEGIN UPDATE registry_version SET v = v + 1; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER client_certificates_insert AFTER INSERT ON client_certificates BEGIN UPDATE registry_version SET v = v + 1; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER client_certificates_update AFTER UPDATE ON client_certificates BEGIN UPDATE registry_version SET v = v + 1; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER client_certificates_delete AFTER DELETE ON client_certificates BEGIN UPDATE registry_version SET v = v + 1; END;
-- +goose StatementEnd

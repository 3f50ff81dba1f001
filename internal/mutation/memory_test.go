package mutation

var (
	withPostgres = []string{"server/store/postgres"}
	besides      = []string{"server/store/sqlite", "server/store/postgres"}
)

// memoryMutants are the checks that keep what is remembered of the registry from being behind it.
var memoryMutants = []mutant{
	{"memory: the engine says that it stands still", "server/store/internal/sqlstore/memory.go", ` && m.backend.Current(current.version) {`, ` {`, besides},
	{"memory: an exact view asks", "server/store/internal/sqlstore/memory.go", `current != nil && !exact && asked`, `current != nil && asked`, withPostgres},
	{"memory: another version is another snapshot", "server/store/internal/sqlstore/memory.go", `current != nil && current.version == version`, `current != nil`, besides},
	{"memory: what is not there is not remembered", "server/store/internal/sqlstore/memory.go", `if err != nil || len(objects) == 0 {`, `if err != nil {`, nil},
	{"memory: a transaction sees itself", "server/store/internal/sqlstore/sqlstore.go", `own = f(&Tx{runner: r, backend: s.backend, now: s.now})`, `own = f(&Tx{runner: r, backend: s.backend, memory: s.memory, now: s.now})`, besides},
	{"memory: its bound", "server/store/internal/sqlstore/memory.go", `if s.size+a.size <= maxRemembered {`, `if s.size <= maxRemembered {`, nil},
	{"memory: what is too large for it", "server/store/internal/sqlstore/memory.go", `if a.size > maxRemembered/8 {`, `if a.size < 0 {`, nil},
	{"memory: permissions are the caller's", "server/store/internal/sqlstore/apis.go", `a.Permissions = slices.Clone(a.Permissions)`, `a.Permissions = slices.Clip(a.Permissions)`, withStore},
	{"memory: keys are the caller's", "server/store/internal/sqlstore/clients.go", `k.PublicKey = slices.Clone(k.PublicKey)`, `k.PublicKey = slices.Clip(k.PublicKey)`, withStore},
	{"memory: the mark comes before the commit", "server/store/sqlite/writer.go", `if !single {`, `if false {`, nil},
	{"memory: a single statement is told from others", "server/store/sqlite/writer.go", `single = single && j.single`, ``, nil},
	{"memory: a change ends the lease", "server/store/postgres/database.go", "\td.moved(version)\n", "\t_ = version\n", nil},
	{"memory: an end outlives the answer to an earlier question", "server/store/postgres/lease.go", `if turn == l.turn {`, `if turn >= 0 {`, nil},
	{"memory: a lease ends", "server/store/postgres/lease.go", ` && time.Now().Before(l.until)`, ``, nil},
}

// endingMutants are what keeps a token that has been ended from being good again.
var endingMutants = []mutant{
	{"ending: a service user that is deactivated", "server/internal/registry/users.go", `if err != nil || !before.Active || u.Active {`, `if err != nil || before.Active || u.Active {`, withServer},
	{"ending: a clock that is ahead", "server/internal/registry/tokens.go", `return r.now.Add(keys.ClockBound)`, `return r.now`, withServer},
	{"ending: the subject of a client", "server/internal/registry/tokens.go", `return r.tx.EndSubject(ctx, owner.ID, at)`, `return nil`, withServer},
	{"ending: tokens that would be dead", "server/internal/grant/ended.go", `if left <= 0 {`, `if left > 0 {`, withServer},
	{"ending: personal access tokens", "server/store/internal/sqlstore/subjects.go", `AND revoked_at IS NULL AND issued_at < $2`, `AND revoked_at IS NULL AND false`, withStore},
	{"ending: all subjects", "server/store/internal/sqlstore/subjects.go", `SELECT id FROM subjects WHERE id > $1 ORDER BY id LIMIT $2`, `SELECT id FROM subjects WHERE id > $1 ORDER BY id DESC LIMIT $2`, withStore},
}

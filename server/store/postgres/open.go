package postgres

import (
	"cmp"
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	gooselock "github.com/pressly/goose/v3/lock"

	"github.com/postern-auth/postern/server/store/internal/sqlstore"
)

const (
	// defaultConnections is Options.Connections when that is zero.
	defaultConnections = 8
	// patience is how long anything may take, whatever the database does meanwhile. The server's own limits are
	// below it, but no limit of the server ends the wait for a standby.
	patience = 5 * time.Second
	// connectTime is how long a connection may take to be made, at each of the hosts.
	connectTime = 2 * time.Second
	// versions is the table of what migrations have been made. It also says that the database is ours.
	versions = "postern_schema"
)

// settings are those of every session.
var settings = map[string]string{
	"statement_timeout":                   "4500",
	"lock_timeout":                        "3000",
	"idle_in_transaction_session_timeout": "10000",
}

//go:embed migrations/*.sql
var migrations embed.FS

// Open opens the store in the database that a URL or a list of keywords names, as libpq has them ("Connection
// Strings"), and brings the schema up to date. A database on another machine has to say sslmode. Errors do not hold
// the password.
//
// It fails when the database holds tables of another program, and when its schema is newer than this program. The
// context bounds Open alone.
func Open(ctx context.Context, address string, options Options) (*Store, error) {
	d, err := open(ctx, address, options)
	if err != nil {
		return nil, fmt.Errorf("postgres: open: %w", err)
	}
	return newStore(d, options.Now), nil
}

func newStore(d *database, now func() time.Time) *Store {
	if now == nil {
		now = time.Now
	}
	return &Store{sqlstore.New(d, now)}
}

func open(ctx context.Context, address string, options Options) (*database, error) {
	config, err := pgxpool.ParseConfig(address)
	if err != nil {
		// The parser's own words may quote a part of the password.
		return nil, errors.New("the address cannot be read: expected postgres://user@host/database, with %-escapes in the password, or the keywords of libpq")
	}
	if err := checkTLS(address, config); err != nil {
		return nil, err
	}
	if config.ConnConfig.ConnectTimeout == 0 || config.ConnConfig.ConnectTimeout > connectTime {
		config.ConnConfig.ConnectTimeout = connectTime
	}
	config.ConnConfig.RuntimeParams["application_name"] = cmp.Or(config.ConnConfig.RuntimeParams["application_name"], "postern")
	if err := prepare(ctx, config); err != nil {
		return nil, err
	}
	config.MaxConns = int32(cmp.Or(options.Connections, defaultConnections))
	config.ConnConfig.OnNotice = doubt
	for name, value := range settings {
		if _, given := config.ConnConfig.RuntimeParams[name]; !given {
			config.ConnConfig.RuntimeParams[name] = value
		}
	}
	pool, err := pgxpool.NewWithConfig(context.WithoutCancel(ctx), config)
	if err != nil {
		return nil, err
	}
	if err := pool.Ping(ctx); err != nil {
		pool.Close()
		return nil, err
	}
	if options.Strict {
		return newDatabase(pool, nil), nil
	}
	return newDatabase(pool, newLease(config.ConnConfig)), nil
}

// checkTLS refuses to choose by itself how a database on another machine is spoken to: without a word about it, libpq
// and what follows it try TLS, check no certificate, and do without.
func checkTLS(address string, config *pgxpool.Config) error {
	if strings.Contains(address, "sslmode") || os.Getenv("PGSSLMODE") != "" {
		return nil
	}
	hosts := []string{config.ConnConfig.Host}
	for _, other := range config.ConnConfig.Fallbacks {
		hosts = append(hosts, other.Host)
	}
	for _, host := range hosts {
		if ip := net.ParseIP(host); strings.HasPrefix(host, "/") || host == "localhost" || ip != nil && ip.IsLoopback() {
			continue
		}
		return errors.New("the database is on another machine: say sslmode=verify-full, with sslrootcert where its authority is not one of the system's, or sslmode=disable on a network of its own")
	}
	return nil
}

// prepare makes sure that the database is ours, with the schema of this program. Of servers that do so at once one does
// the work.
func prepare(ctx context.Context, config *pgxpool.Config) error {
	db := stdlib.OpenDB(*config.ConnConfig.Copy())
	defer db.Close()
	if err := claim(ctx, db); err != nil {
		return err
	}
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	locker, err := gooselock.NewPostgresSessionLocker(gooselock.WithLockTimeout(1, 60), gooselock.WithUnlockTimeout(1, 10))
	if err != nil {
		return err
	}
	provider, err := goose.NewProvider(goose.DialectPostgres, db, files, goose.WithDisableGlobalRegistry(true),
		goose.WithTableName(versions), goose.WithSessionLocker(locker))
	if err != nil {
		return err
	}
	if _, err := provider.Up(ctx); err != nil {
		return err
	}
	current, target, err := provider.GetVersions(ctx)
	if err == nil && current > target {
		return fmt.Errorf("the schema has version %d, this program knows versions up to %d: start a newer postern", current, target)
	}
	return err
}

// claim refuses a database in which there are tables, and not ours.
func claim(ctx context.Context, db *sql.DB) error {
	var tables, ours int
	err := db.QueryRowContext(ctx, `
		SELECT count(*), count(*) FILTER (WHERE tablename = $1) FROM pg_tables WHERE schemaname = current_schema()`, versions).Scan(&tables, &ours)
	if err == nil && tables > 0 && ours == 0 {
		return errors.New("the database holds tables of another program: give the name of an empty one, or a search_path of its own")
	}
	return err
}

// doubted is set in the data of a connection whose server has called a commit done that no standby has confirmed.
const doubted = "doubted"

// doubt sees such commits: they come with a warning, whose code is that of any other and whose words are translated. So
// whoever commits forgets before what was warned of until then.
func doubt(c *pgconn.PgConn, n *pgconn.Notice) {
	if n.SeverityUnlocalized == "WARNING" && n.Code == "01000" {
		c.CustomData()[doubted] = true
	}
}

package postgres

import (
	"context"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/postern-auth/postern/server/store/internal/sqlstore"
)

const (
	// leaseTime is how long the answer to a question about the version holds, from when it was asked.
	leaseTime = time.Second
	// askEvery is how long the listening connection is silent at most before it is asked, and askPatience how long the
	// answer may take: so a connection that was cut in silence is noticed before the lease is over.
	askEvery    = 400 * time.Millisecond
	askPatience = 800 * time.Millisecond
	// relisten is how long nobody tries to listen again.
	relisten = 250 * time.Millisecond
	// listens is what the listening connection is called by, behind the name of the others, in pg_stat_activity.
	listens = " (listens)"
)

// lease is the right to say that the registry stands still without asking the database. A connection of its own listens
// to what every change tells (the function registry_moves of the schema), and asks for the version all the time; the
// answer holds for a second, unless something is told before. Where nobody can be asked it is over, and the version's row
// is read for every request.
//
// So what another server changes is seen here as soon as PostgreSQL tells, and after a second if it does not. What this
// server changes ends the lease before the change returns. It is safe for concurrent use.
type lease struct {
	config *pgx.ConnConfig

	mu      sync.Mutex
	version int64
	until   time.Time
	turn    int // counts its ends, for an answer to what was asked before an end does not renew it

	stop    context.CancelFunc
	stopped chan struct{}
}

// newLease starts to listen.
func newLease(config *pgx.ConnConfig) *lease {
	ctx, stop := context.WithCancel(context.Background())
	config = config.Copy()
	config.RuntimeParams["application_name"] += listens
	l := &lease{config: config, stop: stop, stopped: make(chan struct{})}
	go l.run(ctx)
	return l
}

func (l *lease) close() {
	l.stop()
	<-l.stopped
}

// holds reports whether the version is known to be that of the registry.
func (l *lease) holds(version int64) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.version == version && time.Now().Before(l.until)
}

// end ends the lease unless it is of the version that the registry has now; 0 is none.
func (l *lease) end(now int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now == 0 || now != l.version {
		l.until = time.Time{}
		l.turn++
	}
}

func (l *lease) ended() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.turn
}

// renew takes the answer to what was asked in a turn.
func (l *lease) renew(turn int, version int64, asked time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if turn == l.turn {
		l.version, l.until = version, asked.Add(leaseTime)
	}
}

func (l *lease) run(ctx context.Context) {
	defer close(l.stopped)
	for ctx.Err() == nil {
		_ = l.listen(ctx) // whoever cannot read tells why
		l.end(0)
		select {
		case <-ctx.Done():
		case <-time.After(relisten):
		}
	}
}

// listen keeps the lease until the connection fails.
func (l *lease) listen(ctx context.Context) error {
	connecting, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	conn, err := pgx.ConnectConfig(connecting, l.config)
	if err != nil {
		return err
	}
	defer func() {
		closing, cancel := context.WithTimeout(context.Background(), askPatience)
		defer cancel()
		_ = conn.Close(closing)
	}()
	if _, err := conn.Exec(connecting, `LISTEN postern_registry`); err != nil {
		return err
	}
	for {
		if err := l.ask(ctx, conn); err != nil {
			return err
		}
		waiting, cancel := context.WithTimeout(ctx, askEvery)
		_, err := conn.WaitForNotification(waiting)
		cancel()
		switch {
		case err == nil:
			l.end(0)
		case ctx.Err() != nil || waiting.Err() == nil:
			return err
		}
	}
}

// ask renews the lease. What is told while the answer comes ends it: it waits in the connection until then.
func (l *lease) ask(ctx context.Context, conn *pgx.Conn) error {
	ctx, cancel := context.WithTimeout(ctx, askPatience)
	defer cancel()
	turn, asked := l.ended(), time.Now()
	version, err := sqlstore.Version(ctx, querier{ctx, conn})
	if err == nil {
		l.renew(turn, version, asked)
	}
	return err
}

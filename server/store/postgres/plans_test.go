package postgres

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/postern-auth/postern/internal/postgrestest"
	"github.com/postern-auth/postern/server/store/storetest"
)

// whole are the methods that are asked for all there is of something, or for parts of such lists, by people and commands,
// and the sweep. No request of a program runs them.
var whole = []string{
	"APIs", "APIsPart", "Applications", "ApplicationsPart", "DeleteExpiredTokens", "EventsBefore", "HolderCounts", "HoldersPart",
	"LatestEvents", "Organizations", "Projects", "ProjectsPart", "PruneRefusals", "RightsPart", "RolesPart", "ServiceUsers",
	"ServiceUsersPart", "SigningKeys", "StandingsOf", "Users", "UsersPart",
	"TokensOf", // of access tokens, which nobody asks for; those of personal access tokens have an index
}

// PostgreSQL is told to look at every row of a table only where nothing else answers a statement. For what requests run
// there has to be an index.
func TestNoStatementOfARequestLooksAtEveryRow(t *testing.T) {
	ctx := t.Context()
	// With one connection all statements are prepared on the one that is asked.
	d, err := open(context.Background(), postgrestest.Start(t, "fsync=off").Database(t), Options{Connections: 1, Strict: true})
	if err != nil {
		t.Fatal(err)
	}
	s := newStore(d, nil)
	defer s.Close()
	storetest.Fill(t, s)
	for _, setting := range []string{`SET enable_seqscan = off`, `SET plan_cache_mode = force_generic_plan`} {
		if _, err := d.pool.Exec(ctx, setting); err != nil {
			t.Fatal(err)
		}
	}
	seen := make(map[string]bool)
	explain := func(method string) {
		t.Helper()
		for name, statement := range prepared(t, d) {
			if seen[name] {
				continue
			}
			seen[name] = true
			plan, err := statement.plan(ctx, d, name)
			if err != nil {
				t.Fatalf("%s: %v:\n%s", method, err, statement.text)
			}
			if strings.Contains(plan, "Seq Scan") && !slices.Contains(whole, method) {
				t.Errorf("%s looks at every row:\n%s\n%s", method, statement.text, plan)
			}
		}
	}
	explain("Fill")
	for method, call := range storetest.Calls(ctx, s) {
		_ = call() // whatever comes of it, it has been prepared
		explain(method)
	}
	if explained := len(seen); explained < 100 {
		t.Errorf("expected 100 statements at least, got %d", explained)
	}
}

// statement is one that is prepared on the connection.
type statement struct {
	text       string
	parameters int
}

// prepared returns the statements by their names there.
func prepared(t *testing.T, d *database) map[string]statement {
	t.Helper()
	rows, err := d.pool.Query(t.Context(), `
		SELECT name, statement, coalesce(array_length(parameter_types, 1), 0) FROM pg_prepared_statements
		WHERE statement ~* '^\s*(SELECT|INSERT|UPDATE|DELETE|WITH)' AND statement !~ 'pg_(prepared|advisory)'`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	all := make(map[string]statement)
	for rows.Next() {
		var name string
		var s statement
		if err := rows.Scan(&name, &s.text, &s.parameters); err != nil {
			t.Fatal(err)
		}
		all[name] = s
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

// plan returns how PostgreSQL would do it, whatever the parameters are.
func (s statement) plan(ctx context.Context, d *database, name string) (string, error) {
	call := `"` + name + `"`
	if s.parameters > 0 {
		call += "(" + strings.TrimSuffix(strings.Repeat("NULL, ", s.parameters), ", ") + ")"
	}
	rows, err := d.pool.Query(ctx, `EXPLAIN EXECUTE `+call)
	if err != nil {
		return "", err
	}
	defer rows.Close()
	var plan strings.Builder
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			return "", err
		}
		fmt.Fprintln(&plan, line)
	}
	return plan.String(), rows.Err()
}

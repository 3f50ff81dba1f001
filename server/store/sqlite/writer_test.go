package sqlite

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/postern-auth/postern/server/store"
	"github.com/postern-auth/postern/server/store/internal/sqlstore"
)

func openInternal(t testing.TB, options Options) (*Store, *database) {
	t.Helper()
	return openPath(t, filepath.Join(t.TempDir(), "postern.db"), options)
}

func openPath(t testing.TB, path string, options Options) (*Store, *database) {
	t.Helper()
	s, err := Open(context.Background(), path, options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	if err := s.PutServiceUser(context.Background(), store.ServiceUser{ID: "u1", Username: "mailer"}); err != nil {
		t.Fatal(err)
	}
	return s, s.engine
}

func newToken(id string) store.Token {
	return store.Token{
		ID: id, Kind: store.AccessToken, SubjectID: "u1", Issuer: "https://login.example.com",
		Audience: []string{"203"}, Scopes: []string{"read:messages"}, IssuedAt: time.UnixMilli(1), ExpiresAt: time.UnixMilli(2),
	}
}

// createTokens creates n tokens from each of that many callers at once.
func createTokens(s *Store, callers, n int) error {
	errs := make([]error, callers)
	var done sync.WaitGroup
	for c := range callers {
		done.Go(func() {
			for i := 0; i < n && errs[c] == nil; i++ {
				errs[c] = s.CreateToken(context.Background(), newToken(fmt.Sprintf("%06d-%d", i, c)))
			}
		})
	}
	done.Wait()
	return errors.Join(errs...)
}

// hold occupies the writer until the returned function is called.
func hold(t *testing.T, s *Store) (release func()) {
	t.Helper()
	began, end, ended := make(chan struct{}), make(chan struct{}), make(chan error)
	go func() {
		ended <- s.InTx(context.Background(), func(store.Tx) error {
			close(began)
			<-end
			return nil
		})
	}()
	<-began
	return func() {
		t.Helper()
		close(end)
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}

// queued waits until n jobs are in the queue.
func queued(w *writer, n int) {
	for {
		w.mu.Lock()
		length := len(w.queue)
		w.mu.Unlock()
		if length >= n {
			return
		}
		runtime.Gosched()
	}
}

func TestManyCallersShareACommit(t *testing.T) {
	s, d := openInternal(t, Options{})
	commits, jobs := d.writer.commits.Load(), d.writer.jobs.Load()
	if err := createTokens(s, 64, 100); err != nil {
		t.Fatal(err)
	}
	commits, jobs = d.writer.commits.Load()-commits, d.writer.jobs.Load()-jobs
	if perCommit := float64(jobs) / float64(commits); jobs != 6400 || perCommit < 20 {
		t.Errorf("expected 6400 rows, at least 20 to a commit, got %d rows, %.1f to a commit", jobs, perCommit)
	}
	t.Logf("%d rows in %d commits", jobs, commits)
}

func TestOneCallerAloneWaitsForNobody(t *testing.T) {
	s, d := openInternal(t, Options{CommitDelay: 24 * time.Hour})
	commits := d.writer.commits.Load()
	if err := createTokens(s, 1, 50); err != nil {
		t.Fatal(err)
	}
	if got := d.writer.commits.Load() - commits; got != 50 {
		t.Errorf("expected 50 commits, got %d", got)
	}
}

func TestWithoutDelayEveryWriteIsCommittedToo(t *testing.T) {
	s, d := openInternal(t, Options{CommitDelay: -1})
	if err := createTokens(s, 16, 20); err != nil {
		t.Fatal(err)
	}
	if tokens, err := s.TokensOf(context.Background(), "u1", store.AccessToken); err != nil || len(tokens) != 16*20 || d.writer.delay >= 0 {
		t.Errorf("expected %d tokens without delay, got %d with %v, %v", 16*20, len(tokens), d.writer.delay, err)
	}
}

func TestAFailingWriteTakesNoOtherWithIt(t *testing.T) {
	s, d := openInternal(t, Options{})
	release := hold(t, s)
	const callers = 30
	errs := make([]error, callers)
	commits := d.writer.commits.Load()
	var done sync.WaitGroup
	for c := range callers {
		done.Go(func() {
			token := newToken(fmt.Sprint(c))
			if c%3 == 1 {
				errs[c] = s.CreateSecret(context.Background(), store.Secret{ID: token.ID, Owner: store.Owner{Kind: store.APIClient, ID: "nobody"}})
				return
			}
			if c%3 == 2 {
				token.ID = "same"
			}
			errs[c] = s.CreateToken(context.Background(), token)
		})
	}
	queued(d.writer, callers)
	release()
	done.Wait()
	if got := d.writer.commits.Load() - commits; got != 2 {
		t.Errorf("expected the writes to share a commit, got %d commits beside that of the holder", got-1)
	}
	var same int
	for c, err := range errs {
		switch {
		case c%3 == 0 && err != nil, c%3 == 1 && !errors.Is(err, store.ErrNotFound), c%3 == 2 && err != nil && !errors.Is(err, store.ErrExists):
			t.Errorf("call %d: got %v", c, err)
		case c%3 == 2 && err == nil:
			same++
		}
	}
	tokens, err := s.TokensOf(context.Background(), "u1", store.AccessToken)
	if err != nil || len(tokens) != callers/3+1 || same != 1 {
		t.Errorf("expected %d tokens, one of them by one of the same id, got %d and %d, %v", callers/3+1, len(tokens), same, err)
	}
}

func TestACallerWhoseContextEndsWaitsNoLonger(t *testing.T) {
	s, d := openInternal(t, Options{})
	release := hold(t, s)
	ctx, cancel := context.WithCancel(context.Background())
	calls := map[string]func() error{
		"write":       func() error { return s.CreateToken(ctx, newToken("late")) },
		"transaction": func() error { return s.InTx(ctx, func(store.Tx) error { return errors.New("not to be called") }) },
	}
	errs := make(chan error, len(calls))
	for _, call := range calls {
		go func() { errs <- call() }()
	}
	queued(d.writer, len(calls))
	cancel()
	for range calls {
		if err := <-errs; !errors.Is(err, context.Canceled) || errors.Is(err, store.ErrUnavailable) {
			t.Errorf("expected the context's error, got %v", err)
		}
	}
	release()
	if err := s.Ping(context.Background()); err != nil {
		t.Error(err)
	}
}

func TestAReaderWhoseContextEndsWaitsNoLonger(t *testing.T) {
	s, d := openInternal(t, Options{})
	for range cap(d.slots) {
		d.slots <- struct{}{} // every connection is taken
	}
	ctx, cancel := context.WithCancel(context.Background())
	errs := make(chan error)
	go func() {
		_, err := s.Token(ctx, "t1")
		errs <- err
	}()
	cancel()
	if err := <-errs; !errors.Is(err, context.Canceled) || errors.Is(err, store.ErrUnavailable) {
		t.Errorf("expected the context's error, got %v", err)
	}
	for range cap(d.slots) {
		<-d.slots
	}
}

func TestCloseWaitsForTheWritesThatCameBefore(t *testing.T) {
	path := filepath.Join(t.TempDir(), "postern.db")
	s, d := openPath(t, path, Options{})
	release := hold(t, s)
	const callers = 700 // more than one batch
	errs := make([]error, callers)
	var done sync.WaitGroup
	for c := range callers {
		done.Go(func() { errs[c] = s.CreateToken(context.Background(), newToken(fmt.Sprint(c))) })
	}
	queued(d.writer, callers)
	closed := make(chan error)
	go func() { closed <- s.Close() }()
	release()
	done.Wait()
	if err := errors.Join(append(errs, <-closed)...); err != nil {
		t.Fatal(err)
	}
	s, _ = openPath(t, path, Options{})
	if tokens, err := s.TokensOf(context.Background(), "u1", store.AccessToken); err != nil || len(tokens) != callers {
		t.Errorf("expected %d tokens, got %d, %v", callers, len(tokens), err)
	}
}

func TestALostTransactionFailsAllItsWritesAndTheNextOneIsSound(t *testing.T) {
	s, d := openInternal(t, Options{})
	release := hold(t, s)
	lose := func(q sqlstore.Querier) error {
		_, err := q.Exec("ROLLBACK")
		return errors.Join(err, fmt.Errorf("disk on fire: %w", store.ErrNotFound))
	}
	var jobs []*job
	for i, f := range []func(sqlstore.Querier) error{nil, lose, nil} {
		if f == nil {
			f = func(q sqlstore.Querier) error {
				_, err := q.Exec(`INSERT INTO revoked_jwts (jti) VALUES ($1)`, fmt.Sprint(i))
				return err
			}
		}
		jobs = append(jobs, d.writer.submit(&job{ctx: context.Background(), f: f}))
	}
	release()
	for i, j := range jobs {
		err := <-j.done
		if !errors.Is(err, sqlstore.ErrLost) || d.Explain(err) != nil || errors.Is(err, store.ErrNotFound) || !strings.Contains(err.Error(), "disk on fire") {
			t.Errorf("job %d: expected an outage with its cause, got %v", i, err)
		}
		if revoked, err := s.JWTRevoked(context.Background(), fmt.Sprint(i)); err != nil || revoked {
			t.Errorf("job %d: expected no trace of it, got %t, %v", i, revoked, err)
		}
	}
	if err := s.CreateToken(context.Background(), newToken("next")); err != nil {
		t.Error(err)
	}
}

// The mark is the version of the registry from the beginning, after each change of it, and after one that was undone.
func TestTheMarkIsTheVersion(t *testing.T) {
	s, d := openInternal(t, Options{})
	ctx := context.Background()
	version := func() (v int64) {
		t.Helper()
		err := d.Read(ctx, func(q sqlstore.Querier) (err error) {
			v, err = sqlstore.Version(ctx, q)
			return err
		})
		if err != nil || !d.Current(v) || d.Current(v-1) || d.Current(v+1) {
			t.Errorf("expected the mark to be the version, %d, got %d, %v", v, d.mark.read(), err)
		}
		return v
	}
	first := version()
	for i, change := range []func() error{
		func() error { return s.PutOrganization(ctx, store.Organization{ID: "org"}) },
		func() error {
			return s.InTx(ctx, func(tx store.Tx) error { return tx.PutOrganization(ctx, store.Organization{ID: "org", Name: "x"}) })
		},
	} {
		if err := change(); err != nil {
			t.Fatal(err)
		}
		if v := version(); v <= first {
			t.Errorf("change %d: expected a later version than %d, got %d", i, first, v)
		}
	}
	changed := version()
	if err := s.UseAssertion(ctx, "u1", "jti", time.Time{}); err != nil {
		t.Fatal(err)
	}
	undone := errors.New("undone")
	if err := s.InTx(ctx, func(tx store.Tx) error {
		return errors.Join(tx.PutOrganization(ctx, store.Organization{ID: "other"}), undone)
	}); !errors.Is(err, undone) {
		t.Fatal(err)
	}
	if v := version(); v != changed {
		t.Errorf("expected version %d, got %d", changed, v)
	}
}

// One single statement that fails, whatever for, takes none of its neighbours with it and leaves nothing behind.
func TestASingleStatementThatFailsFailsAlone(t *testing.T) {
	s, d := openInternal(t, Options{})
	ctx := context.Background()
	twice := newToken("twice")
	if err := s.CreateToken(ctx, twice); err != nil {
		t.Fatal(err)
	}
	garbled := newToken("garbled")
	garbled.Scopes = []string{"\xff"}
	release := hold(t, s)
	type outcome struct {
		token store.Token
		err   error
	}
	outcomes := make(chan outcome)
	tokens := []store.Token{newToken("first"), twice, garbled, newToken("last")}
	for _, token := range tokens {
		go func() { outcomes <- outcome{token, s.CreateToken(ctx, token)} }()
	}
	queued(d.writer, len(tokens))
	release()
	for range tokens {
		o := <-outcomes
		if good := o.token.ID == "first" || o.token.ID == "last"; (o.err == nil) != good {
			t.Errorf("%s: %v", o.token.ID, o.err)
		}
		_, err := s.Token(ctx, o.token.ID)
		if there := o.err == nil || o.token.ID == "twice"; (err == nil) != there {
			t.Errorf("%s is there: %t, %v", o.token.ID, err == nil, err)
		}
	}
}

func TestACommitThatFailsIsAnOutageToAllItsWrites(t *testing.T) {
	s, d := openInternal(t, Options{})
	ctx := context.Background()
	release := hold(t, s)
	errs := make(chan error)
	calls := []func() error{
		func() error { return s.UseAssertion(ctx, "u1", "jti", time.Time{}) },
		func() error { return s.UseAssertion(ctx, "u1", "jti", time.Time{}) },
		func() error {
			return d.Write(ctx, func(q sqlstore.Querier) error { // only the commit will notice
				_, err := q.Exec(`PRAGMA defer_foreign_keys = ON`)
				_, insertErr := q.Exec(`INSERT INTO roles (project_id, key, name, position) VALUES ('nowhere', '', '', 0)`)
				return errors.Join(err, insertErr)
			})
		},
		func() error {
			return s.InTx(ctx, func(tx store.Tx) error { return tx.CreateToken(ctx, newToken("t1")) })
		},
	}
	for _, call := range calls {
		go func() { errs <- call() }()
	}
	queued(d.writer, len(calls))
	release()
	for range calls {
		err := <-errs
		if !errors.Is(err, store.ErrUnavailable) || errors.Is(err, store.ErrExists) || errors.Is(err, store.ErrNotFound) {
			t.Errorf("expected an outage, got %v", err)
		}
	}
	if err := s.UseAssertion(ctx, "u1", "jti", time.Time{}); err != nil {
		t.Error(err)
	}
	if _, err := s.Token(ctx, "t1"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("expected no token, got %v", err)
	}
}

func TestALostTransactionTakesNoFurtherCall(t *testing.T) {
	s, d := openInternal(t, Options{})
	ctx := context.Background()
	revoke := func(jti string) func(sqlstore.Querier) error {
		return func(q sqlstore.Querier) error {
			_, err := q.Exec(`INSERT INTO revoked_jwts (jti) VALUES ($1)`, jti)
			return err
		}
	}
	err := d.InTx(ctx, func(r sqlstore.Runner) error {
		if err := r.Write(ctx, revoke("before")); err != nil {
			t.Error(err)
		}
		err := r.Write(ctx, func(q sqlstore.Querier) error {
			_, err := q.Exec("ROLLBACK")
			return errors.Join(err, errors.New("disk on fire"))
		})
		if !errors.Is(err, sqlstore.ErrLost) {
			t.Errorf("expected %v, got %v", sqlstore.ErrLost, err)
		}
		if err := r.Write(ctx, revoke("after")); !errors.Is(err, sqlstore.ErrLost) || d.Explain(err) != nil {
			t.Errorf("expected an outage, got %v", err)
		}
		return nil // the function has not noticed
	})
	if err == nil || d.Explain(err) != nil {
		t.Errorf("expected an outage, got %v", err)
	}
	for _, jti := range []string{"before", "after"} {
		if revoked, err := s.JWTRevoked(ctx, jti); err != nil || revoked {
			t.Errorf("%s: expected no trace, got %t, %v", jti, revoked, err)
		}
	}
	if err := s.RevokeJWT(ctx, "next", time.Time{}); err != nil {
		t.Error(err)
	}
}

func TestAFullDiskIsAnOutageUntilThereIsRoomAgain(t *testing.T) {
	s, d := openInternal(t, Options{})
	limit := func(pages int) {
		err := d.Write(context.Background(), func(q sqlstore.Querier) error {
			_, err := q.Exec(fmt.Sprintf("PRAGMA max_page_count = %d", pages))
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	limit(1) // SQLite takes it as: no page more
	var err error
	written := 0
	for ; err == nil && written < 10_000; written++ {
		token := newToken(fmt.Sprintf("%06d", written))
		token.Name = strings.Repeat("x", 2000)
		err = s.CreateToken(context.Background(), token)
	}
	if !errors.Is(err, store.ErrUnavailable) || !strings.Contains(err.Error(), "full") {
		t.Fatalf("expected an outage because the disk is full, got %v", err)
	}
	if tokens, err := s.TokensOf(context.Background(), "u1", store.AccessToken); err != nil || len(tokens) != written-1 {
		t.Errorf("expected %d tokens to be readable, got %d, %v", written-1, len(tokens), err)
	}
	limit(1 << 30)
	if err := s.CreateToken(context.Background(), newToken("after")); err != nil {
		t.Error(err)
	}
}

func TestALockThatIsNotReleasedIsAnOutage(t *testing.T) {
	path := filepath.Join(t.TempDir(), "postern.db")
	s, d := openPath(t, path, Options{})
	other, _ := openPath(t, path, Options{})
	release := hold(t, other)
	d.writer.patience = 0
	err := s.CreateToken(context.Background(), newToken("t1"))
	if !errors.Is(err, store.ErrUnavailable) || !strings.Contains(err.Error(), "locked") {
		t.Errorf("expected an outage because of the lock, got %v", err)
	}
	release()
	if err := s.CreateToken(context.Background(), newToken("t1")); err != nil {
		t.Error(err)
	}
}

package sqlite_test

import (
	"bufio"
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/postern-auth/postern/server/store"
	"github.com/postern-auth/postern/server/store/sqlite"
	"github.com/postern-auth/postern/server/store/storetest"
)

// roleVariable says what a process that a test starts has to do. Its argument is the path of the database.
const roleVariable = "POSTERN_SQLITE_TEST_ROLE"

func play(ctx context.Context, role, path string) error {
	s, err := sqlite.Open(ctx, path, sqlite.Options{})
	if err != nil {
		return err
	}
	defer s.Close()
	switch role {
	case "write until killed":
		return storetest.WriteUntilKilled(ctx, s, fmt.Sprint(os.Getpid()), os.Stdout)
	case "check":
		n, err := storetest.CheckAcknowledged(ctx, s, os.Stdin)
		fmt.Println(n)
		return err
	case "echo":
		return echo(ctx, s)
	case "write beside":
		return writeBeside(ctx, s, "child")
	case "use code-f1":
		return useBeside(ctx, s, "code-f1", "")
	case "use refresh-f1":
		return useBeside(ctx, s, "refresh-f1", "child")
	}
	return fmt.Errorf("expected a known role, got %q", role)
}

func process(t *testing.T, role, path string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], path)
	cmd.Env = append(os.Environ(), roleVariable+"="+role)
	cmd.Stderr = os.Stderr
	return cmd
}

// TestKill kills a process in the middle of its writes, again and again, and looks with a new process for
// all that was acknowledged.
func TestKill(t *testing.T) {
	rounds, writes := 20, 1000
	if testing.Short() {
		rounds = 3
	}
	path := filepath.Join(t.TempDir(), "postern.db")
	var acknowledged bytes.Buffer
	for range rounds {
		acknowledged.Write(writeAndKill(t, path, writes))
	}
	cmd := process(t, "check", path)
	cmd.Stdin = &acknowledged
	lines := bytes.Count(acknowledged.Bytes(), []byte("\n"))
	output, err := cmd.Output()
	if err != nil {
		t.Fatalf("after %s objects: %v", bytes.TrimSpace(output), err)
	}
	if got := strings.TrimSpace(string(output)); got != fmt.Sprint(lines) || lines < rounds*writes {
		t.Errorf("expected %d objects, at least %d, got %s", lines, rounds*writes, got)
	}
	t.Logf("%d kills, %d acknowledged writes, all there", rounds, lines)
	checkIntegrity(t, path)
}

// writeAndKill returns the lines of the writes that the process acknowledged before it died.
func writeAndKill(t *testing.T, path string, writes int) []byte {
	t.Helper()
	cmd := process(t, "write until killed", path)
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var acknowledged []byte
	acks := bufio.NewReader(stdout)
	for n := 0; ; n++ {
		if n == writes {
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
		line, err := acks.ReadBytes('\n')
		if err != nil { // what follows the last newline was cut off by the kill
			if n < writes {
				t.Fatalf("expected %d writes, the process ended after %d: %v", writes, n, errors.Join(err, cmd.Wait()))
			}
			break
		}
		acknowledged = append(acknowledged, line...)
	}
	_ = cmd.Wait() // it says that the process was killed
	return acknowledged
}

func checkIntegrity(t *testing.T, path string) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var finding string
	if err := db.QueryRow(`PRAGMA integrity_check`).Scan(&finding); err != nil || finding != "ok" {
		t.Errorf("integrity check: expected ok, got %q, %v", finding, err)
	}
	var violations int
	if err := db.QueryRow(`SELECT count(*) FROM pragma_foreign_key_check`).Scan(&violations); err != nil || violations != 0 {
		t.Errorf("foreign key check: expected no row, got %d, %v", violations, err)
	}
}

// echo reads ids of tokens, which the other process has just created, revokes each and says so.
func echo(ctx context.Context, s store.Store) error {
	ids := bufio.NewScanner(os.Stdin)
	for ids.Scan() {
		got, err := s.Token(ctx, ids.Text())
		if err != nil {
			return err
		}
		if err := s.RevokeToken(ctx, got.ID, got.IssuedAt); err != nil {
			return err
		}
		fmt.Println(got.ID)
	}
	return ids.Err()
}

func TestAnotherProcessSeesWritesAtOnceAndIsSeen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "postern.db")
	s := open(t, path, sqlite.Options{})
	seed(t, s)
	cmd := process(t, "echo", path)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	revoked := bufio.NewReader(stdout)
	for i := range 100 {
		id := fmt.Sprint(i)
		if err := s.CreateToken(t.Context(), token(id)); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(stdin, id+"\n"); err != nil {
			t.Fatal(err)
		}
		if line, err := revoked.ReadString('\n'); line != id+"\n" {
			t.Fatalf("expected the other process to revoke %s, got %q, %v", id, line, err)
		}
		if got, err := s.Token(t.Context(), id); err != nil || got.RevokedAt.IsZero() {
			t.Fatalf("expected token %s to be revoked, got %v, %v", id, got.RevokedAt, err)
		}
	}
	if err := errors.Join(stdin.Close(), cmd.Wait()); err != nil {
		t.Fatal(err)
	}
}

// writeBeside writes from many goroutines; none of them may fail.
func writeBeside(ctx context.Context, s store.Store, name string) error {
	const writers, tokens = 32, 40
	errs := make([]error, writers)
	var done sync.WaitGroup
	for w := range writers {
		done.Go(func() {
			for n := 0; n < tokens && errs[w] == nil; n++ {
				errs[w] = s.CreateToken(ctx, token(fmt.Sprintf("%s-%d-%d", name, w, n)))
			}
		})
	}
	done.Wait()
	return errors.Join(errs...)
}

func TestTwoProcessesWriteAtOnceAndWaitForEachOther(t *testing.T) {
	path := filepath.Join(t.TempDir(), "postern.db")
	s := open(t, path, sqlite.Options{})
	seed(t, s)
	cmd := process(t, "write beside", path)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if err := writeBeside(t.Context(), s, "parent"); err != nil {
		t.Error(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	tokens, err := s.TokensOf(t.Context(), "u1", store.AccessToken)
	if err != nil || len(tokens) != 2*32*40 {
		t.Errorf("expected %d tokens, got %d, %v", 2*32*40, len(tokens), err)
	}
}

// useBeside waits for a line and tells how many of a hundred uses at once succeeded.
func useBeside(ctx context.Context, s store.Store, name, next string) error {
	if _, err := bufio.NewReader(os.Stdin).ReadString('\n'); err != nil {
		return err
	}
	n, err := storetest.UseTogether(ctx, s, name, next, 100)
	fmt.Println(n)
	return err
}

func TestTwoProcessesUseNoCodeOrRefreshTokenMoreOftenThanOne(t *testing.T) {
	for name, want := range map[string]int{"code-f1": 1, "refresh-f1": store.MaxSuccessors} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "postern.db")
			s := open(t, path, sqlite.Options{})
			storetest.Share(t, s)
			cmd := process(t, "use "+name, path)
			stdin, err := cmd.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			var stdout bytes.Buffer
			cmd.Stdout = &stdout
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			if _, err := io.WriteString(stdin, "go\n"); err != nil {
				t.Fatal(err)
			}
			var next string
			if name == "refresh-f1" {
				next = "parent"
			}
			mine, err := storetest.UseTogether(t.Context(), s, name, next, 100)
			if err := errors.Join(err, cmd.Wait()); err != nil {
				t.Fatal(err)
			}
			var theirs int
			if _, err := fmt.Sscan(stdout.String(), &theirs); err != nil || mine+theirs != want {
				t.Errorf("expected %d uses of both together to succeed, got %d and %d, %v", want, mine, theirs, err)
			}
			family, err := s.Family(t.Context(), "f1")
			if err != nil || family.RevokedAt.IsZero() {
				t.Errorf("expected the family to be revoked, got %+v, %v", family, err)
			}
		})
	}
}

// Package postgrestest gives tests a PostgreSQL of their own, of the system's programs and thrown away with the test.
//
//	address := postgrestest.Start(t).Database(t)
//
// Where there is no PostgreSQL the test says so and ends; .ci/run installs it and takes no skipped test.
package postgrestest

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
)

// T is the part of testing.TB that this package needs.
type T interface {
	Helper()
	Cleanup(func())
	Fatalf(format string, args ...any)
	Skip(args ...any)
}

// Server is a PostgreSQL on a port of its own, on loopback. Its data is on the disk as that of any other is.
type Server struct {
	programs, data string
	port           int
	databases      atomic.Int64
}

// account is who runs it for root, whom PostgreSQL refuses. Debian's package makes it.
const account = "postgres"

// Start starts a server that ends with the test. Settings such as "max_connections=20" are in addition.
func Start(t T, settings ...string) *Server {
	t.Helper()
	s := &Server{programs: programs(t), port: freePort(t)}
	folder, err := os.MkdirTemp("", "postern-postgres-")
	if err != nil {
		t.Fatalf("postgrestest: %v", err)
	}
	t.Cleanup(func() { os.RemoveAll(folder) })
	if err := own(folder); err != nil {
		t.Fatalf("postgrestest: %v", err)
	}
	s.data = filepath.Join(folder, "data")
	s.run(t, "initdb", "--no-sync", "--auth=trust", "--username=postern", "--encoding=UTF8", "--locale=C.UTF-8", "--pgdata", s.data)
	config := fmt.Sprintf("port = %d\nlisten_addresses = '127.0.0.1'\nunix_socket_directories = ''\nlogging_collector = off\n", s.port)
	for _, setting := range settings {
		config += setting + "\n"
	}
	file, err := os.OpenFile(filepath.Join(s.data, "postgresql.conf"), os.O_APPEND|os.O_WRONLY, 0)
	if err == nil {
		_, err = file.WriteString(config)
		err = errors.Join(err, file.Close())
	}
	if err != nil {
		t.Fatalf("postgrestest: %v", err)
	}
	s.control(t, "start")
	t.Cleanup(func() { s.end() })
	return s
}

// Database makes an empty database and returns the URL by which it is reached.
func (s *Server) Database(t T) string {
	t.Helper()
	name := "t" + strconv.FormatInt(s.databases.Add(1), 10)
	s.run(t, "createdb", "--host=127.0.0.1", "--port="+strconv.Itoa(s.port), "--username=postern", name)
	return s.URL(name)
}

// Copy makes a database like the one that a URL names, to which nobody is connected, and returns its URL.
func (s *Server) Copy(t T, address string) string {
	t.Helper()
	name := "t" + strconv.FormatInt(s.databases.Add(1), 10)
	s.run(t, "createdb", "--host=127.0.0.1", "--port="+strconv.Itoa(s.port), "--username=postern", "--template="+path.Base(address), name)
	return s.URL(name)
}

// URL is that of a database.
func (s *Server) URL(name string) string {
	return fmt.Sprintf("postgres://postern@127.0.0.1:%d/%s", s.port, name)
}

// Exec runs SQL as anybody else would, and returns what it prints.
func (s *Server) Exec(t T, address, query string) string {
	t.Helper()
	out, err := as(filepath.Dir(s.data), filepath.Join(s.programs, "psql"), "--no-psqlrc", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1", "--command="+query, address).CombinedOutput()
	if err != nil {
		t.Fatalf("postgrestest: %s: %v: %s", query, err, out)
	}
	return strings.TrimSpace(string(out))
}

// Restart ends all sessions at once, as a crash does, and starts the server again.
func (s *Server) Restart(t T) {
	t.Helper()
	s.control(t, "restart", "--mode=immediate")
}

// Standby starts a server that follows this one, and has this one wait with each commit until it is there too.
func (s *Server) Standby(t T) *Server {
	t.Helper()
	standby := &Server{programs: s.programs, port: freePort(t)}
	folder, err := os.MkdirTemp("", "postern-standby-")
	if err != nil {
		t.Fatalf("postgrestest: %v", err)
	}
	t.Cleanup(func() { os.RemoveAll(folder) })
	if err := own(folder); err != nil {
		t.Fatalf("postgrestest: %v", err)
	}
	standby.data = filepath.Join(folder, "data")
	primary := fmt.Sprintf("host=127.0.0.1 port=%d user=postern application_name=standby", s.port)
	s.run(t, "pg_basebackup", "--no-sync", "--checkpoint=fast", "--wal-method=stream", "--write-recovery-conf",
		"--pgdata="+standby.data, "--dbname="+primary)
	standby.control(t, "start", fmt.Sprintf("--options=-p %d", standby.port)) // before what the file says
	t.Cleanup(standby.end)
	for _, query := range []string{`ALTER SYSTEM SET synchronous_standby_names = 'standby'`, `SELECT pg_reload_conf()`} {
		s.Exec(t, s.URL("postgres"), query)
	}
	return standby
}

// Fail stops the server as a machine does that is lost, and has the standby take its place.
func (s *Server) Fail(t T, standby *Server) {
	t.Helper()
	s.control(t, "stop", "--mode=immediate")
	standby.control(t, "promote")
}

// Either is the URL of a database at whichever of two servers takes writes.
func (s *Server) Either(other *Server, address string) string {
	return fmt.Sprintf("postgres://postern@127.0.0.1:%d,127.0.0.1:%d/%s?target_session_attrs=read-write", s.port, other.port, path.Base(address))
}

func (s *Server) control(t T, what string, flags ...string) {
	t.Helper()
	log := filepath.Join(filepath.Dir(s.data), "log")
	s.run(t, "pg_ctl", append([]string{what, "--wait", "--silent", "--pgdata=" + s.data, "--log=" + log}, flags...)...)
}

func (s *Server) end() {
	command := as("", filepath.Join(s.programs, "pg_ctl"), "stop", "--wait", "--silent", "--mode=immediate", "--pgdata="+s.data)
	_ = command.Run() // it may have been stopped by the test
}

func (s *Server) run(t T, name string, args ...string) {
	t.Helper()
	out, err := as(filepath.Dir(s.data), filepath.Join(s.programs, name), args...).CombinedOutput()
	if err != nil {
		t.Fatalf("postgrestest: %s: %v: %s", name, err, out)
	}
}

// as is a command of whoever may run PostgreSQL. It is not ended with a test's context: the server outlives it.
func as(folder, program string, args ...string) *exec.Cmd {
	if os.Getuid() == 0 {
		args = append([]string{"--reuid=" + account, "--regid=" + account, "--clear-groups", program}, args...)
		program = "setpriv"
	}
	command := exec.Command(program, args...)
	command.Dir = folder
	return command
}

// own gives a folder to whoever runs the server.
func own(folder string) error {
	if os.Getuid() != 0 {
		return nil
	}
	u, err := user.Lookup(account)
	if err != nil {
		return err
	}
	uid, err := strconv.Atoi(u.Uid)
	if err != nil {
		return err
	}
	gid, err := strconv.Atoi(u.Gid)
	if err != nil {
		return err
	}
	return os.Chown(folder, uid, gid)
}

// programs is the folder with the newest PostgreSQL of the system. It skips the test where there is none.
func programs(t T) string {
	t.Helper()
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	slices.Sort(found) // of two digits each, for a while yet
	if len(found) > 0 {
		return filepath.Dir(found[len(found)-1])
	}
	path, err := exec.LookPath("initdb")
	if err != nil {
		t.Skip("not run: no PostgreSQL; Debian's package postgresql has it")
	}
	return filepath.Dir(path)
}

func freePort(t T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("postgrestest: %v", err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

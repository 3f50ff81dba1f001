package sqlite

import (
	"context"
	"encoding/binary"
	"os"

	"github.com/postern-auth/postern/server/store/internal/sqlstore"
)

// mark is a file of eight bytes beside the database: the version of the registry. Whoever commits another one writes it
// there before, under the lock that all writers of the database have. So it is never behind what is committed, and who
// has read the registry at its version need not ask the database whether that has moved. A transaction that is undone,
// or a crash, leaves it ahead until the next one: then everybody asks.
//
// It is a file of its own because to close any other descriptor of the database's files drops the locks that the
// process has on them.
type mark struct{ file *os.File }

// openMark opens the file of the database at path.
func openMark(path string) (mark, error) {
	file, err := os.OpenFile(path+"-mark", os.O_RDWR|os.O_CREATE, 0o600)
	return mark{file}, err
}

// read returns the version, or 0, which none is, when it cannot tell.
func (m mark) read() int64 {
	var b [8]byte
	if _, err := m.file.ReadAt(b[:], 0); err != nil {
		return 0
	}
	return int64(binary.BigEndian.Uint64(b[:]))
}

func (m mark) write(version int64) error {
	_, err := m.file.WriteAt(binary.BigEndian.AppendUint64(nil, uint64(version)), 0)
	return err
}

func (m mark) close() error { return m.file.Close() }

// set writes the version that the transaction under way on the connection is about to commit.
func (m mark) set(q sqlstore.Querier) error {
	version, err := sqlstore.Version(context.Background(), q)
	if err == nil && version != m.read() {
		err = m.write(version)
	}
	return err
}

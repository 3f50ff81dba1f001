package postgres

import "github.com/postern-auth/postern/server/store"

// The codes of errors that are not outages, and of those after which nothing has happened (PostgreSQL, Appendix A).
const (
	uniqueViolation      = "23505"
	foreignKeyViolation  = "23503"
	serializationFailure = "40001"
	deadlockDetected     = "40P01"
)

// explained returns the error of package store that a code stands for, or nil where it is an outage.
func explained(code string) error {
	switch code {
	case uniqueViolation:
		return store.ErrExists
	case foreignKeyViolation:
		return store.ErrNotFound
	}
	return nil
}

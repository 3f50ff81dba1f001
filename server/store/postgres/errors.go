package postgres

import "github.com/postern-auth/postern/server/store"

// The codes of errors that are not outages (PostgreSQL, Appendix A).
const (
	uniqueViolation     = "23505"
	foreignKeyViolation = "23503"
	inFailedTransaction = "25P02"
)

// classesOfRefusals are those of errors by which a statement undoes its transaction: of data, of constraints, and of two
// transactions that were in each other's way.
var classesOfRefusals = []string{"22", "23", "40"}

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

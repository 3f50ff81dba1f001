package dpop

import (
	"fmt"

	"github.com/postern-auth/postern"
)

// refused says why a proof does not hold. It is put into words only when somebody reads it, and holds
// nothing of the proof but the value that was wrong.
type refused struct {
	what      string
	want, got string
	hint      string // what to do about it
	cause     error
	reason    error // nil: postern.ErrProof
}

func (e refused) Error() string {
	switch {
	case e.cause != nil:
		return fmt.Sprintf("dpop: %s: %v", e.what, e.cause)
	case e.want == "":
		return "dpop: " + e.what
	case e.hint != "":
		return fmt.Sprintf("dpop: %s is %.64q, want %.256q, %s", e.what, e.got, e.want, e.hint)
	}
	return fmt.Sprintf("dpop: %s is %.64q, want %.256q", e.what, e.got, e.want)
}

func (e refused) Unwrap() error {
	if e.reason != nil {
		return e.reason
	}
	return postern.ErrProof
}

// Package reason makes the errors by which tokens are refused. They are put into words only when somebody
// reads them: most are answered by the thousand and read by nobody.
//
//	return reason.New(postern.ErrIssuer, "jwt: iss is %.64q, expected %q", issuer, expected)
package reason

import "fmt"

// maxArgs is how many arguments a refusal has room for.
const maxArgs = 3

// refusal is one piece of memory, and so are its reasons and arguments.
type refusal struct {
	is     [2]error // the second may be nil
	format string
	args   [maxArgs]any
	n      int // of args
}

// New returns an error that wraps the reason and reads as fmt.Errorf has it of the format and its arguments,
// three at most. What else it wraps is the arguments that are errors. The arguments must not change any more.
func New(is error, format string, args ...any) error {
	e := &refusal{is: [2]error{is}, format: format}
	e.n = copy(e.args[:], args)
	return e
}

// Both is New for two reasons.
func Both(is, also error, format string, args ...any) error {
	e := &refusal{is: [2]error{is, also}, format: format}
	e.n = copy(e.args[:], args)
	return e
}

func (e *refusal) Error() string { return fmt.Errorf(e.format, e.args[:e.n]...).Error() }

// Is reports whether target is one of the reasons, without making a list of them.
func (e *refusal) Is(target error) bool {
	return target == e.is[0] || target == e.is[1] && target != nil
}

// Unwrap returns the reasons, and the causes among the arguments.
func (e *refusal) Unwrap() []error {
	reasons := e.is[:1:1]
	if e.is[1] != nil {
		reasons = e.is[:]
	}
	for _, arg := range e.args[:e.n] {
		if err, ok := arg.(error); ok {
			reasons = append(reasons, err)
		}
	}
	return reasons
}

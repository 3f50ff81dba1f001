package page

// SignUp asks for an account. It posts name and email; the password is chosen behind the link that goes to the
// address, so that nobody has one on an address of somebody else.
type SignUp struct {
	Authorization
	Action      string
	Name, Email string
	Problem     Problem
	// Login is the path of the login page.
	Login string
}

func (p SignUp) shape() shape { return p.card("sign_up", p.Problem) }

// ForgotPassword asks where to send a link. It posts email.
type ForgotPassword struct {
	Action, Email string
	Problem       Problem
	Login         string
}

func (p ForgotPassword) shape() shape { return Authorization{}.card("forgot_password", p.Problem) }

// NewPassword is behind the link of a mail: of a reset, an invitation or a sign-up. It posts new_password.
type NewPassword struct {
	Action     string
	Identifier string
	// Invited greets somebody who never had one.
	Invited bool
	Problem Problem
}

func (p NewPassword) shape() shape { return Authorization{}.card("new_password", p.Problem) }

// VerifyEmail is behind the link of a mail: looking at it does nothing, its button verifies the address.
type VerifyEmail struct {
	Action, Email string
}

func (p VerifyEmail) shape() shape { return Authorization{}.card("verify_email", Problem{}) }

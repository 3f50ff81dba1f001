package page

// SignUp makes an account. It posts name, email and new_password.
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

// NewPassword is behind the link of a mail: of a reset or an invitation. It posts new_password.
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

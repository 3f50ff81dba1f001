package main

import (
	"github.com/postern-auth/postern/server"
	"github.com/spf13/pflag"
)

// peopleFlags say how people log in, sign up and are written to, and how long it counts.
type peopleFlags struct {
	organization string
	signUp       bool
	smtp         server.SMTP
	sessions     server.SessionLifetimes
	tokens       server.Lifetimes
}

// smtpPassword is the one setting that is no flag.
const smtpPassword = "smtp-password"

func (f *peopleFlags) add(flags *pflag.FlagSet) {
	flags.StringVar(&f.organization, "organization", "", "`name` of who runs the server, at the head of pages and mails (default Postern)")
	flags.BoolVar(&f.signUp, "sign-up", false, "let strangers create accounts, by an address whose mails they read; needs --smtp-address")
	flags.StringVar(&f.smtp.Address, "smtp-address", "", "`host:port` of the mail server; without one nobody can reset a forgotten password")
	flags.StringVar(&f.smtp.From, "smtp-from", "", "`sender` of mails: an address, or 'Example <login@example.com>'")
	flags.StringVar(&f.smtp.User, "smtp-user", "", "`user` at the mail server; the password is read from "+variableOf(smtpPassword)+" or the file that "+variableOf(smtpPassword)+"_FILE names")
	flags.StringVar((*string)(&f.smtp.Security), "smtp-security", "", "`how` the mail server is reached: starttls, tls, or insecure-none for one on this machine (default starttls)")
	flags.DurationVar(&f.sessions.Idle, "session-idle", 0, "how long a login lasts that is not used, as `duration` (default 12h)")
	flags.DurationVar(&f.sessions.Absolute, "session-lifetime", 0, "how long a login lasts in any case, as `duration` (default 720h)")
	flags.DurationVar(&f.tokens.Opaque, "opaque-lifetime", 0, "how long opaque access tokens live where their API does not say, as `duration` (default 12h)")
	flags.DurationVar(&f.tokens.RFC9068, "jwt-lifetime", 0, "the same of RFC 9068 JWTs, as `duration` (default 1h)")
	flags.DurationVar(&f.tokens.ZITADEL, "zitadel-jwt-lifetime", 0, "the same of ZITADEL's JWTs, as `duration` (default 12h)")
	flags.DurationVar(&f.tokens.Auth0, "auth0-jwt-lifetime", 0, "the same of Auth0's JWTs, as `duration` (default 24h)")
}

// mailer returns nil where there is no mail server.
func (f *peopleFlags) mailer() (server.Mailer, error) {
	if f.smtp.Address == "" {
		if f.smtp.From != "" || f.smtp.User != "" || f.smtp.Password != "" || f.smtp.Security != "" {
			return nil, usage("what is said about the mail server needs --smtp-address, such as smtp.example.com:587")
		}
		if f.signUp {
			return nil, usage("--sign-up needs --smtp-address: whoever signs up is sent a link")
		}
		return nil, nil
	}
	mailer, err := f.smtp.Mailer()
	if err != nil {
		return nil, usage("--smtp-…: %w", err)
	}
	return mailer, nil
}

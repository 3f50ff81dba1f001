package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/postern-auth/postern/server"
	"github.com/postern-auth/postern/server/store"
	"github.com/spf13/cobra"
)

// newTokensCommand returns the commands around the tokens that a server has issued.
func newTokensCommand(e *env) *cobra.Command {
	return group("tokens", "End tokens that a server has issued", newTokensRevokeCommand(e))
}

// revocation is which tokens are to be ended.
type revocation struct {
	store           storeAt
	client, subject string
	all, yes, json  bool
}

func newTokensRevokeCommand(e *env) *cobra.Command {
	var r revocation
	c := &cobra.Command{
		Use:   "revoke {--client ID | --subject ID | --all --yes} {--data DIR | --database URL}",
		Short: "End all tokens of a client or subject, such as those that a leaked secret obtained",
		Long: "Revoke ends access tokens, refresh tokens and personal access tokens that were issued before, and the sessions\n" +
			"of people, whether the server runs or not. Nothing revives them. --client takes the client_id that obtained\n" +
			"them, which is the username of a service user, and --subject the sub of tokens, or such a username. New ones\n" +
			"are issued after five seconds, until when no clock of another server can be mistaken.\n\n" +
			"It does not end the secret: delete that, or lock the service user. An API that verifies JWTs by itself asks\n" +
			"nobody, and takes one until it expires: 'postern keys withdraw' ends those.",
		Args: positional(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			if err := r.check(); err != nil {
				return err
			}
			s, err := r.store.existing(c, e)
			if err != nil {
				return err
			}
			defer s.Close()
			return r.run(c.Context(), e, server.IssuedTokens{Store: s, Actor: c.CommandPath()})
		},
	}
	r.store.add(c.Flags(), "data `folder`")
	c.Flags().StringVar(&r.client, "client", "", "end what was issued to the client with this client `id`")
	c.Flags().StringVar(&r.subject, "subject", "", "end what was issued about the subject with this `id`")
	c.Flags().BoolVar(&r.all, "all", false, "end everything that was ever issued")
	c.Flags().BoolVar(&r.yes, "yes", false, "do it, with --all")
	c.Flags().BoolVar(&r.json, "json", false, "print JSON")
	return c
}

// check refuses a command that does not say exactly one thing to do.
func (r *revocation) check() error {
	named := 0
	for _, one := range []bool{r.client != "", r.subject != "", r.all} {
		if one {
			named++
		}
	}
	switch {
	case named != 1:
		return usage("tokens revoke needs one of --client, --subject and --all")
	case r.all && !r.yes:
		return errors.New("--all logs everybody out and has every program get a new token; personal access tokens have to be made again. " +
			"Nothing has been changed: give --yes to do it")
	}
	return nil
}

// revoked is what is printed as JSON.
type revoked struct {
	Client   string    `json:"client_id,omitempty"`
	Subject  string    `json:"subject,omitempty"`
	Subjects int       `json:"subjects,omitempty"` // with --all
	From     time.Time `json:"issued_again_from"`
}

func (r *revocation) run(ctx context.Context, e *env, issued server.IssuedTokens) error {
	done, err := r.end(ctx, e, issued)
	switch {
	case errors.Is(err, server.ErrUnknownSubject):
		return fmt.Errorf("there is no subject %.64q: expected the sub of tokens, or the username of a service user", r.subject)
	case errors.Is(err, server.ErrUnknownClient):
		return fmt.Errorf("no tokens are issued to %.64q: expected the client_id of an application or service user", r.client)
	case err != nil && errors.Is(err, store.ErrUnavailable):
		return err
	case err != nil:
		return plainly(err)
	}
	if r.json {
		return e.printJSON(done)
	}
	whose := map[bool]string{true: "to " + r.client, false: "about " + r.subject}[r.client != ""]
	if r.all {
		whose = fmt.Sprintf("about all %d subjects", done.Subjects)
	}
	fmt.Fprintf(e.stdout, "every token %s is ended; new ones are issued from %s on\n", whose, moment(done.From))
	return nil
}

func (r *revocation) end(ctx context.Context, e *env, issued server.IssuedTokens) (done revoked, err error) {
	done.Client, done.Subject = r.client, r.subject
	switch {
	case r.client != "":
		done.From, err = issued.EndOfClient(ctx, r.client)
	case r.subject != "":
		done.From, err = issued.EndOfSubject(ctx, r.subject)
	default:
		done.Subjects, done.From, err = issued.EndAll(ctx, func(n int) {
			if n%10_000 == 0 {
				e.progress("%d subjects done", n)
			}
		})
	}
	return done, err
}

package server

import (
	"context"
	"fmt"

	"github.com/postern-auth/postern/server/internal/backchannel"
	"github.com/postern-auth/postern/server/internal/endpoint"
	"github.com/postern-auth/postern/server/internal/letter"
	"github.com/postern-auth/postern/server/internal/mail"
	"github.com/postern-auth/postern/server/internal/notice"
	"github.com/postern-auth/postern/server/internal/oauth"
	"github.com/postern-auth/postern/server/internal/outbox"
	"github.com/postern-auth/postern/server/internal/secret"
	"github.com/postern-auth/postern/server/store"
)

// deliveries are what is sent after requests, by kind; see package outbox.
func (s *Server) deliveries() map[string]outbox.Deliver {
	return map[string]outbox.Deliver{outbox.Mail: s.letters.Deliver, outbox.BackChannelLogout: s.logouts().Deliver}
}

// logouts tells applications that people have logged out.
func (s *Server) logouts() *backchannel.Sender {
	c := s.config
	return backchannel.New(backchannel.Config{
		Store: c.Store, Keys: s.keys, Now: c.Now, Operator: c.Outgoing.operator(), Strangers: c.Outgoing.strangers(),
	})
}

func (s *Server) newLetters() *letter.Letters {
	c := letter.Config{Store: s.config.Store, Organisation: s.config.Organization, SignUp: s.config.SignUp, Now: s.config.Now}
	for _, name := range s.config.Issuers {
		c.Issuers = append(c.Issuers, oauth.Issuer(name))
	}
	if mailer := s.config.Mailer; mailer != nil {
		c.Send = func(ctx context.Context, m mail.Message) error { return mailer.Send(ctx, Mail(m)) }
	}
	return letter.New(c)
}

// noticed tells people by mail what happened to their account, and adds to the trail of changes what nobody has set
// up: of the rest the registry has left an event.
func (s *Server) noticed(ctx context.Context, tx store.Tx, userID string, k notice.Kind) error {
	switch k {
	case notice.WrongCodes, notice.RecoveryCodeUsed, notice.PasskeyCopied:
		err := tx.AddEvent(ctx, store.Event{
			ID: secret.NewID(), At: s.config.Now(), Actor: userID, Action: "change", Object: "user", ObjectID: userID,
			Detail: fmt.Sprintf(`{"notice":%q}`, k),
		})
		if err != nil {
			return err
		}
	}
	return s.letters.Add(ctx, tx, letter.Letter{About: letter.About(k), User: userID})
}

// changeEmail has a link go to an address that a person wants, and word of it to the one that they have.
func (s *Server) changeEmail() func(context.Context, store.Tx, *endpoint.Request, store.User, string) (bool, error) {
	if !s.letters.On() {
		return nil
	}
	return func(ctx context.Context, tx store.Tx, r *endpoint.Request, u store.User, address string) (bool, error) {
		return s.letters.AskEmail(ctx, tx, r.Issuer, u, address)
	}
}

// sends returns what mails a person because an administrator wants them to have it: the way to another password, or
// to their first; nil without mails.
func (s *Server) sends(about letter.About) func(context.Context, store.Tx, *endpoint.Request, store.User) error {
	if !s.letters.On() {
		return nil
	}
	return func(ctx context.Context, tx store.Tx, r *endpoint.Request, u store.User) error {
		return s.letters.Add(ctx, tx, letter.Letter{About: about, User: u.ID, Address: u.Email, Issuer: r.Issuer})
	}
}

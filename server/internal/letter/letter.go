// Package letter tells people by mail: it sends the links that prove that somebody reads an address, and says what
// has happened to an account.
//
// A request writes down what is to be told, in the transaction of what it is about, and knows nothing more. Whether
// an address is anybody's is looked up later, when the mail is written, so that no answer can tell, by what it says
// or by how long it takes. The value of a link is made then too: the store never has it, only its digest.
//
//	err := s.InTx(ctx, func(tx store.Tx) error {
//		…
//		return letters.Add(ctx, tx, letter.Letter{About: letter.Reset, Address: typed, Issuer: r.Issuer})
//	})
//	letters.Wake()
package letter

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/postern-auth/postern/server/internal/mail"
	"github.com/postern-auth/postern/server/internal/notice"
	"github.com/postern-auth/postern/server/internal/oauth"
	"github.com/postern-auth/postern/server/internal/outbox"
	"github.com/postern-auth/postern/server/internal/page"
	"github.com/postern-auth/postern/server/internal/password"
	"github.com/postern-auth/postern/server/internal/registry"
	"github.com/postern-auth/postern/server/internal/secret"
	"github.com/postern-auth/postern/server/internal/site"
	"github.com/postern-auth/postern/server/store"
)

// About is what a letter is about.
type About string

// What letters are about. The first four carry a link that proves something; those for addresses go out only if
// the address is, or is not, that of a user.
const (
	Reset        About = "reset"        // to the Address, if it is the verified one of a user
	SignUp       About = "sign-up"      // to the Address: a link that makes a user, or that there is one
	Verification About = "verification" // to the Address, which a user wants to have
	Invitation   About = "invitation"   // to the address of a user who has no password yet

	// What has happened to a user, beside the kinds of package notice; to their verified address.
	PasswordChanged About = About(notice.PasswordChanged)
	EmailAsked      About = "email_asked" // another address is to be theirs
	EmailChanged    About = "email_changed"
)

// How long links work.
const (
	ResetLifetime        = 30 * time.Minute
	VerificationLifetime = 24 * time.Hour
)

// Letter is what is to be told. It holds nothing secret.
type Letter struct {
	About   About        `json:"about"`
	User    string       `json:"user,omitempty"`    // the id
	Address string       `json:"address,omitempty"` // of EmailChanged: the former one
	Name    string       `json:"name,omitempty"`    // of a SignUp
	Locale  string       `json:"locale,omitempty"`  // of the page that was sent; the user's own goes before it
	Issuer  oauth.Issuer `json:"issuer"`            // whose pages the link leads to
}

// Paths are where links lead to, by their purpose, with the value of the link behind.
var Paths = map[store.MailPurpose]string{
	store.ResetLink:        "/reset/",
	store.VerificationLink: "/verify/",
	store.SignUpLink:       "/signup/",
	store.InvitationLink:   registry.InvitationPath,
}

// Paths of the pages that ask where to send a link to: for another password, and for an account.
const (
	ResetPath  = "/reset"
	SignUpPath = "/signup"
)

// Config is what Letters work with. Every field is required but Send.
type Config struct {
	Store store.Store
	// Send sends a mail. Nil: there are no mails, and nothing is written down.
	Send func(context.Context, mail.Message) error
	// Issuers are those of the server, of which the first stands in for one that it no longer has.
	Issuers []oauth.Issuer
	// Organisation is who runs the server, as people know it.
	Organisation string
	// SignUp says that strangers may make themselves users.
	SignUp bool
	Now    func() time.Time
}

// Letters are those of one server. They are safe for concurrent use.
type Letters struct {
	Config
	wake func(kind string)
}

// New returns Letters. Nothing is sent until an outbox delivers them; see Deliver.
func New(c Config) *Letters { return &Letters{Config: c, wake: func(string) {}} }

// WokenBy has Wake call f, before anything is served.
func (l *Letters) WokenBy(f func(kind string)) { l.wake = f }

// On reports whether there are mails.
func (l *Letters) On() bool { return l.Send != nil }

// Path returns ResetPath or SignUpPath, or an empty string where there is no such page.
func (l *Letters) Path(path string) string {
	if !l.On() || path == SignUpPath && !l.SignUp {
		return ""
	}
	return path
}

// Add writes down a letter. Where there are no mails it does nothing. Errors are outages.
func (l *Letters) Add(ctx context.Context, tx store.Outbox, letter Letter) error {
	if !l.On() {
		return nil
	}
	return outbox.Add(ctx, tx, outbox.Mail, letter, l.Now())
}

// byAddress bounds how many letters go to an address that somebody typed. Each counts as a failure.
var byAddress = store.AttemptPolicy{Free: 3, Delay: time.Minute, MaxDelay: time.Hour, Hold: time.Minute, Memory: 6 * time.Hour}

// Ask writes down a letter to an address that somebody typed, unless that has had its letters; it reports whether it
// did. Strangers are told nothing of that.
func (l *Letters) Ask(ctx context.Context, tx store.Tx, letter Letter) (bool, error) {
	// The counter has no key, so that all servers have the same one: an address is no password.
	key := password.NameCounter([]byte("letters"), letter.Address)
	permit, err := Count(ctx, tx, key, l.Now(), byAddress)
	if err != nil || !permit.Allowed {
		return false, err
	}
	return true, l.Add(ctx, tx, letter)
}

// Count counts a letter that was asked for.
func Count(ctx context.Context, tx store.Attempts, key string, now time.Time, policy store.AttemptPolicy) (store.Permit, error) {
	permit, err := tx.Attempt(ctx, key, now, policy)
	if err == nil && permit.Allowed {
		err = tx.EndAttempt(ctx, key, false, now, policy)
	}
	if err != nil {
		return store.Permit{}, fmt.Errorf("letter: counting: %w", err)
	}
	return permit, nil
}

// AskEmail writes down that a user wants another address: a link to it, and word of that to the one that they have.
// It reports whether the address may have another letter.
func (l *Letters) AskEmail(ctx context.Context, tx store.Tx, issuer oauth.Issuer, u store.User, address string) (bool, error) {
	asked, err := l.Ask(ctx, tx, Letter{About: Verification, User: u.ID, Address: address, Issuer: issuer})
	if err != nil || !asked || u.EmailVerifiedAt.IsZero() || strings.EqualFold(u.Email, address) {
		return asked, err
	}
	return true, l.Add(ctx, tx, Letter{About: EmailAsked, User: u.ID, Issuer: issuer})
}

// Wake has letters sent now instead of within seconds, for after the transaction that added one.
func (l *Letters) Wake() { l.wake(outbox.Mail) }

// envelope is a letter with all that its mail says.
type envelope struct {
	to     string
	reason page.Reason
	name   string
	locale string
	link   store.MailLink // of the purposes; the zero one: the mail links to ResetPath
}

// errNothing says that there is nobody to tell.
var errNothing = errors.New("letter: nobody to tell")

// Deliver sends a letter; it is an outbox.Deliver. Each try makes a link of its own, and kills that of the try
// before.
func (l *Letters) Deliver(ctx context.Context, payload []byte) error {
	var letter Letter
	if err := json.Unmarshal(payload, &letter); err != nil {
		return fmt.Errorf("letter: %w: %w", outbox.ErrNever, err)
	}
	if !l.On() {
		return fmt.Errorf("letter: no mail server is configured: %w", outbox.ErrNever)
	}
	if !slices.Contains(l.Issuers, letter.Issuer) {
		letter.Issuer = l.Issuers[0]
	}
	e, err := l.address(ctx, letter)
	if errors.Is(err, errNothing) {
		return nil
	}
	if err != nil {
		return err
	}
	at := letter.Issuer.URL(ResetPath)
	if e.link.Purpose != "" {
		raw := secret.New()
		e.link.Digest = secret.Digest(raw)
		if err := l.Store.PutMailLink(ctx, e.link); errors.Is(err, store.ErrNotFound) {
			return nil // the user has gone meanwhile
		} else if err != nil {
			return fmt.Errorf("letter: %w", err)
		}
		at = letter.Issuer.URL(Paths[e.link.Purpose] + raw)
	}
	words, err := page.Site{Organisation: l.Organisation, Host: site.Host(letter.Issuer)}.Write(
		page.Choose(e.locale+" "+letter.Locale, ""), page.Letter{Reason: e.reason, Name: e.name, Link: at})
	if err != nil {
		return fmt.Errorf("letter: %w: %w", outbox.ErrNever, err)
	}
	err = l.Send(ctx, mail.Message{To: e.to, Subject: words.Subject, Text: words.Text, HTML: words.HTML})
	if errors.Is(err, mail.ErrUndeliverable) {
		return fmt.Errorf("letter: %w: %w", outbox.ErrNever, err)
	}
	return err
}

// address finds to whom a letter goes, and with which link.
func (l *Letters) address(ctx context.Context, letter Letter) (envelope, error) {
	switch letter.About {
	case Reset:
		return l.reset(ctx, letter, page.ForReset)
	case SignUp:
		return l.signUp(ctx, letter)
	}
	u, err := l.Store.User(ctx, letter.User)
	if errors.Is(err, store.ErrNotFound) || err == nil && !u.Active {
		return envelope{}, errNothing
	}
	if err != nil {
		return envelope{}, fmt.Errorf("letter: reading a user: %w", err)
	}
	e := envelope{to: u.Email, name: called(u), locale: u.Locale}
	switch letter.About {
	case Invitation:
		return l.invitation(ctx, u, e)
	case Verification:
		e.to, e.reason = letter.Address, page.ForVerification
		e.link = store.MailLink{Purpose: store.VerificationLink, UserID: u.ID, Address: letter.Address, ExpiresAt: l.Now().Add(VerificationLifetime)}
		return e, nil
	case EmailChanged:
		e.to, e.reason = letter.Address, happened[letter.About]
		return e, nil
	}
	reason, known := happened[letter.About]
	if !known {
		return envelope{}, fmt.Errorf("letter: nothing is written about %.64q: %w", letter.About, outbox.ErrNever)
	}
	if u.EmailVerifiedAt.IsZero() {
		return envelope{}, errNothing // the address may be a stranger's
	}
	e.reason = reason
	return e, nil
}

var happened = map[About]page.Reason{
	PasswordChanged: page.AfterPassword, EmailAsked: page.BeforeEmail, EmailChanged: page.AfterEmail,
	About(notice.SecondFactorOn): page.AfterFactor, About(notice.SecondFactorOff): page.AfterFactorRemoved,
	About(notice.PasskeyAdded): page.AfterPasskey, About(notice.PasskeyRemoved): page.AfterPasskeyGone,
	About(notice.PasskeyCopied): page.AfterPasskeyCopied, About(notice.RecoveryCodeUsed): page.AfterRecovery,
	About(notice.RecoveryCodesNew): page.AfterRecoveryNew, About(notice.WrongCodes): page.AfterWrongCodes,
}

// invitation is a link to the first password, unless another letter's has led to it.
func (l *Letters) invitation(ctx context.Context, u store.User, e envelope) (envelope, error) {
	_, err := l.Store.Password(ctx, u.ID)
	if err == nil || u.Email == "" {
		return envelope{}, errNothing
	}
	if !errors.Is(err, store.ErrNotFound) {
		return envelope{}, fmt.Errorf("letter: reading a password: %w", err)
	}
	e.reason = page.ForInvitation
	e.link = store.MailLink{Purpose: store.InvitationLink, UserID: u.ID, ExpiresAt: l.Now().Add(registry.InvitationLifetime)}
	return e, nil
}

// reset is a link for another password, for whoever has verified the address.
func (l *Letters) reset(ctx context.Context, letter Letter, reason page.Reason) (envelope, error) {
	u, found, err := Owner(ctx, l.Store, letter.Address)
	if err != nil {
		return envelope{}, err
	}
	if !found || !u.Active {
		return envelope{}, errNothing
	}
	return envelope{
		to: u.Email, reason: reason, name: called(u), locale: u.Locale,
		link: store.MailLink{Purpose: store.ResetLink, UserID: u.ID, Address: u.Email, ExpiresAt: l.Now().Add(ResetLifetime)},
	}, nil
}

// signUp is a link that makes a user, or word that there is one. Neither calls the reader by the name that was
// typed: that is for a stranger to read, and whoever typed it could say anything.
func (l *Letters) signUp(ctx context.Context, letter Letter) (envelope, error) {
	_, found, err := Owner(ctx, l.Store, letter.Address)
	if err != nil {
		return envelope{}, err
	}
	if found {
		return l.reset(ctx, letter, page.ForKnownAddress)
	}
	if !l.SignUp {
		return envelope{}, errNothing
	}
	return envelope{
		to: letter.Address, reason: page.ForVerification,
		link: store.MailLink{
			Purpose: store.SignUpLink, Address: letter.Address, Name: letter.Name, Locale: letter.Locale,
			ExpiresAt: l.Now().Add(VerificationLifetime),
		},
	}, nil
}

// Reader is what Owner reads.
type Reader interface {
	store.Projects
	store.Users
}

// Owner returns the user who has verified the address. A login name that looks like one is nobody's address.
func Owner(ctx context.Context, tx Reader, address string) (store.User, bool, error) {
	organizations, err := tx.Organizations(ctx)
	if err != nil {
		return store.User{}, false, fmt.Errorf("letter: reading the organization: %w", err)
	}
	if len(organizations) == 0 || address == "" {
		return store.User{}, false, nil
	}
	u, err := tx.UserByLogin(ctx, organizations[0].ID, address)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return store.User{}, false, fmt.Errorf("letter: reading a user: %w", err)
	}
	return u, err == nil && !u.EmailVerifiedAt.IsZero() && strings.EqualFold(u.Email, address), nil
}

func called(u store.User) string { return cmp.Or(u.Name, u.GivenName) }

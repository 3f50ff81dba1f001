package login

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/postern-auth/postern/server/internal/endpoint"
	"github.com/postern-auth/postern/server/internal/page"
	"github.com/postern-auth/postern/server/internal/password"
	"github.com/postern-auth/postern/server/store"
)

var (
	// byPerson bounds guesses at one person, or at one name that nobody has. Failures are forgotten after an hour
	// without one: that is no faster than the longest delay lets anybody guess, and typing errors of different days
	// do not add up.
	byPerson = store.AttemptPolicy{
		Free: password.FreeFailures, Delay: time.Second, MaxDelay: password.MaxDelay, Hold: time.Minute, Memory: time.Hour,
	}
	// byAddress bounds those from one address.
	byAddress = store.AttemptPolicy{Free: password.PerAddress, Delay: time.Minute, MaxDelay: time.Minute, Hold: time.Minute, Memory: time.Minute}
)

// maxIdentifier is the length in bytes beyond which a name is nobody's.
const maxIdentifier = 320

// account is what a name stands for at the login page.
type account struct {
	user    store.User // zero: nobody has the name
	counter string
	phc     string // empty: there is no password that opens it
}

// check returns the person with the name and password, or the problem that the page tells. Nothing in its answer or
// its work, which is one hash, tells a name that nobody has from a wrong password, a locked person or one whose
// guesses are delayed. Errors are outages.
func (l *Login) check(ctx context.Context, r *endpoint.Request, identifier, typed string) (store.User, page.Problem, error) {
	given, err := password.Typed(typed)
	if err != nil {
		return store.User{}, page.WrongPassword, nil // it says nothing of anybody
	}
	a, err := l.account(ctx, r, identifier)
	if err != nil {
		return store.User{}, page.Problem{}, err
	}
	if problem, err := l.compare(ctx, r, a, given); err != nil || problem != (page.Problem{}) {
		return store.User{}, problem, err
	}
	return a.user, page.Problem{}, nil
}

// CheckPassword returns the problem that the page tells where the password is not that of a person who is logged in,
// and page.WrongPassword also for one who has none. It is counted as a try to log in. Errors are outages.
func (l *Login) CheckPassword(ctx context.Context, r *endpoint.Request, user store.User, typed string) (page.Problem, error) {
	given, err := password.Typed(typed)
	if err != nil {
		return page.WrongPassword, nil
	}
	a := account{user: user, counter: l.counter(r, countsPasswords, user.ID)}
	if a.phc, err = l.phc(ctx, user); err != nil {
		return page.Problem{}, err
	}
	return l.compare(ctx, r, a, given)
}

// compare returns the problem that the page tells where the password is not that of the account.
func (l *Login) compare(ctx context.Context, r *endpoint.Request, a account, given password.Password) (page.Problem, error) {
	turn, err := l.Hasher.Wait(ctx, a.counter)
	if errors.Is(err, password.ErrBusy) {
		l.refused(r, a, err)
		return page.Busy, nil
	}
	if err != nil {
		return page.Problem{}, err
	}
	defer turn.Done()
	// Whoever leaves meanwhile has tried all the same.
	ctx = context.WithoutCancel(ctx)
	right, problem, err := l.try(ctx, r, turn, a, given)
	if err != nil || problem != (page.Problem{}) {
		return problem, err
	}
	if !right {
		return page.WrongPassword, nil
	}
	return page.Problem{}, l.rehash(ctx, turn, a, given)
}

// account finds what a name stands for. It reads as much for a name that nobody has.
func (l *Login) account(ctx context.Context, r *endpoint.Request, identifier string) (account, error) {
	organizations, err := l.Store.Organizations(ctx)
	if err != nil {
		return account{}, fmt.Errorf("login: reading the organization: %w", err)
	}
	a := account{counter: password.NameCounter(l.names, identifier[:min(len(identifier), maxIdentifier)])}
	if len(organizations) == 0 || identifier == "" || len(identifier) > maxIdentifier {
		return a, nil
	}
	user, err := l.Store.UserByLogin(ctx, organizations[0].ID, identifier)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return account{}, fmt.Errorf("login: reading a user: %w", err)
	}
	if err == nil {
		a.user, a.counter = user, l.counter(r, countsPasswords, user.ID)
	}
	a.phc, err = l.phc(ctx, a.user)
	return a, err
}

// phc returns the hash of the password that opens a person's account; empty: none does.
func (l *Login) phc(ctx context.Context, user store.User) (string, error) {
	kept, err := l.Store.Password(ctx, user.ID)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return "", fmt.Errorf("login: reading a password: %w", err)
	}
	if !user.Active {
		return "", nil
	}
	return kept.PHC, nil
}

// try compares the password within the bounds on guesses, of which each is counted before.
func (l *Login) try(ctx context.Context, r *endpoint.Request, turn *password.Turn, a account, given password.Password) (bool, page.Problem, error) {
	address := l.addressCounter(r)
	if address != "" {
		permit, err := l.permit(ctx, address, byAddress)
		if err != nil {
			return false, page.Problem{}, err
		}
		if !permit.Allowed {
			l.refused(r, a, fmt.Errorf("too many tries from %s", address))
			return false, page.TooManyTries(cmp.Or(permit.Wait, time.Second)), nil
		}
	}
	permit, err := l.permit(ctx, a.counter, byPerson)
	if err != nil {
		return false, page.Problem{}, err
	}
	if permit.Busy {
		l.refused(r, a, errors.New("other tries of the same name are under way"))
		return false, page.Busy, l.endAddress(ctx, address, true) // it was none
	}
	stored := a.phc
	if !permit.Allowed {
		stored = ""
	}
	right, broken := turn.Check(stored, given)
	if broken != nil {
		l.Logger.WarnContext(ctx, "stored password cannot be read", "user", a.user.ID, "reason", broken.Error())
	}
	if !right {
		l.refused(r, a, a.reason(permit))
	}
	if permit.Allowed {
		err = l.Store.EndAttempt(ctx, a.counter, right, l.Now(), byPerson)
	}
	if err = errors.Join(err, l.endAddress(ctx, address, right)); err != nil {
		return false, page.Problem{}, fmt.Errorf("login: counting a try: %w", err)
	}
	return right, page.Problem{}, nil
}

func (l *Login) endAddress(ctx context.Context, address string, succeeded bool) error {
	if address == "" {
		return nil
	}
	return l.Store.EndAttempt(ctx, address, succeeded, l.Now(), byAddress)
}

// addressCounter returns what counts the tries from an address. One of this machine is that of a proxy, or of a
// developer: it stands for too many people, or for one who is trusted.
func (l *Login) addressCounter(r *endpoint.Request) string {
	from := l.Sessions.From(r)
	prefix := password.AddressPrefix(from)
	if prefix == "" || from.IsLoopback() {
		return ""
	}
	return "address:" + prefix
}

// permit asks for an attempt. Others that are under way end soon, and leave room or a delay behind.
func (l *Login) permit(ctx context.Context, key string, policy store.AttemptPolicy) (store.Permit, error) {
	for tries := 0; ; tries++ {
		permit, err := l.Store.Attempt(ctx, key, l.Now(), policy)
		if err != nil {
			return store.Permit{}, fmt.Errorf("login: counting a try: %w", err)
		}
		if !permit.Busy || tries == 5 {
			return permit, nil
		}
		time.Sleep(20 * time.Millisecond) // the time of a hash: only another process has one of this name
	}
}

func (a account) reason(permit store.Permit) error {
	switch {
	case a.user.ID == "":
		return errors.New("nobody has this name")
	case !a.user.Active:
		return errors.New("the user is locked")
	case !permit.Allowed:
		return errors.New("delayed after failures")
	case a.phc == "":
		return errors.New("the user has no password")
	}
	return errors.New("wrong password")
}

// refused is the one line of a try that failed. What was typed as a name is now and then a password.
func (l *Login) refused(r *endpoint.Request, a account, reason error) {
	attrs := []slog.Attr{
		slog.String("issuer", string(r.Issuer)), slog.String("client_id", r.ClientID), slog.String("reason", reason.Error()),
	}
	if a.user.ID != "" {
		attrs = append(attrs, slog.String("user", a.user.ID))
	}
	if from := l.Sessions.From(r); from.IsValid() {
		attrs = append(attrs, slog.String("address", from.String()))
	}
	l.Logger.LogAttrs(r.Context(), slog.LevelInfo, "login refused", attrs...)
}

// rehash replaces a hash of parameters of former times, while the password is known.
func (l *Login) rehash(ctx context.Context, turn *password.Turn, a account, given password.Password) error {
	if !l.Hasher.NeedsRehash(a.phc) {
		return nil
	}
	err := l.Store.RehashPassword(ctx, a.user.ID, a.phc, turn.Hash(given).PHC())
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("login: replacing a hash: %w", err)
	}
	return nil
}

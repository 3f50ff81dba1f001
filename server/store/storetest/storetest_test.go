package storetest_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/postern-auth/postern/server/store"
	"github.com/postern-auth/postern/server/store/sqlite"
	"github.com/postern-auth/postern/server/store/storetest"
)

// mutantVariable names, for a process that TestMutants starts, the row that it is.
const mutantVariable = "STORETEST_MUTANT"

// mutants are stores with one fault each, and the group of tests that has to find it.
var mutants = []struct {
	name   string
	group  string
	mutate func(store.Store) store.Store
}{
	{"a revocation is not written", "tokens", func(s store.Store) store.Store { return forgetful{s} }},
	{"a second token with an id is welcome", "tokens", func(s store.Store) store.Store { return hospitable{s} }},
	{"a token ends a millisecond early", "tokens", func(s store.Store) store.Store { return hasty{s} }},
	{"the limit is not looked at", "tokens", func(s store.Store) store.Store { return limitless{s} }},
	{"the last use of a token is the one that was told last", "tokens", func(s store.Store) store.Store { return eager{s} }},
	{"the use of a secret is not written", "secrets_and_keys", func(s store.Store) store.Store { return forgetful{s} }},
	{"an assertion may be used again", "revocations_and_assertions", func(s store.Store) store.Store { return repeating{s} }},
	{"an assertion may be used again by two at once", "concurrency", func(s store.Store) store.Store { return repeating{s} }},
	{"an assertion is known by its jti alone", "revocations_and_assertions", func(s store.Store) store.Store { return nameless{s} }},
	{"an outage looks like a token that is not there", "outages", func(s store.Store) store.Store { return soothing{s} }},
	{"a context that has ended is ignored", "outages", func(s store.Store) store.Store { return stubborn{s} }},
	{"a transaction is none", "transactions", func(s store.Store) store.Store { return loose{s} }},
	{"a panic in a transaction is swallowed", "transactions", func(s store.Store) store.Store { return calm{s} }},
	{"a service user is remembered as it was", "service_users", func(s store.Store) store.Store { return &caching{Store: s} }},
	{"a username may be that of another", "service_users", func(s store.Store) store.Store { return hospitable{s} }},
	{"an empty client id is that of an API", "apis", func(s store.Store) store.Store { return obliging{s} }},
	{"a slash at the end makes no difference", "apis", func(s store.Store) store.Store { return trimming{s} }},
	{"a role that is not there can be assigned", "assignments", func(s store.Store) store.Store { return generous{s} }},
	{"assignments come in another order", "assignments", func(s store.Store) store.Store { return reversed{s} }},
	{"projects come in another order", "projects", func(s store.Store) store.Store { return reversed{s} }},
	{"times come in the local zone", "values", func(s store.Store) store.Store { return local{s} }},
	{"a string that is not UTF-8 is an outage", "values", func(s store.Store) store.Store { return strict{s} }},
	{"letter case counts", "users", func(s store.Store) store.Store { return exact{s} }},
	{"an address that is not verified finds its user", "users", func(s store.Store) store.Store { return trusting{s} }},
	{"a better hash undoes a change of the password", "passwords", func(s store.Store) store.Store { return eager{s} }},
	{"applications come in another order", "applications", func(s store.Store) store.Store { return reversed{s} }},
	{"registrations have no bounds", "registrations", func(s store.Store) store.Store { return trusting{s} }},
	{"an application goes a millisecond early", "registrations", func(s store.Store) store.Store { return hasty{s} }},
	{"a consent is as old as its last change", "consents", func(s store.Store) store.Store { return fresh{s} }},
	{"a second factor undoes a logout", "sessions", func(s store.Store) store.Store { return eager{s} }},
	{"a session that has ended comes back when it is used", "sessions", func(s store.Store) store.Store { return immortal{s} }},
	{"facts are written over others", "requests", func(s store.Store) store.Store { return eager{s} }},
	{"a pushed request may be used again", "requests", func(s store.Store) store.Store { return repeating{s} }},
	{"of pushed requests any number wait", "requests", func(s store.Store) store.Store { return limitless{s} }},
	{"an attempt is allowed beside others", "attempts", func(s store.Store) store.Store { return trusting{s} }},
	{"an attempt that succeeds has failed", "attempts", func(s store.Store) store.Store { return forgetful{s} }},
	{"a code from an app may be used again", "totps", func(s store.Store) store.Store { return repeating{s} }},
	{"a code of an app that was replaced counts", "totps", func(s store.Store) store.Store { return trusting{s} }},
	{"a recovery code may be used again", "recovery_codes", func(s store.Store) store.Store { return repeating{s} }},
	{"recovery codes of former sets remain", "recovery_codes", func(s store.Store) store.Store { return immortal{s} }},
	{"the count of a passkey may go back", "passkeys", func(s store.Store) store.Store { return repeating{s} }},
	{"a passkey is removed by anybody", "passkeys", func(s store.Store) store.Store { return trusting{s} }},
	{"a challenge may be taken twice", "challenges", func(s store.Store) store.Store { return repeating{s} }},
	{"a challenge may be taken when it has expired", "challenges", func(s store.Store) store.Store { return immortal{s} }},
	{"a device code may be answered again", "devices", func(s store.Store) store.Store { return repeating{s} }},
	{"a device that is too early need not wait longer", "devices", func(s store.Store) store.Store { return calm{s} }},
	{"of device codes any number wait", "devices", func(s store.Store) store.Store { return limitless{s} }},
	{"a link of a mail may be used again", "mail_links", func(s store.Store) store.Store { return repeating{s} }},
	{"a link of a mail outlives its time", "mail_links", func(s store.Store) store.Store { return immortal{s} }},
	{"a new link leaves the old one", "mail_links", func(s store.Store) store.Store { return hospitable{s} }},
	{"a delivery is claimed by two", "outbox", func(s store.Store) store.Store { return eager{s} }},
	{"a delivery is postponed by whoever has lost it", "outbox", func(s store.Store) store.Store { return forgetful{s} }},
	{"deliveries have no bound", "outbox", func(s store.Store) store.Store { return limitless{s} }},
	{"of refusals any number stay", "refusals", func(s store.Store) store.Store { return limitless{s} }},
	{"a refusal outlives its time", "refusals", func(s store.Store) store.Store { return immortal{s} }},
	{"counts do not add up", "refusals", func(s store.Store) store.Store { return forgetful{s} }},
	{"a family that is revoked lives", "families", func(s store.Store) store.Store { return immortal{s} }},
	{"a logout ends what does not end with the session", "families", func(s store.Store) store.Store { return eager{s} }},
	{"a family that has expired is among those of its subject", "families", func(s store.Store) store.Store { return lingering{s} }},
	{"a family is bound again", "families", func(s store.Store) store.Store { return repeating{s} }},
	{"a shared key is what was proposed last", "shared_keys", func(s store.Store) store.Store { return eager{s} }},
	{"a certificate proves whoever shows it", "client_certificates", func(s store.Store) store.Store { return trusting{s} }},
	{"a code may be used again", "codes", func(s store.Store) store.Store { return repeating{s} }},
	{"a code that is used again revokes nothing", "codes", func(s store.Store) store.Store { return forgetful{s} }},
	{"a refresh token has no end of overlap", "refresh_tokens", func(s store.Store) store.Store { return repeating{s} }},
	{"a refresh token has no overlap", "refresh_tokens", func(s store.Store) store.Store { return hasty{s} }},
	{"the siblings of a refresh token live on", "refresh_tokens", func(s store.Store) store.Store { return immortal{s} }},
	{"a refresh token that is used again revokes nothing", "refresh_tokens", func(s store.Store) store.Store { return forgetful{s} }},
}

// TestMutants shows that the suite finds faults: each mutant has to fail its group.
func TestMutants(t *testing.T) {
	if name := os.Getenv(mutantVariable); name != "" {
		runMutant(t, name)
		return
	}
	for _, mutant := range mutants {
		t.Run(mutant.name, func(t *testing.T) {
			t.Parallel()
			expectFailure(t, mutant.name, mutant.group, "--- FAIL: TestMutants/"+mutant.group)
		})
	}
}

// TestNothing shows that the suite fails when there is nothing to test.
func TestNothing(t *testing.T) {
	for _, nothing := range []string{"no function", "no store"} {
		t.Run(nothing, func(t *testing.T) {
			t.Parallel()
			expectFailure(t, nothing, "", "storetest: expected")
		})
	}
}

// TestUnchanged shows that it is the faults that the suite finds.
func TestUnchanged(t *testing.T) {
	storetest.Run(t, open)
}

func expectFailure(t *testing.T, mutant, group, want string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestMutants$/^"+group+"$")
	if group == "" {
		cmd.Args[1] = "-test.run=^TestMutants$"
	}
	cmd.Env = append(os.Environ(), mutantVariable+"="+mutant)
	output, err := cmd.CombinedOutput()
	if _, exited := errors.AsType[*exec.ExitError](err); !exited || !strings.Contains(string(output), want) {
		t.Errorf("expected the suite to fail with %q, got %v:\n%.2000s", want, err, output)
	}
}

func runMutant(t *testing.T, name string) {
	switch name {
	case "no function":
		storetest.Run(t, nil)
		return
	case "no store":
		storetest.Run(t, func(*testing.T) store.Store { return nil })
		return
	}
	for _, mutant := range mutants {
		if mutant.name == name {
			storetest.Run(t, func(t *testing.T) store.Store { return mutant.mutate(open(t)) })
			return
		}
	}
	t.Skipf("expected a mutant, got %q", name)
}

func open(t *testing.T) store.Store {
	s, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "postern.db"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// forgive returns nil for an error that is the one to be forgiven.
func forgive(err, forgiven error) error {
	if errors.Is(err, forgiven) {
		return nil
	}
	return err
}

type forgetful struct{ store.Store }

func (s forgetful) RevokeToken(ctx context.Context, id string, _ time.Time) error {
	_, err := s.Token(ctx, id)
	return err
}

func (s forgetful) MarkSecretUsed(ctx context.Context, id string, _ time.Time) error {
	return s.Store.MarkSecretUsed(ctx, id, time.Time{})
}

type hospitable struct{ store.Store }

func (s hospitable) CreateToken(ctx context.Context, token store.Token) error {
	return forgive(s.Store.CreateToken(ctx, token), store.ErrExists)
}

func (s hospitable) PutServiceUser(ctx context.Context, user store.ServiceUser) error {
	return forgive(s.Store.PutServiceUser(ctx, user), store.ErrExists)
}

type hasty struct{ store.Store }

func (s hasty) DeleteExpiredTokens(ctx context.Context, before time.Time, limit int) (int, error) {
	return s.Store.DeleteExpiredTokens(ctx, before.Add(time.Millisecond), limit)
}

type limitless struct{ store.Store }

func (s limitless) DeleteExpiredTokens(ctx context.Context, before time.Time, _ int) (int, error) {
	return s.Store.DeleteExpiredTokens(ctx, before, 1000)
}

func (s limitless) CreatePushedRequest(ctx context.Context, r store.PushedRequest, now time.Time, _ int) error {
	return s.Store.CreatePushedRequest(ctx, r, now, 1000)
}

type repeating struct{ store.Store }

func (s repeating) UseAssertion(ctx context.Context, issuer, jti string, expires time.Time) error {
	return forgive(s.Store.UseAssertion(ctx, issuer, jti, expires), store.ErrExists)
}

type nameless struct{ store.Store }

func (s nameless) UseAssertion(ctx context.Context, issuer, jti string, expires time.Time) error {
	return s.Store.UseAssertion(ctx, "", issuer+jti, expires)
}

type soothing struct{ store.Store }

func (s soothing) Token(ctx context.Context, id string) (store.Token, error) {
	token, err := s.Store.Token(ctx, id)
	if errors.Is(err, store.ErrUnavailable) {
		err = store.ErrNotFound
	}
	return token, err
}

type stubborn struct{ store.Store }

func (s stubborn) RevokeToken(ctx context.Context, id string, at time.Time) error {
	return s.Store.RevokeToken(context.WithoutCancel(ctx), id, at)
}

type loose struct{ store.Store }

func (s loose) InTx(_ context.Context, f func(store.Tx) error) error { return f(s) }

type calm struct{ store.Store }

func (s calm) InTx(ctx context.Context, f func(store.Tx) error) (err error) {
	defer func() { _ = recover() }()
	return s.Store.InTx(ctx, f)
}

type caching struct {
	store.Store
	users sync.Map
}

func (s *caching) ServiceUser(ctx context.Context, id string) (store.ServiceUser, error) {
	if user, ok := s.users.Load(id); ok {
		return user.(store.ServiceUser), nil
	}
	user, err := s.Store.ServiceUser(ctx, id)
	if err == nil {
		s.users.Store(id, user)
	}
	return user, err
}

type obliging struct{ store.Store }

func (s obliging) APIByClientID(ctx context.Context, clientID string) (store.API, error) {
	if clientID != "" {
		return s.Store.APIByClientID(ctx, clientID)
	}
	apis, err := s.APIsOf(ctx, "")
	return apis[0], err
}

type trimming struct{ store.Store }

func (s trimming) APIByIdentifier(ctx context.Context, identifier string) (store.API, error) {
	return s.Store.APIByIdentifier(ctx, strings.TrimSuffix(identifier, "/"))
}

type generous struct{ store.Store }

func (s generous) PutAssignment(ctx context.Context, grant store.Assignment) error {
	return forgive(s.Store.PutAssignment(ctx, grant), store.ErrNotFound)
}

type reversed struct{ store.Store }

func (s reversed) AssignmentsOf(ctx context.Context, userID string) ([]store.Assignment, error) {
	grants, err := s.Store.AssignmentsOf(ctx, userID)
	slices.Reverse(grants)
	return grants, err
}

func (s reversed) Projects(ctx context.Context) ([]store.Project, error) {
	projects, err := s.Store.Projects(ctx)
	slices.Reverse(projects)
	return projects, err
}

func (s reversed) Applications(ctx context.Context) ([]store.Application, error) {
	applications, err := s.Store.Applications(ctx)
	slices.Reverse(applications)
	return applications, err
}

type local struct{ store.Store }

func (s local) Token(ctx context.Context, id string) (store.Token, error) {
	token, err := s.Store.Token(ctx, id)
	token.IssuedAt = token.IssuedAt.In(time.FixedZone("", 3600))
	return token, err
}

type strict struct{ store.Store }

func (s strict) Token(ctx context.Context, id string) (store.Token, error) {
	if !utf8.ValidString(id) {
		return store.Token{}, store.ErrUnavailable
	}
	return s.Store.Token(ctx, id)
}

type exact struct{ store.Store }

func (s exact) UserByLogin(ctx context.Context, organizationID, login string) (store.User, error) {
	user, err := s.Store.UserByLogin(ctx, organizationID, login)
	if err == nil && login != user.LoginName && login != user.Email {
		return store.User{}, store.ErrNotFound
	}
	return user, err
}

type trusting struct{ store.Store }

func (s trusting) UserByLogin(ctx context.Context, organizationID, login string) (store.User, error) {
	users, err := s.Users(ctx, "", 100)
	if i := slices.IndexFunc(users, func(u store.User) bool { return u.Email == login }); i >= 0 {
		return users[i], err
	}
	return s.Store.UserByLogin(ctx, organizationID, login)
}

func (s trusting) Attempt(ctx context.Context, key string, now time.Time, policy store.AttemptPolicy) (store.Permit, error) {
	permit, err := s.Store.Attempt(ctx, key, now, policy)
	if permit.Busy {
		permit = store.Permit{Allowed: true}
	}
	return permit, err
}

func (s trusting) CreateRegistration(ctx context.Context, r store.Registration, _ store.RegistrationBounds) error {
	return s.Store.CreateRegistration(ctx, r, store.RegistrationBounds{FromAddress: 1000, Unexpired: 1000})
}

type eager struct{ store.Store }

func (s eager) MarkTokenUsed(ctx context.Context, id string, at time.Time) error {
	if at.Before(time.Now()) {
		at = time.Now()
	}
	return s.Store.MarkTokenUsed(ctx, id, at)
}

func (s eager) RehashPassword(ctx context.Context, userID, _, phc string) error {
	return s.PutPassword(ctx, store.Password{UserID: userID, PHC: phc})
}

func (s eager) ReplaceSession(ctx context.Context, former store.Digest, next store.Session) error {
	return s.CreateSession(ctx, former, next)
}

func (s eager) ChangeFacts(ctx context.Context, d store.Digest, _, facts string, now time.Time) error {
	request, err := s.PendingRequest(ctx, d)
	if err != nil {
		return err
	}
	return s.Store.ChangeFacts(ctx, d, request.Facts, facts, now)
}

func (s eager) RevokeFamiliesOfSession(ctx context.Context, sessionID string, at time.Time, reason string) (int, error) {
	families, err := s.FamiliesOfSession(ctx, sessionID)
	for _, family := range families {
		err = errors.Join(err, s.RevokeFamily(ctx, family.ID, at, reason))
	}
	return len(families), err
}

type lingering struct{ store.Store }

func (s lingering) FamiliesOf(ctx context.Context, subjectID string, _ time.Time) ([]store.Family, error) {
	return s.Store.FamiliesOf(ctx, subjectID, time.UnixMilli(1))
}

type fresh struct{ store.Store }

func (s fresh) PutConsent(ctx context.Context, c store.Consent) error {
	return errors.Join(s.DeleteConsent(ctx, c.UserID, c.ClientID), s.Store.PutConsent(ctx, c))
}

type immortal struct{ store.Store }

func (s immortal) TouchSession(ctx context.Context, d store.Digest, _, idleExpires time.Time) error {
	return s.Store.TouchSession(ctx, d, time.Time{}, idleExpires)
}

func (s immortal) FamilyAlive(ctx context.Context, id string, now time.Time) (bool, error) {
	family, err := s.Family(ctx, id)
	return family.ExpiresAt.After(now), forgive(err, store.ErrNotFound)
}

func (s immortal) UseRefreshToken(ctx context.Context, d store.Digest, now time.Time, overlap time.Duration, next store.RefreshToken) (store.Use, error) {
	if token, err := s.RefreshToken(ctx, d); err == nil && token.FirstUsedAt.IsZero() {
		overlap = 1000 * time.Hour
	}
	return s.Store.UseRefreshToken(ctx, d, now, overlap, next)
}

func (s repeating) UsePushedRequest(ctx context.Context, d store.Digest, now time.Time) error {
	return forgive(s.Store.UsePushedRequest(ctx, d, now), store.ErrNotFound)
}

func (s repeating) AnswerDeviceCode(ctx context.Context, d store.Digest, allowed bool, now time.Time) error {
	return forgive(s.Store.AnswerDeviceCode(ctx, d, allowed, now), store.ErrNotFound)
}

func (s calm) PollDeviceCode(ctx context.Context, d store.Digest, now time.Time, _ time.Duration) (bool, error) {
	return s.Store.PollDeviceCode(ctx, d, now, 0)
}

func (s limitless) CreateDeviceCode(ctx context.Context, d store.DeviceCode, now time.Time, _ int) error {
	return s.Store.CreateDeviceCode(ctx, d, now, 1<<30)
}

func (s repeating) UseCode(ctx context.Context, d store.Digest, now time.Time) (store.Use, error) {
	if code, err := s.Code(ctx, d); err == nil && !code.UsedAt.IsZero() {
		return store.Used, nil
	}
	return s.Store.UseCode(ctx, d, now)
}

func (s repeating) UseRefreshToken(ctx context.Context, d store.Digest, now time.Time, _ time.Duration, next store.RefreshToken) (store.Use, error) {
	return s.Store.UseRefreshToken(ctx, d, now, 1000*time.Hour, next)
}

func (s hasty) UseRefreshToken(ctx context.Context, d store.Digest, now time.Time, _ time.Duration, next store.RefreshToken) (store.Use, error) {
	return s.Store.UseRefreshToken(ctx, d, now, 0, next)
}

func (s forgetful) EndAttempt(ctx context.Context, key string, _ bool, now time.Time, policy store.AttemptPolicy) error {
	return s.Store.EndAttempt(ctx, key, false, now, policy)
}

func (s forgetful) UseCode(ctx context.Context, d store.Digest, now time.Time) (store.Use, error) {
	if code, err := s.Code(ctx, d); err == nil && !code.UsedAt.IsZero() {
		return store.UseAgain, nil
	}
	return s.Store.UseCode(ctx, d, now)
}

func (s forgetful) UseRefreshToken(ctx context.Context, d store.Digest, now time.Time, overlap time.Duration, next store.RefreshToken) (store.Use, error) {
	token, err := s.RefreshToken(ctx, d)
	if err == nil && (token.Successors == store.MaxSuccessors || !token.FirstUsedAt.IsZero() && now.Sub(token.FirstUsedAt) > overlap) {
		return store.UseAgain, nil
	}
	return s.Store.UseRefreshToken(ctx, d, now, overlap, next)
}

func (s repeating) UseTOTP(ctx context.Context, userID string, secret []byte, step int64) error {
	return forgive(s.Store.UseTOTP(ctx, userID, secret, step), store.ErrNotFound)
}

func (s repeating) UseRecoveryCode(ctx context.Context, userID string, d store.Digest, now time.Time) error {
	return forgive(s.Store.UseRecoveryCode(ctx, userID, d, now), store.ErrNotFound)
}

func (s repeating) UsePasskey(ctx context.Context, id string, signCount uint32, record string, now time.Time) error {
	return forgive(s.Store.UsePasskey(ctx, id, signCount, record, now), store.ErrNotFound)
}

func (s repeating) TakeChallenge(ctx context.Context, key string, now time.Time) (store.Challenge, error) {
	if c, err := s.Challenge(ctx, key); err == nil && c.ExpiresAt.After(now) {
		return c, nil
	}
	return s.Store.TakeChallenge(ctx, key, now)
}

func (s trusting) UseTOTP(ctx context.Context, userID string, _ []byte, step int64) error {
	app, err := s.TOTP(ctx, userID)
	if err != nil {
		return err
	}
	return s.Store.UseTOTP(ctx, userID, app.Secret, step)
}

func (s trusting) DeletePasskey(ctx context.Context, userID, id string) error {
	err := s.Store.DeletePasskey(ctx, userID, id)
	for _, other := range []string{"anna", "ben"} {
		if errors.Is(err, store.ErrNotFound) {
			err = s.Store.DeletePasskey(ctx, other, id)
		}
	}
	return err
}

func (s immortal) ReplaceRecoveryCodes(ctx context.Context, userID string, digests []store.Digest) error {
	former, err := s.RecoveryCodes(ctx, userID)
	if err != nil {
		return err
	}
	for _, c := range former {
		if !slices.Contains(digests, c.Digest) {
			digests = append(digests, c.Digest)
		}
	}
	return s.Store.ReplaceRecoveryCodes(ctx, userID, digests)
}

func (s immortal) TakeChallenge(ctx context.Context, key string, _ time.Time) (store.Challenge, error) {
	return s.Store.TakeChallenge(ctx, key, time.Time{})
}

func (s repeating) BindFamily(ctx context.Context, id, confirmation string) error {
	return forgive(s.Store.BindFamily(ctx, id, confirmation), store.ErrNotFound)
}

func (s eager) SharedKey(ctx context.Context, name string, proposed store.SharedKey) (store.SharedKey, error) {
	_, err := s.Store.SharedKey(ctx, name, proposed)
	return proposed, err
}

func (s trusting) ClientCertificatesOf(ctx context.Context, owner store.Owner) ([]store.ClientCertificate, error) {
	found, err := s.Store.ClientCertificatesOf(ctx, owner)
	if err == nil && len(found) == 0 {
		return s.Store.ClientCertificatesOf(ctx, store.Owner{Kind: store.APIClient, ID: "a1"})
	}
	return found, err
}

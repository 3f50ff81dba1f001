package sqlite

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/postern-auth/postern/server/store"
)

// TestNoStatementAboutPeopleLooksAtEveryRow runs what requests run, and asks SQLite how it does each of it.
func TestNoStatementAboutPeopleLooksAtEveryRow(t *testing.T) {
	s, d := openInternal(t, Options{})
	for name, call := range peopleCalls(context.Background(), s) {
		if err := call(); err != nil && !errors.Is(err, store.ErrNotFound) {
			t.Fatalf("%s: %v", name, err)
		}
	}
	var explained int
	for _, on := range []*statements{d.readers, d.writer.conn} {
		for query := range on.prepared {
			if verb, _, _ := strings.Cut(strings.TrimSpace(query), " "); !slices.Contains([]string{"SELECT", "INSERT", "UPDATE", "DELETE"}, verb) {
				continue // BEGIN and its like
			}
			explained++
			for line := range strings.Lines(explainPlan(t, d.reading, query)) {
				if line == "SCAN CONSTANT ROW\n" {
					continue // of values
				}
				if strings.HasPrefix(line, "SCAN") {
					t.Errorf("expected a search, got a scan:\n%s\n%s", query, line)
				}
			}
		}
	}
	if explained < 60 {
		t.Errorf("expected 60 statements at least, got %d", explained)
	}
}

// peopleCalls are calls that reach every statement, each by itself: the order does not matter to what is
// prepared, but that which needs a row is after what makes it.
func peopleCalls(ctx context.Context, s *Store) func(yield func(string, func() error) bool) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	later := now.Add(time.Hour)
	policy := store.AttemptPolicy{Free: 1, Delay: time.Second, MaxDelay: time.Minute, Hold: time.Second, Memory: time.Hour}
	user := store.User{ID: "anna", OrganizationID: "org", Handle: store.UserHandle{1}, LoginName: "anna", Email: "anna@example.com", EmailVerifiedAt: now, PictureID: "p"}
	family := store.Family{ID: "f1", SubjectID: "anna", ClientID: "shop", SessionID: "sid", ExpiresAt: later}
	session := store.Session{Digest: store.Digest{1}, ID: "sid", UserID: "anna", IdleExpiresAt: later, ExpiresAt: later}
	calls := []struct {
		name string
		call func() error
	}{
		{"put user", func() error { return s.PutUser(ctx, user) }},
		{"user", func() error { return second(s.User(ctx, "anna")) }},
		{"user by login", func() error { return second(s.UserByLogin(ctx, "org", "anna")) }},
		{"user by handle", func() error { return second(s.UserByHandle(ctx, user.Handle)) }},
		{"user by picture", func() error { return second(s.UserByPicture(ctx, "p")) }},
		{"users", func() error { return second(s.Users(ctx, "", 9)) }},
		{"put password", func() error { return s.PutPassword(ctx, store.Password{UserID: "anna"}) }},
		{"password", func() error { return second(s.Password(ctx, "anna")) }},
		{"rehash", func() error { return s.RehashPassword(ctx, "anna", "", "") }},
		{"put application", func() error { return s.PutApplication(ctx, store.Application{ID: "app", ClientID: "shop"}) }},
		{"application", func() error { return second(s.Application(ctx, "app")) }},
		{"application by client id", func() error { return second(s.ApplicationByClientID(ctx, "shop")) }},
		{"create registration", func() error {
			return s.CreateRegistration(ctx, store.Registration{ApplicationID: "app", ExpiresAt: later}, store.RegistrationBounds{FromAddress: 9, Unexpired: 9})
		}},
		{"put registration", func() error {
			return s.PutRegistration(ctx, store.Registration{ApplicationID: "app", ExpiresAt: later})
		}},
		{"registration", func() error { return second(s.Registration(ctx, "app")) }},
		{"put consent", func() error { return s.PutConsent(ctx, store.Consent{UserID: "anna", ClientID: "shop"}) }},
		{"consent", func() error { return second(s.Consent(ctx, "anna", "shop")) }},
		{"consents", func() error { return second(s.ConsentsOf(ctx, "anna")) }},
		{"create session", func() error { return s.CreateSession(ctx, store.Digest{}, session) }},
		{"replace session", func() error { return s.ReplaceSession(ctx, session.Digest, session) }},
		{"session", func() error { return second(s.Session(ctx, session.Digest)) }},
		{"session by id", func() error { return second(s.SessionByID(ctx, "sid")) }},
		{"sessions", func() error { return second(s.SessionsOf(ctx, "anna")) }},
		{"touch", func() error { return s.TouchSession(ctx, session.Digest, now, later) }},
		{"certificates", func() error { return second(s.ClientCertificatesOf(ctx, store.Owner{})) }},
		{"delete certificate", func() error { return s.DeleteClientCertificate(ctx, "c") }},
		{"shared key", func() error { return second(s.SharedKey(ctx, "k", store.SharedKey{})) }},
		{"bind family", func() error { return s.BindFamily(ctx, "f1", "{}") }},
		{"create pending", func() error { return s.CreatePendingRequest(ctx, store.PendingRequest{ExpiresAt: later}) }},
		{"pending", func() error { return second(s.PendingRequest(ctx, store.Digest{})) }},
		{"facts", func() error { return s.ChangeFacts(ctx, store.Digest{}, "", "", now) }},
		{"delete pending", func() error { return s.DeletePendingRequest(ctx, store.Digest{}) }},
		{"create pushed", func() error { return s.CreatePushedRequest(ctx, store.PushedRequest{ExpiresAt: later}, now, 9) }},
		{"pushed", func() error { return second(s.PushedRequest(ctx, store.Digest{})) }},
		{"extend pushed", func() error { return s.ExtendPushedRequest(ctx, store.Digest{}, now, later) }},
		{"use pushed", func() error { return s.UsePushedRequest(ctx, store.Digest{}, now) }},
		{"attempt", func() error { return second(s.Attempt(ctx, "anna", now, policy)) }},
		{"attempt beside", func() error { return second(s.Attempt(ctx, "anna", now, policy)) }},
		{"attempt after the hold", func() error { return second(s.Attempt(ctx, "anna", later, policy)) }},
		{"end attempt", func() error { return s.EndAttempt(ctx, "anna", false, now, policy) }},
		{"end attempt well", func() error { return s.EndAttempt(ctx, "anna", true, now, policy) }},
		{"failures", func() error { return second(s.Failures(ctx, "anna", now)) }},
		{"create totp", func() error { return s.CreateTOTP(ctx, store.TOTP{UserID: "anna", Secret: []byte{1}}) }},
		{"totp", func() error { return second(s.TOTP(ctx, "anna")) }},
		{"use totp", func() error { return s.UseTOTP(ctx, "anna", []byte{1}, 1) }},
		{"delete totp", func() error { return s.DeleteTOTP(ctx, "anna") }},
		{"recovery codes", func() error { return second(s.RecoveryCodes(ctx, "anna")) }},
		{"replace recovery codes", func() error { return s.ReplaceRecoveryCodes(ctx, "anna", []store.Digest{{1}}) }},
		{"use recovery code", func() error { return s.UseRecoveryCode(ctx, "anna", store.Digest{1}, now) }},
		{"create passkey", func() error {
			return s.CreatePasskey(ctx, store.Passkey{ID: "k", Credential: []byte{1}, UserID: "anna"})
		}},
		{"passkey", func() error { return second(s.PasskeyByCredential(ctx, []byte{1})) }},
		{"passkeys", func() error { return second(s.PasskeysOf(ctx, "anna")) }},
		{"use passkey", func() error { return s.UsePasskey(ctx, "k", 1, "", now) }},
		{"delete passkey", func() error { return s.DeletePasskey(ctx, "anna", "k") }},
		{"put challenge", func() error { return s.PutChallenge(ctx, store.Challenge{Key: "c", ExpiresAt: later}) }},
		{"challenge", func() error { return second(s.Challenge(ctx, "c")) }},
		{"take challenge", func() error { return second(s.TakeChallenge(ctx, "c", now)) }},
		{"create device code", func() error {
			return s.CreateDeviceCode(ctx, store.DeviceCode{ClientID: "shop", UserCode: "c", ExpiresAt: later}, now, 9)
		}},
		{"device code", func() error { return second(s.DeviceCode(ctx, store.Digest{})) }},
		{"device code by user code", func() error { return second(s.DeviceCodeByUserCode(ctx, "c")) }},
		{"poll device code", func() error { return second(s.PollDeviceCode(ctx, store.Digest{}, now, time.Second)) }},
		{"poll device code early", func() error { return second(s.PollDeviceCode(ctx, store.Digest{}, now, time.Second)) }},
		{"answer device code", func() error { return s.AnswerDeviceCode(ctx, store.Digest{}, true, now) }},
		{"put mail link", func() error { return s.PutMailLink(ctx, store.MailLink{UserID: "anna", ExpiresAt: later}) }},
		{"mail link", func() error { return second(s.MailLink(ctx, store.Digest{})) }},
		{"use mail link", func() error { return second(s.UseMailLink(ctx, store.Digest{}, now)) }},
		{"delete mail links", func() error { return second(s.DeleteMailLinksOf(ctx, "anna")) }},
		{"add delivery", func() error {
			return second(s.AddDelivery(ctx, store.Delivery{ID: "d", Kind: "mail", NextTryAt: now, ExpiresAt: later}, 9))
		}},
		{"claim", func() error { return second(s.ClaimDeliveries(ctx, "mail", now, later, 9)) }},
		{"postpone", func() error { return s.PostponeDelivery(ctx, "d", 1, now) }},
		{"delete delivery", func() error { return s.DeleteDelivery(ctx, "d") }},
		{"create family", func() error { return s.CreateFamily(ctx, family) }},
		{"family", func() error { return second(s.Family(ctx, "f1")) }},
		{"family alive", func() error { return second(s.FamilyAlive(ctx, "f1", now)) }},
		{"families of session", func() error { return second(s.FamiliesOfSession(ctx, "sid")) }},
		{"families of subject", func() error { return second(s.FamiliesOf(ctx, "anna", now)) }},
		{"extend family", func() error { return s.ExtendFamily(ctx, "f1", now, later) }},
		{"create code", func() error { return s.CreateCode(ctx, store.Code{FamilyID: "f1", ExpiresAt: later}) }},
		{"code", func() error { return second(s.Code(ctx, store.Digest{})) }},
		{"use code", func() error { return second(s.UseCode(ctx, store.Digest{}, now)) }},
		{"create refresh token", func() error {
			return s.CreateRefreshToken(ctx, store.RefreshToken{FamilyID: "f1", ExpiresAt: later})
		}},
		{"refresh token", func() error { return second(s.RefreshToken(ctx, store.Digest{})) }},
		{"refresh", func() error {
			return second(s.UseRefreshToken(ctx, store.Digest{}, now, time.Second, store.RefreshToken{Digest: store.Digest{1}, ExpiresAt: later}))
		}},
		{"refresh again", func() error {
			return second(s.UseRefreshToken(ctx, store.Digest{}, later.Add(-time.Second), time.Second, store.RefreshToken{}))
		}},
		{"use code again", func() error { return second(s.UseCode(ctx, store.Digest{}, now)) }},
		{"revoke family", func() error { return s.RevokeFamily(ctx, "f1", now, "") }},
		{"revoke families of subject", func() error { return second(s.RevokeFamiliesOf(ctx, "anna", "", now, "")) }},
		{"revoke families of client", func() error { return second(s.RevokeFamiliesOfClient(ctx, "shop", now, "")) }},
		{"revoke families of session", func() error { return second(s.RevokeFamiliesOfSession(ctx, "sid", now, "")) }},
		{"delete expired", func() error { return second(s.DeleteExpiredTokens(ctx, now, 9)) }},
		{"delete session", func() error { return s.DeleteSession(ctx, session.Digest) }},
		{"delete sessions", func() error { return second(s.DeleteSessionsOf(ctx, "anna", store.Digest{})) }},
		{"delete consent", func() error { return s.DeleteConsent(ctx, "anna", "shop") }},
		{"delete password", func() error { return s.DeletePassword(ctx, "anna") }},
		{"delete application", func() error { return s.DeleteApplication(ctx, "app") }},
		{"delete subject", func() error { return s.DeleteSubject(ctx, "anna") }},
	}
	return func(yield func(string, func() error) bool) {
		for _, each := range calls {
			if !yield(each.name, each.call) {
				return
			}
		}
	}
}

package storetest

import (
	"context"
	"testing"
	"time"

	"github.com/postern-auth/postern/server/store"
)

// people fills the store with two of everything that has to do with people.
func people(t *testing.T, tx store.Tx) {
	t.Helper()
	ctx := t.Context()
	for _, u := range []store.User{anna(), ben()} {
		ok(t, tx.PutUser(ctx, u))
		ok(t, tx.PutPassword(ctx, passwordOf(u.ID)))
		ok(t, tx.CreateSession(ctx, store.Digest{}, sessionOf(u.ID)))
		ok(t, tx.CreatePendingRequest(ctx, pendingRequest("pending-"+u.ID)))
	}
	factors(t, tx)
	for _, a := range []store.Application{application1(), application2()} {
		ok(t, tx.PutApplication(ctx, a))
		ok(t, tx.CreatePushedRequest(ctx, pushedRequest("pushed-"+a.ID, a.ClientID), noon, 9))
		for _, u := range []string{"anna", "ben"} {
			ok(t, tx.PutConsent(ctx, consentOf(u, a.ClientID)))
		}
	}
	for _, f := range []store.Family{family("f1", "anna", "shop"), family("f2", "ben", "desk")} {
		ok(t, tx.CreateFamily(ctx, f))
		ok(t, tx.CreateCode(ctx, codeOf(f.ID)))
		ok(t, tx.CreateRefreshToken(ctx, refreshTokenOf(f.ID)))
	}
	devices(t, tx)
}

func anna() store.User {
	return store.User{
		ID: "anna", OrganizationID: "org", Handle: handleOf("anna"), LoginName: "Anna", Email: "Anna@Example.com",
		EmailVerifiedAt: noon, Name: "Anna Berg", GivenName: "Anna", FamilyName: "Berg", Nickname: "annie",
		PictureID: "picture-anna", Locale: "de", Active: true, CreatedAt: noon, UpdatedAt: noon.Add(time.Second),
	}
}

func ben() store.User {
	return store.User{ID: "ben", OrganizationID: "org", Handle: handleOf("ben"), LoginName: "ben", Email: "ben@example.com"}
}

func handleOf(seed string) store.UserHandle {
	h := store.UserHandle{1: 0xff, 63: 0x80}
	copy(h[2:], seed)
	return h
}

func passwordOf(userID string) store.Password {
	return store.Password{UserID: userID, PHC: "$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$" + userID, ChangedAt: noon}
}

func application1() store.Application {
	return store.Application{
		ID: "app1", ProjectID: "p1", Name: "Shop", ClientID: "shop", Type: store.BrowserApplication,
		RedirectURIs: []string{"http://localhost:4040", "http://localhost:4040/callback"}, LogoutURIs: []string{"http://localhost:4040"},
		AllowedOrigins: []string{"http://localhost:4040"}, BackchannelLogoutURI: "https://shop.example/logout", InitiateLoginURI: "https://shop.example/login",
		Grants: []string{"authorization_code", "refresh_token"}, IDTokenLifetime: time.Hour, RefreshIdle: 720 * time.Hour,
		RefreshLifetime: 2160*time.Hour + time.Nanosecond, IDTokenAlgorithm: "ES256", IDTokenClaims: store.MinimalClaims, UserinfoAlgorithm: "PS256",
		RefreshEndsWithSession: true, FirstParty: true, InsecureNoPKCE: true, SenderConstraint: store.ConstrainedByCertificate, Profile: "fapi2", Active: true, CreatedAt: noon,
	}
}

func application2() store.Application {
	return store.Application{ID: "app2", Name: "Desk", ClientID: "desk", Type: store.WebApplication, IDTokenClaims: store.FullClaims}
}

var ownerApp1 = store.Owner{Kind: store.ApplicationClient, ID: "app1"}

func consentOf(userID, clientID string) store.Consent {
	return store.Consent{
		UserID: userID, ClientID: clientID, Scopes: []string{"openid", "send"}, Targets: []string{"https://quickstarts/api"},
		GivenAt: noon, UpdatedAt: noon.Add(time.Minute),
	}
}

func sessionOf(userID string) store.Session {
	return store.Session{
		Digest: digest("session-" + userID), ID: "sid-" + userID, UserID: userID, Browser: digest("browser"),
		Methods:   []store.Method{{Name: "pwd", At: noon}, {Name: "otp", At: noon.Add(time.Second)}},
		CreatedAt: noon, LastSeenAt: noon, IdleExpiresAt: noon.Add(12 * time.Hour), ExpiresAt: noon.Add(720 * time.Hour),
		UserAgent: "Mozilla/5.0", AddressPrefix: "192.0.2.0/24", Remembered: true,
	}
}

func pendingRequest(seed string) store.PendingRequest {
	return store.PendingRequest{Digest: digest(seed), Browser: digest("browser"), Request: `{"state":"ß"}`, Facts: `{}`, ExpiresAt: noon.Add(30 * time.Minute)}
}

func pushedRequest(seed, clientID string) store.PushedRequest {
	return store.PushedRequest{Digest: digest(seed), ClientID: clientID, Request: `{"state":"ß"}`, ExpiresAt: noon.Add(90 * time.Second)}
}

func family(id, subjectID, clientID string) store.Family {
	return store.Family{
		ID: id, SubjectID: subjectID, ClientID: clientID, SessionID: "sid-" + subjectID, Issuer: "https://login.example.com", Kind: store.CodeFamily,
		Scopes: []string{"openid", "send"}, Targets: []string{"https://quickstarts/api"}, AuthTime: noon, ACR: "urn:postern:acr:pwd",
		AMR: []string{"pwd"}, Confirmation: `{"jkt":"x"}`, Parent: "f0", Source: "f0.t1", Actor: `{"sub":"ß"}`, EndsWithSession: true, CreatedAt: noon, ExpiresAt: noon.Add(720 * time.Hour),
	}
}

func codeOf(familyID string) store.Code {
	return store.Code{Digest: digest("code-" + familyID), FamilyID: familyID, Request: `{"nonce":"ß"}`, ExpiresAt: noon.Add(time.Minute)}
}

func refreshTokenOf(familyID string) store.RefreshToken {
	return store.RefreshToken{Digest: digest("refresh-" + familyID), FamilyID: familyID, IssuedAt: noon, ExpiresAt: noon.Add(720 * time.Hour)}
}

func successor(seed string) store.RefreshToken {
	return store.RefreshToken{Digest: digest(seed), IssuedAt: noon, ExpiresAt: noon.Add(720 * time.Hour)}
}

// overlap is how long a refresh token may be used again.
const overlap = 30 * time.Second

// policy is that of passwords.
var policy = store.AttemptPolicy{Free: 5, Delay: time.Second, MaxDelay: 15 * time.Minute, Hold: time.Minute, Memory: 24 * time.Hour}

// peopleCalls are those of calls that have to do with people.
var peopleCalls = map[string]func(context.Context, store.Tx) error{
	"User":          func(ctx context.Context, s store.Tx) error { return second(s.User(ctx, "anna")) },
	"UserByLogin":   func(ctx context.Context, s store.Tx) error { return second(s.UserByLogin(ctx, "org", "anna")) },
	"UserByHandle":  func(ctx context.Context, s store.Tx) error { return second(s.UserByHandle(ctx, handleOf("anna"))) },
	"UserByPicture": func(ctx context.Context, s store.Tx) error { return second(s.UserByPicture(ctx, "picture-anna")) },
	"Users":         func(ctx context.Context, s store.Tx) error { return second(s.Users(ctx, "", 9)) },
	"PutUser":       func(ctx context.Context, s store.Tx) error { return s.PutUser(ctx, anna()) },
	"Password":      func(ctx context.Context, s store.Tx) error { return second(s.Password(ctx, "anna")) },
	"PutPassword":   func(ctx context.Context, s store.Tx) error { return s.PutPassword(ctx, passwordOf("anna")) },
	"RehashPassword": func(ctx context.Context, s store.Tx) error {
		return s.RehashPassword(ctx, "anna", passwordOf("anna").PHC, passwordOf("anna").PHC)
	},
	"DeletePassword": func(ctx context.Context, s store.Tx) error { return s.DeletePassword(ctx, "ben") },
	"Application":    func(ctx context.Context, s store.Tx) error { return second(s.Application(ctx, "app1")) },
	"ApplicationByClientID": func(ctx context.Context, s store.Tx) error {
		return second(s.ApplicationByClientID(ctx, "shop"))
	},
	"Applications":      func(ctx context.Context, s store.Tx) error { return second(s.Applications(ctx)) },
	"PutApplication":    func(ctx context.Context, s store.Tx) error { return s.PutApplication(ctx, application1()) },
	"DeleteApplication": func(ctx context.Context, s store.Tx) error { return s.DeleteApplication(ctx, "app2") },
	"Consent":           func(ctx context.Context, s store.Tx) error { return second(s.Consent(ctx, "anna", "shop")) },
	"ConsentsOf":        func(ctx context.Context, s store.Tx) error { return second(s.ConsentsOf(ctx, "anna")) },
	"PutConsent":        func(ctx context.Context, s store.Tx) error { return s.PutConsent(ctx, consentOf("anna", "shop")) },
	"DeleteConsent":     func(ctx context.Context, s store.Tx) error { return s.DeleteConsent(ctx, "ben", "shop") },
	"Session":           func(ctx context.Context, s store.Tx) error { return second(s.Session(ctx, sessionOf("anna").Digest)) },
	"SessionByID":       func(ctx context.Context, s store.Tx) error { return second(s.SessionByID(ctx, "sid-anna")) },
	"SessionsOf":        func(ctx context.Context, s store.Tx) error { return second(s.SessionsOf(ctx, "anna")) },
	"CreateSession": func(ctx context.Context, s store.Tx) error {
		return s.CreateSession(ctx, sessionOf("anna").Digest, sessionOf("anna"))
	},
	"ReplaceSession": func(ctx context.Context, s store.Tx) error {
		return s.ReplaceSession(ctx, sessionOf("anna").Digest, sessionOf("anna"))
	},
	"TouchSession": func(ctx context.Context, s store.Tx) error {
		return s.TouchSession(ctx, sessionOf("anna").Digest, noon, noon)
	},
	"DeleteSession": func(ctx context.Context, s store.Tx) error { return s.DeleteSession(ctx, sessionOf("ben").Digest) },
	"DeleteSessionsOf": func(ctx context.Context, s store.Tx) error {
		return second(s.DeleteSessionsOf(ctx, "ben", store.Digest{}))
	},
	"PendingRequest": func(ctx context.Context, s store.Tx) error {
		return second(s.PendingRequest(ctx, digest("pending-anna")))
	},
	"CreatePendingRequest": func(ctx context.Context, s store.Tx) error {
		return s.CreatePendingRequest(ctx, pendingRequest("new"))
	},
	"ChangeFacts": func(ctx context.Context, s store.Tx) error {
		return s.ChangeFacts(ctx, digest("pending-anna"), `{}`, `{}`, noon)
	},
	"DeletePendingRequest": func(ctx context.Context, s store.Tx) error {
		return s.DeletePendingRequest(ctx, digest("pending-ben"))
	},
	"PushedRequest": func(ctx context.Context, s store.Tx) error {
		return second(s.PushedRequest(ctx, digest("pushed-app1")))
	},
	"CreatePushedRequest": func(ctx context.Context, s store.Tx) error {
		return s.CreatePushedRequest(ctx, pushedRequest("new", "shop"), noon, 9)
	},
	"ExtendPushedRequest": func(ctx context.Context, s store.Tx) error {
		return s.ExtendPushedRequest(ctx, digest("pushed-app1"), noon, noon)
	},
	"UsePushedRequest": func(ctx context.Context, s store.Tx) error {
		return s.UsePushedRequest(ctx, digest("pushed-app2"), noon)
	},
	"Attempt":     func(ctx context.Context, s store.Tx) error { return second(s.Attempt(ctx, "anna", noon, policy)) },
	"EndAttempt":  func(ctx context.Context, s store.Tx) error { return s.EndAttempt(ctx, "anna", false, noon, policy) },
	"Failures":    func(ctx context.Context, s store.Tx) error { return second(s.Failures(ctx, "anna", noon)) },
	"Family":      func(ctx context.Context, s store.Tx) error { return second(s.Family(ctx, "f1")) },
	"FamilyAlive": func(ctx context.Context, s store.Tx) error { return second(s.FamilyAlive(ctx, "f1", noon)) },
	"FamiliesOfSession": func(ctx context.Context, s store.Tx) error {
		return second(s.FamiliesOfSession(ctx, "sid-anna"))
	},
	"CreateFamily": func(ctx context.Context, s store.Tx) error { return s.CreateFamily(ctx, family("f3", "anna", "shop")) },
	"ExtendFamily": func(ctx context.Context, s store.Tx) error { return s.ExtendFamily(ctx, "f1", noon, noon) },
	"RevokeFamily": func(ctx context.Context, s store.Tx) error { return s.RevokeFamily(ctx, "f2", noon, "lost") },
	"RevokeFamiliesOf": func(ctx context.Context, s store.Tx) error {
		return second(s.RevokeFamiliesOf(ctx, "ben", "", noon, "lost"))
	},
	"RevokeFamiliesOfClient": func(ctx context.Context, s store.Tx) error {
		return second(s.RevokeFamiliesOfClient(ctx, "desk", noon, "lost"))
	},
	"FamiliesOf": func(ctx context.Context, s store.Tx) error {
		return second(s.FamiliesOf(ctx, "anna", noon))
	},
	"RevokeFamiliesOfSession": func(ctx context.Context, s store.Tx) error {
		return second(s.RevokeFamiliesOfSession(ctx, "sid-ben", noon, "lost"))
	},
	"Code": func(ctx context.Context, s store.Tx) error { return second(s.Code(ctx, digest("code-f1"))) },
	"CreateCode": func(ctx context.Context, s store.Tx) error {
		return s.CreateCode(ctx, store.Code{FamilyID: "f1", ExpiresAt: noon})
	},
	"UseCode":      func(ctx context.Context, s store.Tx) error { return second(s.UseCode(ctx, digest("code-f1"), noon)) },
	"RefreshToken": func(ctx context.Context, s store.Tx) error { return second(s.RefreshToken(ctx, digest("refresh-f1"))) },
	"CreateRefreshToken": func(ctx context.Context, s store.Tx) error {
		return s.CreateRefreshToken(ctx, store.RefreshToken{FamilyID: "f1", ExpiresAt: noon})
	},
	"UseRefreshToken": func(ctx context.Context, s store.Tx) error {
		return second(s.UseRefreshToken(ctx, digest("refresh-f1"), noon, overlap, successor("new")))
	},
}

package storetest

import (
	"testing"
	"time"

	"github.com/postern-auth/postern/server/store"
)

func mailLink(userID string) store.MailLink {
	return store.MailLink{
		Digest: digest("link-" + userID), Purpose: store.ResetLink, UserID: userID, Address: userID + "@example.com",
		ExpiresAt: noon.Add(30 * time.Minute),
	}
}

func signUpLink(seed, address string) store.MailLink {
	return store.MailLink{
		Digest: digest(seed), Purpose: store.SignUpLink, Address: address, Name: "Zoë", Locale: "de", ExpiresAt: noon.Add(24 * time.Hour),
	}
}

// links fills the store with two links of two users.
func links(t *testing.T, s store.Store) {
	t.Helper()
	world(t, s)
	ok(t, s.PutMailLink(t.Context(), mailLink("anna")))
	ok(t, s.PutMailLink(t.Context(), mailLink("ben")))
}

var mailLinkTests = []test{
	{"a link is returned as it was put, and used once", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		links(t, s)
		for range 3 {
			same(t, mailLink("anna"))(s.MailLink(ctx, mailLink("anna").Digest))
		}
		same(t, mailLink("anna"))(s.UseMailLink(ctx, mailLink("anna").Digest, noon))
		absent[store.MailLink](t)(s.UseMailLink(ctx, mailLink("anna").Digest, noon))
		absent[store.MailLink](t)(s.MailLink(ctx, mailLink("anna").Digest))
		same(t, mailLink("ben"))(s.MailLink(ctx, mailLink("ben").Digest))
		absent[store.MailLink](t)(s.UseMailLink(ctx, store.Digest{}, noon))
	}},
	{"a link for somebody who is no user yet has their name", func(t *testing.T, s store.Store) {
		want := signUpLink("new", "Zoe@Example.com")
		ok(t, s.PutMailLink(t.Context(), want))
		same(t, want)(s.MailLink(t.Context(), want.Digest))
		same(t, want)(s.UseMailLink(t.Context(), want.Digest, noon))
	}},
	{"a link that has expired is of no use, and is deleted", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		links(t, s)
		end := mailLink("anna").ExpiresAt
		absent[store.MailLink](t)(s.UseMailLink(ctx, mailLink("anna").Digest, end))
		same(t, mailLink("anna"))(s.MailLink(ctx, mailLink("anna").Digest))
		same(t, mailLink("ben"))(s.UseMailLink(ctx, mailLink("ben").Digest, end.Add(-time.Millisecond)))
		ok(t, s.PutMailLink(ctx, mailLink("ben")))
		before, err := s.DeleteExpiredTokens(ctx, end, 100)
		ok(t, err)
		same(t, mailLink("anna"))(s.MailLink(ctx, mailLink("anna").Digest))
		after, err := s.DeleteExpiredTokens(ctx, end.Add(time.Millisecond), 100)
		ok(t, err)
		if before != 2 || after < 2 { // the world's pushed requests, then the links
			t.Errorf("expected 2 rows and then the links to go, got %d and %d", before, after)
		}
		absent[store.MailLink](t)(s.MailLink(ctx, mailLink("anna").Digest))
	}},
	{"a new link kills the one of its user and purpose, and no other", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		links(t, s)
		verification, next := mailLink("anna"), mailLink("anna")
		verification.Digest, verification.Purpose = digest("verification"), store.VerificationLink
		next.Digest, next.Address = digest("next"), "other@example.com"
		ok(t, s.PutMailLink(ctx, verification))
		ok(t, s.PutMailLink(ctx, next))
		absent[store.MailLink](t)(s.UseMailLink(ctx, mailLink("anna").Digest, noon))
		for _, left := range []store.MailLink{next, verification, mailLink("ben")} {
			same(t, left)(s.UseMailLink(ctx, left.Digest, noon))
		}
	}},
	{"where there is no user, a new link kills the one of its address in any letter case", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		for _, l := range []store.MailLink{signUpLink("1", "a@example.com"), signUpLink("2", "b@example.com"), signUpLink("3", "A@Example.com")} {
			ok(t, s.PutMailLink(ctx, l))
		}
		absent[store.MailLink](t)(s.MailLink(ctx, digest("1")))
		same(t, signUpLink("2", "b@example.com"))(s.MailLink(ctx, digest("2")))
		same(t, signUpLink("3", "A@Example.com"))(s.MailLink(ctx, digest("3")))
	}},
	{"a link needs its user, and goes with them", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		links(t, s)
		nobodys := mailLink("nobody")
		refused(t, store.ErrNotFound, s.PutMailLink(ctx, nobodys))
		ok(t, s.DeleteSubject(ctx, "anna"))
		absent[store.MailLink](t)(s.MailLink(ctx, mailLink("anna").Digest))
		same(t, mailLink("ben"))(s.MailLink(ctx, mailLink("ben").Digest))
	}},
	{"a digest is that of one link", func(t *testing.T, s store.Store) {
		links(t, s)
		same := mailLink("ben")
		same.Digest = mailLink("anna").Digest
		refused(t, store.ErrExists, s.PutMailLink(t.Context(), same))
	}},
	{"all links of a user are deleted together", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		links(t, s)
		verification := mailLink("anna")
		verification.Digest, verification.Purpose = digest("verification"), store.VerificationLink
		ok(t, s.PutMailLink(ctx, verification))
		ok(t, s.PutMailLink(ctx, signUpLink("new", "zoe@example.com")))
		same(t, 0)(s.DeleteMailLinksOf(ctx, ""))
		same(t, 2)(s.DeleteMailLinksOf(ctx, "anna"))
		same(t, 0)(s.DeleteMailLinksOf(ctx, "anna"))
		same(t, mailLink("ben"))(s.MailLink(ctx, mailLink("ben").Digest))
		same(t, signUpLink("new", "zoe@example.com"))(s.MailLink(ctx, digest("new")))
	}},
	{"of a hundred uses at once one succeeds", func(t *testing.T, s store.Store) {
		links(t, s)
		var uses int
		for _, err := range together(100, func(int) error { return second(s.UseMailLink(t.Context(), mailLink("anna").Digest, noon)) }) {
			if err == nil {
				uses++
			} else {
				refused(t, store.ErrNotFound, err)
			}
		}
		same(t, 1)(uses, nil)
	}},
}

package storetest

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/postern-auth/postern/server/store"
)

// alive checks whether the family is, right after noon.
func alive(t *testing.T, s store.Store, id string, want bool) {
	t.Helper()
	same(t, want)(s.FamilyAlive(t.Context(), id, noon.Add(time.Millisecond)))
}

// revoked checks since when and why the family is revoked.
func revoked(t *testing.T, s store.Store, id string, at time.Time, reason string) {
	t.Helper()
	f, err := s.Family(t.Context(), id)
	ok(t, err)
	if !f.RevokedAt.Equal(at) || f.Reason != reason {
		t.Errorf("expected family %s to be revoked at %v for %q, got %v for %q", id, at, reason, f.RevokedAt, f.Reason)
	}
}

// refresh uses the token of the name at the time after noon, for a successor of the other name.
func refresh(t *testing.T, s store.Store, name string, after time.Duration, next string) store.Use {
	t.Helper()
	use, err := s.UseRefreshToken(t.Context(), digest(name), noon.Add(after), overlap, successor(next))
	ok(t, err)
	return use
}

var familyTests = []test{
	{"a family is returned as it was created", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		same(t, family("f1", "anna", "shop"))(s.Family(ctx, "f1"))
		bare := store.Family{ID: "bare", SubjectID: "u1", ClientID: "mailer", Kind: store.ExchangeFamily, ExpiresAt: noon, RevokedAt: noon, Reason: "x"}
		ok(t, s.CreateFamily(ctx, bare))
		same(t, bare)(s.Family(ctx, "bare"))
		refused(t, store.ErrExists, s.CreateFamily(ctx, family("f1", "ben", "desk")))
		refused(t, store.ErrNotFound, s.CreateFamily(ctx, family("f3", "nobody", "shop")))
		refused(t, store.ErrNotFound, s.CreateFamily(ctx, family("f3", "anna", "nothing")))
		absent[store.Family](t)(s.Family(ctx, "f3"))
		same(t, []store.Family{family("f1", "anna", "shop")})(s.FamiliesOfSession(ctx, "sid-anna"))
		same(t, []store.Family{})(s.FamiliesOfSession(ctx, ""))
	}},
	{"the families of a subject are those that live", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		first, late, dead := family("f1", "anna", "shop"), family("late", "anna", "desk"), family("dead", "anna", "desk")
		late.CreatedAt, late.ExpiresAt = first.CreatedAt.Add(time.Minute), first.ExpiresAt.Add(time.Minute)
		dead.RevokedAt, dead.Reason = noon, "lost"
		ok(t, s.CreateFamily(ctx, late))
		ok(t, s.CreateFamily(ctx, dead))
		same(t, []store.Family{first, late})(s.FamiliesOf(ctx, "anna", first.ExpiresAt.Add(-time.Millisecond)))
		same(t, []store.Family{late})(s.FamiliesOf(ctx, "anna", first.ExpiresAt))
		ok(t, s.RevokeFamily(ctx, "late", noon, "lost"))
		same(t, []store.Family{first})(s.FamiliesOf(ctx, "anna", noon))
		same(t, []store.Family{})(s.FamiliesOf(ctx, "u1", noon))
		same(t, []store.Family{})(s.FamiliesOf(ctx, "", noon))
	}},
	{"a family lives until it expires, and longer when it is extended", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		end := family("f1", "anna", "shop").ExpiresAt
		same(t, true)(s.FamilyAlive(ctx, "f1", end.Add(-time.Millisecond)))
		same(t, false)(s.FamilyAlive(ctx, "f1", end))
		same(t, false)(s.FamilyAlive(ctx, "f3", noon))
		same(t, false)(s.FamilyAlive(ctx, "", noon))
		ok(t, s.ExtendFamily(ctx, "f1", noon, end.Add(-time.Hour)))
		same(t, true)(s.FamilyAlive(ctx, "f1", end.Add(-time.Millisecond)))
		ok(t, s.ExtendFamily(ctx, "f1", noon, end.Add(time.Hour)))
		same(t, true)(s.FamilyAlive(ctx, "f1", end))
		refused(t, store.ErrNotFound, s.ExtendFamily(ctx, "f2", end, end.Add(time.Hour)))
		refused(t, store.ErrNotFound, s.ExtendFamily(ctx, "f3", noon, end))
		ok(t, s.RevokeFamily(ctx, "f1", noon, "lost"))
		refused(t, store.ErrNotFound, s.ExtendFamily(ctx, "f1", noon, end.Add(2*time.Hour)))
	}},
	{"a revoked family says since when and why, and to revoke it again changes nothing", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		ok(t, s.RevokeFamily(ctx, "f1", noon.Add(time.Minute), "lost"))
		ok(t, s.RevokeFamily(ctx, "f1", noon, "stolen"))
		same(t, 0)(s.RevokeFamiliesOf(ctx, "anna", "", noon, "stolen"))
		revoked(t, s, "f1", noon.Add(time.Minute), "lost")
		alive(t, s, "f1", false)
		alive(t, s, "f2", true)
		refused(t, store.ErrNotFound, s.RevokeFamily(ctx, "f3", noon, "lost"))
		ok(t, s.RevokeFamily(ctx, "f2", time.Time{}, "lost"))
		alive(t, s, "f2", false)
	}},
	{"families are revoked by subject, by subject and client, by client, and by session", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		long := family("long", "anna", "desk")
		long.EndsWithSession = false
		elsewhere := family("elsewhere", "anna", "shop")
		elsewhere.SessionID = ""
		ok(t, s.CreateFamily(ctx, long))
		ok(t, s.CreateFamily(ctx, elsewhere))
		same(t, 0)(s.RevokeFamiliesOfSession(ctx, "", noon, "logged out"))
		same(t, 1)(s.RevokeFamiliesOfSession(ctx, "sid-anna", noon, "logged out"))
		revoked(t, s, "f1", noon, "logged out")
		same(t, 1)(s.RevokeFamiliesOf(ctx, "anna", "desk", noon, "withdrawn"))
		revoked(t, s, "long", noon, "withdrawn")
		same(t, 0)(s.RevokeFamiliesOf(ctx, "u1", "", noon, "locked"))
		same(t, 1)(s.RevokeFamiliesOf(ctx, "anna", "", time.Time{}, "locked"))
		alive(t, s, "elsewhere", false)
		alive(t, s, "f2", true)
		same(t, 0)(s.RevokeFamiliesOfClient(ctx, "", noon, "closed"))
		same(t, 0)(s.RevokeFamiliesOfClient(ctx, "shop", noon, "closed"))
		same(t, 1)(s.RevokeFamiliesOfClient(ctx, "desk", noon, "closed"))
		revoked(t, s, "f2", noon, "closed")
	}},
	{"a token and a jti name their family", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		token := accessToken("t3", "anna")
		token.FamilyID = "f1"
		ok(t, s.CreateToken(ctx, token))
		same(t, token)(s.Token(ctx, "t3"))
		for jti, want := range map[string]string{family("f1", "", "").JTI("x"): "f1", "f1": "", "": "", ".x": "", "f1.x.y": "f1"} {
			same(t, want)(store.FamilyOf(jti), nil)
		}
	}},
	{"a family is bound once", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		free := family("free", "anna", "shop")
		free.Confirmation = ""
		ok(t, s.CreateFamily(ctx, free))
		refused(t, store.ErrNotFound, s.BindFamily(ctx, "none", `{"jkt":"a"}`))
		onlyOneFound(t, together(100, func(int) error { return s.BindFamily(ctx, "free", `{"jkt":"a"}`) }))
		refused(t, store.ErrNotFound, s.BindFamily(ctx, "free", `{"jkt":"b"}`))
		free.Confirmation = `{"jkt":"a"}`
		same(t, free)(s.Family(ctx, "free"))
		same(t, family("f2", "ben", "desk"))(s.Family(ctx, "f2"))
	}},
	{"families are deleted when they have expired, with what is left of them, no more than the limit", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		for i := range 5 {
			refresh(t, s, []string{"refresh-f1", "0", "1", "2", "3"}[i], time.Duration(i)*time.Minute, fmt.Sprint(i))
		}
		end := family("f1", "anna", "shop").ExpiresAt
		ok(t, s.ExtendFamily(ctx, "f2", noon, end.Add(time.Hour)))
		_, err := s.DeleteExpiredTokens(ctx, end, 100)
		ok(t, err)
		same(t, 0)(s.DeleteExpiredTokens(ctx, end, 100))
		same(t, codeOf("f1"))(s.Code(ctx, digest("code-f1")))
		for _, want := range []int{2, 2, 3} { // six tokens and the family
			same(t, want)(s.DeleteExpiredTokens(ctx, end.Add(time.Millisecond), 2))
		}
		same(t, 0)(s.DeleteExpiredTokens(ctx, end.Add(time.Millisecond), 100))
		absent[store.Family](t)(s.Family(ctx, "f1"))
		absent[store.Code](t)(s.Code(ctx, digest("code-f1")))
		absent[store.RefreshToken](t)(s.RefreshToken(ctx, digest("refresh-f1")))
		same(t, codeOf("f2"))(s.Code(ctx, digest("code-f2")))
		same(t, refreshTokenOf("f2"))(s.RefreshToken(ctx, digest("refresh-f2")))
	}},
}

var codeTests = []test{
	{"a code is returned as it was created, used or not", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		want := codeOf("f1")
		same(t, want)(s.Code(ctx, want.Digest))
		same(t, store.Used)(s.UseCode(ctx, want.Digest, noon))
		want.UsedAt = noon
		same(t, want)(s.Code(ctx, want.Digest))
		refused(t, store.ErrExists, s.CreateCode(ctx, codeOf("f1")))
		refused(t, store.ErrNotFound, s.CreateCode(ctx, codeOf("f3")))
		absent[store.Code](t)(s.Code(ctx, store.Digest{}))
		same(t, codeOf("f2"))(s.Code(ctx, digest("code-f2")))
	}},
	{"a family lives as long as its code", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		short := family("short", "anna", "shop")
		short.ExpiresAt = noon
		ok(t, s.CreateFamily(ctx, short))
		ok(t, s.CreateCode(ctx, codeOf("short")))
		alive(t, s, "short", true)
	}},
	{"a code that is used again revokes its family, however late, and no other", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		same(t, store.Used)(s.UseCode(ctx, digest("code-f1"), noon))
		alive(t, s, "f1", true)
		late := noon.Add(48 * time.Hour)
		same(t, store.UseAgain)(s.UseCode(ctx, digest("code-f1"), late))
		revoked(t, s, "f1", late, store.CodeReused)
		same(t, store.UseRevoked)(s.UseCode(ctx, digest("code-f1"), late.Add(time.Hour)))
		revoked(t, s, "f1", late, store.CodeReused)
		same(t, store.UseRevoked)(refresh(t, s, "refresh-f1", time.Second, "next"), nil)
		alive(t, s, "f2", true)
	}},
	{"a code that has expired is refused, and nothing is revoked for it", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		for range 2 {
			same(t, store.UseExpired)(s.UseCode(ctx, digest("code-f1"), noon.Add(time.Minute)))
		}
		same(t, codeOf("f1"))(s.Code(ctx, digest("code-f1")))
		alive(t, s, "f1", true)
		same(t, store.Used)(s.UseCode(ctx, digest("code-f1"), noon.Add(time.Minute-time.Millisecond)))
	}},
	{"an unknown code, and one of a dead family, are refused", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		same(t, store.UseUnknown)(s.UseCode(ctx, digest("nothing"), noon))
		same(t, store.UseUnknown)(s.UseCode(ctx, store.Digest{}, noon))
		ok(t, s.RevokeFamily(ctx, "f1", noon, "lost"))
		same(t, store.UseRevoked)(s.UseCode(ctx, digest("code-f1"), noon))
		same(t, codeOf("f1"))(s.Code(ctx, digest("code-f1")))
		revoked(t, s, "f1", noon, "lost")
		same(t, store.Used)(s.UseCode(ctx, digest("code-f2"), noon))
		same(t, store.UseExpired)(s.UseCode(ctx, digest("code-f2"), family("f2", "", "").ExpiresAt))
	}},
	{"the revocation outlives a transaction that answers with a refusal", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		for _, want := range []store.Use{store.Used, store.UseAgain} {
			var use store.Use
			ok(t, s.InTx(ctx, func(tx store.Tx) (err error) {
				use, err = tx.UseCode(ctx, digest("code-f1"), noon)
				return err
			}))
			same(t, want)(use, nil)
		}
		alive(t, s, "f1", false)
	}},
	{"a transaction that fails has not used the code", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		err := s.InTx(ctx, func(tx store.Tx) error {
			same(t, store.Used)(tx.UseCode(ctx, digest("code-f1"), noon))
			return context.DeadlineExceeded
		})
		refused(t, context.DeadlineExceeded, err)
		same(t, store.Used)(s.UseCode(ctx, digest("code-f1"), noon))
	}},
	{"of a hundred uses of a code at once one succeeds, and its family is dead", func(t *testing.T, s store.Store) {
		world(t, s)
		same(t, 1)(UseTogether(t.Context(), s, "code-f1", "", 100))
		revoked(t, s, "f1", noon, store.CodeReused)
		alive(t, s, "f2", true)
	}},
}

// UseTogether uses a code, or a refresh token whose successors are named by next, n times at once and returns
// how many uses succeeded. Two processes that do so at the same time with the store that Share has filled
// show that it is one store.
func UseTogether(ctx context.Context, s store.Store, name, next string, n int) (int, error) {
	var used atomic.Int64
	for _, err := range together(n, func(i int) error {
		var use store.Use
		err := s.InTx(ctx, func(tx store.Tx) (err error) {
			if next == "" {
				use, err = tx.UseCode(ctx, digest(name), noon)
			} else {
				use, err = tx.UseRefreshToken(ctx, digest(name), noon, overlap, successor(fmt.Sprint(next, i)))
			}
			return err
		})
		if err == nil && use == store.Used {
			used.Add(1)
		}
		return err
	}) {
		if err != nil {
			return int(used.Load()), err
		}
	}
	return int(used.Load()), nil
}

// Share fills the store with two families, f1 and f2, each with a code and a refresh token, which UseTogether
// knows as code-f1 and refresh-f1.
func Share(t *testing.T, s store.Store) {
	t.Helper()
	world(t, s)
}

var refreshTests = []test{
	{"a refresh token is returned as it was created, and as it was used", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		want := refreshTokenOf("f1")
		same(t, want)(s.RefreshToken(ctx, want.Digest))
		same(t, store.Used)(refresh(t, s, "refresh-f1", time.Second, "a"), nil)
		same(t, store.Used)(refresh(t, s, "refresh-f1", 2*time.Second, "b"), nil)
		want.FirstUsedAt, want.Successors = noon.Add(time.Second), 2
		same(t, want)(s.RefreshToken(ctx, want.Digest))
		next := successor("b")
		next.FamilyID, next.Parent, next.Generation = "f1", want.Digest, 1
		same(t, next)(s.RefreshToken(ctx, next.Digest))
		same(t, refreshTokenOf("f2"))(s.RefreshToken(ctx, digest("refresh-f2")))
		absent[store.RefreshToken](t)(s.RefreshToken(ctx, store.Digest{}))
		refused(t, store.ErrExists, s.CreateRefreshToken(ctx, refreshTokenOf("f1")))
		refused(t, store.ErrNotFound, s.CreateRefreshToken(ctx, refreshTokenOf("f3")))
	}},
	{"a family lives as long as its tokens", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		short := family("short", "anna", "shop")
		short.ExpiresAt = noon
		first := refreshTokenOf("short")
		first.ExpiresAt = noon.Add(time.Hour)
		ok(t, s.CreateFamily(ctx, short))
		ok(t, s.CreateRefreshToken(ctx, first))
		same(t, true)(s.FamilyAlive(ctx, "short", first.ExpiresAt.Add(-time.Millisecond)))
		same(t, false)(s.FamilyAlive(ctx, "short", first.ExpiresAt))
		same(t, store.Used)(refresh(t, s, "refresh-short", 0, "next"), nil)
		same(t, true)(s.FamilyAlive(ctx, "short", first.ExpiresAt))
		briefly := successor("briefly")
		briefly.ExpiresAt = noon.Add(time.Minute)
		same(t, store.Used)(s.UseRefreshToken(ctx, digest("refresh-short"), noon, overlap, briefly))
		same(t, true)(s.FamilyAlive(ctx, "short", first.ExpiresAt))
	}},
	{"two tabs that refresh the same token within the overlap both go on", func(t *testing.T, s store.Store) {
		world(t, s)
		same(t, store.Used)(refresh(t, s, "refresh-f1", 0, "tab 1"), nil)
		same(t, store.Used)(refresh(t, s, "refresh-f1", overlap, "tab 2"), nil)
		same(t, store.Used)(refresh(t, s, "tab 1", time.Hour, "tab 1 again"), nil)
		same(t, store.Used)(refresh(t, s, "tab 2", time.Hour+overlap, "tab 2 again"), nil)
		alive(t, s, "f1", true)
	}},
	{"after the overlap the same token again kills the family", func(t *testing.T, s store.Store) {
		world(t, s)
		same(t, store.Used)(refresh(t, s, "refresh-f1", 0, "next"), nil)
		same(t, store.UseAgain)(refresh(t, s, "refresh-f1", overlap+time.Millisecond, "again"), nil)
		revoked(t, s, "f1", noon.Add(overlap+time.Millisecond), store.RefreshTokenReused)
		absent[store.RefreshToken](t)(s.RefreshToken(t.Context(), digest("again")))
		same(t, store.UseRevoked)(refresh(t, s, "next", time.Second, "more"), nil)
		alive(t, s, "f2", true)
	}},
	{"the overlap counts from the first use, not from the last", func(t *testing.T, s store.Store) {
		world(t, s)
		for i, after := range []time.Duration{0, overlap - time.Second} {
			same(t, store.Used)(refresh(t, s, "refresh-f1", after, fmt.Sprint(i)), nil)
		}
		same(t, store.UseAgain)(refresh(t, s, "refresh-f1", overlap+time.Second, "late"), nil)
	}},
	{"a fourth use kills the family, within the overlap too", func(t *testing.T, s store.Store) {
		world(t, s)
		for i := range store.MaxSuccessors {
			same(t, store.Used)(refresh(t, s, "refresh-f1", time.Second, fmt.Sprint(i)), nil)
		}
		alive(t, s, "f1", true)
		same(t, store.UseAgain)(refresh(t, s, "refresh-f1", time.Second, "fourth"), nil)
		revoked(t, s, "f1", noon.Add(time.Second), store.RefreshTokenReused)
	}},
	{"when one of the successors has been used the others die after the overlap, and their use kills the family", func(t *testing.T, s store.Store) {
		world(t, s)
		for _, next := range []string{"a", "b", "c"} {
			same(t, store.Used)(refresh(t, s, "refresh-f1", 0, next), nil)
		}
		same(t, store.Used)(refresh(t, s, "a", time.Hour, "a2"), nil)
		same(t, store.Used)(refresh(t, s, "b", time.Hour+overlap, "b2"), nil)
		same(t, store.Used)(refresh(t, s, "a2", 2*time.Hour, "a3"), nil)
		alive(t, s, "f1", true)
		same(t, store.UseAgain)(refresh(t, s, "c", time.Hour+overlap+time.Millisecond, "c2"), nil)
		revoked(t, s, "f1", noon.Add(time.Hour+overlap+time.Millisecond), store.RefreshTokenReused)
		same(t, store.UseRevoked)(refresh(t, s, "a3", 3*time.Hour, "a4"), nil)
	}},
	{"first tokens of families are not each other's siblings", func(t *testing.T, s store.Store) {
		world(t, s)
		ok(t, s.CreateRefreshToken(t.Context(), store.RefreshToken{Digest: digest("second"), FamilyID: "f1", IssuedAt: noon, ExpiresAt: noon.Add(24 * time.Hour)}))
		same(t, store.Used)(refresh(t, s, "refresh-f1", 0, "a"), nil)
		same(t, store.Used)(refresh(t, s, "refresh-f2", time.Hour, "b"), nil)
		same(t, store.Used)(refresh(t, s, "second", time.Hour, "c"), nil)
	}},
	{"a token that was not used in time is refused, and nothing is revoked for it", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		ok(t, s.ExtendFamily(ctx, "f1", noon, noon.Add(9000*time.Hour)))
		end := refreshTokenOf("f1").ExpiresAt.Sub(noon)
		same(t, store.UseExpired)(refresh(t, s, "refresh-f1", end, "next"), nil)
		same(t, refreshTokenOf("f1"))(s.RefreshToken(ctx, digest("refresh-f1")))
		alive(t, s, "f1", true)
		same(t, store.Used)(refresh(t, s, "refresh-f1", end-time.Millisecond, "next"), nil)
		same(t, store.UseAgain)(refresh(t, s, "refresh-f1", end+time.Hour, "late"), nil)
	}},
	{"an unknown token, and one of a dead family, are refused and have no successor", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		same(t, store.UseUnknown)(refresh(t, s, "nothing", 0, "next"), nil)
		same(t, store.UseExpired)(refresh(t, s, "refresh-f2", family("f2", "", "").ExpiresAt.Sub(noon), "next"), nil)
		ok(t, s.RevokeFamily(ctx, "f1", noon, "lost"))
		same(t, store.UseRevoked)(refresh(t, s, "refresh-f1", 0, "next"), nil)
		revoked(t, s, "f1", noon, "lost")
		absent[store.RefreshToken](t)(s.RefreshToken(ctx, digest("next")))
		alive(t, s, "f2", true)
	}},
	{"a successor that cannot be kept leaves the token as it was", func(t *testing.T, s store.Store) {
		ctx := t.Context()
		world(t, s)
		_, err := s.UseRefreshToken(ctx, digest("refresh-f1"), noon, overlap, successor("refresh-f2"))
		refused(t, store.ErrExists, err)
		same(t, refreshTokenOf("f1"))(s.RefreshToken(ctx, digest("refresh-f1")))
		same(t, refreshTokenOf("f2"))(s.RefreshToken(ctx, digest("refresh-f2")))
	}},
	{"a clock that goes back kills no family", func(t *testing.T, s store.Store) {
		world(t, s)
		same(t, store.Used)(refresh(t, s, "refresh-f1", time.Hour, "a"), nil)
		same(t, store.Used)(refresh(t, s, "refresh-f1", 0, "b"), nil)
		alive(t, s, "f1", true)
	}},
	{"what followed a sibling that was used second ends with it", func(t *testing.T, s store.Store) {
		world(t, s)
		for _, next := range []string{"a", "b"} {
			same(t, store.Used)(refresh(t, s, "refresh-f1", 0, next), nil)
		}
		same(t, store.Used)(refresh(t, s, "a", time.Hour, "a2"), nil)
		same(t, store.Used)(refresh(t, s, "b", time.Hour+time.Second, "b2"), nil)
		same(t, store.Used)(refresh(t, s, "b2", time.Hour+overlap, "b3"), nil)
		same(t, store.Used)(refresh(t, s, "a2", 2*time.Hour, "a3"), nil)
		alive(t, s, "f1", true)
		same(t, store.UseAgain)(refresh(t, s, "b3", time.Hour+overlap+time.Millisecond, "b4"), nil)
		revoked(t, s, "f1", noon.Add(time.Hour+overlap+time.Millisecond), store.RefreshTokenReused)
	}},
	{"a token that follows when its sibling has been used ends with that one's overlap", func(t *testing.T, s store.Store) {
		world(t, s)
		same(t, store.Used)(refresh(t, s, "refresh-f1", 0, "a"), nil)
		same(t, store.Used)(refresh(t, s, "a", 10*time.Second, "a2"), nil)
		same(t, store.Used)(refresh(t, s, "refresh-f1", 20*time.Second, "b"), nil)
		same(t, store.Used)(refresh(t, s, "b", 10*time.Second+overlap, "b2"), nil)
		same(t, store.UseAgain)(refresh(t, s, "b2", 11*time.Second+overlap, "b3"), nil)
	}},
	branchTest,
	{"of a hundred uses of a refresh token at once three succeed, and the family is dead", func(t *testing.T, s store.Store) {
		world(t, s)
		same(t, store.MaxSuccessors)(UseTogether(t.Context(), s, "refresh-f1", "next", 100))
		revoked(t, s, "f1", noon, store.RefreshTokenReused)
		alive(t, s, "f2", true)
	}},
}

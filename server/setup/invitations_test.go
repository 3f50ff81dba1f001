package setup

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/postern-auth/postern/server/internal/secret"
	"github.com/postern-auth/postern/server/store"
)

const invited = `
users:
- login: anna
  email: anna@example.com
  invitation_file: s/anna
- login: ben
`

func TestAnInvitationIsWrittenToItsFileOnce(t *testing.T) {
	b := newBench(t)
	b.options.Issuer = "https://login.example.com/"
	plan := b.apply(invited)
	if !strings.Contains(plan.String(), "+ invitation \"s/anna\" of user \"anna\"\n") {
		t.Errorf("%s", plan)
	}
	link := b.file("s/anna")
	raw, ok := strings.CutPrefix(strings.TrimSpace(link), "https://login.example.com/invitation/")
	if !ok || len(raw) != 43 {
		t.Fatalf("the file holds %q", link)
	}
	user := must[store.User](b)(b.store.UserByLogin(t.Context(), "default", "anna"))
	row := must[store.MailLink](b)(b.store.MailLink(t.Context(), secret.Digest(raw)))
	if row.Purpose != store.InvitationLink || row.UserID != user.ID || row.Address != "" || !row.ExpiresAt.Equal(testTime.Add(7*24*time.Hour)) {
		t.Errorf("%+v", row)
	}
	if plan := b.compare(invited); !plan.Empty() {
		t.Errorf("a second time: %s", plan)
	}

	// A file that is gone is another invitation, and the former one is dead.
	if err := os.Remove(filepath.Join(b.dir, "s/anna")); err != nil {
		t.Fatal(err)
	}
	b.apply(invited)
	if b.file("s/anna") == link {
		t.Error("the same link was written again")
	}
	if _, err := b.store.MailLink(t.Context(), secret.Digest(raw)); err == nil {
		t.Error("the former link is there still")
	}

	// Who has accepted is invited no more, whatever is in the file.
	if err := b.store.PutPassword(t.Context(), store.Password{UserID: user.ID, PHC: "x", ChangedAt: testTime}); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(b.dir, "s/anna")); err != nil {
		t.Fatal(err)
	}
	if plan := b.compare(invited); !plan.Empty() {
		t.Errorf("after it was accepted: %s", plan)
	}
}

func TestAnInvitationThatNoLongerWorksIsSaid(t *testing.T) {
	b := newBench(t)
	b.options.Issuer = "https://login.example.com"
	b.apply(invited)
	b.options.Now = func() time.Time { return testTime.Add(7 * 24 * time.Hour) }
	const want = `users[0].invitation_file: file "s/anna" is there and holds no invitation of user "anna": ` + advice
	if got := b.applyError(invited); !strings.Contains(got, want) {
		t.Errorf("got %s, want %s", got, want)
	}
	b.options.Now = nil
	for _, content := range []string{"", "https://login.example.com/invitation/x", "https://evil.example/invitation/x", "x"} {
		if err := os.WriteFile(filepath.Join(b.dir, "s/anna"), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := b.applyError(invited); !strings.Contains(got, want) {
			t.Errorf("%q: got %s", content, got)
		}
	}
}

func TestAnInvitationNeedsAnIssuer(t *testing.T) {
	for _, issuer := range []string{"", "login.example.com", "ftp://login.example.com", "https://", "https://login.example.com/path", "https://a@b", "https://a?b", "https://a#b"} {
		b := newBench(t)
		b.options.Issuer = issuer
		if got := b.applyError(invited); !strings.Contains(got, "users[0].invitation_file: the link of an invitation leads to an issuer of the server: expected --issuer") {
			t.Errorf("%q: got %s", issuer, got)
		}
	}
}

package storetest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/postern-auth/postern/server/store"
)

// WriteUntilKilled writes tokens, secrets, revocations, assertions, logouts, codes and transactions from many
// goroutines for ever, and after each call that returned nil writes a line to acks. It returns only with an error.
//
// It is for a process that is killed; run names the process, so that its objects are not those of an
// earlier one. Each line is written with one call, so that acks can be a pipe.
func WriteUntilKilled(ctx context.Context, s store.Store, run string, acks io.Writer) error {
	user := "user-" + run
	if err := s.PutServiceUser(ctx, store.ServiceUser{ID: user, Username: user, Active: true, CreatedAt: noon}); err != nil {
		return err
	}
	person := store.User{ID: "person-" + user, Handle: handleOf(user), LoginName: user, Active: true}
	if err := s.PutUser(ctx, person); err != nil {
		return err
	}
	const writers = 16
	failed := make(chan error, writers)
	var acking sync.Mutex
	for w := range writers {
		go func() {
			for n := 0; ; n++ {
				id := fmt.Sprintf("%s-%d-%d", run, w, n)
				kind, err := writeOne(ctx, s, user, id, n)
				if err == nil {
					acking.Lock()
					_, err = fmt.Fprintf(acks, "%s %s %s\n", kind, user, id)
					acking.Unlock()
				}
				if err != nil {
					failed <- err
					return
				}
			}
		}()
	}
	return <-failed
}

func writeOne(ctx context.Context, s store.Store, user, id string, n int) (kind string, err error) {
	switch n % 8 {
	case 0, 1:
		return "token", s.CreateToken(ctx, accessToken(id, user))
	case 2:
		if err := s.CreateToken(ctx, accessToken(id, user)); err != nil {
			return "", err
		}
		return "revoked", s.RevokeToken(ctx, id, noon)
	case 3:
		return "secret", s.CreateSecret(ctx, store.Secret{ID: id, Owner: store.Owner{Kind: store.ServiceUserClient, ID: user}, Digest: digest(id), CreatedAt: noon})
	case 4:
		return "pair", s.InTx(ctx, func(tx store.Tx) error {
			if err := tx.UseAssertion(ctx, user, id, noon); err != nil {
				return err
			}
			return tx.CreateToken(ctx, pat(id, user))
		})
	case 5:
		session := sessionOf("person-" + user)
		session.Digest, session.ID = digest(id), id
		if err := s.CreateSession(ctx, store.Digest{}, session); err != nil {
			return "", err
		}
		return "logout", s.DeleteSession(ctx, session.Digest)
	case 6:
		return "code", useNewCode(ctx, s, user, id)
	default:
		return "jwt", s.RevokeJWT(ctx, id, noon)
	}
}

// useNewCode issues a code for the user, who is a client too, and uses it.
func useNewCode(ctx context.Context, s store.Store, user, id string) error {
	err := s.InTx(ctx, func(tx store.Tx) error {
		if err := tx.CreateFamily(ctx, family(id, user, user)); err != nil {
			return err
		}
		return tx.CreateCode(ctx, store.Code{Digest: digest(id), FamilyID: id, ExpiresAt: noon.Add(time.Minute)})
	})
	if err != nil {
		return err
	}
	use, err := s.UseCode(ctx, digest(id), noon)
	if err == nil && use != store.Used {
		return fmt.Errorf("storetest: expected a code to be used, got %q", use)
	}
	return err
}

// CheckAcknowledged reads the lines that WriteUntilKilled wrote and looks for every object in the store, and
// for halves of transactions, acknowledged or not. It returns how many objects there are, and the first that
// is missing or not as it was written. A last line without end was not acknowledged.
func CheckAcknowledged(ctx context.Context, s store.Store, acks io.Reader) (int, error) {
	secrets := make(map[string][]store.Secret)
	lines := bufio.NewReader(acks)
	for n := 0; ; n++ {
		line, err := lines.ReadString('\n')
		if err == io.EOF {
			return n, nil
		}
		if err != nil {
			return n, err
		}
		fields := strings.Fields(line)
		if len(fields) != 3 {
			return n, fmt.Errorf("storetest: expected a kind, a user and an id, got %q", line)
		}
		kind, user, id := fields[0], fields[1], fields[2]
		if _, known := secrets[user]; !known {
			if secrets[user], err = checkUser(ctx, s, user); err != nil {
				return n, err
			}
		}
		if err := checkOne(ctx, s, secrets[user], kind, user, id); err != nil {
			return n, fmt.Errorf("storetest: %s was acknowledged: %w", strings.TrimSpace(line), err)
		}
	}
}

// checkUser returns the user's secrets. Its personal access tokens were made together with an assertion.
func checkUser(ctx context.Context, s store.Store, user string) ([]store.Secret, error) {
	tokens, err := s.TokensOf(ctx, user, store.PersonalAccessToken)
	if err != nil {
		return nil, err
	}
	for _, token := range tokens {
		if err := s.UseAssertion(ctx, user, token.ID, noon); !errors.Is(err, store.ErrExists) {
			return nil, fmt.Errorf("storetest: half of transaction %s: expected the assertion to be used, got %w", token.ID, errors.Join(err, store.ErrNotFound))
		}
	}
	return s.SecretsOf(ctx, store.Owner{Kind: store.ServiceUserClient, ID: user})
}

func checkOne(ctx context.Context, s store.Store, secrets []store.Secret, kind, user, id string) error {
	switch kind {
	case "token", "revoked":
		token, err := s.Token(ctx, id)
		if err == nil && (token.SubjectID != user || token.Digest != digest(id) || token.RevokedAt.IsZero() == (kind == "revoked")) {
			return fmt.Errorf("got %+v", token)
		}
		return err
	case "secret":
		if !slices.ContainsFunc(secrets, func(s store.Secret) bool { return s.ID == id && s.Digest == digest(id) }) {
			return store.ErrNotFound
		}
		return nil
	case "pair":
		return second(s.Token(ctx, id))
	case "logout":
		if err := second(s.Session(ctx, digest(id))); !errors.Is(err, store.ErrNotFound) {
			return errors.Join(err, errors.New("the session lives"))
		}
		return nil
	case "code":
		code, err := s.Code(ctx, digest(id))
		if err == nil && code.UsedAt.IsZero() {
			return errors.New("the code can be used again")
		}
		return err
	case "jwt":
		revoked, err := s.JWTRevoked(ctx, id)
		if err == nil && !revoked {
			return store.ErrNotFound
		}
		return err
	}
	return fmt.Errorf("expected a known kind, got %q", kind)
}

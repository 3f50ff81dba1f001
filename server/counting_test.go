package server_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/postern-auth/postern/server"
	"github.com/postern-auth/postern/server/internal/secret"
	"github.com/postern-auth/postern/server/store"
)

// counting is a store that notes which of the reads for credentials and tokens were made.
type counting struct {
	store.Store
	mu    sync.Mutex
	calls []string
}

func (c *counting) note(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls = append(c.calls, name)
}

// taken returns the calls since the last time, sorted.
func (c *counting) taken() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	calls := c.calls
	c.calls = nil
	slices.Sort(calls)
	return calls
}

func (c *counting) Client(ctx context.Context, id string) (store.Client, error) {
	c.note("Client")
	return c.Store.Client(ctx, id)
}

func (c *counting) API(ctx context.Context, id string) (store.API, error) {
	c.note("API")
	return c.Store.API(ctx, id)
}

func (c *counting) ServiceUser(ctx context.Context, id string) (store.ServiceUser, error) {
	c.note("ServiceUser")
	return c.Store.ServiceUser(ctx, id)
}

func (c *counting) Application(ctx context.Context, id string) (store.Application, error) {
	c.note("Application")
	return c.Store.Application(ctx, id)
}

func (c *counting) SecretsOf(ctx context.Context, owner store.Owner) ([]store.Secret, error) {
	c.note("SecretsOf")
	return c.Store.SecretsOf(ctx, owner)
}

func (c *counting) Token(ctx context.Context, id string) (store.Token, error) {
	c.note("Token")
	return c.Store.Token(ctx, id)
}

func (c *counting) JWTRevoked(ctx context.Context, jti string) (bool, error) {
	c.note("JWTRevoked")
	return c.Store.JWTRevoked(ctx, jti)
}

func (c *counting) SigningKeys(ctx context.Context) ([]store.SigningKey, error) {
	c.note("SigningKeys")
	return c.Store.SigningKeys(ctx)
}

func newCountingWorld(t *testing.T) (*world, *counting) {
	c := new(counting)
	w := newWorld(t, func(config *server.Config) {
		c.Store = config.Store
		config.Store = c
	})
	return w, c
}

// TestS10_EveryFailedSecretCostsTheSameReads is the cause of equal durations; the durations themselves
// are a benchmark's matter.
func TestS10_EveryFailedSecretCostsTheSameReads(t *testing.T) {
	w, reads := newCountingWorld(t)
	reads.taken()
	want := []string{"Client", "SecretsOf"}
	for _, credentials := range []string{"nobody:x", "robot:wrong", "samples@P:wrong"} {
		w.refused(w.do(call{path: "/oauth/v2/introspect", user: credentials, form: values("token", "x")}), 401, "invalid_client")
		if diff := cmp.Diff(want, reads.taken()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", credentials, diff)
		}
	}
}

func TestWhatCannotBeATokenOfOursIsNotLookedUp(t *testing.T) {
	w, reads := newCountingWorld(t)
	opaque := w.token("robot", "scope", sampleScope)
	w.form("robot", "a-messages", store.FormZITADEL)
	jwt := strings.Split(w.token("robot", "scope", sampleScope), ".")
	client := []string{"API", "Client", "SecretsOf"}
	reads.taken()
	for _, row := range []struct {
		name, raw string
		more      []string
	}{
		{"our token is looked up", opaque, []string{"Client", "Token"}},
		{"our JWT's revocation is looked up", strings.Join(jwt, "."), []string{"Client", "JWTRevoked"}},
		{"garbage", "x", nil},
		{"an opaque token cut short", opaque[:len(opaque)-1], nil},
		{"an opaque token with another letter", opaque[:20] + "!" + opaque[21:], nil},
		{"a client secret", secret.New(), nil},
		{"a JWT of a stranger", "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImsifQ.eyJpc3MiOiJodHRwczovL2V2aWwuZXhhbXBsZSJ9.AAAA", nil},
		{"a JWT that names our issuer and an unknown key", "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImsifQ." + jwt[1] + "." + jwt[2], nil},
		{"our JWT with a bad signature", jwt[0] + "." + jwt[1] + ".AAAA", nil},
	} {
		w.introspect("samples", row.raw)
		want := append(slices.Clone(client), row.more...)
		slices.Sort(want)
		if diff := cmp.Diff(want, reads.taken()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", row.name, diff)
		}
	}
}

package server_test

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/postern-auth/postern/jwt"
	"github.com/postern-auth/postern/server"
	"github.com/postern-auth/postern/server/store"
	"github.com/postern-auth/postern/server/store/sqlite"
)

// inProcess sends requests to a handler, without a network.
type inProcess struct{ http.Handler }

func (p inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	answer := httptest.NewRecorder()
	r = r.Clone(r.Context())
	if r.Body == nil {
		r.Body = http.NoBody
	}
	r.RemoteAddr = "127.0.0.1:1"
	p.ServeHTTP(answer, r)
	return answer.Result(), nil
}

// rotating are two servers of one store, and three APIs that verify tokens by themselves and read the key set at moments
// of their own. All of it has the clock of the bubble that it is in.
type rotating struct {
	*world
	servers []*server.Server
	apis    []*jwt.Verifier
}

func newRotating(t *testing.T) *rotating {
	t.Helper()
	r := &rotating{world: &world{t: t, logs: new(lockedBuffer), clock: time.Now(), issuer: "https://" + zitadelHost}}
	file := filepath.Join(t.TempDir(), "postern.db")
	for range 2 {
		s, err := sqlite.Open(t.Context(), file, sqlite.Options{})
		r.must(err)
		if r.store == nil {
			r.store = s
			r.seed()
		}
		one, err := server.New(t.Context(), server.Config{Store: s, Issuers: []string{r.issuer}, Logger: slog.New(slog.DiscardHandler), SweepEvery: -1})
		r.must(err)
		r.servers = append(r.servers, one)
		t.Cleanup(func() {
			one.Close()
			s.Close()
		})
	}
	for i := range 3 {
		api, err := jwt.NewVerifier(jwt.Config{
			Issuer: r.issuer, Audience: messages, HTTPClient: &http.Client{Transport: inProcess{r.servers[i%2]}},
		})
		r.must(err)
		r.apis = append(r.apis, api)
	}
	return r
}

// post is a request to one of the servers.
func (r *rotating) post(at int, path, user string, form url.Values) (status int, body string) {
	r.t.Helper()
	request, err := http.NewRequestWithContext(r.t.Context(), http.MethodPost, r.issuer+path, strings.NewReader(form.Encode()))
	r.must(err)
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	name, secret, _ := strings.Cut(user, ":")
	request.SetBasicAuth(name, secret)
	answer, err := inProcess{r.servers[at]}.RoundTrip(request)
	r.must(err)
	text, err := io.ReadAll(answer.Body)
	r.must(err)
	return answer.StatusCode, string(text)
}

func (r *rotating) issue(at int) string {
	r.t.Helper()
	status, body := r.post(at, "/oauth/v2/token", "robot:robot-secret", values("grant_type", clientCredentials, "audience", messages))
	if status != 200 {
		r.t.Fatalf("%d %s", status, body)
	}
	return r.object(body)["access_token"].(string)
}

// introspected reports whether a token is active at one of the servers.
func (r *rotating) introspected(at int, raw string) bool {
	r.t.Helper()
	status, body := r.post(at, "/oauth/v2/introspect", "messages@P:messages-secret", values("token", raw))
	if status != 200 {
		r.t.Fatalf("%d %s", status, body)
	}
	return r.object(body)["active"] == true
}

// Two servers issue and three APIs verify all the time while the key is rotated: nobody refuses a token that is good.
func TestARotationUnderLoadIsSeenByNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRotating(t)
		r.form("robot", "a-messages", store.FormRFC9068)
		signers := make(map[string]int)
		var some []string // to be verified again later
		refused := 0
		for i := range 1200 { // half a second each: ten minutes
			if i == 240 {
				r.must(r.servers[0].RotateKey(t.Context(), "ES256"))
			}
			raw := r.issue(i % 2)
			signers[kid(t, raw)]++
			if some = append(some, raw); len(some) > 40 {
				some = slices.Delete(some, 0, 20)
			}
			for n, api := range r.apis {
				if i < 7*n { // each begins when it likes
					continue
				}
				for _, raw := range []string{raw, some[0]} {
					if _, err := api.Verify(t.Context(), raw); err != nil {
						refused++
						t.Errorf("after %s API %d: %v", time.Duration(i)*time.Second/2, n, err)
					}
				}
			}
			time.Sleep(500 * time.Millisecond)
		}
		if len(signers) != 2 || refused > 0 {
			t.Errorf("signed by %v, %d refused", signers, refused)
		}
		for id, n := range signers {
			t.Logf("%s has signed %d", id, n)
		}
	})
}

// A key that is withdrawn counts no more: at introspection within a second, at an API that verifies by itself within a
// minute. New tokens are good all the while, after the first moment in which an API has to read the new key.
func TestAWithdrawnKeyIsRefusedEverywhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRotating(t)
		r.form("robot", "a-messages", store.FormRFC9068)
		stolen := r.issue(0)
		for i := range 60 { // so that their caches are of different ages
			for n, api := range r.apis {
				if i >= 13*n {
					if _, err := api.Verify(t.Context(), stolen); err != nil {
						t.Fatal(err)
					}
				}
			}
			time.Sleep(time.Second)
		}
		r.must(r.servers[0].WithdrawKey(t.Context(), kid(t, stolen)))
		withdrawn := time.Now()
		time.Sleep(time.Second)
		for at := range r.servers {
			if r.introspected(at, stolen) {
				t.Errorf("server %d: still active after a second", at)
			}
		}
		last := make([]time.Duration, len(r.apis))
		for time.Since(withdrawn) < 2*time.Minute {
			for n, api := range r.apis {
				if _, err := api.Verify(t.Context(), stolen); err == nil {
					last[n] = time.Since(withdrawn)
				}
				if n == 2 {
					continue // it sees the stolen token alone, and no new one that has it read the keys
				}
				if _, err := api.Verify(t.Context(), r.issue(n%2)); err != nil {
					t.Errorf("after %s a new token is refused: %v", time.Since(withdrawn), err)
				}
			}
			time.Sleep(time.Second)
		}
		t.Logf("last taken %v after the withdrawal", last)
		if slices.Max(last) > time.Minute {
			t.Errorf("taken for %v, want a minute at most", last)
		}
	})
}

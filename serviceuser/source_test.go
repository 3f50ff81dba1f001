package serviceuser_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/postern-auth/postern/clientauth"
	"github.com/postern-auth/postern/serviceuser"
	"golang.org/x/oauth2"
)

// numbered answers with the tokens t1, t2, …, each for an hour, until down is set.
type numbered struct {
	endpoint
	issued int
	down   bool
	delay  time.Duration
}

func newNumbered() *numbered {
	n := &numbered{}
	n.answer = func() (int, string) {
		time.Sleep(n.delay) // in a bubble: no time is spent
		if n.down {
			return 503, ""
		}
		n.issued++
		return 200, fmt.Sprintf(`{"access_token":"t%d","token_type":"Bearer","expires_in":3600}`, n.issued)
	}
	return n
}

func (n *numbered) source(t *testing.T) *serviceuser.Source {
	t.Helper()
	source, err := serviceuser.ClientCredentials{
		TokenURL: tokenURL, Auth: clientauth.SecretBasic("id", canary), HTTPClient: &http.Client{Transport: &n.endpoint},
	}.Source()
	if err != nil {
		t.Fatal(err)
	}
	return source
}

func wantToken(t *testing.T, source oauth2.TokenSource, want string) {
	t.Helper()
	token, err := source.Token()
	if err != nil {
		t.Fatalf("got error %v, want token %s", err, want)
	}
	if token.AccessToken != want {
		t.Fatalf("got token %s, want %s", token.AccessToken, want)
	}
}

func TestConcurrentCallersShareOneRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNumbered()
		n.delay = time.Second
		source := n.source(t)
		var wait sync.WaitGroup
		for range 1000 {
			wait.Go(func() { wantToken(t, source, "t1") })
		}
		wait.Wait()
		if n.count() != 1 {
			t.Errorf("%d requests, want 1", n.count())
		}
	})
}

func TestCallerThatLeavesSpoilsNobodysWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNumbered()
		n.delay = time.Second
		source := n.source(t)
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if _, err := source.TokenContext(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, want the context's error", err)
		}
		wantToken(t, source, "t1")
		if n.count() != 1 {
			t.Errorf("%d requests, want 1", n.count())
		}
	})
}

func TestTokenIsRenewedAheadOfItsEndWithoutAWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNumbered()
		source := n.source(t)
		wantToken(t, source, "t1")
		time.Sleep(time.Hour - time.Minute - time.Nanosecond)
		wantToken(t, source, "t1")
		synctest.Wait()
		if n.count() != 1 {
			t.Fatalf("%d requests more than a minute ahead, want 1", n.count())
		}
		time.Sleep(time.Nanosecond)
		n.delay = time.Second
		var wait sync.WaitGroup
		for range 100 {
			wait.Go(func() { wantToken(t, source, "t1") })
		}
		wait.Wait() // before the new token is there
		time.Sleep(2 * time.Second)
		wantToken(t, source, "t2")
		if n.count() != 2 {
			t.Errorf("%d requests, want 2", n.count())
		}
	})
}

func TestFailedRenewalKeepsServingTheGoodToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNumbered()
		source := n.source(t)
		wantToken(t, source, "t1")
		time.Sleep(time.Hour - 10*time.Second)
		n.down = true
		for range 10 {
			wantToken(t, source, "t1")
			synctest.Wait()
			time.Sleep(time.Second - time.Millisecond)
		}
		if got := n.count() - 1; got < 3 || got > 5 {
			t.Errorf("%d tries in 10 seconds, want one every two seconds", got)
		}
		time.Sleep(time.Second)
		if _, err := source.Token(); !errors.Is(err, serviceuser.ErrUnavailable) {
			t.Errorf("got %v for an ended token, want ErrUnavailable", err)
		}
		n.down = false
		time.Sleep(2 * time.Second)
		wantToken(t, source, "t2")
	})
}

func TestFailureIsNotAskedForAgainAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNumbered()
		n.down = true
		source := n.source(t)
		for range 1000 {
			if _, err := source.Token(); !errors.Is(err, serviceuser.ErrUnavailable) {
				t.Fatalf("got %v, want ErrUnavailable", err)
			}
		}
		if n.count() != 1 {
			t.Errorf("%d requests, want 1", n.count())
		}
		n.down = false
		time.Sleep(2 * time.Second)
		wantToken(t, source, "t1")
	})
}

func TestClockThatIsSetBackDoesNotStopTheSource(t *testing.T) {
	now := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	e := always(503, "")
	source, err := serviceuser.ClientCredentials{
		TokenURL: tokenURL, Auth: clientauth.None("id"), HTTPClient: e.client(), Now: func() time.Time { return now },
	}.Source()
	if err != nil {
		t.Fatal(err)
	}
	source.Token()
	now = now.Add(-time.Hour)
	source.Token()
	if e.count() != 2 {
		t.Errorf("%d requests, want 2: the failure is from a time that is yet to come", e.count())
	}
}

func TestCallersTokensAreTheirOwn(t *testing.T) {
	source := newNumbered().source(t)
	token, err := source.Token()
	if err != nil {
		t.Fatal(err)
	}
	token.AccessToken = "changed"
	wantToken(t, source, "t1")
}

func TestSourceServesAnOAuth2Client(t *testing.T) {
	var api *httptest.Server
	api = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/.well-known/openid-configuration":
			fmt.Fprintf(w, `{"issuer":%q,"token_endpoint":%q}`, api.URL, api.URL+"/token")
		case "/token":
			fmt.Fprint(w, `{"access_token":"at","token_type":"Bearer","expires_in":3600}`)
		default:
			fmt.Fprint(w, r.Header.Get("Authorization"))
		}
	}))
	defer api.Close()
	source, err := serviceuser.ClientCredentials{Issuer: api.URL, Auth: clientauth.SecretBasic("id", "s")}.Source()
	if err != nil {
		t.Fatal(err)
	}
	answer, err := oauth2.NewClient(t.Context(), source).Get(api.URL + "/api")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var body bytes.Buffer
	body.ReadFrom(answer.Body)
	if body.String() != "Bearer at" {
		t.Errorf("the API saw %q, want %q", body.String(), "Bearer at")
	}
}

func TestPersonalAccessToken(t *testing.T) {
	tests := []struct {
		name, token, wantError string
	}{
		{"an empty one", "", "serviceuser: personal access token is empty"},
		{"one with the line end of its file", canary + "\n", "serviceuser: personal access token has a space, a line end or another character that no token has"},
		{"one with a space", "a b", "serviceuser: personal access token has a space, a line end or another character that no token has"},
		{"one with a letter that is not ASCII", "tök", "serviceuser: personal access token has a space, a line end or another character that no token has"},
		{"one with a NUL", "a\x00", "serviceuser: personal access token has a space, a line end or another character that no token has"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := serviceuser.PersonalAccessToken(test.token).Token()
			if err == nil || err.Error() != test.wantError {
				t.Errorf("got  %v\nwant %s", err, test.wantError)
			}
		})
	}
	t.Run("a good one is yielded as it is", func(t *testing.T) {
		wantToken(t, serviceuser.PersonalAccessToken("pat_1"), "pat_1")
	})
}

func TestSourcesPrintNoSecret(t *testing.T) {
	n := newNumbered()
	n.answer = func() (int, string) {
		return 200, `{"access_token":"` + canary + `","token_type":"Bearer"}`
	}
	source := n.source(t)
	wantToken(t, source, canary)
	config := serviceuser.ClientCredentials{TokenURL: tokenURL, Auth: clientauth.SecretBasic("id", canary)}
	for _, value := range []any{source, serviceuser.PersonalAccessToken(canary), config, &config} {
		var out bytes.Buffer
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			fmt.Fprintf(&out, verb+"\n", value)
		}
		slog.New(slog.NewTextHandler(&out, nil)).Info("text", "value", value)
		slog.New(slog.NewJSONHandler(&out, nil)).Info("json", "value", value)
		for _, secret := range []string{canary, fmt.Sprintf("%x", canary)} {
			if strings.Contains(out.String(), secret) {
				t.Errorf("%T shows a secret:\n%s", value, out.String())
			}
		}
	}
}

package dpop_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/postern-auth/postern/dpop"
)

func answer(status int, header http.Header, body string) *http.Response {
	if header == nil {
		header = make(http.Header)
	}
	return &http.Response{StatusCode: status, Header: header, Body: io.NopCloser(strings.NewReader(body))}
}

// script is a server that gives its answers one after the other, and keeps what it was sent.
type script struct {
	answers []*http.Response
	seen    []*http.Request
	bodies  []string
}

func (s *script) RoundTrip(r *http.Request) (*http.Response, error) {
	body := ""
	if r.Body != nil {
		text, _ := io.ReadAll(r.Body)
		r.Body.Close()
		body = string(text)
	}
	s.seen, s.bodies = append(s.seen, r), append(s.bodies, body)
	next := s.answers[0]
	s.answers = s.answers[1:]
	next.Request = r
	return next, nil
}

func wantsNonce(nonce string) *http.Response {
	return answer(401, http.Header{"Dpop-Nonce": {nonce}, "Www-Authenticate": {`DPoP error="use_dpop_nonce"`}}, "")
}

func TestTransportMakesARequestAgainOnceAtMost(t *testing.T) {
	withBody := func() *http.Request { return httptest.NewRequest("POST", apiURL, strings.NewReader("body")) }
	rewindable := func() *http.Request {
		r, _ := http.NewRequest("POST", apiURL, strings.NewReader("body"))
		return r
	}
	noBody := func() *http.Request { r, _ := http.NewRequest("GET", apiURL, nil); return r }
	oauth := func(status int, body string) *http.Response {
		return answer(status, http.Header{"Dpop-Nonce": {"n1"}}, body)
	}
	rows := []struct {
		name    string
		token   func(context.Context) (string, error)
		request func() *http.Request
		answers []*http.Response
		calls   int
		status  int
	}{
		{"the server is content", token, noBody, []*http.Response{answer(200, nil, "")}, 1, 200},
		{"the server wants a nonce", token, noBody, []*http.Response{wantsNonce("n1"), answer(200, nil, "")}, 2, 200},
		{"the server wants a nonce, and there is a body", token, rewindable, []*http.Response{wantsNonce("n1"), answer(200, nil, "")}, 2, 200},
		{"the body cannot be had again", token, withBody, []*http.Response{wantsNonce("n1")}, 1, 401},
		{"the server wants another nonce each time", token, noBody, []*http.Response{wantsNonce("n1"), wantsNonce("n2")}, 2, 401},
		{"the server wants a nonce and gives none", token, noBody, []*http.Response{wantsNonce("")}, 1, 401},
		{"the server gives two nonces", token, noBody, []*http.Response{
			answer(401, http.Header{"Dpop-Nonce": {"a", "b"}, "Www-Authenticate": {`DPoP error="use_dpop_nonce"`}}, "")}, 1, 401},
		{"the server gives a nonce of 2000 bytes", token, noBody, []*http.Response{wantsNonce(strings.Repeat("x", 2000))}, 1, 401},
		{"the token is refused", token, noBody, []*http.Response{
			answer(401, http.Header{"Dpop-Nonce": {"n1"}, "Www-Authenticate": {`DPoP error="invalid_token"`}}, "")}, 1, 401},
		{"an API's body says so and its challenge does not", token, noBody, []*http.Response{oauth(400, `{"error":"use_dpop_nonce"}`)}, 1, 400},
		{"a token endpoint wants a nonce", nil, rewindable, []*http.Response{oauth(400, `{"error":"use_dpop_nonce"}`), answer(200, nil, "")}, 2, 200},
		{"a token endpoint wants a nonce with 401", nil, rewindable, []*http.Response{oauth(401, `{"error":"use_dpop_nonce"}`), answer(200, nil, "")}, 2, 200},
		{"a token endpoint refuses", nil, rewindable, []*http.Response{oauth(400, `{"error":"invalid_grant"}`)}, 1, 400},
		{"a token endpoint answers garbage", nil, rewindable, []*http.Response{oauth(400, `use_dpop_nonce`)}, 1, 400},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			server := &script{answers: row.answers}
			transport := &dpop.Transport{Prover: prover(t), Token: row.token, Base: server}
			response, err := transport.RoundTrip(row.request())
			if err != nil {
				t.Fatal(err)
			}
			if len(server.seen) != row.calls || response.StatusCode != row.status {
				t.Errorf("%d calls and status %d, want %d and %d", len(server.seen), response.StatusCode, row.calls, row.status)
			}
			proofs := make(map[string]bool)
			for i, r := range server.seen {
				if server.bodies[i] != server.bodies[0] {
					t.Errorf("body of call %d is %q, want %q", i, server.bodies[i], server.bodies[0])
				}
				if got := r.Header.Get("Authorization"); (got == "DPoP "+rawToken) != (row.token != nil) {
					t.Errorf("Authorization of call %d is %q", i, got)
				}
				if got := payload(t, r); strings.Contains(got, `"nonce":"n1"`) != (i == 1) || strings.Contains(got, `"ath"`) != (row.token != nil) {
					t.Errorf("proof of call %d says %s", i, got)
				}
				proofs[r.Header.Get("DPoP")] = true
			}
			if len(proofs) != row.calls {
				t.Errorf("%d different proofs in %d calls", len(proofs), row.calls)
			}
		})
	}
}

func TestTransportDoesNotRepeatWithTheNonceThatWasRefused(t *testing.T) {
	server := &script{answers: []*http.Response{wantsNonce("n1"), answer(200, nil, ""), wantsNonce("n1")}}
	transport := &dpop.Transport{Prover: prover(t), Token: token, Base: server}
	for _, status := range []int{200, 401} {
		r, _ := http.NewRequest("GET", apiURL, nil)
		response, err := transport.RoundTrip(r)
		if err != nil || response.StatusCode != status {
			t.Fatalf("%v, %v; want status %d", response, err, status)
		}
	}
	if len(server.seen) != 3 {
		t.Errorf("%d calls, want 3", len(server.seen))
	}
}

// payload returns what the request's proof says.
func payload(t *testing.T, r *http.Request) string {
	t.Helper()
	parts := strings.Split(r.Header.Get("DPoP"), ".")
	if len(parts) != 3 {
		t.Fatalf("proof %q has %d parts", r.Header.Get("DPoP"), len(parts))
	}
	text, err := b64Decode(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestTransportLeavesTheBodyOfAnErrorToBeRead(t *testing.T) {
	document := `{"error":"invalid_grant","error_description":"` + strings.Repeat("x", 32<<10) + `"}`
	for _, body := range []string{`{"error":"invalid_grant"}`, document, ""} {
		server := &script{answers: []*http.Response{answer(400, http.Header{"Dpop-Nonce": {"n1"}}, body)}}
		transport := &dpop.Transport{Prover: prover(t), Base: server}
		response, err := transport.RoundTrip(httptest.NewRequest("POST", apiURL, nil))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(response.Body); err != nil || string(got) != body {
			t.Errorf("body is %.64q of %d bytes, %v; want %.64q of %d", got, len(got), err, body, len(body))
		}
	}
}

func TestTransportKeepsNoncesByOrigin(t *testing.T) {
	server := &script{}
	transport := &dpop.Transport{Prover: prover(t), Token: token, Base: server}
	send := func(target, nonce string) string {
		t.Helper()
		server.answers = append(server.answers, answer(200, http.Header{"Dpop-Nonce": {nonce}}, ""))
		r, _ := http.NewRequest("GET", target, nil)
		if _, err := transport.RoundTrip(r); err != nil {
			t.Fatal(err)
		}
		return payload(t, server.seen[len(server.seen)-1])
	}
	send("https://a.example.com/1", "of-a")
	if got := send("https://b.example.com/1", "of-b"); strings.Contains(got, "nonce") {
		t.Errorf("the first proof for b says %s", got)
	}
	if got := send("https://A.example.com:443/2", "next-of-a"); !strings.Contains(got, `"nonce":"of-a"`) {
		t.Errorf("the second proof for a says %s", got)
	}
	if got := send("https://a.example.com/3", "x"); !strings.Contains(got, `"nonce":"next-of-a"`) {
		t.Errorf("the third proof for a says %s", got)
	}
	for n := range 1000 {
		send(fmt.Sprintf("https://h%d.example.com/", n), "x")
	}
	if got := send("https://a.example.com/4", "x"); strings.Contains(got, "nonce") {
		t.Errorf("after a thousand other origins the proof for a says %s", got)
	}
}

func TestTransportSendsNothingSecretAcrossARedirect(t *testing.T) {
	var there, back []*http.Request
	mux := http.NewServeMux()
	home := httptest.NewServer(mux)
	defer home.Close()
	away := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		there = append(there, r)
		http.Redirect(w, r, home.URL+"/back", http.StatusTemporaryRedirect)
	}))
	defer away.Close()
	mux.HandleFunc("/near", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/here", http.StatusTemporaryRedirect)
	})
	mux.HandleFunc("/far", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, away.URL+"/x", http.StatusTemporaryRedirect)
	})
	record := func(_ http.ResponseWriter, r *http.Request) { back = append(back, r) }
	mux.HandleFunc("/here", record)
	mux.HandleFunc("/back", record)
	client := &http.Client{Transport: &dpop.Transport{Prover: prover(t), Token: token}}
	for _, path := range []string{"/near", "/far"} {
		response, err := client.Get(home.URL + path)
		if err != nil || response.StatusCode != 200 {
			t.Fatal(response, err)
		}
		response.Body.Close()
	}
	if len(there) != 1 || len(back) != 2 {
		t.Fatalf("%d requests there and %d back, want 1 and 2", len(there), len(back))
	}
	if got := payload(t, back[0]); !strings.Contains(got, home.URL+"/here") || back[0].Header.Get("Authorization") != "DPoP "+rawToken {
		t.Errorf("after a redirect to itself the server got %s", got)
	}
	for _, r := range []*http.Request{there[0], back[1]} {
		if r.Header.Get("DPoP") != "" || r.Header.Get("Authorization") != "" {
			t.Errorf("%s got token or proof after a redirect by another origin", r.URL)
		}
	}
}

func TestTransportChangesNoRequest(t *testing.T) {
	server := &script{answers: []*http.Response{answer(200, nil, "")}}
	r, _ := http.NewRequest("GET", apiURL, nil)
	if _, err := (&dpop.Transport{Prover: prover(t), Token: token, Base: server}).RoundTrip(r); err != nil {
		t.Fatal(err)
	}
	if len(r.Header) != 0 {
		t.Errorf("the caller's request now has headers %v", r.Header)
	}
}

// closing says when it is closed.
type closing struct {
	io.Reader
	closed bool
}

func (c *closing) Close() error { c.closed = true; return nil }

func TestTransportSaysWhyItSendsNothing(t *testing.T) {
	down := errors.New("issuer is down")
	rows := []struct {
		name      string
		transport *dpop.Transport
		url       string
		is        error
		says      string
	}{
		{"there is no prover", &dpop.Transport{}, apiURL, nil, "no Prover"},
		{"there is no token", &dpop.Transport{Prover: prover(t), Token: func(context.Context) (string, error) { return "", down }}, apiURL, down, "access token"},
		{"the token is empty", &dpop.Transport{Prover: prover(t), Token: func(context.Context) (string, error) { return "", nil }}, apiURL, nil, "empty"},
		{"the URL is not one of HTTP's", &dpop.Transport{Prover: prover(t), Token: token}, "ftp://api.example.com/", nil, "target of the proof"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			row.transport.Base = &script{}
			body := &closing{Reader: strings.NewReader("body")}
			r, err := http.NewRequest("POST", row.url, body)
			if err != nil {
				t.Fatal(err)
			}
			_, err = row.transport.RoundTrip(r)
			if err == nil || !strings.HasPrefix(err.Error(), "dpop: ") || !strings.Contains(err.Error(), row.says) || row.is != nil && !errors.Is(err, row.is) {
				t.Errorf("error is %v, want one that says %q", err, row.says)
			}
			if !body.closed {
				t.Error("the body is still open")
			}
		})
	}
}

func TestNewProverRefusesKeysThatCannotProve(t *testing.T) {
	if _, err := dpop.NewProver(nil); err == nil {
		t.Error("no key: no error")
	}
}

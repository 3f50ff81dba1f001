package dpop_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/postern-auth/postern"
	"github.com/postern-auth/postern/dpop"
)

const bearerToken = "a-token-that-is-bound-to-nobody"

// api is an API over a real socket, whose tokens are rawToken, bound to owner, and bearerToken.
func api(t *testing.T, bindings []postern.Binding, requirements ...postern.Requirement) *httptest.Server {
	t.Helper()
	guard := &postern.Guard{
		Verifier: verifier{
			rawToken:    boundTo(thumbprint(t, owner)),
			bearerToken: postern.NewToken(postern.TokenData{Subject: "anybody"}),
		},
		Bindings: bindings,
	}
	server := httptest.NewServer(guard.Require(requirements...)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(w, r.Body)
	})))
	t.Cleanup(server.Close)
	return server
}

func prover(tb testing.TB) *dpop.Prover {
	tb.Helper()
	p, err := dpop.NewProver(owner)
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

// request sends one request and returns status and challenges of the answer.
func request(t *testing.T, target, authorization string, header http.Header) (int, []string) {
	t.Helper()
	r, err := http.NewRequest("GET", target, nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, values := range header {
		r.Header[name] = values
	}
	if authorization != "" {
		r.Header.Set("Authorization", authorization)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	return response.StatusCode, response.Header.Values("WWW-Authenticate")
}

func proofFor(t *testing.T, target, raw string) http.Header {
	t.Helper()
	u, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	proof, err := prover(t).Proof("GET", u, raw, "")
	if err != nil {
		t.Fatal(err)
	}
	return http.Header{"Dpop": {proof}}
}

func TestP3_ABoundTokenPassesWithItsProofAlone(t *testing.T) {
	server := api(t, []postern.Binding{dpop.New(dpop.Config{Algorithms: []string{"ES256", "EdDSA"}})})
	unaware := api(t, nil)
	constrained := api(t, []postern.Binding{dpop.New(dpop.Config{})}, postern.SenderConstrained())
	const (
		mismatch = `, error_description="The access token is bound to its sender, and the request does not prove to come from there."`
		bad      = `DPoP error="invalid_dpop_proof", error_description="The DPoP proof does not hold."`
		algs     = `DPoP algs="ES256 EdDSA"`
	)
	rows := []struct {
		name, url, authorization string
		header                   http.Header
		status                   int
		challenges               []string
	}{
		{"with its proof", server.URL + "/a?b", "DPoP " + rawToken, proofFor(t, server.URL+"/a", rawToken), 200, nil},
		{"with the scheme in lower case", server.URL, "dpop " + rawToken, proofFor(t, server.URL, rawToken), 200, nil},
		{"with no proof", server.URL, "DPoP " + rawToken, nil, 401, []string{bad}},
		{"with the proof of another token", server.URL, "DPoP " + rawToken, proofFor(t, server.URL, bearerToken), 401, []string{bad}},
		{"as a bearer token", server.URL, "Bearer " + rawToken, nil, 401, []string{`Bearer error="invalid_token"` + mismatch, algs}},
		{"as a bearer token with a proof", server.URL, "Bearer " + rawToken, proofFor(t, server.URL, rawToken), 401, []string{`Bearer error="invalid_token"` + mismatch, algs}},
		{"where nobody knows bindings", unaware.URL, "DPoP " + rawToken, proofFor(t, unaware.URL, rawToken), 401, []string{`Bearer error="invalid_token"` + mismatch}},
		{"as a bearer token where nobody knows bindings", unaware.URL, "Bearer " + rawToken, nil, 401, []string{`Bearer error="invalid_token"` + mismatch}},
		{"an unbound token is a bearer token", server.URL, "Bearer " + bearerToken, nil, 200, nil},
		{"an unbound token with a proof for it", server.URL, "DPoP " + bearerToken, proofFor(t, server.URL, bearerToken), 401, []string{`Bearer error="invalid_token"` + mismatch, algs}},
		{"an unbound token as a bearer token with a proof", server.URL, "Bearer " + bearerToken, proofFor(t, server.URL, bearerToken), 200, nil},
		{"a bound token where that is required", constrained.URL, "DPoP " + rawToken, proofFor(t, constrained.URL, rawToken), 200, nil},
		{"no token at all", server.URL, "", nil, 401, []string{`Bearer realm="api"`, algs}},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			status, challenges := request(t, row.url, row.authorization, row.header)
			if status != row.status {
				t.Errorf("status is %d, want %d", status, row.status)
			}
			if diff := cmp.Diff(row.challenges, challenges); diff != "" {
				t.Error("challenges (-want +got):\n" + diff)
			}
		})
	}
	if status, _ := request(t, constrained.URL, "Bearer "+bearerToken, nil); status == 200 {
		t.Error("an unbound token passes where a bound one is required")
	}
}

func TestP3_AProofForOneReplicaDoesNotPassAtAnother(t *testing.T) {
	loopback := []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}
	inner := api(t, []postern.Binding{dpop.New(dpop.Config{})})
	fixed := api(t, []postern.Binding{dpop.New(dpop.Config{Origin: "https://api.example.com"})})
	proxied := api(t, []postern.Binding{dpop.New(dpop.Config{TrustedProxies: loopback})})
	forwarded := func(header http.Header) http.Header {
		header["X-Forwarded-Proto"], header["X-Forwarded-Host"] = []string{"https"}, []string{"api.example.com"}
		return header
	}
	rows := []struct {
		name, url string
		header    http.Header
		status    int
	}{
		{"for the replica, directly", inner.URL, proofFor(t, inner.URL, rawToken), 200},
		{"for another replica", inner.URL, proofFor(t, fixed.URL, rawToken), 401},
		{"for another host that the request claims", inner.URL, forwarded(proofFor(t, "https://api.example.com/", rawToken)), 401},
		{"for the outside, at a fixed origin", fixed.URL, proofFor(t, "https://api.example.com/", rawToken), 200},
		{"for the inside, at a fixed origin", fixed.URL, proofFor(t, fixed.URL, rawToken), 401},
		{"for the outside, by a trusted proxy", proxied.URL, forwarded(proofFor(t, "https://api.example.com/", rawToken)), 200},
		{"for the inside, by a trusted proxy", proxied.URL, forwarded(proofFor(t, proxied.URL, rawToken)), 401},
	}
	for _, row := range rows {
		if status, _ := request(t, row.url, "DPoP "+rawToken, row.header); status != row.status {
			t.Errorf("%s: status is %d, want %d", row.name, status, row.status)
		}
	}
}

func TestP1_AClientLearnsTheNonceByItself(t *testing.T) {
	server := api(t, []postern.Binding{dpop.New(dpop.Config{RequireNonce: true})})
	status, challenges := request(t, server.URL, "DPoP "+rawToken, proofFor(t, server.URL, rawToken))
	want := `DPoP error="use_dpop_nonce", error_description="The DPoP proof needs the nonce of this answer's DPoP-Nonce header."`
	if status != 401 || len(challenges) != 1 || challenges[0] != want {
		t.Fatalf("%d %q, want 401 %q", status, challenges, want)
	}
	counted := &counter{base: http.DefaultTransport}
	client := &http.Client{Transport: &dpop.Transport{Prover: prover(t), Base: counted, Token: token}}
	for i, calls := range []int{2, 3} {
		response, err := client.Post(server.URL+"/orders", "text/plain", strings.NewReader("body"))
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(response.Body)
		response.Body.Close()
		if response.StatusCode != 200 || string(body) != "body" || response.Header.Get("DPoP-Nonce") == "" {
			t.Errorf("request %d: %d %q %v", i, response.StatusCode, body, response.Header)
		}
		if len(counted.seen) != calls {
			t.Errorf("%d calls after request %d, want %d", len(counted.seen), i, calls)
		}
	}
}

func token(context.Context) (string, error) { return rawToken, nil }

// counter keeps the requests that pass through it.
type counter struct {
	base http.RoundTripper
	seen []*http.Request
}

func (c *counter) RoundTrip(r *http.Request) (*http.Response, error) {
	c.seen = append(c.seen, r)
	return c.base.RoundTrip(r)
}

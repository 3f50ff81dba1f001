package dpop_test

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/postern-auth/postern"
	"github.com/postern-auth/postern/dpop"
)

// withNonce sends a proof with the nonce and returns the nonce of the answer.
func withNonce(tb testing.TB, b *dpop.Binding, now time.Time, nonce any) (string, error) {
	tb.Helper()
	f := forge()
	f.claims["jti"], f.claims["iat"] = time.Now().String(), now.Unix()
	if nonce != nil {
		f.claims["nonce"] = nonce
	}
	f.request.Header.Set("DPoP", f.sign(tb))
	answer := make(http.Header)
	err := b.Check(tb.Context(), postern.Presentation{
		Request: f.request, Scheme: "DPoP", Raw: rawToken, Answer: answer,
	}, boundTo(thumbprint(tb, owner)))
	return answer.Get("DPoP-Nonce"), err
}

func nonceConfig(now *clock) dpop.Config {
	return dpop.Config{Now: now.now, RequireNonce: true, NonceKey: []byte("a key of at least thirty-two bytes")}
}

func TestP1_NoncesAreWantedGivenAndRotated(t *testing.T) {
	now := &clock{start}
	b := dpop.New(nonceConfig(now))
	first, err := withNonce(t, b, now.Time, nil)
	if !errors.Is(err, postern.ErrNonce) || first == "" {
		t.Fatalf("without a nonce: %q, %v; want a nonce and ErrNonce", first, err)
	}
	if next, err := withNonce(t, b, now.Time, first); err != nil || next != first {
		t.Errorf("with the nonce: %q, %v; want it again with the answer that passes", next, err)
	}
	now.Time = start.Add(5 * time.Minute)
	second, err := withNonce(t, b, now.Time, first)
	if err != nil || second == first {
		t.Errorf("five minutes later: %q, %v; want to pass, and a new nonce", second, err)
	}
	now.Time = start.Add(10 * time.Minute)
	third, err := withNonce(t, b, now.Time, first)
	if !errors.Is(err, postern.ErrNonce) || third == first || third == second {
		t.Errorf("ten minutes later: %q, %v; want a third nonce and ErrNonce", third, err)
	}
	if _, err := withNonce(t, b, now.Time, third); err != nil {
		t.Errorf("with the third nonce: %v", err)
	}
}

func TestP1_NoncesOfOthersAreNotAccepted(t *testing.T) {
	now := &clock{start}
	b := dpop.New(nonceConfig(now))
	other := nonceConfig(now)
	other.NonceKey = []byte("another key of thirty-two and more")
	foreign, _ := withNonce(t, dpop.New(other), now.Time, nil)
	other.NonceKey = nil
	random, _ := withNonce(t, dpop.New(other), now.Time, nil)
	ours, _ := withNonce(t, b, now.Time, nil)
	for _, nonce := range []string{"", foreign, random, ours[1:], ours + "A", "x"} {
		if _, err := withNonce(t, b, now.Time, nonce); !errors.Is(err, postern.ErrNonce) {
			t.Errorf("nonce %q: %v, want ErrNonce", nonce, err)
		}
	}
	if _, err := withNonce(t, b, now.Time, 7); !errors.Is(err, postern.ErrProof) {
		t.Errorf("nonce 7: %v, want ErrProof", err)
	}
}

func TestP1_ReplicasAcceptEachOthersNonces(t *testing.T) {
	early, late := &clock{start.Add(-time.Second)}, &clock{start.Add(time.Second)}
	behind, ahead := dpop.New(nonceConfig(early)), dpop.New(nonceConfig(late))
	of := map[*dpop.Binding]*clock{behind: early, ahead: late}
	for from, to := range map[*dpop.Binding]*dpop.Binding{behind: ahead, ahead: behind} {
		nonce, _ := withNonce(t, from, of[from].Time, nil)
		if _, err := withNonce(t, to, of[to].Time, nonce); err != nil {
			t.Errorf("nonce of %s at %s: %v", of[from], of[to], err)
		}
	}
}

func TestP1_WithoutRequireNonceNoneIsGiven(t *testing.T) {
	if nonce, err := withNonce(t, dpop.New(atStart()), start, nil); err != nil || nonce != "" {
		t.Errorf("nonce %q, %v; want none", nonce, err)
	}
}

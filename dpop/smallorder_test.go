package dpop_test

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/postern-auth/postern"
	"github.com/postern-auth/postern/dpop"
)

// A token bound to the neutral point is bound to nobody: R the base point with S = 1 is a signature for every
// message, which anybody can write down.
func TestFindingK7_AProofByAKeyOfSmallOrderIsRefused(t *testing.T) {
	neutral := b64(append([]byte{1}, make([]byte, 31)...))
	f := forge()
	f.header["jwk"] = map[string]any{"kty": "OKP", "crv": "Ed25519", "x": neutral}
	proof := f.sign(t)
	proof = proof[:strings.LastIndexByte(proof, '.')] + ".WGZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmYBAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	sum := sha256.Sum256([]byte(`{"crv":"Ed25519","kty":"OKP","x":"` + neutral + `"}`))
	jkt := base64.RawURLEncoding.EncodeToString(sum[:])
	f.request.Header.Set("DPoP", proof)
	err := dpop.New(atStart()).Check(t.Context(), postern.Presentation{
		Request: f.request, Scheme: "DPoP", Raw: rawToken, Answer: make(http.Header),
	}, boundTo(jkt))
	if !errors.Is(err, postern.ErrProof) || !strings.Contains(err.Error(), "small order") {
		t.Errorf("%v, want ErrProof that names the reason", err)
	}
}

package dpop

import (
	"crypto"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/postern-auth/postern/internal/jws"
)

// Prover makes proofs with one private key (RFC 9449 §4.2). It is safe for concurrent use when the
// crypto.Signer is, as the standard library's are.
type Prover struct {
	// Now is the clock for iat. Nil: time.Now. It must not change once the Prover is used.
	Now func() time.Time

	signer *jws.Signer
}

// NewProver returns a Prover for an ECDSA key on P-256, P-384 or P-521, an Ed25519 key, or an RSA key of
// 2048 bits or more. Its algorithm is the key's first: ES256, ES384, ES512, EdDSA or RS256. Most servers
// take ES256.
func NewProver(private crypto.Signer) (*Prover, error) {
	if private == nil {
		return nil, errors.New("dpop: no private key")
	}
	alg, err := jws.DefaultAlgorithm(private)
	if err != nil {
		return nil, fmt.Errorf("dpop: %w", err)
	}
	signer, err := jws.NewSigner(alg, "", private)
	if err != nil {
		return nil, fmt.Errorf("dpop: %w", err)
	}
	return &Prover{signer: signer}, nil
}

// Thumbprint returns the SHA-256 thumbprint of the public key (RFC 7638): the cnf.jkt of tokens that are
// bound to it, and the dpop_jkt of authorization requests (RFC 9449 §10).
func (p *Prover) Thumbprint() string { return p.signer.Key().Thumbprint() }

// Proof returns a new proof for one request: the value of its DPoP header. The target's query and
// fragment are left out. The raw token is the one that the request carries; it is empty at a token
// endpoint. The nonce is the last one that the server sent in DPoP-Nonce, or empty. An error is one of the
// target, which must be an http or https URL with an ASCII host, or of the signer.
func (p *Prover) Proof(method string, target *url.URL, rawToken, nonce string) (string, error) {
	htu, err := normalizeURL(target.Scheme + "://" + target.Host + target.EscapedPath())
	if err != nil {
		return "", fmt.Errorf("dpop: target of the proof: %w", err)
	}
	now := time.Now
	if p.Now != nil {
		now = p.Now
	}
	claims := struct {
		ID        string `json:"jti"`
		Method    string `json:"htm"`
		URL       string `json:"htu"`
		IssuedAt  int64  `json:"iat"`
		TokenHash string `json:"ath,omitempty"`
		Nonce     string `json:"nonce,omitempty"`
	}{ID: rand.Text(), Method: method, URL: htu, IssuedAt: now().Unix(), Nonce: nonce}
	if rawToken != "" {
		claims.TokenHash = hash(rawToken)
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", fmt.Errorf("dpop: claims of the proof: %w", err)
	}
	proof, err := p.signer.SignProof(proofType, payload)
	if err != nil {
		return "", fmt.Errorf("dpop: %w", err)
	}
	return proof, nil
}

package dpop

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"slices"
	"time"

	"github.com/postern-auth/postern"
	"github.com/postern-auth/postern/internal/claims"
	"github.com/postern-auth/postern/internal/jws"
)

const (
	memberJKT  = "jkt"
	schemeDPoP = "DPoP"
	proofType  = "dpop+jwt"

	headerProof = "DPoP"
	headerNonce = "DPoP-Nonce"

	// maxProof holds a proof with an RSA key of 8192 bits, the largest that is accepted.
	maxProof = 8 << 10
	// maxID bounds a jti: random ones are short.
	maxID = 256
)

// Check returns nil when the request carries a proof for the key that the token is bound to, made for
// this request and this token, and not used before. Errors wrap postern.ErrProof, postern.ErrNonce when
// only the nonce is missing or old, postern.ErrBinding when the token is not bound to a key or did not
// come under scheme DPoP, and postern.ErrUnavailable when it cannot be known whether the proof was used
// before.
func (b *Binding) Check(ctx context.Context, p postern.Presentation, token *postern.Token) error {
	if p.Scheme != schemeDPoP {
		return refused{what: "token is bound to a key and came under another scheme than DPoP", reason: postern.ErrBinding}
	}
	jkt := ""
	for member, value := range token.Confirmation() {
		if member == memberJKT {
			jkt = value
		}
	}
	if jkt == "" {
		return refused{what: "token is not bound to a key (cnf.jkt)", reason: postern.ErrBinding}
	}
	_, err := b.check(ctx, p.Request, p.Answer, bound{raw: p.Raw, jkt: jkt})
	return err
}

// CheckKey checks a proof that comes with no token, as at the token endpoint of an authorization server
// (RFC 9449 §5). It returns the thumbprint of the key (RFC 7638) that a token can then be bound to, as
// cnf.jkt. The answer takes headers, as in a postern.Presentation; errors are those of Check.
func (b *Binding) CheckKey(ctx context.Context, r *http.Request, answer http.Header) (jkt string, err error) {
	return b.check(ctx, r, answer, bound{})
}

// bound is the token that a proof is for. The zero value stands for no token.
type bound struct{ raw, jkt string }

func (b *Binding) check(ctx context.Context, r *http.Request, answer http.Header, token bound) (jkt string, err error) {
	now := b.now()
	if b.nonces != nil {
		answer.Set(headerNonce, b.nonces.at(now).current())
		// A nonce out of a cache is an old one (RFC 9449 §8.2).
		answer.Set("Cache-Control", "no-store")
	}
	message, key, err := b.parse(r)
	if err != nil {
		return "", err
	}
	// Before the signature, whose cost the sender chooses with the key.
	jkt = key.Thumbprint()
	if token.jkt != "" && jkt != token.jkt {
		return "", refused{what: "the proof's key", want: token.jkt, got: jkt}
	}
	if err := message.Verify(key); err != nil {
		return "", refused{what: "proof", cause: err}
	}
	var p proof
	if err := p.parse(message.Payload); err != nil {
		return "", err
	}
	url, err := b.checkRequest(&p, r)
	if err != nil {
		return "", err
	}
	if err := b.checkTime(&p, now); err != nil {
		return "", err
	}
	if token.raw != "" && p.tokenHash != hash(token.raw) {
		return "", refused{what: "ath", want: hash(token.raw), got: p.tokenHash}
	}
	if b.nonces != nil && !b.nonces.at(now).accepts(p.nonce) {
		return "", refused{what: "nonce is missing, old or not ours; the answer's DPoP-Nonce has the one to use", reason: postern.ErrNonce}
	}
	return jkt, b.use(ctx, jkt, url, &p)
}

// parse reads the request's proof, and its key. Nothing is trusted yet.
func (b *Binding) parse(r *http.Request) (message jws.Message, key *jws.Key, err error) {
	values := r.Header.Values(headerProof)
	switch {
	case len(values) == 0:
		return message, nil, refused{what: "request has no DPoP header"}
	case len(values) > 1:
		return message, nil, refused{what: "request has more than one DPoP header"}
	case len(values[0]) > maxProof:
		return message, nil, refused{what: "proof is longer than 8192 bytes"}
	}
	message, err = jws.ParseProof(values[0])
	if err != nil {
		return message, nil, refused{what: "proof", cause: err}
	}
	if message.Header.Type != proofType {
		return message, nil, refused{what: "typ", want: proofType, got: message.Header.Type}
	}
	if !slices.Contains(b.algorithms, message.Header.Algorithm) {
		return message, nil, refused{what: "alg", want: b.names, got: string(message.Header.Algorithm)}
	}
	key, err = jws.ParseKey(message.Header.JWK)
	if err != nil {
		return message, nil, refused{what: "jwk", cause: err}
	}
	return message, key, nil
}

// proof holds the claims of RFC 9449 §4.2.
type proof struct {
	id        string // jti
	method    string // htm
	url       string // htu
	tokenHash string // ath
	nonce     string // nonce
	issuedAt  time.Time
}

func (p *proof) parse(payload string) error {
	var set claims.Object
	if err := set.Parse(payload); err != nil {
		return refused{what: "claims of the proof", cause: err}
	}
	for name, value := range set.All() {
		if name == "iat" {
			iat, err := value.Time()
			if err != nil {
				return refused{what: "iat", cause: err}
			}
			p.issuedAt = iat
			continue
		}
		if field := p.field(name); field != nil {
			text, ok := value.Text()
			if !ok {
				return refused{what: name + " is not a string"}
			}
			*field = text
		}
	}
	switch {
	case p.id == "":
		return refused{what: "proof has no jti"}
	case len(p.id) > maxID:
		return refused{what: "jti is longer than 256 bytes"}
	case p.method == "":
		return refused{what: "proof has no htm"}
	case p.url == "":
		return refused{what: "proof has no htu"}
	case p.issuedAt.IsZero():
		return refused{what: "proof has no iat"}
	}
	return nil
}

// field returns where the claim with the name goes, and nil for those that mean nothing here.
func (p *proof) field(name string) *string {
	switch name {
	case "jti":
		return &p.id
	case "htm":
		return &p.method
	case "htu":
		return &p.url
	case "ath":
		return &p.tokenHash
	case "nonce":
		return &p.nonce
	}
	return nil
}

// checkRequest checks that the proof was made for the request, and returns the URL of both.
func (b *Binding) checkRequest(p *proof, r *http.Request) (url string, err error) {
	if p.method != r.Method {
		return "", refused{what: "htm", want: r.Method, got: p.method}
	}
	want, err := b.target(r)
	if err != nil {
		return "", refused{what: "URL of the request", cause: err}
	}
	got, err := normalizeURL(p.url)
	if err != nil {
		return "", refused{what: "htu", cause: err}
	}
	if got != want && !(got+"/" == want && b.atPrefix(r)) {
		return "", refused{what: "htu", want: want, got: got, hint: hintURL}
	}
	return want, nil
}

const hintURL = "which is how this API sees its URL; behind a proxy set Config.Origin or Config.TrustedProxies, and Config.PathPrefix if it takes a path off"

func (b *Binding) checkTime(p *proof, now time.Time) error {
	off := now.Sub(p.issuedAt)
	if off > b.window || off < -b.window {
		return refused{
			what: "iat",
			want: "within " + b.window.String() + " of " + now.UTC().Format(time.RFC3339),
			got:  p.issuedAt.UTC().Format(time.RFC3339),
		}
	}
	return nil
}

// hash returns the ath of a token: the SHA-256 of its characters (RFC 9449 §4.2).
func hash(raw string) string {
	sum := sha256.Sum256([]byte(raw))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

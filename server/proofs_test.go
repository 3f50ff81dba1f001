package server_test

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/postern-auth/postern/server"
	"github.com/postern-auth/postern/server/internal/oauth"
	"github.com/postern-auth/postern/server/internal/secret"
	"github.com/postern-auth/postern/server/store"
)

// The keys of two senders.
var (
	own     = ed25519.NewKeyFromSeed([]byte("the key that its sender does hold"[:32]))
	foreign = ed25519.NewKeyFromSeed([]byte("the key of somebody else, a thief"[:32]))
)

func base64url(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func publicJWK(key ed25519.PrivateKey) map[string]any {
	return map[string]any{"kty": "OKP", "crv": "Ed25519", "x": base64url(key.Public().(ed25519.PublicKey))}
}

// thumbprint is the jkt of a key (RFC 8037 appendix A.3).
func thumbprint(key ed25519.PrivateKey) string {
	sum := sha256.Sum256(fmt.Appendf(nil, `{"crv":"Ed25519","kty":"OKP","x":%q}`, base64url(key.Public().(ed25519.PublicKey))))
	return base64url(sum[:])
}

// proof is a DPoP proof in the making.
type proof struct {
	key            ed25519.PrivateKey
	header, claims map[string]any
}

// proof makes one for a path of the world's own issuer, changed by functions.
func (w *world) proof(key ed25519.PrivateKey, method, path string, change ...func(*proof)) string {
	w.t.Helper()
	p := &proof{key, map[string]any{"typ": "dpop+jwt", "alg": "EdDSA", "jwk": publicJWK(key)}, map[string]any{
		"jti": secret.NewID(), "htm": method, "htu": w.issuer + path, "iat": w.now().Unix(),
	}}
	for _, f := range change {
		f(p)
	}
	var parts []string
	for _, part := range []map[string]any{p.header, p.claims} {
		text, err := json.Marshal(part)
		w.must(err)
		parts = append(parts, base64url(text))
	}
	signed := strings.Join(parts, ".")
	return signed + "." + base64url(ed25519.Sign(p.key, []byte(signed)))
}

// claiming changes a claim of a proof; a nil one is left out.
func claiming(name string, value any) func(*proof) {
	return func(p *proof) { change(p.claims, name, value) }
}

func heading(name string, value any) func(*proof) {
	return func(p *proof) { change(p.header, name, value) }
}

func change(m map[string]any, name string, value any) {
	if m[name] = value; value == nil {
		delete(m, name)
	}
}

// proving adds a proof to a call, which it is for.
func (w *world) proving(c call, key ed25519.PrivateKey, change ...func(*proof)) call {
	w.t.Helper()
	method := c.method
	if method == "" {
		method = http.MethodPost
	}
	path, _, _ := strings.Cut(c.path, "?")
	return carrying(c, "DPoP", w.proof(key, method, path, change...))
}

// carrying adds a header to a call.
func carrying(c call, name string, values ...string) call {
	header := c.header.Clone()
	if header == nil {
		header = make(http.Header)
	}
	header[http.CanonicalHeaderKey(name)] = values
	c.header = header
	return c
}

func (w *world) bearing(scheme, raw string) call {
	return call{method: http.MethodGet, path: "/oidc/v1/userinfo", header: http.Header{"Authorization": {scheme + " " + raw}}}
}

func of(raw string) func(*proof) {
	sum := sha256.Sum256([]byte(raw))
	return claiming("ath", base64url(sum[:]))
}

func TestEveryGrantBindsItsTokenToTheKeyOfTheProof(t *testing.T) {
	w := newPeopleWorld(t)
	w.addKey("k-robot", "ec", robotOwner)
	cnf := map[string]any{"jkt": thumbprint(own)}
	last := w.issued(w.do(w.proving(redeem(webApp, w.allowed(webApp, offline, []string{messages}), "client_secret", "web-secret"), own)))
	for name, c := range map[string]func() call{
		"client_credentials": func() call { return tokenCall("robot", "audience", messages) },
		"jwt-bearer": func() call {
			return call{path: "/oauth/v2/token", form: values("grant_type", oauth.GrantJWTBearer, "assertion", w.strict(), "audience", messages)}
		},
		"authorization_code": func() call { return redeem(spa, w.allowed(spa, offline, []string{messages})) },
		"refresh_token": func() call {
			return refresh(webApp, last["refresh_token"].(string), "client_secret", "web-secret")
		},
	} {
		for _, form := range []store.TokenForm{store.FormOpaque, store.FormRFC9068, store.FormAuth0, store.FormZITADEL} {
			w.form("robot", "a-messages", form)
			got := w.issued(w.do(w.proving(c(), own)))
			raw := got["access_token"].(string)
			if name == "refresh_token" {
				last = got
			}
			held := w.introspect("messages", raw)
			if got["token_type"] != "DPoP" || held["token_type"] != "DPoP" || !cmp.Equal(cnf, held["cnf"]) {
				t.Errorf("%s, %s: answer %v, introspection %v", name, form, got, held)
			}
			if form == store.FormOpaque {
				continue
			}
			if _, _, claims := w.claims(raw); !cmp.Equal(cnf, claims["cnf"]) {
				t.Errorf("%s, %s: claims %v", name, form, claims)
			}
		}
	}
	bearer := w.issued(w.do(tokenCall("robot", "audience", messages)))
	if held := w.introspect("messages", bearer["access_token"].(string)); bearer["token_type"] != "Bearer" || held["token_type"] != "Bearer" || held["cnf"] != nil {
		t.Errorf("without a proof: answer %v, introspection %v", bearer, held)
	}
}

// badProofs are what makes a proof worthless at any endpoint.
var badProofs = map[string]func(*proof){
	"another typ":             heading("typ", "JWT"),
	"no typ":                  heading("typ", nil),
	"no alg":                  heading("alg", nil),
	"alg none":                heading("alg", "none"),
	"a symmetric alg":         heading("alg", "HS256"),
	"an alg of another key":   heading("alg", "ES256"),
	"RS256":                   heading("alg", "RS256"),
	"no jwk":                  heading("jwk", nil),
	"null for jwk":            heading("jwk", json.RawMessage("null")),
	"a kid in place of a jwk": func(p *proof) { heading("jwk", nil)(p); heading("kid", "x")(p) },
	"a critical header":       heading("crit", []string{"x"}),
	"another key in jwk":      heading("jwk", publicJWK(foreign)),
	"a private key in jwk": func(p *proof) {
		jwk := publicJWK(p.key)
		jwk["d"] = base64url(p.key.Seed())
		heading("jwk", jwk)(p)
	},
	"a symmetric key in jwk":       heading("jwk", map[string]any{"kty": "oct", "k": "AAAA"}),
	"no jti":                       claiming("jti", nil),
	"an empty jti":                 claiming("jti", ""),
	"a jti of 257 bytes":           claiming("jti", strings.Repeat("x", 257)),
	"a number for jti":             claiming("jti", 1),
	"no htm":                       claiming("htm", nil),
	"another htm":                  claiming("htm", "PUT"),
	"htm in lower case":            func(p *proof) { claiming("htm", strings.ToLower(p.claims["htm"].(string)))(p) },
	"no htu":                       claiming("htu", nil),
	"another host in htu":          claiming("htu", "https://evil.example/oauth/v2/token"),
	"another path in htu":          func(p *proof) { claiming("htu", p.claims["htu"].(string)+"/x")(p) },
	"another issuer of the server": claiming("htu", "https://"+zitadelHost+"/oauth/v2/token"),
	"a path alone":                 claiming("htu", "/oauth/v2/token"),
	"no iat":                       claiming("iat", nil),
	"an iat of an hour ago":        claiming("iat", start.Add(-time.Hour).Unix()),
	"an iat in an hour":            claiming("iat", start.Add(time.Hour).Unix()),
	"a text for iat":               claiming("iat", "now"),
}

func TestP1_ProofsThatTheTokenEndpointDoesNotTake(t *testing.T) {
	w := newPeopleWorld(t)
	raw := w.allowed(spa, offline, nil)
	for name, bad := range badProofs {
		t.Run(name, func(t *testing.T) {
			w := w.at(t)
			w.refused(w.do(w.proving(redeem(spa, raw), own, bad)), 400, "invalid_dpop_proof")
		})
	}
	for name, header := range map[string][]string{
		"two proofs": {w.proof(own, "POST", "/oauth/v2/token"), w.proof(own, "POST", "/oauth/v2/token")}, "an empty one": {""},
		"no JWT": {"x"}, "a token": {w.token("robot")}, "10 KB": {strings.Repeat("x", 10<<10)}, "a wrong signature": {w.proof(own, "POST", "/oauth/v2/token")[:150] + "AAAA"},
	} {
		t.Run(name, func(t *testing.T) {
			w := w.at(t)
			w.refused(w.do(carrying(redeem(spa, raw), "DPoP", header...)), 400, "invalid_dpop_proof")
		})
	}
	// Nothing of it has used the code up.
	w.issued(w.do(w.proving(redeem(spa, raw), own)))
}

func TestP1_ProofsThatPARDoesNotTake(t *testing.T) {
	w := newLoginWorld(t)
	for name, bad := range badProofs {
		t.Run(name, func(t *testing.T) {
			w := w.at(t)
			w.refused(w.do(w.proving(pushing(), own, bad)), 400, "invalid_dpop_proof")
		})
	}
	if n, err := w.store.DeleteExpiredTokens(t.Context(), w.now().Add(time.Hour), 1000); n != 0 || err != nil {
		t.Errorf("%d rows are left: %v", n, err)
	}
}

func TestP1_ProofsThatUserinfoDoesNotTake(t *testing.T) {
	w := newPeopleWorld(t)
	raw := w.issued(w.do(w.proving(redeem(spa, w.allowed(spa, offline, nil)), own)))["access_token"].(string)
	bad := map[string]func(*proof){
		"no ath": claiming("ath", nil), "the ath of another token": of("x"), "an ath in another form": claiming("ath", strings.Repeat("0", 64)),
		"another key": func(p *proof) { p.key = foreign; heading("jwk", publicJWK(foreign))(p) },
	}
	for name, f := range badProofs {
		bad[name] = f
	}
	for name, f := range bad {
		t.Run(name, func(t *testing.T) {
			a := w.at(t).do(w.proving(w.bearing("DPoP", raw), own, of(raw), f))
			if challenge := strings.Join(a.header["Www-Authenticate"], ", "); a.status != 401 || !strings.Contains(challenge, `error="invalid_dpop_proof"`) {
				t.Errorf("%d %q %s", a.status, challenge, a.body)
			}
		})
	}
	for _, method := range []string{"GET", "POST"} {
		c := w.bearing("dpop", raw) // in any case of letters
		if c.method = method; method == "POST" {
			c.form = values()
		}
		if a := w.do(w.proving(c, own, of(raw))); a.status != 200 || w.object(a.body)["sub"] != "alice" {
			t.Errorf("%s: %d %s", method, a.status, a.body)
		}
	}
}

func TestP3_ATokenAndItsProofBelongTogether(t *testing.T) {
	w := newPeopleWorld(t)
	bound := w.issued(w.do(w.proving(redeem(spa, w.allowed(spa, offline, nil)), own)))["access_token"].(string)
	free := w.issued(w.do(redeem(spa, w.allowed(spa, offline, nil))))["access_token"].(string)
	for name, c := range map[string]call{
		"a bound one as Bearer":                  w.bearing("Bearer", bound),
		"a bound one as Bearer with its proof":   w.proving(w.bearing("Bearer", bound), own, of(bound)),
		"a bound one without a proof":            w.bearing("DPoP", bound),
		"one that is not bound, under DPoP":      w.bearing("DPoP", free),
		"one that is not bound, with some proof": w.proving(w.bearing("DPoP", free), own, of(free)),
		"a proof for another URL of the server":  w.proving(w.bearing("DPoP", bound), own, of(bound), claiming("htu", w.issuer+"/userinfo")),
	} {
		if a := w.do(c); a.status != 401 {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	// Behind a proxy the request looks otherwise; the proof is for what clients know.
	c := w.bearing("DPoP", bound)
	c.host = auth0Host
	good := carrying(c, "DPoP", w.proof(own, "GET", "", of(bound), claiming("htu", auth0Issuer+"oidc/v1/userinfo")))
	if a := w.do(good); a.status != 200 {
		t.Errorf("at another issuer: %d %s", a.status, a.body)
	}
}

func TestFAPI_ProofsMayBeTenSecondsOff(t *testing.T) {
	w := newPeopleWorld(t)
	for _, off := range []time.Duration{-10 * time.Second, 10 * time.Second} {
		iat := claiming("iat", start.Add(off).Unix())
		raw := w.issued(w.do(w.proving(redeem(spa, w.allowed(spa, offline, nil)), own, iat, claiming("nbf", 1), claiming("exp", start.Add(time.Minute).Unix()))))["access_token"].(string)
		if a := w.do(w.proving(w.bearing("DPoP", raw), own, of(raw), iat)); a.status != 200 {
			t.Errorf("userinfo, %s: %d %s", off, a.status, a.body)
		}
	}
}

// beside is another server on the world's store, under the same issuers.
func (w *world) beside(change ...func(*server.Config)) *world {
	w.t.Helper()
	other := &world{t: w.t, store: w.store, logs: w.logs, clock: w.now()}
	other.inPlaceOf(w, change...)
	return other
}

// inPlaceOf serves under the issuers of another world, as what has come into its place.
func (w *world) inPlaceOf(former *world, change ...func(*server.Config)) {
	w.t.Helper()
	issuer := former.issuer
	w.serve(append(change, func(c *server.Config) { c.Issuers = []string{issuer, "https://" + zitadelHost, auth0Issuer} })...)
	w.host, w.issuer, w.address = strings.TrimPrefix(issuer, "http://"), issuer, w.issuer
}

func TestP2_AProofCountsOnceAtAllReplicas(t *testing.T) {
	w := newPeopleWorld(t)
	other := w.beside()
	raw := w.issued(w.do(w.proving(redeem(spa, w.allowed(spa, offline, nil)), own)))["access_token"].(string)
	for name, c := range map[string]call{
		"token": w.proving(tokenCall("robot"), own), "a JWT": w.proving(tokenCall("robot", "audience", messages), own), "userinfo": w.proving(w.bearing("DPoP", raw), own, of(raw)),
	} {
		if a := w.do(c); a.status != 200 {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
		for i, server := range []*world{w, other, w} {
			if a := server.do(c); a.status != 400 && a.status != 401 || !strings.Contains(a.body, "invalid_dpop_proof") {
				t.Errorf("%s again, %d: %d %s", name, i, a.status, a.body)
			}
		}
	}
	if good := w.atOnce(50, w.proving(tokenCall("robot"), own)); good != 1 {
		t.Errorf("of 50 uses at once %d counted", good)
	}
	// The same id is another proof when another key signs it.
	for _, key := range []ed25519.PrivateKey{own, foreign} {
		w.issued(w.do(w.proving(tokenCall("robot"), key, claiming("jti", "the same"))))
	}
}

func TestARefusalUsesNoProofUp(t *testing.T) {
	w := newPeopleWorld(t)
	proof := w.proof(own, "POST", "/oauth/v2/token")
	w.refused(w.do(carrying(redeem(spa, "nonsense"), "DPoP", proof)), 400, "invalid_grant")
	w.refused(w.do(carrying(redeem("nobody", "x"), "DPoP", proof)), 401, "invalid_client")
	w.refused(w.do(carrying(tokenCall("robot", "audience", "https://nowhere.example.com"), "DPoP", proof)), 400, "invalid_target")
	raw := w.allowed(spa, offline, nil)
	w.issued(w.do(carrying(redeem(spa, raw), "DPoP", proof)))
	// A code that comes again with the same proof is not looked at: whoever repeats both holds no key.
	w.refused(w.do(carrying(redeem(spa, raw), "DPoP", proof)), 400, "invalid_dpop_proof")
}

func TestS4_ARefreshTokenOfAPublicClientIsBoundToItsKey(t *testing.T) {
	w := newPeopleWorld(t)
	first := w.issued(w.do(w.proving(redeem(spa, w.allowed(spa, offline, nil)), own)))
	raw := first["refresh_token"].(string)
	w.refused(w.do(refresh(spa, raw)), 400, "invalid_grant")
	w.refused(w.do(w.proving(refresh(spa, raw), foreign)), 400, "invalid_grant")
	w.refused(w.do(w.proving(refresh(spa, raw), own, claiming("htm", "GET"))), 400, "invalid_dpop_proof")
	w.pass(time.Hour)
	second := w.issued(w.do(w.proving(refresh(spa, raw), own))) // nothing has changed
	if second["token_type"] != "DPoP" {
		t.Errorf("answer %v", second)
	}
	w.refused(w.do(refresh(spa, second["refresh_token"].(string))), 400, "invalid_grant")

	// One that began without a key stays so: a thief must not bind it to the thief's.
	free := w.issued(w.do(redeem(spa, w.allowed(spa, offline, nil))))["refresh_token"].(string)
	next := w.issued(w.do(w.proving(refresh(spa, free), foreign)))
	if next["token_type"] != "DPoP" {
		t.Errorf("answer %v", next)
	}
	w.issued(w.do(refresh(spa, next["refresh_token"].(string))))

	// A client that proves itself may have another key each time (RFC 9449 §5).
	web := w.issued(w.do(w.proving(redeem(webApp, w.allowed(webApp, offline, nil), "client_secret", "web-secret"), own)))
	w.issued(w.do(w.proving(refresh(webApp, web["refresh_token"].(string), "client_secret", "web-secret"), foreign)))
}

func TestK5_ACodeThatComesAgainWithAnotherKeyEndsAllThatCameOfIt(t *testing.T) {
	w := newPeopleWorld(t)
	for name, again := range map[string]func(call) call{
		"another key": func(c call) call { return w.proving(c, foreign) }, "no key": func(c call) call { return c },
		"the same key": func(c call) call { return w.proving(c, own) },
	} {
		code := w.allowed(spa, offline, []string{messages})
		got := w.issued(w.do(w.proving(redeem(spa, code), own)))
		w.refused(w.do(again(redeem(spa, code))), 400, "invalid_grant")
		if held := w.introspect("messages", got["access_token"].(string)); held["active"] != false {
			t.Errorf("%s: the access token lives", name)
		}
		w.refused(w.do(w.proving(refresh(spa, got["refresh_token"].(string)), own)), 400, "invalid_grant")
	}
}

// TestFAPI_DPoPKeyBindsTheCode is ensure-dpop-auth-code-binding-success, ensure-dpopproof-at-par-endpoint-binding-success,
// ensure-mismatched-dpop-jkt-fails, ensure-token-endpoint-fails-with-mismatched-dpop-jkt and -dpop-proof-jkt.
func TestFAPI_DPoPKeyBindsTheCode(t *testing.T) {
	w := newLoginWorld(t)
	for name, push := range map[string]func() answer{
		"dpop_jkt": func() answer { return w.do(pushing("dpop_jkt", thumbprint(own))) },
		"proof":    func() answer { return w.do(w.proving(pushing(), own)) },
		"both":     func() answer { return w.do(w.proving(pushing("dpop_jkt", thumbprint(own)), own)) },
	} {
		b := w.browser()
		page := b.open(w.pushed(push(), "notes"))
		raw := b.code(b.send(page, "identifier", "mia", "password", miaPassword, "answer", "login"), notesCallback)
		w.refused(w.do(redeem("notes", raw, "redirect_uri", notesCallback)), 400, "invalid_grant")
		w.refused(w.do(w.proving(redeem("notes", raw, "redirect_uri", notesCallback), foreign)), 400, "invalid_grant")
		if got := w.issued(w.do(w.proving(redeem("notes", raw, "redirect_uri", notesCallback), own))); got["token_type"] != "DPoP" {
			t.Errorf("%s: answer %v", name, got)
		}
	}
	w.refused(w.do(w.proving(pushing("dpop_jkt", thumbprint(foreign)), own)), 400, "invalid_dpop_proof")
}

func TestAProofIsUsedUpByAPushedRequest(t *testing.T) {
	w := newLoginWorld(t)
	c := w.proving(pushing(), own)
	w.refused(w.do(carrying(pushing("redirect_uri", "https://evil.example/"), "DPoP", c.header.Get("DPoP"))), 400, "invalid_request")
	w.pushed(w.do(c), "notes")
	w.refused(w.do(c), 400, "invalid_dpop_proof")
}

func TestAClientMayBeHeldToBoundTokens(t *testing.T) {
	w := newPeopleWorld(t)
	u, err := w.store.ServiceUser(t.Context(), "u-robot")
	w.must(err)
	u.SenderConstraint = store.ConstrainedByProof
	w.must(w.store.PutServiceUser(t.Context(), u))
	app, err := w.store.ApplicationByClientID(t.Context(), spa)
	w.must(err)
	app.SenderConstraint = store.ConstrainedByProof
	w.must(w.store.PutApplication(t.Context(), app))
	raw := w.allowed(spa, offline, nil)
	w.refused(w.do(tokenCall("robot")), 400, "invalid_dpop_proof")
	w.refused(w.do(redeem(spa, raw)), 400, "invalid_dpop_proof")
	w.issued(w.do(w.proving(tokenCall("robot"), own)))
	w.issued(w.do(w.proving(redeem(spa, raw), own)))
}

func withNonces(c *server.Config) { c.RequireDPoPNonce = true }

func TestNoncesAreTheServersAndOfAllReplicas(t *testing.T) {
	w := newWorld(t, withNonces)
	w.addKey("k-robot", "ec", robotOwner)
	other := w.beside(withNonces)
	assertion := w.strict()
	c := call{path: "/oauth/v2/token", form: values("grant_type", clientCredentials, "client_assertion", assertion, "client_assertion_type", oauth.AssertionType)}
	jti := claiming("jti", "the same throughout")
	a := w.do(w.proving(c, own, jti))
	w.refused(a, 400, "use_dpop_nonce")
	nonce := a.header.Get("DPoP-Nonce")
	for name, bad := range map[string]any{"empty": "", "of somebody else": strings.Repeat("A", 43), "a number": 1, "cut": nonce[:42]} {
		a := w.do(w.proving(c, own, jti, claiming("nonce", bad)))
		want := "use_dpop_nonce"
		if name == "a number" {
			want = "invalid_dpop_proof"
		}
		if w.refused(a, 400, want); (a.header.Get("DPoP-Nonce") != "") != (want == "use_dpop_nonce") {
			t.Errorf("%s: DPoP-Nonce %q", name, a.header.Get("DPoP-Nonce"))
		}
	}
	// Neither the assertion nor the proof has been used up, and the other replica knows the nonce.
	a = other.do(w.proving(c, own, jti, claiming("nonce", nonce)))
	w.issued(a)
	if a.header.Get("DPoP-Nonce") != nonce {
		t.Errorf("DPoP-Nonce of the success is %q", a.header.Get("DPoP-Nonce"))
	}
	// A refusal for another reason brings none: clients of some libraries take it for use_dpop_nonce.
	a = w.do(w.proving(tokenCall("robot", "audience", "https://nowhere.example.com"), own, claiming("nonce", nonce)))
	w.refused(a, 400, "invalid_target")
	if got := a.header.Get("DPoP-Nonce"); got != "" {
		t.Errorf("DPoP-Nonce of a refusal is %q", got)
	}
	w.pass(4 * time.Minute)
	w.issued(w.do(w.proving(tokenCall("robot"), own, claiming("nonce", nonce))))
	w.pass(11 * time.Minute)
	w.refused(w.do(w.proving(tokenCall("robot"), own, claiming("nonce", nonce))), 400, "use_dpop_nonce")
	w.issued(w.do(tokenCall("robot"))) // who brings no proof needs no nonce
}

func TestNoncesAtPARAndUserinfo(t *testing.T) {
	w := newPeopleWorld(t)
	nonced := w.beside(withNonces)
	c := pushing("client_id", spa, "redirect_uri", callback)
	a := nonced.do(w.proving(c, own))
	w.refused(a, 400, "use_dpop_nonce")
	nonce := claiming("nonce", a.header.Get("DPoP-Nonce"))
	w.pushed(nonced.do(w.proving(c, own, nonce)), spa)
	raw := w.issued(w.do(w.proving(redeem(spa, w.allowed(spa, offline, nil)), own)))["access_token"].(string)
	a = nonced.do(w.proving(w.bearing("DPoP", raw), own, of(raw)))
	if a.status != 401 || !strings.Contains(strings.Join(a.header["Www-Authenticate"], ","), `error="use_dpop_nonce"`) || a.header.Get("DPoP-Nonce") == "" {
		t.Errorf("%d %v %s", a.status, a.header, a.body)
	}
	if a := nonced.do(w.proving(w.bearing("DPoP", raw), own, of(raw), nonce)); a.status != 200 {
		t.Errorf("%d %s", a.status, a.body)
	}
}

func TestAProofWaitsForTheStoreInAnOutage(t *testing.T) {
	w := newPeopleWorld(t)
	raw := w.issued(w.do(w.proving(redeem(spa, w.allowed(spa, offline, nil)), own)))["access_token"].(string)
	w.must(w.store.Close())
	w.refused(w.do(w.proving(tokenCall("robot"), own)), 503, "temporarily_unavailable")
	if a := w.do(w.proving(w.bearing("DPoP", raw), own, of(raw))); a.status != 503 {
		t.Errorf("userinfo: %d %s", a.status, a.body)
	}
}

// FuzzProofAtTheTokenEndpoint holds that no header but a good proof binds a token, and none is an outage.
func FuzzProofAtTheTokenEndpoint(f *testing.F) {
	w := newWorld(f)
	f.Add(w.proof(own, "POST", "/oauth/v2/token"))
	f.Add(w.proof(own, "POST", "/oauth/v2/token", claiming("jti", "x")) + ".")
	f.Add("e30.e30.")
	f.Fuzz(func(t *testing.T, header string) {
		if strings.ContainsFunc(header, func(r rune) bool { return r < 0x20 || r >= 0x7f }) {
			return
		}
		w := w.at(t)
		switch a := w.do(carrying(tokenCall("robot"), "DPoP", header)); {
		case a.status == 200 && w.object(a.body)["token_type"] == "DPoP":
		case a.status == 400 && w.object(a.body)["error"] == "invalid_dpop_proof":
		default:
			t.Errorf("%q: %d %s", header, a.status, a.body)
		}
	})
}

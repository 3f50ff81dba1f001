package server_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/postern-auth/postern/internal/jws"
	"github.com/postern-auth/postern/server/internal/oauth"
	"github.com/postern-auth/postern/server/internal/secret"
	"github.com/postern-auth/postern/server/store"
)

// programs are private keys of clients, made once.
var programs = sync.OnceValue(func() map[string]crypto.Signer {
	keys := make(map[string]crypto.Signer)
	var err error
	if keys["rsa"], err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
		panic(err)
	}
	if keys["ec"], err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		panic(err)
	}
	if _, keys["ed"], err = ed25519.GenerateKey(rand.Reader); err != nil {
		panic(err)
	}
	return keys
})

// addKey gives an owner the public half of one of the programs' keys.
func (w *world) addKey(id, program string, owner store.Owner, change ...func(*store.ClientKey)) {
	w.t.Helper()
	der, err := x509.MarshalPKIXPublicKey(programs()[program].Public())
	w.must(err)
	key := store.ClientKey{ID: id, Owner: owner, PublicKey: der, CreatedAt: start}
	for _, f := range change {
		f(&key)
	}
	w.must(w.store.CreateClientKey(w.t.Context(), key))
}

// draft is an assertion to be signed; a nil claim is left out.
type draft struct {
	alg    jws.Algorithm
	kid    string
	key    string // of programs
	typ    string
	claims map[string]any
}

func (w *world) sign(d draft) string {
	w.t.Helper()
	signer, err := jws.NewSigner(d.alg, d.kid, programs()[d.key])
	w.must(err)
	for name, value := range d.claims {
		if value == nil {
			delete(d.claims, name)
		}
	}
	payload, err := json.Marshal(d.claims)
	w.must(err)
	raw, err := signer.Sign(d.typ, payload)
	w.must(err)
	return raw
}

// strict is an assertion that the service user robot may send once.
func (w *world) strict(change ...func(*draft)) string {
	w.t.Helper()
	now := w.now().Unix()
	d := draft{alg: jws.ES256, kid: "k-robot", key: "ec", typ: "JWT", claims: map[string]any{
		"iss": "u-robot", "sub": "u-robot", "aud": w.issuer, "iat": now, "exp": now + 300, "jti": secret.NewID(),
	}}
	for _, f := range change {
		f(&d)
	}
	return w.sign(d)
}

func set(name string, value any) func(*draft) {
	return func(d *draft) { d.claims[name] = value }
}

var (
	robotOwner = store.Owner{Kind: store.ServiceUserClient, ID: "u-robot"}
	plainOwner = store.Owner{Kind: store.ServiceUserClient, ID: "u-plain"}
	apiOwner   = store.Owner{Kind: store.APIClient, ID: "a-samples"}
	compatible = func(k *store.ClientKey) { k.Compatibility = true }
)

func newAssertionWorld(t *testing.T) *world {
	w := newWorld(t)
	w.addKey("k-robot", "ec", robotOwner)
	w.addKey("k-robot-ed", "ed", robotOwner)
	w.addKey("k-robot-rsa", "rsa", robotOwner)
	w.addKey("k-robot-old", "rsa", robotOwner, compatible)
	w.addKey("k-robot-ended", "ec", robotOwner, func(k *store.ClientKey) { k.ExpiresAt = start })
	w.addKey("k-plain", "rsa", plainOwner)
	w.addKey("k-api", "ec", apiOwner)
	w.addKey("k-api-old", "rsa", apiOwner, compatible)
	return w
}

func with(kid, key string, alg jws.Algorithm) func(*draft) {
	return func(d *draft) { d.kid, d.key, d.alg = kid, key, alg }
}

// rowsS6 are assertions by the service user robot, used as a grant and as client authentication.
func rowsS6(w *world) []struct {
	name string
	raw  string
	ok   bool
} {
	now := start.Unix()
	old := with("k-robot-old", "rsa", jws.RS256)
	valid := w.strict()
	return []struct {
		name string
		raw  string
		ok   bool
	}{
		{"a strict assertion", w.strict(), true},
		{"without iat", w.strict(set("iat", nil)), true},
		{"without typ", w.strict(func(d *draft) { d.typ = "" }), true},
		{"the issuer with a slash", w.strict(set("aud", w.issuer+"/")), true},
		{"the token endpoint as audience", w.strict(set("aud", w.issuer+"/oauth/v2/token")), true},
		{"Auth0's token endpoint as audience", w.strict(set("aud", w.issuer+"/oauth/token")), true},
		{"an array of audiences that are all ours", w.strict(set("aud", []string{w.issuer + "/oauth/v2/token", w.issuer})), true},
		{"S6: an array of audiences with one that is not ours", w.strict(set("aud", []string{w.issuer, "https://x"})), false},
		{"signed with Ed25519", w.strict(with("k-robot-ed", "ed", jws.EdDSA)), true},
		{"signed with PS512", w.strict(with("k-robot-rsa", "rsa", jws.PS512)), true},
		{"an hour, no jti, by a key in compatibility mode", w.strict(old, set("jti", nil), set("exp", now+3600)), true},
		{"expired by less than the leeway", w.strict(set("iat", now-100), set("exp", now-29)), true},

		{"no JWT at all", "x", false},
		{"an empty signature", valid[:strings.LastIndexByte(valid, '.')+1], false},
		{"alg none", algNone(valid), false},
		{"another key's signature", w.strict(with("k-robot-rsa", "ec", jws.ES256)), false},
		{"no kid and a signature by nobody's key", w.strict(with("", "rsa", jws.RS256), set("iss", "u-plain-2"), set("sub", "u-plain-2")), false},
		{"an unknown kid", w.strict(func(d *draft) { d.kid = "k-nobody" }), false},
		{"an expired key", w.strict(func(d *draft) { d.kid = "k-robot-ended" }), false},
		{"a key of another service user", w.strict(with("k-plain", "rsa", jws.RS256)), false},
		{"a key of an API", w.strict(func(d *draft) { d.kid = "k-api" }), false},
		{"iss is not sub", w.strict(set("sub", "u-plain")), false},
		{"no iss", w.strict(set("iss", nil)), false},
		{"no sub", w.strict(set("sub", nil)), false},
		{"iss and sub are empty", w.strict(set("iss", ""), set("sub", "")), false},
		{"iss is a number", w.strict(set("iss", 1)), false},
		{"no aud", w.strict(set("aud", nil)), false},
		{"an empty array as aud", w.strict(set("aud", []string{})), false},
		{"another issuer of the same server as aud", w.strict(set("aud", auth0Issuer)), false},
		{"the introspection endpoint as aud of a request elsewhere", w.strict(set("aud", w.issuer+"/oauth/v2/introspect")), false},
		{"a pushed authorization endpoint as aud", w.strict(set("aud", w.issuer+"/oauth/par")), false},
		{"the issuer in upper case as aud", w.strict(set("aud", strings.ToUpper(w.issuer))), false},
		{"an object as aud", w.strict(set("aud", map[string]any{})), false},
		{"no exp", w.strict(set("exp", nil)), false},
		{"exp as text", w.strict(set("exp", "9999999999")), false},
		{"expired by the leeway", w.strict(set("iat", now-100), set("exp", now-30)), false},
		{"a life of a second over 5 minutes", w.strict(set("exp", now+301)), false},
		{"a life of an hour", w.strict(set("exp", now+3600)), false},
		{"an hour's life with an iat in the future", w.strict(set("iat", now+3300), set("exp", now+3600)), false},
		{"a year's life without iat", w.strict(set("iat", nil), set("exp", now+31536000)), false},
		{"no jti", w.strict(set("jti", nil)), false},
		{"an empty jti", w.strict(set("jti", "")), false},
		{"a jti of 257 bytes", w.strict(set("jti", strings.Repeat("j", 257))), false},
		{"not valid yet", w.strict(set("nbf", now+31)), false},
		{"issued in the future", w.strict(set("iat", now+31)), false},
		{"two hours by a key in compatibility mode", w.strict(old, set("exp", now+7200)), false},
		{"an hour and a second by a key in compatibility mode", w.strict(old, set("exp", now+3601)), false},
		{"typ at+jwt", w.strict(func(d *draft) { d.typ = "at+jwt" }), false},
		{"typ dpop+jwt", w.strict(func(d *draft) { d.typ = "dpop+jwt" }), false},
	}
}

func noKid(d *draft) { d.kid = "" }

// newKidWorld is a world in which the service user robot has a strict ES256 key, one that has ended, and a
// compatible RSA key; plain has an Ed25519 key and the API samples another EC key's name.
func newKidWorld(t *testing.T) *world {
	w := newWorld(t)
	w.addKey("k-robot", "ec", robotOwner)
	w.addKey("k-robot-old", "rsa", robotOwner, compatible)
	w.addKey("k-plain", "ed", plainOwner)
	w.addKey("k-plain-ended", "ec", plainOwner, func(k *store.ClientKey) { k.ExpiresAt = start })
	return w
}

func TestFindingS3_AnAssertionWithoutKidIsHeldToTheKeysOfItsIssuer(t *testing.T) {
	w := newKidWorld(t)
	now := start.Unix()
	as := func(name string) func(*draft) {
		return func(d *draft) { d.claims["iss"], d.claims["sub"] = name, name }
	}
	for _, row := range []struct {
		name              string
		raw               func() string
		asClient, asGrant bool
	}{
		{"a strict key", func() string { return w.strict(noKid) }, true, true},
		{"by name, as a client id", func() string { return w.strict(noKid, as("robot")) }, true, false},
		{"a compatible key, by its rules", func() string {
			return w.strict(with("", "rsa", jws.RS256), set("jti", nil), set("exp", now+3600))
		}, true, true},
		{"another algorithm of the key's type", func() string { return w.strict(with("", "rsa", jws.PS256)) }, true, true},
		{"a strict key by the rules of the compatible one", func() string { return w.strict(noKid, set("jti", nil), set("exp", now+3600)) }, false, false},
		{"a strict key without jti", func() string { return w.strict(noKid, set("jti", nil)) }, false, false},
		{"a key of another service user", func() string { return w.strict(with("", "ed", jws.EdDSA)) }, false, false},
		{"the name of another, the own key", func() string { return w.strict(noKid, as("plain")) }, false, false},
		{"the id of another, the own key", func() string { return w.strict(noKid, as("u-plain")) }, false, false},
		{"iss is another than sub", func() string { return w.strict(noKid, set("sub", "u-plain")) }, false, false},
		{"iss is nobody", func() string { return w.strict(noKid, as("nobody")) }, false, false},
		{"iss is empty", func() string { return w.strict(noKid, as("")) }, false, false},
		{"iss is long", func() string { return w.strict(noKid, as(strings.Repeat("r", 300))) }, false, false},
		{"a client id of an API without keys", func() string { return w.strict(noKid, as("samples@P")) }, false, false},
		{"another audience", func() string { return w.strict(noKid, set("aud", "https://x")) }, false, false},
		{"an unknown kid beside a key that fits", func() string { return w.strict(func(d *draft) { d.kid = "k-nobody" }) }, false, false},
		{"the kid of another beside a key that fits", func() string { return w.strict(func(d *draft) { d.kid = "k-plain" }) }, false, false},
		{"a changed signature", func() string { return w.strict(noKid)[:100] + "A" + w.strict(noKid)[101:] }, false, false},
	} {
		for use, ok := range map[string]bool{"client_assertion": row.asClient, "assertion": row.asGrant} {
			t.Run(row.name+" as "+use, func(t *testing.T) {
				w := w.at(t)
				form := values("grant_type", oauth.GrantJWTBearer, "assertion", row.raw())
				if use == "client_assertion" {
					form = values("grant_type", clientCredentials, "client_assertion", row.raw(), "client_assertion_type", oauth.AssertionType)
				}
				switch a := w.do(call{path: "/oauth/v2/token", form: form}); {
				case ok:
					w.issued(a)
				case use == "assertion":
					w.refused(a, 400, "invalid_grant")
				default:
					w.refused(a, 401, "invalid_client")
				}
			})
		}
	}
	t.Run("an ended key", func(t *testing.T) {
		w := w.at(t)
		a := w.do(call{path: "/oauth/v2/token", form: values("grant_type", oauth.GrantJWTBearer, "assertion", w.strict(noKid, as("u-plain")))})
		w.refused(a, 400, "invalid_grant")
	})
}

// An empty kid is one that is there, and names no key.
func TestFindingS3_AnEmptyKidIsNotAnAbsentOne(t *testing.T) {
	w := newKidWorld(t)
	for header, ok := range map[string]bool{`{"alg":"EdDSA"}`: true, `{"alg":"EdDSA","kid":""}`: false} {
		encode := base64.RawURLEncoding.EncodeToString
		payload, err := json.Marshal(map[string]any{"iss": "u-plain", "sub": "u-plain", "aud": w.issuer, "exp": start.Unix() + 60, "jti": secret.NewID()})
		w.must(err)
		signed := encode([]byte(header)) + "." + encode(payload)
		signature, err := programs()["ed"].Sign(nil, []byte(signed), crypto.Hash(0))
		w.must(err)
		a := w.do(call{path: "/oauth/v2/token", form: values("grant_type", oauth.GrantJWTBearer, "assertion", signed+"."+encode(signature))})
		if ok {
			w.issued(a)
		} else {
			w.refused(a, 400, "invalid_grant")
		}
	}
}

func TestFindingS3_AnAPIWithoutKidIsItself(t *testing.T) {
	w := newWorld(t)
	w.addKey("k-api", "ec", apiOwner)
	w.addKey("k-robot", "rsa", robotOwner)
	ask := func(raw string) answer {
		return w.do(call{path: "/oauth/v2/introspect", form: values("token", "x", "client_assertion", raw, "client_assertion_type", oauth.AssertionType)})
	}
	as := func(name string) func(*draft) {
		return func(d *draft) { d.claims["iss"], d.claims["sub"] = name, name }
	}
	if a := ask(w.strict(noKid, as("samples@P"))); a.status != 200 {
		t.Errorf("got %d %s, want 200", a.status, a.body)
	}
	w.refused(ask(w.strict(noKid, as("other@Q"))), 401, "invalid_client")
	w.refused(ask(w.strict(noKid, as("a-samples"))), 401, "invalid_client")
	w.refused(ask(w.strict(with("", "rsa", jws.RS256), as("samples@P"))), 401, "invalid_client")
}

func TestFindingS3_AnAssertionWithoutKidServesOnce(t *testing.T) {
	w := newKidWorld(t)
	grant := call{path: "/oauth/v2/token", form: values("grant_type", oauth.GrantJWTBearer, "assertion", w.strict(noKid))}
	w.issued(w.do(grant))
	w.refused(w.do(grant), 400, "invalid_grant")
}

// The newest keys are tried, for clients that rotate leave their old ones behind.
func TestFindingS3_EightKeysAreTried(t *testing.T) {
	for others, ok := range map[int]bool{7: true, 8: false} {
		w := newWorld(t)
		w.addKey("k-robot", "ec", robotOwner)
		for n := range others {
			private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
			w.must(err)
			der, err := x509.MarshalPKIXPublicKey(private.Public())
			w.must(err)
			w.must(w.store.CreateClientKey(t.Context(), store.ClientKey{ID: fmt.Sprint("k-", n), Owner: robotOwner, PublicKey: der, CreatedAt: start.Add(time.Second)}))
		}
		for n := range 20 { // of another type, and so never tried
			w.addKey(fmt.Sprint("k-ed-", n), "ed", robotOwner, func(k *store.ClientKey) { k.CreatedAt = start.Add(time.Minute) })
		}
		a := w.do(call{path: "/oauth/v2/token", form: values("grant_type", oauth.GrantJWTBearer, "assertion", w.strict(noKid))})
		if ok {
			w.issued(a)
		} else {
			w.refused(a, 400, "invalid_grant")
		}
	}
}

func TestFindingS3_TheTypeOfClientAuthenticationServesForNothingElse(t *testing.T) {
	w := newKidWorld(t)
	typed := func(d *draft) { d.typ = "client-authentication+jwt" }
	for _, typ := range []string{"client-authentication+jwt", "application/client-authentication+jwt", "Client-Authentication+JWT"} {
		w.issued(w.do(call{path: "/oauth/v2/token", form: values("grant_type", clientCredentials,
			"client_assertion", w.strict(func(d *draft) { d.typ = typ }), "client_assertion_type", oauth.AssertionType)}))
	}
	w.refused(w.do(call{path: "/oauth/v2/token", form: values("grant_type", oauth.GrantJWTBearer, "assertion", w.strict(typed))}), 400, "invalid_grant")
	w.refused(w.do(call{path: "/oauth/v2/token", form: values("grant_type", oauth.GrantJWTBearer, "assertion", w.strict(typed, noKid))}), 400, "invalid_grant")
	for _, typ := range []string{"at+jwt", "dpop+jwt", "logout+jwt", "id_token", "authorization-grant+jwt", "client-authentication", "client-authentication+jwt+"} {
		a := w.do(call{path: "/oauth/v2/token", form: values("grant_type", clientCredentials,
			"client_assertion", w.strict(func(d *draft) { d.typ = typ }), "client_assertion_type", oauth.AssertionType)})
		w.refused(a, 401, "invalid_client")
	}
	w.inactive("samples", w.strict(typed, set("iss", w.issuer), set("client_id", "robot")))
}

// algNone replaces the header by one without signature.
func algNone(raw string) string {
	parts := strings.Split(raw, ".")
	return "eyJhbGciOiJub25lIiwia2lkIjoiay1yb2JvdCJ9." + parts[1] + "."
}

func TestS6_AnAssertionAsGrant(t *testing.T) {
	w := newAssertionWorld(t)
	for _, row := range rowsS6(w) {
		t.Run(row.name, func(t *testing.T) {
			w := w.at(t)
			a := w.do(call{path: "/oauth/v2/token", form: values("grant_type", oauth.GrantJWTBearer, "assertion", row.raw, "scope", sampleScope)})
			if !row.ok {
				w.refused(a, 400, "invalid_grant")
				return
			}
			got := w.introspect("samples", w.issued(a)["access_token"].(string))
			if got["sub"] != "u-robot" || got["client_id"] != "robot" || got["scope"] != "openid profile email read:messages" {
				t.Errorf("introspection says %v", got)
			}
		})
	}
}

func TestS6_AnAssertionAsClientAuthentication(t *testing.T) {
	w := newAssertionWorld(t)
	for _, row := range rowsS6(w) {
		t.Run(row.name, func(t *testing.T) {
			w := w.at(t)
			a := w.do(call{path: "/oauth/v2/token", form: values("grant_type", clientCredentials,
				"client_assertion", row.raw, "client_assertion_type", oauth.AssertionType)})
			if row.ok {
				w.issued(a)
				return
			}
			w.refused(a, 401, "invalid_client")
		})
	}
}

func TestAnAPIIntrospectsWithAnAssertion(t *testing.T) {
	w := newAssertionWorld(t)
	raw := w.token("robot", "scope", sampleScope)
	now := start.Unix()
	api := func(changes ...func(*draft)) string {
		base := []func(*draft){with("k-api-old", "rsa", jws.RS256), set("iss", "samples@P"), set("sub", "samples@P"), set("jti", nil), set("exp", now+3600)}
		return w.strict(append(base, changes...)...)
	}
	for _, row := range []struct {
		name, assertion, clientID string
		ok                        bool
	}{
		{"as the samples send it", api(), "", true},
		{"with the matching client_id", api(), "samples@P", true},
		{"with the introspection endpoint as aud", api(set("aud", w.issuer+"/oauth/v2/introspect")), "", true},
		{"with another client_id", api(), "other@Q", false},
		{"in the name of another API", api(set("iss", "other@Q"), set("sub", "other@Q")), "", false},
		{"in the name of its own id in the store", api(set("iss", "a-samples"), set("sub", "a-samples")), "", false},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := w.at(t)
			a := w.do(call{path: "/oauth/v2/introspect", form: values("token", raw, "client_id", row.clientID,
				"client_assertion", row.assertion, "client_assertion_type", oauth.AssertionType)})
			if !row.ok {
				w.refused(a, 401, "invalid_client")
				return
			}
			if got := w.object(a.body); got["active"] != true {
				t.Errorf("got %s", a.body)
			}
		})
	}
}

func TestS6_AnAssertionServesOnce(t *testing.T) {
	w := newAssertionWorld(t)
	now := start.Unix()
	for name, raw := range map[string]string{
		"strict":                w.strict(),
		"compatible with a jti": w.strict(with("k-robot-old", "rsa", jws.RS256), set("exp", now+3600)),
	} {
		grant := call{path: "/oauth/v2/token", form: values("grant_type", oauth.GrantJWTBearer, "assertion", raw)}
		w.issued(w.do(grant))
		w.refused(w.do(grant), 400, "invalid_grant")
		w.pass(4 * time.Minute)
		w.refused(w.do(grant), 400, "invalid_grant")
		a := w.do(call{path: "/oauth/v2/token", form: values("grant_type", clientCredentials,
			"client_assertion", raw, "client_assertion_type", oauth.AssertionType)})
		w.refused(a, 401, "invalid_client")
		w.pass(-4 * time.Minute)
		if t.Failed() {
			t.Fatal(name)
		}
	}
}

func TestS6_OfManyAtOnceOneSucceeds(t *testing.T) {
	w := newAssertionWorld(t)
	first := w.issuer
	w.serve() // a second replica on the same store
	raw := w.strict(set("aud", "https://"+zitadelHost))
	var wg sync.WaitGroup
	statuses := make(chan int, 32)
	for i := range 32 {
		base := w.at(t)
		if i%2 == 0 {
			base.issuer = first
		}
		wg.Go(func() {
			a, err := base.send(call{path: "/oauth/v2/token", host: zitadelHost, form: values("grant_type", oauth.GrantJWTBearer, "assertion", raw)})
			if err != nil {
				t.Error(err)
			}
			statuses <- a.status
		})
	}
	wg.Wait()
	close(statuses)
	count := make(map[int]int)
	for status := range statuses {
		count[status]++
	}
	if count[200] != 1 || count[400] != 31 {
		t.Errorf("statuses %v, want one 200 and 31 times 400", count)
	}
}

func TestTheJWTBearerGrantHoldsAClientToItsOwnUser(t *testing.T) {
	w := newAssertionWorld(t)
	grant := func(c call) call {
		c.path = "/oauth/v2/token"
		c.form = values("grant_type", oauth.GrantJWTBearer, "assertion", w.strict())
		return c
	}
	w.issued(w.do(grant(call{user: "robot:robot-secret"})))
	w.refused(w.do(grant(call{user: "robot:wrong"})), 401, "invalid_client")
	w.refused(w.do(grant(call{user: "plain:plain-secret"})), 400, "unauthorized_client")
	w.refused(w.do(call{path: "/oauth/v2/token", form: values("grant_type", oauth.GrantJWTBearer)}), 400, "invalid_request")
}

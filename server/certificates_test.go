package server_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/postern-auth/postern/server"
	"github.com/postern-auth/postern/server/internal/oauth"
	"github.com/postern-auth/postern/server/store"
)

// identity is a certificate with its key.
type identity struct {
	*x509.Certificate
	key crypto.Signer
}

func (i identity) thumbprint() store.Digest { return sha256.Sum256(i.Raw) }

func (i identity) x5t() string { sum := i.thumbprint(); return base64url(sum[:]) }

// header is the certificate as a proxy tells it (RFC 9440).
func (i identity) header() string { return ":" + base64.StdEncoding.EncodeToString(i.Raw) + ":" }

var serial int64

// certify returns a certificate that an authority has signed, or none but itself.
func certify(authority *identity, change func(*x509.Certificate)) identity {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	serial++
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "robot", Organization: []string{"Example"}},
		NotBefore: start.Add(-time.Hour), NotAfter: start.Add(1000 * time.Hour), ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
		BasicConstraintsValid: true,
	}
	if change != nil {
		change(template)
	}
	parent, signer := template, crypto.Signer(key)
	if authority != nil {
		parent, signer = authority.Certificate, authority.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		panic(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		panic(err)
	}
	return identity{parsed, key}
}

// identities are those of the tests, made once.
var identities = sync.OnceValue(func() map[string]identity {
	authority := func(c *x509.Certificate) { c.IsCA, c.KeyUsage, c.ExtKeyUsage = true, x509.KeyUsageCertSign, nil }
	ours, theirs := certify(nil, authority), certify(nil, authority)
	uri, err := url.Parse("spiffe://example.com/robot")
	if err != nil {
		panic(err)
	}
	named := func(c *x509.Certificate) {
		c.DNSNames, c.URIs, c.EmailAddresses = []string{"robot.example.com"}, []*url.URL{uri}, []string{"robot@example.com"}
		c.IPAddresses = []net.IP{net.IPv4(192, 0, 2, 1)}
	}
	with := func(f func(*x509.Certificate)) func(*x509.Certificate) {
		return func(c *x509.Certificate) { named(c); f(c) }
	}
	return map[string]identity{
		"ours": ours, "self-signed": certify(nil, nil), "another self-signed": certify(nil, nil),
		"named": certify(&ours, named), "theirs": certify(&theirs, named), "named by itself": certify(nil, named),
		"expired":         certify(&ours, with(func(c *x509.Certificate) { c.NotAfter = start.Add(-time.Minute) })),
		"of a server":     certify(&ours, with(func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} })),
		"a wild card":     certify(&ours, func(c *x509.Certificate) { c.DNSNames = []string{"*.example.com"} }),
		"a NUL":           certify(&ours, func(c *x509.Certificate) { c.EmailAddresses = []string{"robot@example.com\x00.evil.example"} }),
		"a name as a CN":  certify(&ours, func(c *x509.Certificate) { c.Subject = pkix.Name{CommonName: "robot.example.com"} }),
		"another subject": certify(&ours, func(c *x509.Certificate) { c.Subject.Organization = []string{"Another"} }),
	}
})

var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}

// behindProxy has a proxy on this machine tell the certificates.
func behindProxy(c *server.Config) {
	authorities := x509.NewCertPool()
	authorities.AddCert(identities()["ours"].Certificate)
	c.ClientCertificates = &server.ClientCertificates{Authorities: authorities, Header: "Client-Cert", TrustedProxies: loopback}
}

// register gives an owner a certificate to prove itself by.
func (w *world) register(owner store.Owner, c store.ClientCertificate) {
	w.t.Helper()
	c.Owner, c.CreatedAt = owner, start
	c.ID = owner.ID + c.Name + base64url(c.Thumbprint[:])
	w.must(w.store.CreateClientCertificate(w.t.Context(), c))
}

func byThumbprint(name string) store.ClientCertificate {
	return store.ClientCertificate{Thumbprint: identities()[name].thumbprint()}
}

// showing has a call come with a certificate.
func showing(c call, name string) call {
	return carrying(c, "Client-Cert", identities()[name].header())
}

func newCertificateWorld(t testing.TB, change ...func(*server.Config)) *world {
	w := newPeopleWorld(t, append([]func(*server.Config){behindProxy}, change...)...)
	return w
}

func TestClientsProveThemselvesByACertificate(t *testing.T) {
	w := newCertificateWorld(t)
	app := store.Owner{Kind: store.ApplicationClient, ID: "app-web"}
	for _, owner := range []store.Owner{robotOwner, apiOwner, app} {
		w.register(owner, byThumbprint("self-signed"))
	}
	raw := w.token("robot", "scope", sampleScope)
	for name, c := range map[string]call{
		"a service user": {path: "/oauth/v2/token", form: values("grant_type", clientCredentials, "client_id", "robot")},
		"an API":         {path: "/oauth/v2/introspect", form: values("client_id", "samples@P", "token", raw)},
		"an application": redeem(webApp, w.allowed(webApp, offline, nil)),
		"PAR":            pushing("client_id", webApp, "redirect_uri", callback),
		"revocation":     {path: "/oauth/v2/revoke", form: values("client_id", "robot", "token", raw)},
	} {
		w.refused(w.do(c), 401, "invalid_client")
		w.refused(w.do(showing(c, "another self-signed")), 401, "invalid_client")
		if a := w.do(showing(c, "self-signed")); a.status != 200 && a.status != 201 {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
}

func TestCertificatesAreKnownByTheirNames(t *testing.T) {
	for kind, name := range map[store.CertificateName]string{
		store.DNSName: "robot.example.com", store.URIName: "spiffe://example.com/robot", store.EmailName: "robot@example.com",
		store.IPName: "192.0.2.1", store.SubjectName: "CN=robot,O=Example",
	} {
		w := newCertificateWorld(t)
		w.register(robotOwner, store.ClientCertificate{NameType: kind, Name: name})
		c := call{path: "/oauth/v2/token", form: values("grant_type", clientCredentials, "client_id", "robot")}
		w.issued(w.do(showing(c, "named")))
		for _, bad := range []string{"theirs", "named by itself", "self-signed", "expired", "of a server", "a wild card", "a NUL", "a name as a CN", "another subject", "ours"} {
			a := w.do(showing(c, bad))
			if kind == store.SubjectName && (bad == "a wild card" || bad == "a NUL" || bad == "ours") {
				continue // those are of the same subject
			}
			if w.refused(a, 401, "invalid_client"); t.Failed() {
				t.Fatalf("%s: %s", kind, bad)
			}
		}
	}
}

func TestP4_CertificatesThatProveNothing(t *testing.T) {
	w := newCertificateWorld(t)
	w.register(robotOwner, byThumbprint("self-signed"))
	w.register(plainOwner, store.ClientCertificate{NameType: store.DNSName, Name: "robot.example.com"})
	good := identities()["self-signed"].header()
	c := func(client string) call {
		return call{path: "/oauth/v2/token", form: values("grant_type", clientCredentials, "client_id", client)}
	}
	for name, row := range map[string]struct {
		call   call
		status int
		code   string
	}{
		"no certificate":                  {c("robot"), 401, "invalid_client"},
		"an empty header":                 {carrying(c("robot"), "Client-Cert", ""), 401, "invalid_client"},
		"two headers":                     {carrying(c("robot"), "Client-Cert", good, good), 401, "invalid_client"},
		"two certificates":                {carrying(c("robot"), "Client-Cert", good+", "+good), 401, "invalid_client"},
		"no base64":                       {carrying(c("robot"), "Client-Cert", ":!:"), 401, "invalid_client"},
		"no certificate in it":            {carrying(c("robot"), "Client-Cert", ":AAAA:"), 401, "invalid_client"},
		"one byte changed":                {carrying(c("robot"), "Client-Cert", strings.Replace(good, good[100:104], "AAAA", 1)), 401, "invalid_client"},
		"a header of 20 KB":               {carrying(c("robot"), "Client-Cert", strings.Repeat("x", 20<<10)), 401, "invalid_client"},
		"another header":                  {carrying(c("robot"), "X-Forwarded-Client-Cert", "Hash="+strings.Repeat("0", 64)), 401, "invalid_client"},
		"no client_id":                    {showing(c(""), "self-signed"), 401, "invalid_client"},
		"an unknown client":               {showing(c("nobody"), "self-signed"), 401, "invalid_client"},
		"a client without certificates":   {showing(c("auditor"), "self-signed"), 401, "invalid_client"},
		"another client's":                {showing(c("plain"), "self-signed"), 401, "invalid_client"},
		"a wrong secret beside it":        {func() call { x := showing(c("robot"), "self-signed"); x.form.Set("client_secret", "no"); return x }(), 401, "invalid_client"},
		"a wrong secret in the header":    {func() call { x := showing(c(""), "self-signed"); x.user = "robot:no"; return x }(), 401, "invalid_client"},
		"an empty password in the header": {func() call { x := showing(c("robot"), "self-signed"); x.user = "robot:"; return x }(), 401, "invalid_client"},
		"a broken assertion beside it":    {func() call { x := showing(c("robot"), "self-signed"); x.form.Set("client_assertion", "x"); return x }(), 400, "invalid_request"},
		"a thumbprint for another's name": {showing(c("plain"), "named by itself"), 401, "invalid_client"},
	} {
		t.Run(name, func(t *testing.T) {
			w := w.at(t)
			w.refused(w.do(row.call), row.status, row.code)
		})
	}
	// A header that a client has written itself is nothing.
	forged := newPeopleWorld(t, behindProxy, func(c *server.Config) {
		c.ClientCertificates.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	})
	forged.register(robotOwner, byThumbprint("self-signed"))
	forged.refused(forged.do(showing(c("robot"), "self-signed")), 401, "invalid_client")
	// Where no certificates are seen, none count.
	blind := newPeopleWorld(t)
	blind.register(robotOwner, byThumbprint("self-signed"))
	blind.refused(blind.do(showing(c("robot"), "self-signed")), 401, "invalid_client")
}

// constrain has the tokens of a client bound to its certificate.
func (w *world) constrain(constraint store.SenderConstraint) {
	w.t.Helper()
	ctx := w.t.Context()
	u, err := w.store.ServiceUser(ctx, "u-robot")
	w.must(err)
	u.SenderConstraint = constraint
	w.must(w.store.PutServiceUser(ctx, u))
	for _, id := range []string{spa, webApp} {
		app, err := w.store.ApplicationByClientID(ctx, id)
		w.must(err)
		app.SenderConstraint = constraint
		w.must(w.store.PutApplication(ctx, app))
	}
}

func TestP4_EveryGrantBindsItsTokenToTheCertificate(t *testing.T) {
	w := newCertificateWorld(t)
	w.constrain(store.ConstrainedByCertificate)
	w.addKey("k-robot", "ec", robotOwner)
	cnf := map[string]any{"x5t#S256": identities()["self-signed"].x5t()}
	for name, c := range map[string]func() call{
		"client_credentials": func() call { return tokenCall("robot", "audience", messages) },
		"jwt-bearer": func() call {
			return call{path: "/oauth/v2/token", form: values("grant_type", oauth.GrantJWTBearer, "assertion", w.strict(), "audience", messages)}
		},
		"authorization_code": func() call { return redeem(spa, w.allowed(spa, offline, []string{messages})) },
		"refresh_token": func() call {
			got := w.issued(w.do(showing(redeem(spa, w.allowed(spa, offline, []string{messages})), "self-signed")))
			return refresh(spa, got["refresh_token"].(string))
		},
	} {
		for _, form := range []store.TokenForm{store.FormOpaque, store.FormRFC9068} {
			w.form("robot", "a-messages", form)
			w.refused(w.do(c()), 400, "invalid_request")
			w.refused(w.do(w.proving(showing(c(), "self-signed"), own)), 400, "invalid_request")
			got := w.issued(w.do(showing(c(), "self-signed")))
			held := w.introspect("messages", got["access_token"].(string))
			if got["token_type"] != "Bearer" || held["token_type"] != "Bearer" || !cmp.Equal(cnf, held["cnf"]) {
				t.Errorf("%s, %s: answer %v, introspection %v", name, form, got, held)
			}
		}
	}
}

func TestP4_UserinfoWantsTheCertificateOfTheToken(t *testing.T) {
	w := newCertificateWorld(t)
	w.constrain(store.ConstrainedByCertificate)
	got := w.issued(w.do(showing(redeem(spa, w.allowed(spa, offline, nil)), "self-signed")))
	raw := got["access_token"].(string)
	for name, row := range map[string]struct {
		call   call
		status int
	}{
		"its certificate":   {showing(w.bearing("Bearer", raw), "self-signed"), 200},
		"another":           {showing(w.bearing("Bearer", raw), "another self-signed"), 401},
		"none":              {w.bearing("Bearer", raw), 401},
		"a proof for it":    {w.proving(w.bearing("DPoP", raw), own, of(raw)), 401},
		"under DPoP":        {showing(w.bearing("DPoP", raw), "self-signed"), 401},
		"XFCC of its owner": {carrying(w.bearing("Bearer", raw), "X-Forwarded-Client-Cert", "Hash="+strings.Repeat("0", 64)), 401},
	} {
		if a := w.do(row.call); a.status != row.status {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	// The refresh token of a public client is bound to it too, and a refusal changes nothing.
	w.refused(w.do(showing(refresh(spa, got["refresh_token"].(string)), "another self-signed")), 400, "invalid_grant")
	w.issued(w.do(showing(refresh(spa, got["refresh_token"].(string)), "self-signed")))
	// A client that proves itself may have its certificate renewed.
	web := w.issued(w.do(showing(redeem(webApp, w.allowed(webApp, offline, nil), "client_secret", "web-secret"), "self-signed")))
	w.issued(w.do(showing(refresh(webApp, web["refresh_token"].(string), "client_secret", "web-secret"), "another self-signed")))
}

// TestACertificateComesOverTLS has no proxy in between.
func TestACertificateComesOverTLS(t *testing.T) {
	w := newCertificateWorld(t, func(c *server.Config) { c.ClientCertificates.Header, c.ClientCertificates.TrustedProxies = "", nil })
	w.register(robotOwner, store.ClientCertificate{NameType: store.DNSName, Name: "robot.example.com"})
	listener := httptest.NewUnstartedServer(w.server)
	listener.TLS = &tls.Config{ClientAuth: tls.RequestClientCert}
	listener.StartTLS()
	defer listener.Close()
	for name, want := range map[string]int{"named": 200, "theirs": 401, "": 401} {
		config := &tls.Config{RootCAs: x509.NewCertPool(), ServerName: "example.com"}
		config.RootCAs.AddCert(listener.Certificate())
		if name != "" {
			config.Certificates = []tls.Certificate{{Certificate: [][]byte{identities()[name].Raw}, PrivateKey: identities()[name].key}}
		}
		transport := &http.Transport{TLSClientConfig: config}
		body := values("grant_type", clientCredentials, "client_id", "robot").Encode()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, listener.URL+"/oauth/v2/token", bytes.NewReader([]byte(body)))
		w.must(err)
		r.Host = zitadelHost
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		res, err := transport.RoundTrip(r)
		w.must(err)
		res.Body.Close()
		transport.CloseIdleConnections()
		if res.StatusCode != want {
			t.Errorf("%q: %d, want %d", name, res.StatusCode, want)
		}
	}
}

func TestCertificatesAreInTheMetadata(t *testing.T) {
	w := newCertificateWorld(t)
	m := w.object(w.do(call{method: "GET", path: "/.well-known/oauth-authorization-server"}).body)
	want := []any{"client_secret_basic", "client_secret_post", "private_key_jwt", "tls_client_auth", "self_signed_tls_client_auth"}
	for _, endpoint := range []string{"token", "introspection", "revocation"} {
		got := m[endpoint+"_endpoint_auth_methods_supported"].([]any)
		if diff := cmp.Diff(want, got[:min(5, len(got))]); diff != "" || m["tls_client_certificate_bound_access_tokens"] != true {
			t.Errorf("%s (-want +got):\n%s", endpoint, diff)
		}
	}
}

package mtls_test

import (
	"crypto/tls"
	"errors"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/postern-auth/postern"
	"github.com/postern-auth/postern/mtls"
)

const proxy, elsewhere = "10.1.2.3:4444", "192.0.2.1:4444"

var proxies = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}

// check sends a request with the headers, from the address, with a token bound to the certificate.
func check(tb testing.TB, config mtls.Config, remote string, bound tls.Certificate, values ...string) error {
	tb.Helper()
	r := httptest.NewRequest("GET", "/", nil)
	r.RemoteAddr = remote
	if config.Header != "" {
		r.Header[config.Header] = values
	}
	return mtls.New(config).Check(tb.Context(), postern.Presentation{Request: r, Scheme: "Bearer"}, boundTo(x5t(bound)))
}

func TestP4_ClientCertHeader(t *testing.T) {
	ours, other := newCertificate(t, "ours"), newCertificate(t, "other")
	good := clientCert(der(ours))
	config := mtls.Config{Header: mtls.ClientCert, TrustedProxies: proxies}
	rows := []struct {
		name   string
		remote string
		values []string
		passes bool
	}{
		{"the certificate that the token is bound to", proxy, []string{good}, true},
		{"from a proxy over IPv6", "[fd00::1]:4444", []string{good}, true},
		{"from a proxy over IPv4 in IPv6", "[::ffff:10.1.2.3]:4444", []string{good}, true},
		{"from another peer", elsewhere, []string{good}, false},
		{"from a peer without an address", "@", []string{good}, false},
		{"from a proxy's address without a port", "10.1.2.3", []string{good}, false},
		{"another certificate", proxy, []string{clientCert(der(other))}, false},
		{"no header", proxy, nil, false},
		{"an empty header", proxy, []string{""}, false},
		{"an empty byte sequence", proxy, []string{"::"}, false},
		{"one colon", proxy, []string{":"}, false},
		{"two headers", proxy, []string{good, good}, false},
		{"two in a list", proxy, []string{good + ", " + good}, false},
		{"two side by side", proxy, []string{good + good}, false},
		{"two in one sequence", proxy, []string{clientCert(append(der(ours)[:len(der(ours)):len(der(ours))], der(other)...))}, false},
		{"junk behind the certificate", proxy, []string{clientCert(append(der(ours)[:len(der(ours)):len(der(ours))], 0))}, false},
		{"a certificate that is cut off", proxy, []string{clientCert(der(ours)[:100])}, false},
		{"a parameter", proxy, []string{good + ";a=1"}, false},
		{"no colons", proxy, []string{strings.Trim(good, ":")}, false},
		{"no final colon", proxy, []string{strings.TrimSuffix(good, ":")}, false},
		{"a string", proxy, []string{`"` + strings.Trim(good, ":") + `"`}, false},
		{"a space within", proxy, []string{good[:20] + " " + good[20:]}, false},
		{"a line end within", proxy, []string{good[:20] + "\n" + good[20:]}, false},
		{"the alphabet of URLs", proxy, []string{":-_-_:"}, false},
		{"PEM", proxy, []string{cert(der(ours))}, false},
		{"20 KB", proxy, []string{":" + strings.Repeat("AAAA", 5<<10) + ":"}, false},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			checkError(t, check(t, config, row.remote, ours, row.values...), row.passes)
		})
	}
}

func checkError(t *testing.T, err error, passes bool) {
	t.Helper()
	switch {
	case passes && err != nil:
		t.Error(err)
	case !passes && !errors.Is(err, postern.ErrBinding):
		t.Errorf("error is %v, want one that wraps ErrBinding", err)
	case !passes && !strings.HasPrefix(err.Error(), "mtls: "):
		t.Errorf("error %q does not begin with the package", err)
	}
}

func TestP4_EnvoysHeader(t *testing.T) {
	ours, other := newCertificate(t, "ours"), newCertificate(t, "other")
	config := mtls.Config{Header: mtls.XFCC, TrustedProxies: proxies}
	good := "Hash=" + hash(ours)
	rows := []struct {
		name   string
		remote string
		values []string
		passes bool
	}{
		{"the hash alone", proxy, []string{good}, true},
		{"the hash in capitals", proxy, []string{"HASH=" + strings.ToUpper(hash(ours))}, true},
		{"the hash in quotes", proxy, []string{`Hash="` + hash(ours) + `"`}, true},
		{"the certificate alone", proxy, []string{"Cert=" + cert(der(ours))}, true},
		{"hash and certificate that agree", proxy, []string{good + ";Cert=" + cert(der(ours))}, true},
		{"all that Envoy writes", proxy, []string{"By=spiffe://a/b;" + good + `;Subject="CN=a\",O=b;c, d";URI=spiffe://a/c;URI=x;DNS=a.example;DNS=b.example;Chain=` + cert(der(ours), der(other))}, true},
		{"of two elements the last counts", proxy, []string{"Hash=" + hash(other) + ", " + good}, true},

		{"from another peer", elsewhere, []string{good}, false},
		{"another's hash", proxy, []string{"Hash=" + hash(other)}, false},
		{"another's certificate", proxy, []string{"Cert=" + cert(der(other))}, false},
		{"no header", proxy, nil, false},
		{"an empty header", proxy, []string{""}, false},
		{"two headers", proxy, []string{good, good}, false},
		{"of two elements the first does not count", proxy, []string{good + ",Hash=" + hash(other)}, false},
		{"of two elements the last is empty", proxy, []string{good + ","}, false},
		{"neither hash nor certificate", proxy, []string{"By=spiffe://a/b;Subject=\"CN=a\""}, false},
		{"a hash that is not the certificate's", proxy, []string{good + ";Cert=" + cert(der(other))}, false},
		{"two hashes", proxy, []string{good + ";" + good}, false},
		{"two certificates", proxy, []string{"Cert=" + cert(der(ours)) + ";Cert=" + cert(der(ours))}, false},
		{"two certificates in one", proxy, []string{"Cert=" + cert(der(ours), der(other))}, false},
		{"two certificates in one, with the hash", proxy, []string{good + ";Cert=" + cert(der(ours), der(other))}, false},
		{"junk before the certificate", proxy, []string{`Cert="junk` + strings.TrimPrefix(cert(der(ours)), `"`)}, false},
		{"a line before the certificate", proxy, []string{`Cert="junk%0A` + strings.TrimPrefix(cert(der(ours)), `"`)}, false},
		{"a broken certificate before the certificate", proxy, []string{`Cert="-----BEGIN CERTIFICATE-----%0A!%0A-----END CERTIFICATE-----%0A` + strings.TrimPrefix(cert(der(ours)), `"`)}, false},
		{"a PEM header", proxy, []string{"Cert=" + strings.Replace(cert(der(ours)), "CERTIFICATE-----%0A", "CERTIFICATE-----%0AA:%20b%0A%0A", 1)}, false},
		{"a client's open quote within a key", proxy, []string{good + `;a"b=1,Hash=` + hash(other)}, false},
		{"junk behind the certificate", proxy, []string{strings.TrimSuffix("Cert="+cert(der(ours)), `"`) + `junk"`}, false},
		{"junk in the certificate", proxy, []string{"Cert=" + cert(append(der(ours)[:len(der(ours)):len(der(ours))], 0))}, false},
		{"a private key for a certificate", proxy, []string{`Cert="-----BEGIN PRIVATE KEY-----%0AAAAA%0A-----END PRIVATE KEY-----"`}, false},
		{"a certificate with a broken encoding", proxy, []string{`Cert="%zz"`}, false},
		{"a chain alone", proxy, []string{"Chain=" + cert(der(ours))}, false},
		{"a short hash", proxy, []string{good[:len(good)-2]}, false},
		{"a long hash", proxy, []string{good + "00"}, false},
		{"a hash that is not hexadecimal", proxy, []string{"Hash=" + strings.Repeat("xy", 32)}, false},
		{"an empty hash", proxy, []string{"Hash=;Cert=" + cert(der(ours))}, false},
		{"an unknown key", proxy, []string{good + ";Issuer=a"}, false},
		{"a key without a value", proxy, []string{good + ";By"}, false},
		{"a quote that does not end", proxy, []string{good + `;Subject="CN=a`}, false},
		{"something behind a quote", proxy, []string{good + `;Subject="CN=a"b`}, false},
		{"a quote within a bare value", proxy, []string{good + `;Subject=CN="a"`}, false},
		{"a hash within a quote", proxy, []string{`Subject="a;` + good + `"`}, false},
		{"an element within a quote", proxy, []string{"Hash=" + hash(other) + `;Subject="a,` + good + `"`}, false},
		{"a client's open quote before the proxy's element", proxy, []string{good + `;Subject=",Hash=` + hash(other) + `;Subject="CN=a\"b"`}, false},
		{"20 KB", proxy, []string{good + ";By=" + strings.Repeat("x", 20<<10)}, false},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			checkError(t, check(t, config, row.remote, ours, row.values...), row.passes)
		})
	}
}

func TestP4_TheProxysOwnCertificateIsNotItsClients(t *testing.T) {
	ours := newCertificate(t, "of the proxy")
	leaf, err := parsed(ours)
	if err != nil {
		t.Fatal(err)
	}
	for remote, passes := range map[string]bool{proxy: false, elsewhere: true} {
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr, r.TLS = remote, &tls.ConnectionState{PeerCertificates: leaf}
		b := mtls.New(mtls.Config{Header: mtls.XFCC, TrustedProxies: proxies})
		checkError(t, b.Check(t.Context(), postern.Presentation{Request: r}, boundTo(x5t(ours))), passes)
	}
}

func TestP4_ATokenThatNamesNoCertificateIsRefused(t *testing.T) {
	ours := newCertificate(t, "ours")
	leaf, err := parsed(ours)
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest("GET", "/", nil)
	r.TLS = &tls.ConnectionState{PeerCertificates: leaf}
	for _, token := range []*postern.Token{
		postern.NewToken(postern.TokenData{}), boundTo(""), boundTo(x5t(ours)[:42]), boundTo(x5t(ours) + "="), boundTo(`{"x":1}`),
	} {
		checkError(t, mtls.New(mtls.Config{}).Check(t.Context(), postern.Presentation{Request: r}, token), false)
	}
}

func TestMistakesInTheConfigPanic(t *testing.T) {
	for _, config := range []mtls.Config{
		{Header: "X-Client-Cert", TrustedProxies: proxies},
		{Header: mtls.XFCC},
		{TrustedProxies: proxies},
	} {
		func() {
			defer func() {
				if text, _ := recover().(string); !strings.HasPrefix(text, "mtls: Config.Header") {
					t.Errorf("%+v: panic %q", config, text)
				}
			}()
			mtls.New(config)
			t.Errorf("%+v: no panic", config)
		}()
	}
	if got := mtls.New(mtls.Config{}).Member(); got != "x5t#S256" {
		t.Errorf("Member() = %q", got)
	}
}

func FuzzClientCert(f *testing.F) {
	ours := newCertificate(f, "ours")
	fuzzHeader(f, mtls.ClientCert, ours, clientCert(der(ours)), "::", ":", ":AAAA:", ":AA==:;a", "", `"a"`)
}

func FuzzXFCC(f *testing.F) {
	ours := newCertificate(f, "ours")
	fuzzHeader(f, mtls.XFCC, ours, "Hash="+hash(ours), "Cert="+cert(der(ours)), `By=a;Subject="a\",;=",Hash=00`, `Hash="`, ";", ",", "=", `Cert="%"`)
}

// fuzzHeader looks for values that pass without the bound certificate or its hash being in them.
func fuzzHeader(f *testing.F, header string, ours tls.Certificate, seeds ...string) {
	for _, seed := range seeds {
		f.Add(seed)
	}
	config := mtls.Config{Header: header, TrustedProxies: proxies}
	f.Fuzz(func(t *testing.T, value string) {
		err := check(t, config, proxy, ours, value)
		if err != nil && !errors.Is(err, postern.ErrBinding) {
			t.Fatalf("error is %v, want one that wraps ErrBinding", err)
		}
		if err == nil && !strings.Contains(strings.ToLower(value), hash(ours)) && len(value) < len(der(ours)) {
			t.Fatalf("%q passes", value)
		}
	})
}

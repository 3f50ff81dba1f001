package dpop

import (
	"crypto/tls"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
)

func TestP3_BehindProxiesTheURLIsTheClients(t *testing.T) {
	proxies := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}
	byX := Config{TrustedProxies: proxies}
	byForwarded := Config{TrustedProxies: proxies, UseForwarded: true}
	byPrefix := Config{TrustedProxies: proxies, UseForwardedPrefix: true}
	byPrefix2 := Config{TrustedProxies: proxies, UseForwardedPrefix: true, PathPrefix: "/set"}
	const proxy, elsewhere = "10.1.2.3:4444", "192.0.2.1:4444"
	type headers map[string][]string
	rows := []struct {
		name   string
		config Config
		remote string
		header headers
		want   string // empty: an error
	}{
		{"no proxy is trusted unless named", Config{}, proxy, headers{"X-Forwarded-Proto": {"https"}, "X-Forwarded-Host": {"api.example.com"}}, "http://inner:8080/a"},
		{"another peer is not trusted", byX, elsewhere, headers{"X-Forwarded-Proto": {"https"}, "X-Forwarded-Host": {"api.example.com"}}, "http://inner:8080/a"},
		{"a peer without an address is not trusted", byX, "@", headers{"X-Forwarded-Host": {"api.example.com"}}, "http://inner:8080/a"},
		{"a trusted proxy tells scheme and host", byX, proxy, headers{"X-Forwarded-Proto": {"https"}, "X-Forwarded-Host": {"API.example.com:443"}}, "https://api.example.com/a"},
		{"a trusted proxy over IPv6", byX, "[fd00::1]:4444", headers{"X-Forwarded-Proto": {"https"}, "X-Forwarded-Host": {"api.example.com"}}, "https://api.example.com/a"},
		{"a trusted proxy over IPv4 in IPv6", byX, "[::ffff:10.1.2.3]:4444", headers{"X-Forwarded-Proto": {"https"}, "X-Forwarded-Host": {"api.example.com"}}, "https://api.example.com/a"},
		{"a proxy that tells the scheme keeps the host", byX, proxy, headers{"X-Forwarded-Proto": {"https"}}, "https://inner:8080/a"},
		{"a proxy that tells nothing", byX, proxy, nil, "http://inner:8080/a"},
		{"of a list the nearest proxy's value counts", byX, proxy, headers{"X-Forwarded-Host": {"evil.example, api.example.com"}}, "http://api.example.com/a"},
		{"of two headers the nearest proxy's value counts", byX, proxy, headers{"X-Forwarded-Host": {"evil.example", "api.example.com"}}, "http://api.example.com/a"},
		{"the scheme is not one of HTTP's", byX, proxy, headers{"X-Forwarded-Proto": {"gopher"}}, ""},
		{"the host is a URL", byX, proxy, headers{"X-Forwarded-Host": {"api.example.com/x?"}}, ""},
		{"the host names a user", byX, proxy, headers{"X-Forwarded-Host": {"a@api.example.com"}}, ""},
		{"Forwarded is ignored unless asked for", byX, proxy, headers{"Forwarded": {"host=evil.example"}}, "http://inner:8080/a"},

		{"Forwarded tells scheme and host", byForwarded, proxy, headers{"Forwarded": {`for="[::1]";Proto=https;HOST="api.example.com:443"`}}, "https://api.example.com/a"},
		{"X-Forwarded is ignored for Forwarded", byForwarded, proxy, headers{"X-Forwarded-Host": {"evil.example"}, "Forwarded": {"host=api.example.com"}}, "http://api.example.com/a"},
		{"Forwarded from another peer is ignored", byForwarded, elsewhere, headers{"Forwarded": {"host=evil.example"}}, "http://inner:8080/a"},
		{"of elements the nearest proxy's counts", byForwarded, proxy, headers{"Forwarded": {"host=evil.example;proto=https, host=api.example.com"}}, "http://api.example.com/a"},
		{"of lines the nearest proxy's counts", byForwarded, proxy, headers{"Forwarded": {"host=evil.example", "host=api.example.com"}}, "http://api.example.com/a"},
		{"a quoted comma parts nothing", byForwarded, proxy, headers{"Forwarded": {`host=api.example.com;for="a,host=evil.example"`}}, "http://api.example.com/a"},
		{"an escaped quote ends nothing", byForwarded, proxy, headers{"Forwarded": {`for="\",host=evil.example";host=api.example.com`}}, "http://api.example.com/a"},
		{"a client's open quote hides no element", byForwarded, proxy, headers{"Forwarded": {`host=evil.example;for="`, `host=api.example.com`}}, ""},
		{"a client's open quote closed by the proxy's", byForwarded, proxy, headers{"Forwarded": {`host=evil.example;for="`, `for="[::1]";host=api.example.com`}}, ""},
		{"a client's open quote within a name", byForwarded, proxy, headers{"Forwarded": {`host=evil.example;na"me=1`, `host=api.example.com`}}, ""},
		{"a quote within a name that a proxy's value closes", byForwarded, proxy, headers{"Forwarded": {`host=evil.example;na"me=1`, `x"=1;host=api.example.com`}}, ""},
		{"a quote within a token", byForwarded, proxy, headers{"Forwarded": {`host=a"b"`}}, ""},
		{"something behind a quote", byForwarded, proxy, headers{"Forwarded": {`host="a"b`}}, ""},
		{"a host twice", byForwarded, proxy, headers{"Forwarded": {`host=a;host=b`}}, ""},
		{"an empty host", byForwarded, proxy, headers{"Forwarded": {`host=`}}, ""},
		{"no pair", byForwarded, proxy, headers{"Forwarded": {`secret`}}, ""},
		{"an element that is empty", byForwarded, proxy, headers{"Forwarded": {`host=a,`}}, ""},
		{"5000 bytes", byForwarded, proxy, headers{"Forwarded": {"host=a;x=" + strings.Repeat("x", 5000)}}, ""},

		{"a prefix that is set", Config{PathPrefix: "/orders"}, elsewhere, nil, "http://inner:8080/orders/a"},
		{"a prefix in another spelling", Config{PathPrefix: "/%6Frders/./x/"}, elsewhere, nil, "http://inner:8080/orders/x/a"},
		{"a prefix that is the root", Config{PathPrefix: "/"}, elsewhere, nil, "http://inner:8080/a"},
		{"a prefix under a fixed origin", Config{Origin: "https://api.example.com", PathPrefix: "/orders"}, proxy, nil, "https://api.example.com/orders/a"},
		{"a prefix that a proxy tells is ignored unless asked for", byX, proxy, headers{"X-Forwarded-Prefix": {"/orders"}}, "http://inner:8080/a"},
		{"a prefix that a proxy tells", byPrefix, proxy, headers{"X-Forwarded-Prefix": {"/orders/"}}, "http://inner:8080/orders/a"},
		{"a prefix that a proxy tells overrules the one set", byPrefix2, proxy, headers{"X-Forwarded-Prefix": {"/orders"}}, "http://inner:8080/orders/a"},
		{"a proxy that tells none leaves the one set", byPrefix2, proxy, nil, "http://inner:8080/set/a"},
		{"a prefix that another peer tells", byPrefix2, elsewhere, headers{"X-Forwarded-Prefix": {"/orders"}}, "http://inner:8080/set/a"},
		{"of prefixes the nearest proxy's counts", byPrefix, proxy, headers{"X-Forwarded-Prefix": {"/evil, /orders"}}, "http://inner:8080/orders/a"},
		{"a prefix that is a URL", byPrefix, proxy, headers{"X-Forwarded-Prefix": {"https://evil.example/"}}, ""},
		{"a prefix that begins with two slashes", byPrefix, proxy, headers{"X-Forwarded-Prefix": {"//evil.example"}}, ""},
		{"a prefix with a query", byPrefix, proxy, headers{"X-Forwarded-Prefix": {"/a?b"}}, ""},
		{"a prefix with a broken encoding", byPrefix, proxy, headers{"X-Forwarded-Prefix": {"/%zz"}}, ""},
		{"a prefix of 5000 bytes", byPrefix, proxy, headers{"X-Forwarded-Prefix": {"/" + strings.Repeat("a", 5000)}}, ""},

		{"a fixed origin overrules all", Config{Origin: "HTTPS://api.example.com:443", TrustedProxies: proxies}, proxy, headers{"X-Forwarded-Host": {"evil.example"}}, "https://api.example.com/a"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			r := httptest.NewRequest("GET", "/a?b", nil)
			r.Host, r.RemoteAddr, r.Header = "inner:8080", row.remote, map[string][]string(row.header)
			got, err := New(row.config).target(r)
			if got != row.want || (err == nil) != (row.want != "") {
				t.Errorf("target = %q, %v; want %q", got, err, row.want)
			}
		})
	}
}

func TestP3_TheURLIsThatOfTheRequestLine(t *testing.T) {
	rows := []struct {
		name, line string
		tls        bool
		want       string
	}{
		{"over TLS it is https", "/a", true, "https://api.example.com/a"},
		{"an encoded slash stays one", "/a%2fb", false, "http://api.example.com/a%2Fb"},
		{"a number sign within is part of the path", "/a#b", false, "http://api.example.com/a%23b"},
		{"two slashes begin a path and no host", "//evil.example/a", false, "http://api.example.com//evil.example/a"},
		{"an absolute URL has the path", "http://elsewhere.example/a?b", false, "http://api.example.com/a"},
		{"an absolute URL without a path", "http://elsewhere.example", false, "http://api.example.com/"},
		{"garbage is refused", "a b", false, ""},
		{"5000 bytes are refused", "/" + strings.Repeat("x", 5000), false, ""},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			r := httptest.NewRequest("GET", "/", nil)
			r.Host, r.RequestURI = "api.example.com", row.line
			if row.tls {
				r.TLS = new(tls.ConnectionState)
			}
			got, err := New(Config{}).target(r)
			if got != row.want || (err == nil) != (row.want != "") {
				t.Errorf("target = %q, %v; want %q", got, err, row.want)
			}
		})
	}
}

func TestMistakesInTheConfigPanic(t *testing.T) {
	rows := []struct {
		name   string
		config Config
		says   string
	}{
		{"an unknown algorithm", Config{Algorithms: []string{"ES256", "HS256"}}, `Config.Algorithms has "HS256"`},
		{"no algorithm by name", Config{Algorithms: []string{"none"}}, "Config.Algorithms"},
		{"a negative window", Config{Window: -1}, "Config.Window"},
		{"an origin without a scheme", Config{Origin: "api.example.com"}, "Config.Origin"},
		{"an origin with a path", Config{Origin: "https://api.example.com/v1"}, "Config.Origin"},
		{"an origin with a user", Config{Origin: "https://a@api.example.com"}, "Config.Origin"},
		{"a short nonce key", Config{NonceKey: make([]byte, 31)}, "Config.NonceKey has 31 bytes"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			defer func() {
				if text, _ := recover().(string); !strings.Contains(text, row.says) {
					t.Errorf("panic %q does not say %q", text, row.says)
				}
			}()
			New(row.config)
			t.Error("no panic")
		})
	}
}

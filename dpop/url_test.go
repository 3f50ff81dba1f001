package dpop

import (
	"strings"
	"testing"
)

func TestP1_URLsThatMeanTheSameAreOne(t *testing.T) {
	rows := []struct{ name, in, want string }{
		{"a plain URL stays", "https://api.example.com/orders", "https://api.example.com/orders"},
		{"scheme and host have no case", "HTTP://API.Example.COM/Orders", "http://api.example.com/Orders"},
		{"the port of http goes", "HTTP://API.example.com:80/", "http://api.example.com/"},
		{"the port of https goes", "https://api.example.com:443/", "https://api.example.com/"},
		{"an empty port goes", "https://api.example.com:/x", "https://api.example.com/x"},
		{"another port stays", "https://api.example.com:80/", "https://api.example.com:80/"},
		{"a port has no leading zeros", "https://api.example.com:08443/", "https://api.example.com:8443/"},
		{"an empty path is a slash", "https://api.example.com", "https://api.example.com/"},
		{"an empty path before a query is a slash", "https://api.example.com?a=/b", "https://api.example.com/"},
		{"a final slash counts", "https://api.example.com/orders/", "https://api.example.com/orders/"},
		{"query and fragment go", "https://api.example.com/x?y=1#z", "https://api.example.com/x"},
		{"a fragment with a query goes", "https://api.example.com/x#z?y", "https://api.example.com/x"},
		{"what need not be encoded is not", "https://api.example.com/%7Euser/%41%2d%2E%5f", "https://api.example.com/~user/A-._"},
		{"encodings are in capitals", "https://api.example.com/a%2fb%c3%bc", "https://api.example.com/a%2Fb%C3%BC"},
		{"an encoded delimiter is not a delimiter", "https://api.example.com/a%3Bb;c", "https://api.example.com/a%3Bb;c"},
		{"an encoded percent sign stays", "https://api.example.com/%2541", "https://api.example.com/%2541"},
		{"what must be encoded is", `https://api.example.com/a|b^{"}\`, "https://api.example.com/a%7Cb%5E%7B%22%7D%5C"},
		{"other letters are encoded", "https://api.example.com/ü", "https://api.example.com/%C3%BC"},
		{"dot segments are resolved", "https://api.example.com/a/./b/../c", "https://api.example.com/a/c"},
		{"encoded dot segments are too", "https://api.example.com/a/%2e%2E/c/%2e", "https://api.example.com/c/"},
		{"there is nothing above the root", "https://api.example.com/../../c/..", "https://api.example.com/"},
		{"three dots are a name", "https://api.example.com/.../..a/.b", "https://api.example.com/.../..a/.b"},
		{"empty segments count", "https://api.example.com//a//b", "https://api.example.com//a//b"},
		{"a host's final dot counts", "https://api.example.com./", "https://api.example.com./"},
		{"IPv4 stays", "https://127.0.0.1:8443/", "https://127.0.0.1:8443/"},
		{"IPv6 has one spelling", "https://[2001:DB8:0:0:0:0:0:1]:443/", "https://[2001:db8::1]/"},
		{"IPv6 keeps its port", "http://[::1]:6060/a", "http://[::1]:6060/a"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			got, err := normalizeURL(row.in)
			if err != nil || got != row.want {
				t.Errorf("normalizeURL(%q) = %q, %v; want %q", row.in, got, err, row.want)
			}
			if again, err := normalizeURL(got); err != nil || again != got {
				t.Errorf("normalizeURL(%q) = %q, %v; want it unchanged", got, again, err)
			}
		})
	}
}

func TestP1_URLsThatNoProofMayNameAreRefused(t *testing.T) {
	rows := []struct{ name, in string }{
		{"nothing", ""},
		{"a path", "/orders"},
		{"no scheme", "api.example.com/orders"},
		{"no scheme before the slashes", "://api.example.com/"},
		{"another scheme", "wss://api.example.com/"},
		{"a scheme with a letter that folds", "httpſ://api.example.com/"},
		{"no host", "https:///orders"},
		{"a port alone", "https://:443/"},
		{"a user", "https://api.example.com@evil.example/"},
		{"an empty user", "https://@api.example.com/"},
		{"user and password", "https://u:p@api.example.com/"},
		{"a host that is not ASCII", "https://apı.example.com/"},
		{"a host with the Kelvin sign", "https://\u212Aelvin.example.com/"},
		{"a host with a space", "https://api example.com/"},
		{"a host with a backslash", `https://api.example.com\@evil.example/`},
		{"an encoded host", "https://%61pi.example.com/"},
		{"two ports", "https://api.example.com:1:2/"},
		{"a port that is not a number", "https://api.example.com:http/"},
		{"a port with a sign", "https://api.example.com:+443/"},
		{"a port that is too large", "https://api.example.com:65536/"},
		{"IPv6 without brackets", "https://::1/"},
		{"IPv6 with a zone", "https://[fe80::1%25eth0]/"},
		{"IPv6 without an end", "https://[::1/"},
		{"IPv6 with something behind it", "https://[::1]x/"},
		{"IPv4 in brackets", "https://[127.0.0.1]/"},
		{"a broken encoding", "https://api.example.com/%zz"},
		{"an encoding that is cut off", "https://api.example.com/%4"},
		{"an encoding with a sign", "https://api.example.com/%+1"},
		{"a space", "https://api.example.com/a b"},
		{"a line end", "https://api.example.com/a\r\nb"},
		{"NUL", "https://api.example.com/\x00"},
		{"5000 bytes", "https://api.example.com/" + strings.Repeat("x", 5000)},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			if got, err := normalizeURL(row.in); err == nil {
				t.Errorf("normalizeURL(%q) = %q, want an error", row.in, got)
			}
		})
	}
}

func FuzzNormalizeURL(f *testing.F) {
	for _, seed := range []string{
		"https://api.example.com/orders?x#y", "HTTP://API:80/%7e", "http://[::1]:6060/../a/./", "https://[::ffff:1.2.3.4]/",
		"https://a@b/", "https://a:0/%2f%2e%2E/", "https://a//..//.", "https://a/|ü%00", "https://a.:443",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		once, err := normalizeURL(s)
		if err != nil {
			return
		}
		// The length is bounded before encoding makes it longer.
		if twice, err := normalizeURL(once); len(once) <= maxURL && (err != nil || twice != once) {
			t.Errorf("normalizeURL(%q) = %q, then %q, %v", s, once, twice, err)
		}
		if !strings.HasPrefix(once, "http") || strings.Count(once, "/") < 3 {
			t.Errorf("normalizeURL(%q) = %q, which is not an absolute URL", s, once)
		}
		for _, c := range []byte(once) {
			if c <= ' ' || c >= 0x7f || c == '?' || c == '#' {
				t.Fatalf("normalizeURL(%q) = %q, which has %q", s, once, c)
			}
		}
	})
}

package clientauth_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/postern-auth/postern/clientauth"
	"github.com/postern-auth/postern/internal/claims"
	"github.com/postern-auth/postern/internal/jws"
)

const (
	issuer = "https://login.example.com"
	canary = "c4n4ry-secret"
)

func TestMethodsThatCannotAuthenticate(t *testing.T) {
	key, _ := newKey(t)
	tests := []struct {
		name     string
		method   clientauth.Method
		audience string
		want     string
	}{
		{"a secret of nobody", clientauth.SecretBasic("", canary), issuer, "clientauth: client id or secret is empty"},
		{"an empty secret in the header", clientauth.SecretBasic("id", ""), issuer, "clientauth: client id or secret is empty"},
		{"an empty secret in the form", clientauth.SecretPost("id", ""), issuer, "clientauth: client id or secret is empty"},
		{"a public client without id", clientauth.None(""), issuer, "clientauth: client id is empty"},
		{"an assertion for nobody", clientauth.PrivateKeyJWT(key), "", "clientauth: assertion without an audience"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			header, form := http.Header{}, url.Values{}
			err := test.method.Authenticate(header, form, test.audience)
			if err == nil || err.Error() != test.want {
				t.Errorf("got  %v\nwant %s", err, test.want)
			}
			if len(header)+len(form) > 0 {
				t.Errorf("the request got %v and %v all the same", header, form)
			}
		})
	}
}

func TestSecretsOnTheWire(t *testing.T) {
	tests := []struct {
		name   string
		method clientauth.Method
		header http.Header
		form   url.Values
	}{
		{"plain words", clientauth.SecretBasic("id", "secret"),
			http.Header{"Authorization": {"Basic aWQ6c2VjcmV0"}}, url.Values{}}, // id:secret
		{"what ids and secrets are made of is sent as it is, but for the at sign", clientauth.SecretBasic("197@shop", "A-z_0.~"),
			http.Header{"Authorization": {"Basic MTk3JTQwc2hvcDpBLXpfMC5+"}}, url.Values{}}, // 197%40shop:A-z_0.~
		{"a colon in the id does not end it", clientauth.SecretBasic("a:b", "c:d"),
			http.Header{"Authorization": {"Basic YSUzQWI6YyUzQWQ="}}, url.Values{}}, // a%3Ab:c%3Ad
		{"plus, per cent and space are encoded as in a form", clientauth.SecretBasic("i", "a+b% c"),
			http.Header{"Authorization": {"Basic aTphJTJCYiUyNStj"}}, url.Values{}}, // i:a%2Bb%25+c
		{"letters beyond ASCII go as UTF-8", clientauth.SecretBasic("i", "ü"),
			http.Header{"Authorization": {"Basic aTolQzMlQkM="}}, url.Values{}}, // i:%C3%BC
		{"a line end does not end the header", clientauth.SecretBasic("i", "a\r\nX: y"),
			http.Header{"Authorization": {"Basic aTphJTBEJTBBWCUzQSt5"}}, url.Values{}}, // i:a%0D%0AX%3A+y
		{"in the form", clientauth.SecretPost("i d", "a+b"),
			http.Header{}, url.Values{"client_id": {"i d"}, "client_secret": {"a+b"}}},
		{"no secret at all", clientauth.None("i d"),
			http.Header{}, url.Values{"client_id": {"i d"}}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			header, form := http.Header{}, url.Values{}
			if err := test.method.Authenticate(header, form, issuer); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.header, header); diff != "" {
				t.Errorf("header (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(test.form, form); diff != "" {
				t.Errorf("form (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAssertion(t *testing.T) {
	key, public := newKey(t)
	now := time.Date(2030, 1, 2, 3, 4, 5, 600, time.UTC)
	seen := map[string]bool{}
	for range 100 {
		assertion, err := key.Assertion(issuer, now)
		if err != nil {
			t.Fatal(err)
		}
		id := checkAssertion(t, assertion, public, issuer, now)
		if seen[id] {
			t.Fatalf("jti %s was used twice", id)
		}
		seen[id] = true
	}
}

func TestAssertionOnTheWire(t *testing.T) {
	key, public := newKey(t)
	header, form := http.Header{}, url.Values{}
	method := clientauth.PrivateKeyJWT(key)
	before := time.Now().Truncate(time.Second)
	if err := method.Authenticate(header, form, issuer); err != nil {
		t.Fatal(err)
	}
	assertion := form.Get("client_assertion")
	form.Del("client_assertion")
	want := url.Values{"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}}
	if diff := cmp.Diff(want, form); diff != "" || len(header) > 0 {
		t.Errorf("header %v, form (-want +got):\n%s", header, diff)
	}
	message, err := jws.Parse(assertion)
	if err != nil {
		t.Fatal(err)
	}
	if err := message.Verify(public); err != nil {
		t.Fatal(err)
	}
	var set claims.Object
	if err := set.Parse(message.Payload); err != nil {
		t.Fatal(err)
	}
	value, _ := set.Lookup("iat")
	if iat, err := value.Time(); err != nil || iat.Before(before) || iat.After(time.Now()) {
		t.Errorf("iat is %s (%v), want now", iat, err)
	}
	if method.ClientID() != "robot" {
		t.Errorf("client id is %q, want robot", method.ClientID())
	}
}

// checkAssertion checks everything about an assertion and returns its jti.
func checkAssertion(t *testing.T, assertion string, public *jws.Key, audience string, now time.Time) string {
	t.Helper()
	message, err := jws.Parse(assertion)
	if err != nil {
		t.Fatal(err)
	}
	if err := message.Verify(public); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(jws.Header{Algorithm: jws.ES256, KeyID: "k1", Type: "jwt"}, message.Header); diff != "" {
		t.Error(diff)
	}
	var set claims.Object
	if err := set.Parse(message.Payload); err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for name, value := range set.All() {
		got[name] = value.JSON()
	}
	id := got["jti"]
	if len(id) < 22+2 {
		t.Errorf("jti is %s, want 128 random bits at least", id)
	}
	want := map[string]string{
		"iss": `"robot"`, "sub": `"robot"`, "aud": `"` + audience + `"`, "jti": id,
		"iat": fmt.Sprint(now.Unix()), "exp": fmt.Sprint(now.Unix() + 300),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("claims (-want +got):\n%s", diff)
	}
	return id
}

func TestReuse(t *testing.T) {
	key, _ := newKey(t)
	synctest.Test(t, func(t *testing.T) {
		method := clientauth.PrivateKeyJWT(key)
		sent := func(audience string) string {
			form := url.Values{}
			if err := method.Authenticate(http.Header{}, form, audience); err != nil {
				t.Fatal(err)
			}
			return form.Get("client_assertion")
		}
		once, again := sent(issuer), sent(issuer)
		if once == again {
			t.Error("an assertion was sent twice without Reuse")
		}
		method.Reuse = true
		first := sent(issuer)
		time.Sleep(4*time.Minute - time.Nanosecond)
		if sent(issuer) != first {
			t.Error("within four minutes another assertion was signed")
		}
		time.Sleep(time.Nanosecond)
		second := sent(issuer)
		if second == first {
			t.Error("after four minutes the assertion was sent again")
		}
		if sent("https://other.example") == second {
			t.Error("another issuer got this issuer's assertion")
		}
		if err := method.Authenticate(http.Header{}, url.Values{}, ""); err == nil {
			t.Error("an assertion for nobody was sent")
		}
	})
}

func TestMethodsPrintNoSecret(t *testing.T) {
	text, file := keyFile(t)
	key, err := clientauth.ParseKeyFile(text)
	if err != nil {
		t.Fatal(err)
	}
	reused := clientauth.PrivateKeyJWT(key)
	reused.Reuse = true
	form := url.Values{}
	if err := reused.Authenticate(http.Header{}, form, issuer); err != nil {
		t.Fatal(err)
	}
	secrets := append(fragments(file.Key), canary, fmt.Sprintf("%x", canary), form.Get("client_assertion"))
	for _, test := range []struct {
		value any
		want  string
	}{
		{clientauth.SecretBasic("id", canary), "client_secret_basic(id)"},
		{clientauth.SecretPost("id", canary), "client_secret_post(id)"},
		{clientauth.None("id"), "id"},
		{reused, "private_key_jwt(robot)"},
		{key, `key "k1" of "robot"`},
		{file, `key file "k1" of type serviceaccount`},
		{&file, `key file "k1" of type serviceaccount`},
	} {
		if got := fmt.Sprint(test.value); got != test.want {
			t.Errorf("%T prints as %q, want %q", test.value, got, test.want)
		}
		var out bytes.Buffer
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
			fmt.Fprintf(&out, verb+"\n", test.value)
			fmt.Fprintf(&out, verb+"\n", struct{ Value any }{test.value})
			fmt.Fprintf(&out, verb+"\n", fmt.Errorf("wrapped: %v", test.value))
		}
		slog.New(slog.NewTextHandler(&out, nil)).Info("text", "value", test.value)
		slog.New(slog.NewJSONHandler(&out, nil)).Info("json", "value", test.value)
		for _, secret := range secrets {
			if strings.Contains(out.String(), secret) {
				t.Errorf("%T shows %q:\n%s", test.value, secret, out.String())
			}
		}
	}
}

package introspection_test

import (
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/postern-auth/postern"
	"github.com/postern-auth/postern/clientauth"
	"github.com/postern-auth/postern/introspection"
	"github.com/postern-auth/postern/posterntest"
)

func TestAnswers(t *testing.T) {
	issuer := posterntest.NewIssuer(t)
	now := issuer.Clock.Now().Unix()
	anyAudience := func(c *introspection.Config) { c.Audience, c.InsecureNoAudience = "", true }
	byServer := func(c *introspection.Config) { c.Audience, c.AudienceCheckedByServer = "", true }
	byBoth := func(c *introspection.Config) { c.AudienceCheckedByServer = true }
	byClient := func(c *introspection.Config) {
		byBoth(c)
		c.ClaimNames.Audience = []string{"client_id"}
	}
	for _, test := range []struct {
		name   string
		change func(*introspection.Config)
		claims claims
		want   error
	}{
		{"active and whole", nil, nil, nil},
		{"iss absent", nil, claims{"iss": nil}, nil},
		{"iss of another", nil, claims{"iss": "https://other.test"}, postern.ErrIssuer},
		{"iss with a final slash", nil, claims{"iss": issuer.URL + "/"}, postern.ErrIssuer},
		{"iss that is not a string", nil, claims{"iss": 1}, postern.ErrMalformed},
		{"iss of the server's other name", func(c *introspection.Config) { c.Issuers = []string{"https://alias.test"} }, claims{"iss": "https://alias.test"}, nil},
		{"aud absent", nil, claims{"aud": nil}, postern.ErrAudience},
		{"aud of another", nil, claims{"aud": "https://other.test"}, postern.ErrAudience},
		{"aud of several", nil, claims{"aud": []string{"https://other.test", issuer.Audience}}, nil},
		{"aud null", nil, claims{"aud": json.RawMessage("null")}, postern.ErrMalformed},
		{"aud empty", nil, claims{"aud": []string{}}, postern.ErrAudience},
		{"aud absent, checked by the server", byServer, claims{"aud": nil}, nil},
		{"aud of another, checked by the server alone", byServer, claims{"aud": "https://other.test"}, nil},
		{"aud absent, checked by both", byBoth, claims{"aud": nil}, nil},
		{"aud of another, checked by both", byBoth, claims{"aud": "https://other.test"}, postern.ErrAudience},
		{"the audience in a claim of another name, checked by both", byClient, claims{"aud": nil, "client_id": issuer.Audience}, nil},
		{"the audience of another in a claim of another name, checked by both", byClient, claims{"aud": nil, "client_id": "other"}, postern.ErrAudience},
		{"aud does not stand in for the claim that is named", byClient, claims{"client_id": nil}, postern.ErrAudience},
		{"aud of another, insecurely", anyAudience, claims{"aud": "https://other.test"}, nil},
		{"exp absent", nil, claims{"exp": nil}, postern.ErrMalformed},
		{"exp absent, insecurely", func(c *introspection.Config) { c.InsecureNoExpiry = true }, claims{"exp": nil}, nil},
		{"exp passed, though active", nil, claims{"exp": now - 3600, "active": true}, postern.ErrInactive},
		{"exp passed, though active, insecurely", func(c *introspection.Config) { c.InsecureNoExpiry, c.Leeway = true, -1 }, claims{"exp": float64(now) - 0.5}, postern.ErrExpired},
		{"exp now, no leeway", func(c *introspection.Config) { c.Leeway = -1 }, claims{"exp": float64(now)}, postern.ErrExpired},
		{"exp now", nil, claims{"exp": float64(now)}, nil},
		{"exp in a second", nil, claims{"exp": float64(now) + 1}, nil},
		{"exp that is a string", nil, claims{"exp": "9999999999"}, postern.ErrMalformed},
		{"nbf in ten seconds", nil, claims{"nbf": now + 10}, nil},
		{"nbf in eleven seconds", nil, claims{"nbf": now + 11}, postern.ErrNotYetValid},
		{"token_type Bearer", nil, claims{"token_type": "Bearer"}, nil},
		{"token_type bearer", nil, claims{"token_type": "bearer"}, nil},
		{"token_type DPoP", nil, claims{"token_type": "DPoP"}, nil},
		{"token_type access_token", nil, claims{"token_type": "access_token"}, nil},
		{"token_type refresh_token", nil, claims{"token_type": "refresh_token"}, postern.ErrMalformed},
		{"token_use refresh_token behind token_type Bearer", nil, claims{"token_type": "Bearer", "token_use": "refresh_token"}, postern.ErrMalformed},
		{"token_use id_token", nil, claims{"token_use": "id_token"}, postern.ErrMalformed},
		{"token_use access_token", nil, claims{"token_type": "Bearer", "token_use": "access_token"}, nil},
		{"token_type that is not a string", nil, claims{"token_type": 1}, postern.ErrMalformed},
		{"cnf null", nil, claims{"cnf": json.RawMessage("null")}, postern.ErrMalformed},
		{"scope that is a number", nil, claims{"scope": 1}, postern.ErrMalformed},
	} {
		t.Run(test.name, func(t *testing.T) {
			verifier := newVerifier(t, issuer, func(c *introspection.Config) {
				c.Now = issuer.Clock.Now
				if test.change != nil {
					test.change(c)
				}
			})
			raw := issuer.Opaque(test.claims)
			for use := range 2 {
				token, err := verifier.Verify(t.Context(), raw)
				if !errors.Is(err, test.want) || (token == nil) == (err == nil) {
					t.Errorf("use %d: token %v, error %v; want error %v", use, token, err, test.want)
				}
				if token != nil && token.Issuer() == "" {
					t.Error("the token names no issuer")
				}
			}
		})
	}
}

func TestI1_AnswersThatAreNot(t *testing.T) {
	good := func(active string) string {
		return fmt.Sprintf(`{"active":%s,"aud":"https://api.test","exp":9999999999}`, active)
	}
	whole := good("true")
	for _, test := range []struct {
		name, body string
		want       error
	}{
		{"a good answer", whole, nil},
		{"active is a string", good(`"true"`), postern.ErrInactive},
		{"active is 1", good("1"), postern.ErrInactive},
		{"active is null", good("null"), postern.ErrInactive},
		{"active is an object", good(`{"active":true}`), postern.ErrInactive},
		{"active is an array", good("[true]"), postern.ErrInactive},
		{"active is false", good("false"), postern.ErrInactive},
		{"active is absent", `{"aud":"https://api.test","exp":9999999999}`, postern.ErrInactive},
		{"active in another case", strings.Replace(whole, "active", "Active", 1), postern.ErrInactive},
		{"active deep inside", `{"token":` + whole + `}`, postern.ErrInactive},
		{"two active, false first", strings.Replace(whole, "{", `{"active":false,`, 1), postern.ErrUnavailable},
		{"two active, false last", strings.Replace(whole, "}", `,"active":false}`, 1), postern.ErrUnavailable},
		{"two active, one escaped", strings.Replace(whole, "}", `,"\u0061ctive":false}`, 1), postern.ErrUnavailable},
		{"an array of answers", "[" + whole + "]", postern.ErrUnavailable},
		{"true alone", "true", postern.ErrUnavailable},
		{"nothing", "", postern.ErrUnavailable},
		{"HTML", "<html>active</html>", postern.ErrUnavailable},
		{"a JWT", "eyJhbGciOiJub25lIn0.eyJhY3RpdmUiOnRydWV9.", postern.ErrUnavailable},
		{"a byte order mark in front", "\ufeff" + whole, nil},
		{"two byte order marks in front", "\ufeff\ufeff" + whole, postern.ErrUnavailable},
		{"a byte order mark alone", "\ufeff", postern.ErrUnavailable},
		{"a byte order mark behind it", whole + "\ufeff", postern.ErrUnavailable},
		{"broken UTF-8", strings.Replace(whole, "api", "\xff", 1), postern.ErrUnavailable},
		{"junk behind it", whole + "x", postern.ErrUnavailable},
		{"another answer behind it", whole + whole, postern.ErrUnavailable},
		{"64 KB and a bit", whole + strings.Repeat(" ", 64<<10), postern.ErrUnavailable},
		{"10 MB", strings.Repeat(" ", 10<<20) + whole, postern.ErrUnavailable},
	} {
		t.Run(test.name, func(t *testing.T) {
			issuer := posterntest.NewIssuer(t)
			issuer.Answer("raw", test.body)
			if _, err := newVerifier(t, issuer, nil).Verify(t.Context(), "raw"); !errors.Is(err, test.want) {
				t.Errorf("%v, want %v", err, test.want)
			}
		})
	}
	t.Run("cut anywhere", func(t *testing.T) {
		issuer := posterntest.NewIssuer(t)
		verifier := newVerifier(t, issuer, nil)
		for n := range len(whole) {
			issuer.Answer("raw", whole[:n])
			if _, err := verifier.Verify(t.Context(), "raw"); !errors.Is(err, postern.ErrUnavailable) {
				t.Errorf("%q: %v, want ErrUnavailable", whole[:n], err)
			}
		}
	})
}

func TestI1_AnAnswerThatGrowsWhenUnpacked(t *testing.T) {
	issuer := posterntest.NewIssuer(t)
	issuer.Serve()
	issuer.Outage(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		bomb(w, 10<<20)
	}), posterntest.Introspection)
	verifier := newVerifier(t, issuer, func(c *introspection.Config) { c.HTTPClient = nil })
	if _, err := verifier.Verify(t.Context(), "raw"); !errors.Is(err, postern.ErrUnavailable) {
		t.Errorf("%v, want ErrUnavailable", err)
	}
}

func TestI5_TheTokenIsEncodedExactlyOnce(t *testing.T) {
	for _, raw := range []string{"a+b", "a/b", "~a._-", "a==", "+++="} {
		issuer := posterntest.NewIssuer(t)
		var got []string
		issuer.Outage(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if err := r.ParseForm(); err != nil {
				t.Error(err)
			}
			got = r.PostForm["token"]
			if r.URL.RawQuery != "" {
				t.Errorf("the URL has the query %q", r.URL.RawQuery)
			}
			fmt.Fprint(w, `{"active":false}`)
		}), posterntest.Introspection)
		if _, err := newVerifier(t, issuer, nil).Verify(t.Context(), raw); !errors.Is(err, postern.ErrInactive) {
			t.Errorf("%q: %v, want ErrInactive", raw, err)
		}
		if len(got) != 1 || got[0] != raw {
			t.Errorf("%q arrives as %q", raw, got)
		}
	}
}

func TestI6_AChangedTokenIsAnotherToken(t *testing.T) {
	issuer := posterntest.NewIssuer(t)
	verifier := newVerifier(t, issuer, nil)
	raw := issuer.Opaque(nil)
	if _, err := verifier.Verify(t.Context(), raw); err != nil {
		t.Fatal(err)
	}
	changed := []string{raw + "A", raw[1:], raw[:len(raw)-1], strings.ToUpper(raw), raw + "\x00", " " + raw}
	for n := range len(raw) {
		b := []byte(raw)
		b[n] ^= 1
		changed = append(changed, string(b))
	}
	for _, other := range changed {
		if _, err := verifier.Verify(t.Context(), other); !errors.Is(err, postern.ErrInactive) && !errors.Is(err, postern.ErrMalformed) {
			t.Errorf("%q: %v, want ErrInactive, or ErrMalformed where it is not a token any more", other, err)
		}
	}
}

func TestI8_RedirectsAreNotFollowed(t *testing.T) {
	for _, code := range []int{301, 302, 303, 307, 308} {
		issuer := posterntest.NewIssuer(t)
		issuer.Outage(http.RedirectHandler("https://evil.test/introspect", code), posterntest.Introspection)
		if _, err := newVerifier(t, issuer, nil).Verify(t.Context(), "raw"); !errors.Is(err, postern.ErrUnavailable) {
			t.Errorf("%d: %v, want ErrUnavailable", code, err)
		}
		if issuer.Strays() != 0 || calls(issuer) != 1 {
			t.Errorf("%d: %d calls elsewhere and %d to the issuer, want 0 and 1", code, issuer.Strays(), calls(issuer))
		}
	}
}

func TestNoErrorHoldsASecret(t *testing.T) {
	const canary = "CANARY"
	for name, outage := range map[string]http.Handler{
		"none": nil, "401": posterntest.Status(401), "500": posterntest.Status(500), "reset": posterntest.Reset(),
		"text": posterntest.Body(canary + "-answer"), "redirect": http.RedirectHandler("https://evil.test/"+canary, http.StatusFound),
	} {
		issuer := posterntest.NewIssuer(t)
		if outage != nil {
			issuer.Outage(outage, posterntest.Introspection)
		}
		for method, auth := range map[string]clientauth.Method{
			"basic": clientauth.SecretBasic("api", canary+"-secret"), "post": clientauth.SecretPost("api", canary+"-secret"),
			"empty": clientauth.SecretBasic("", canary+"-secret"),
		} {
			verifier := newVerifier(t, issuer, func(c *introspection.Config) { c.Auth = auth })
			_, err := verifier.Verify(t.Context(), canary+"-raw-token")
			if err == nil {
				t.Fatalf("%s, %s: accepted", name, method)
			}
			if text := fmt.Sprintf("%v %+v %#v", err, auth, auth); strings.Contains(text, canary) {
				t.Errorf("%s, %s: %s", name, method, text)
			}
		}
	}
}

func TestNewVerifierNamesTheField(t *testing.T) {
	auth := clientauth.SecretBasic("id", "secret")
	good := introspection.Config{Issuer: "https://issuer.test", Audience: "api", Auth: auth}
	for _, test := range []struct {
		name   string
		change func(*introspection.Config)
		want   string // "": accepted
	}{
		{"issuer, audience and authentication suffice", func(*introspection.Config) {}, ""},
		{"an endpoint in place of the issuer", func(c *introspection.Config) { c.Issuer, c.Endpoint = "", "https://issuer.test/introspect" }, ""},
		{"neither issuer nor endpoint", func(c *introspection.Config) { c.Issuer = "" }, "Config.Issuer"},
		{"an endpoint over http", func(c *introspection.Config) { c.Endpoint = "http://issuer.test" }, "Config.Endpoint"},
		{"no authentication", func(c *introspection.Config) { c.Auth = nil }, "Config.Auth"},
		{"no audience", func(c *introspection.Config) { c.Audience = "" }, "Config.Audience"},
		{"no audience, checked by the server", func(c *introspection.Config) { c.Audience, c.AudienceCheckedByServer = "", true }, ""},
		{"an audience and none wanted", func(c *introspection.Config) { c.InsecureNoAudience = true }, "InsecureNoAudience"},
		{"an empty audience among several", func(c *introspection.Config) { c.Audiences = []string{""} }, "Config.Audiences"},
		{"an empty claim name", func(c *introspection.Config) { c.ClaimNames.Roles = []string{"/"} }, "Config.ClaimNames.Roles"},
	} {
		t.Run(test.name, func(t *testing.T) {
			config := good
			test.change(&config)
			_, err := introspection.NewVerifier(config)
			if test.want == "" && err != nil {
				t.Error(err)
			}
			if test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("error is %v, want one that names %s", err, test.want)
			}
		})
	}
}

// bomb writes size spaces, packed to a thousandth.
func bomb(w io.Writer, size int) {
	packed := gzip.NewWriter(w)
	defer packed.Close()
	io.Copy(packed, strings.NewReader(strings.Repeat(" ", size)))
}

// A server that answers an error to tokens of a kind that it does not introspect says that they are not
// active; and strangers who send them do not open the breaker for everybody else.
func TestErrorsAboutATokenAreNoOutage(t *testing.T) {
	for _, test := range []struct {
		name   string
		status int
		body   string
		want   error
	}{
		{"a token type that the server does not introspect", 400, `{"error":"unsupported_token_type"}`, postern.ErrInactive},
		{"a client that is not accepted, as ZITADEL says it", 400, `{"error":"invalid_client"}`, postern.ErrUnavailable},
		{"a request that is not understood", 400, `{"error":"invalid_request"}`, postern.ErrUnavailable},
		{"an error that is not JSON", 400, `<html>`, postern.ErrUnavailable},
		{"a firewall", 403, `no`, postern.ErrUnavailable},
		{"a token that is too large for the server", 413, ``, postern.ErrUnavailable},
		{"the error on another status", 401, `{"error":"unsupported_token_type"}`, postern.ErrUnavailable},
	} {
		t.Run(test.name, func(t *testing.T) {
			issuer := posterntest.NewIssuer(t)
			verifier := newVerifier(t, issuer, nil)
			issuer.Outage(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.WriteHeader(test.status)
				io.WriteString(w, test.body)
			}), posterntest.Introspection)
			for n := range 50 {
				if _, err := verifier.Verify(t.Context(), fmt.Sprintf("strange-%d", n)); !errors.Is(err, test.want) {
					t.Fatalf("%v, want %v", err, test.want)
				}
			}
			issuer.Recover()
			raw := issuer.Opaque(nil)
			if _, err := verifier.Verify(t.Context(), raw); (err == nil) == (test.status == 401) {
				t.Errorf("a good token after them: %v", err)
			}
		})
	}
}

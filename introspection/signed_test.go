package introspection_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/postern-auth/postern"
	"github.com/postern-auth/postern/introspection"
	"github.com/postern-auth/postern/jwt"
	"github.com/postern-auth/postern/posterntest"
)

const signedMedia = "application/token-introspection+jwt"

// newSigned returns a verifier that wants signed answers, by the issuer's clock.
func newSigned(t *testing.T, issuer *posterntest.Issuer, change func(*introspection.Config)) *introspection.Verifier {
	t.Helper()
	return newVerifier(t, issuer, func(c *introspection.Config) {
		c.SignedAnswers, c.Now = true, issuer.Clock.Now
		if change != nil {
			change(c)
		}
	})
}

// answerSigned makes the issuer's introspection endpoint answer with a body of a media type, to whoever asks for
// a signed answer.
func answerSigned(issuer *posterntest.Issuer, media, body string) {
	issuer.Outage(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Accept") != signedMedia {
			w.WriteHeader(http.StatusNotAcceptable)
			return
		}
		w.Header().Set("Content-Type", media)
		io.WriteString(w, body)
	}), posterntest.Introspection)
}

// envelope returns a signed answer that says the token is active, after changes to what is around it.
func envelope(issuer *posterntest.Issuer, change claims, options ...posterntest.Option) string {
	now := issuer.Clock.Now().Unix()
	set := claims{
		"iss": issuer.URL, "aud": "api", "iat": now, "sub": nil, "exp": nil, "client_id": nil,
		"token_introspection": claims{"active": true, "iss": issuer.URL, "aud": issuer.Audience, "exp": now + 60, "sub": "alice", "scope": "read"},
	}
	for name, value := range change {
		set[name] = value
	}
	return issuer.Token(set, append([]posterntest.Option{posterntest.Type("token-introspection+jwt")}, options...)...)
}

func TestSignedAnswersAreRead(t *testing.T) {
	issuer := posterntest.NewIssuer(t)
	now := issuer.Clock.Now().Unix()
	for _, test := range []struct {
		name, media, body string
		want              error
	}{
		{"an active token", signedMedia, envelope(issuer, nil), nil},
		{"a media type with a parameter, in another case", "Application/Token-Introspection+JWT; charset=utf-8", envelope(issuer, nil), nil},
		{"a typ with its prefix", signedMedia, envelope(issuer, nil, posterntest.Type("application/token-introspection+jwt")), nil},
		{"aud as an array", signedMedia, envelope(issuer, claims{"aud": []string{"other", "api"}}), nil},
		{"made 15 s ago", signedMedia, envelope(issuer, claims{"iat": now - 15}), nil},
		{"made in 10 s, by a clock ahead", signedMedia, envelope(issuer, claims{"iat": now + 10}), nil},
		{"an inactive token", signedMedia, envelope(issuer, claims{"token_introspection": claims{"active": false}}), postern.ErrInactive},
		{"no active", signedMedia, envelope(issuer, claims{"token_introspection": claims{}}), postern.ErrInactive},
		{"active outside of the answer", signedMedia, envelope(issuer, claims{"active": true, "token_introspection": claims{}}), postern.ErrInactive},
		{"a token for another API", signedMedia, envelope(issuer, claims{"token_introspection": claims{"active": true, "aud": "https://other.test", "exp": now + 60}}), postern.ErrAudience},
		{"a token without exp", signedMedia, envelope(issuer, claims{"exp": now + 60, "token_introspection": claims{"active": true, "aud": issuer.Audience}}), postern.ErrMalformed},
	} {
		t.Run(test.name, func(t *testing.T) {
			answerSigned(issuer, test.media, test.body)
			token, err := newSigned(t, issuer, nil).Verify(t.Context(), "opaque")
			if !errors.Is(err, test.want) || (token == nil) == (err == nil) {
				t.Fatalf("%v, want %v", err, test.want)
			}
			if err == nil && (token.Subject() != "alice" || !token.HasScope("read")) {
				t.Errorf("token is %+v, want alice's with scope read", token)
			}
		})
	}
}

// A signed answer that does not verify says nothing about the token, which may be good.
func TestSignedAnswersThatDoNotVerifyAreAnOutage(t *testing.T) {
	issuer := posterntest.NewIssuer(t)
	now := issuer.Clock.Now().Unix()
	evil := posterntest.NewKey(t, jwt.ES256, issuer.Key().ID())
	p384 := posterntest.NewKey(t, jwt.ES384, "p384")
	issuer.Publish(p384)
	good := envelope(issuer, nil)
	plain := fmt.Sprintf(`{"active":true,"iss":%q,"aud":%q,"exp":%d}`, issuer.URL, issuer.Audience, now+60)
	for _, test := range []struct{ name, media, body string }{
		{"an answer that is not signed", "application/json", plain},
		{"an answer that is not signed, under the signed one's media type", signedMedia, plain},
		{"a signed answer as application/jwt", "application/jwt", good},
		{"a signed answer as JSON", "application/json", good},
		{"no media type", "", good},
		{"another key under the issuer's id", signedMedia, envelope(issuer, nil, posterntest.SignedBy(evil))},
		{"no key id, another key", signedMedia, envelope(issuer, nil, posterntest.SignedBy(evil), posterntest.KeyID(""))},
		{"an algorithm that is not accepted, though the issuer has the key", signedMedia, envelope(issuer, nil, posterntest.SignedBy(p384))},
		{"no signature", signedMedia, envelope(issuer, nil, posterntest.Algorithm("none"))},
		{"a signature cut off", signedMedia, good[:strings.LastIndexByte(good, '.')+1]},
		{"an access token", signedMedia, envelope(issuer, nil, posterntest.Type("at+jwt"))},
		{"typ JWT", signedMedia, envelope(issuer, nil, posterntest.Type("JWT"))},
		{"no typ", signedMedia, envelope(issuer, nil, posterntest.Type(""))},
		{"another issuer", signedMedia, envelope(issuer, claims{"iss": "https://evil.test"})},
		{"the issuer with a slash", signedMedia, envelope(issuer, claims{"iss": issuer.URL + "/"})},
		{"no iss", signedMedia, envelope(issuer, claims{"iss": nil})},
		{"another API", signedMedia, envelope(issuer, claims{"aud": "other"})},
		{"the audience of the token in place of the API's client id", signedMedia, envelope(issuer, claims{"aud": issuer.Audience})},
		{"no aud", signedMedia, envelope(issuer, claims{"aud": nil})},
		{"aud as a number", signedMedia, envelope(issuer, claims{"aud": 1})},
		{"made 16 s ago", signedMedia, envelope(issuer, claims{"iat": now - 16})},
		{"made in 11 s", signedMedia, envelope(issuer, claims{"iat": now + 11})},
		{"no iat", signedMedia, envelope(issuer, claims{"iat": nil})},
		{"iat as a string", signedMedia, envelope(issuer, claims{"iat": "1"})},
		{"no answer inside", signedMedia, envelope(issuer, claims{"token_introspection": nil, "active": true})},
		{"an answer as a string", signedMedia, envelope(issuer, claims{"token_introspection": plain})},
		{"an answer as an array", signedMedia, envelope(issuer, claims{"token_introspection": []any{json.RawMessage(plain)}})},
		{"two answers", signedMedia, envelope(issuer, nil, posterntest.Payload(fmt.Sprintf(`{"iss":%q,"aud":"api","iat":%d,"token_introspection":{"active":false},"token_introspection":%s}`, issuer.URL, now, plain)))},
		{"an encrypted answer", signedMedia, good + ".x.y"},
		{"nothing", signedMedia, ""},
		{"white space behind it", signedMedia, good + "\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			answerSigned(issuer, test.media, test.body)
			token, err := newSigned(t, issuer, nil).Verify(t.Context(), "opaque-secret")
			if token != nil || !errors.Is(err, postern.ErrUnavailable) {
				t.Fatalf("token %v, error %v; want ErrUnavailable", token, err)
			}
			for _, reason := range []error{postern.ErrSignature, postern.ErrMalformed, postern.ErrIssuer, postern.ErrAudience, postern.ErrInactive} {
				if errors.Is(err, reason) {
					t.Errorf("%v blames the token: %v", err, reason)
				}
			}
			if len(test.body) > 8 && strings.Contains(err.Error(), test.body) {
				t.Errorf("the error holds the answer: %v", err)
			}
		})
	}
}

func TestSignedAnswersNeedTheIssuersKeys(t *testing.T) {
	for name, endpoint := range map[string]posterntest.Endpoint{"keys": posterntest.KeySet, "metadata": posterntest.Metadata} {
		t.Run(name, func(t *testing.T) {
			issuer := posterntest.NewIssuer(t)
			answerSigned(issuer, signedMedia, envelope(issuer, nil))
			issuer.Outage(posterntest.Status(http.StatusInternalServerError), endpoint)
			verifier := newSigned(t, issuer, func(c *introspection.Config) { c.Endpoint = issuer.URL + string(posterntest.Introspection) })
			if _, err := verifier.Verify(t.Context(), "opaque"); !errors.Is(err, postern.ErrUnavailable) {
				t.Errorf("%v, want ErrUnavailable", err)
			}
		})
	}
	t.Run("metadata without keys", func(t *testing.T) {
		issuer := posterntest.NewIssuer(t)
		answerSigned(issuer, signedMedia, envelope(issuer, nil))
		issuer.Outage(posterntest.Body(fmt.Sprintf(`{"issuer":%q,"introspection_endpoint":"%s/introspect"}`, issuer.URL, issuer.URL)), posterntest.Metadata)
		if _, err := newSigned(t, issuer, nil).Verify(t.Context(), "opaque"); !errors.Is(err, postern.ErrUnavailable) || !strings.Contains(err.Error(), "jwks_uri") {
			t.Errorf("%v, want ErrUnavailable that names jwks_uri", err)
		}
	})
}

func TestSignedAnswersByAKeyThatTheIssuerDoesNotHaveAreAnOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		issuer := posterntest.NewIssuer(t)
		evil := posterntest.NewKey(t, jwt.ES256, "evil")
		answerSigned(issuer, signedMedia, envelope(issuer, nil, posterntest.SignedBy(evil)))
		verifier := newSigned(t, issuer, nil)
		if _, err := verifier.Verify(t.Context(), "opaque"); !errors.Is(err, postern.ErrUnavailable) || errors.Is(err, postern.ErrSignature) {
			t.Errorf("%v, want ErrUnavailable alone", err)
		}
		time.Sleep(11 * time.Second) // a call under way ends by itself
	})
}

func TestSignedAnswersFollowTheIssuersKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		issuer := posterntest.NewIssuer(t)
		verifier := newSigned(t, issuer, nil)
		for n := range 2 {
			answerSigned(issuer, signedMedia, envelope(issuer, nil))
			if _, err := verifier.Verify(t.Context(), fmt.Sprint("opaque-", n)); err != nil {
				t.Fatalf("key %s: %v", issuer.Key().ID(), err)
			}
			time.Sleep(time.Millisecond) // what was fetched is older than the new key
			issuer.Rotate()
		}
		time.Sleep(11 * time.Second) // a call under way ends by itself
	})
}

func TestSignedAnswersNeedAnIssuer(t *testing.T) {
	issuer := posterntest.NewIssuer(t)
	config := issuer.IntrospectionConfig(issuer.Audience)
	config.Issuer, config.Endpoint, config.SignedAnswers = "", issuer.URL+"/introspect", true
	if _, err := introspection.NewVerifier(config); err == nil || !strings.Contains(err.Error(), "Config.SignedAnswers") {
		t.Errorf("%v, want an error that names Config.SignedAnswers", err)
	}
}

func TestUnsignedAnswersAreAskedForAsJSON(t *testing.T) {
	issuer := posterntest.NewIssuer(t)
	issuer.Outage(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if accept := r.Header.Get("Accept"); accept != "application/json" {
			t.Errorf("Accept is %q, want application/json", accept)
		}
		io.WriteString(w, `{"active":false}`)
	}), posterntest.Introspection)
	verifier := newVerifier(t, issuer, func(c *introspection.Config) { c.Now = time.Now })
	if _, err := verifier.Verify(t.Context(), "opaque"); !errors.Is(err, postern.ErrInactive) {
		t.Errorf("%v, want ErrInactive", err)
	}
}

// Without a signature nobody in between may call a token bad, either.
func TestUnsignedErrorsSayNothingWhereAnswersAreSigned(t *testing.T) {
	issuer := posterntest.NewIssuer(t)
	issuer.Outage(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusBadRequest)
		io.WriteString(w, `{"error":"unsupported_token_type"}`)
	}), posterntest.Introspection)
	if _, err := newSigned(t, issuer, nil).Verify(t.Context(), "opaque"); !errors.Is(err, postern.ErrUnavailable) || errors.Is(err, postern.ErrInactive) {
		t.Errorf("%v, want ErrUnavailable", err)
	}
}

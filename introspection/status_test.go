package introspection_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"testing"

	"github.com/postern-auth/postern"
	"github.com/postern-auth/postern/posterntest"
)

// What a proxy or an error page says in a body that happens to fit is not an answer about the token.
func TestI1_AnAnswerCountsWithStatus200Alone(t *testing.T) {
	for _, status := range []int{201, 202, 203, 302, 400, 401, 403, 404, 429, 500, 503} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			issuer := posterntest.NewIssuer(t)
			issuer.Outage(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				w.WriteHeader(status)
				fmt.Fprintf(w, `{"active":true,"iss":%q,"aud":%q,"exp":%d}`, issuer.URL, issuer.Audience, issuer.Clock.Now().Unix()+60)
			}), posterntest.Introspection)
			token, err := issuer.Introspector(issuer.Audience).Verify(t.Context(), "opaque")
			if token != nil || !errors.Is(err, postern.ErrUnavailable) {
				t.Errorf("token %v, error %v; want ErrUnavailable", token, err)
			}
		})
	}
}

func TestSignedAnswersAndKeysCountWithStatus200Alone(t *testing.T) {
	for _, endpoint := range []posterntest.Endpoint{posterntest.Introspection, posterntest.KeySet} {
		t.Run(string(endpoint), func(t *testing.T) {
			issuer := posterntest.NewIssuer(t)
			keys, answer := keySet(t, issuer), envelope(issuer, nil)
			answerSigned(issuer, signedMedia, answer)
			issuer.Outage(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", signedMedia)
				w.WriteHeader(http.StatusInternalServerError)
				body := answer
				if endpoint == posterntest.KeySet {
					body = keys
				}
				io.WriteString(w, body)
			}), endpoint)
			token, err := newSigned(t, issuer, nil).Verify(t.Context(), "opaque")
			if token != nil || !errors.Is(err, postern.ErrUnavailable) {
				t.Errorf("token %v, error %v; want ErrUnavailable", token, err)
			}
		})
	}
}

// keySet returns the issuer's key set, as it is published.
func keySet(t *testing.T, issuer *posterntest.Issuer) string {
	t.Helper()
	response, err := issuer.Client().Get(issuer.URL + string(posterntest.KeySet))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

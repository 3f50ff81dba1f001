package introspection_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/postern-auth/postern"
	"github.com/postern-auth/postern/introspection"
	"github.com/postern-auth/postern/jwt"
	"github.com/postern-auth/postern/posterntest"
)

func TestFindingK4_AnEndpointThatIsNotThereIsLookedUpAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		issuer := posterntest.NewIssuer(t)
		issuer.Outage(posterntest.Body(fmt.Sprintf(`{"issuer":%q,"introspection_endpoint":"%s/nowhere"}`, issuer.URL, issuer.URL)), posterntest.Metadata)
		verifier := newVerifier(t, issuer, func(*introspection.Config) {})
		raw := issuer.Opaque(nil)
		if _, err := verifier.Verify(t.Context(), raw); !errors.Is(err, postern.ErrUnavailable) {
			t.Errorf("at an endpoint that is not there: %v, want ErrUnavailable", err)
		}
		issuer.Recover()
		time.Sleep(time.Second)
		if _, err := verifier.Verify(t.Context(), raw); err != nil {
			t.Errorf("when the metadata are right: %v", err)
		}
	})
}

func TestFindingK5_MetadataNeedNothingButTheEndpoint(t *testing.T) {
	for name, test := range map[string]struct{ text, want string }{
		"keys null, a token endpoint over http": {`{"issuer":%q,"introspection_endpoint":"%s/introspect","jwks_uri":null,"token_endpoint":"http://x"}`, ""},
		"an endpoint that is null":              {`{"issuer":%q,"introspection_endpoint":null,"jwks_uri":"%s/keys"}`, "introspection_endpoint is not there"},
		"an endpoint over http":                 {`{"issuer":%q,"introspection_endpoint":"http://issuer.test/introspect","jwks_uri":"%s/keys"}`, "not https"},
	} {
		issuer := posterntest.NewIssuer(t)
		issuer.Outage(posterntest.Body(fmt.Sprintf(test.text, issuer.URL, issuer.URL)), posterntest.Metadata)
		_, err := newVerifier(t, issuer, func(*introspection.Config) {}).Verify(t.Context(), issuer.Opaque(nil))
		if test.want == "" && err != nil || test.want != "" && (!errors.Is(err, postern.ErrUnavailable) || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
}

func TestFindingK7_SignedAnswersByAKeyThatChangedUnderItsID(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		issuer := posterntest.NewIssuer(t)
		verifier := newSigned(t, issuer, nil)
		answerSigned(issuer, signedMedia, envelope(issuer, nil))
		if _, err := verifier.Verify(t.Context(), "first"); err != nil {
			t.Fatal(err)
		}
		changed := posterntest.NewKey(t, jwt.ES256, issuer.Key().ID())
		answerSigned(issuer, signedMedia, envelope(issuer, nil, posterntest.SignedBy(changed)))
		time.Sleep(3 * time.Second)
		if _, err := verifier.Verify(t.Context(), "second"); !errors.Is(err, postern.ErrUnavailable) {
			t.Errorf("by a key that is not the issuer's: %v, want ErrUnavailable", err)
		}
		issuer.Withdraw(changed.ID())
		issuer.Publish(changed)
		time.Sleep(3 * time.Second)
		if _, err := verifier.Verify(t.Context(), "second"); err != nil {
			t.Errorf("by the other key under the same id: %v", err)
		}
	})
}

package jwt_test

import (
	"errors"
	"io"
	"net/http"
	"testing"

	"github.com/postern-auth/postern"
	"github.com/postern-auth/postern/posterntest"
)

// A body that happens to fit, behind a status that says otherwise, is neither a key set nor metadata.
func TestF4_KeysAndMetadataCountWithStatus200Alone(t *testing.T) {
	for _, endpoint := range []posterntest.Endpoint{posterntest.KeySet, posterntest.Metadata} {
		for _, status := range []int{http.StatusCreated, http.StatusFound, http.StatusNotFound, http.StatusInternalServerError} {
			issuer := posterntest.NewIssuer(t)
			response, err := issuer.Client().Get(issuer.URL + string(endpoint))
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(response.Body)
			if err != nil {
				t.Fatal(err)
			}
			issuer.Outage(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.WriteHeader(status)
				w.Write(body)
			}), endpoint)
			if _, err := issuer.Verifier(issuer.Audience).Verify(t.Context(), issuer.Token(nil)); !errors.Is(err, postern.ErrUnavailable) {
				t.Errorf("%s with status %d: %v, want ErrUnavailable", endpoint, status, err)
			}
		}
	}
}

package browser

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestPostsOfOtherOriginsDoNotReachAPage(t *testing.T) {
	status := func(code int) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) })
	}
	handler := SameOrigin(status(http.StatusOK), status(http.StatusForbidden))
	for _, row := range []struct {
		name, method, site, origin string
		want                       int
	}{
		{"a form of the page's own", "POST", "same-origin", issuer, 200},
		{"an address typed or a reload", "POST", "none", "", 200},
		{"no header of a browser", "POST", "", "", 200},
		{"an older browser, own origin", "POST", "", issuer, 200},
		{"own origin that no-referrer hides", "POST", "same-origin", "null", 200},
		{"a GET of another site", "GET", "cross-site", "https://evil.example", 200},
		{"a HEAD of another site", "HEAD", "cross-site", "https://evil.example", 200},

		{"a form of another site", "POST", "cross-site", "https://evil.example", 403},
		{"a form of a sibling", "POST", "same-site", "https://app.example.com", 403},
		{"another site that claims our origin", "POST", "cross-site", issuer, 403},
		{"an older browser, another site", "POST", "", "https://evil.example", 403},
		{"an older browser, our host on another port", "POST", "", "https://login.example.com:8443", 403},
		{"an older browser, a frame without origin", "POST", "", "null", 403},
		{"a PUT of another site", "PUT", "cross-site", "https://evil.example", 403},
		{"a DELETE of another site", "DELETE", "cross-site", "https://evil.example", 403},
		{"a value of the header that nobody knows", "POST", "same-origin, cross-site", "", 403},
	} {
		t.Run(row.name, func(t *testing.T) {
			r := httptest.NewRequest(row.method, issuer+"/login", nil)
			if row.site != "" {
				r.Header.Set("Sec-Fetch-Site", row.site)
			}
			if row.origin != "" {
				r.Header.Set("Origin", row.origin)
			}
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, r)
			if w.Code != row.want {
				t.Errorf("got %d, want %d", w.Code, row.want)
			}
		})
	}
}

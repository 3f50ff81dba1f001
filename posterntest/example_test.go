package posterntest_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/postern-auth/postern"
	"github.com/postern-auth/postern/posterntest"
)

// A route is tried with a good token, without the scope, without a token, after the token has expired, and
// while the issuer is away.
func Example() {
	t := new(testing.T) // your test's own

	issuer := posterntest.NewIssuer(t)
	guard := &postern.Guard{Verifier: issuer.Verifier(issuer.Audience)}
	readers := guard.Require(postern.Scope("read:messages"))
	handler := readers(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "messages")
	}))
	get := func(raw string) int {
		request := httptest.NewRequest("GET", "/api/messages", nil)
		if raw != "" {
			request.Header.Set("Authorization", "Bearer "+raw)
		}
		answer := httptest.NewRecorder()
		handler.ServeHTTP(answer, request)
		return answer.Code
	}

	reader := issuer.Token(posterntest.Claims{"scope": "read:messages"})
	fmt.Println("reader:", get(reader))
	fmt.Println("without the scope:", get(issuer.Token(nil)))
	fmt.Println("without a token:", get(""))
	fmt.Println("without exp:", get(issuer.Token(posterntest.Claims{"exp": nil})))

	issuer.Clock.Advance(time.Hour)
	fmt.Println("an hour later:", get(reader))

	issuer.Outage(posterntest.Status(500))
	issuer.Rotate()
	renewed := issuer.Token(posterntest.Claims{"scope": "read:messages"})
	fmt.Println("a new key while the issuer is away:", get(renewed))
	// Output:
	// reader: 200
	// without the scope: 403
	// without a token: 401
	// without exp: 401
	// an hour later: 401
	// a new key while the issuer is away: 503
}

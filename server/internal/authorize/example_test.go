package authorize_test

import (
	"fmt"
	"net/url"
	"time"

	"github.com/postern-auth/postern/server/internal/authorize"
)

func Example() {
	client := authorize.Client{
		ID: "reader", Type: authorize.Browser, RedirectURIs: []string{"https://reader.example/cb"}, FirstParty: true,
	}
	query, _ := url.ParseQuery("client_id=reader&redirect_uri=https://reader.example/cb&response_type=code&state=xyz&scope=openid" +
		"&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256")
	begin := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

	request, refusal := authorize.Parse(query, authorize.Arrival{Issuer: "https://login.example.com", Client: client, At: begin})
	if refusal != nil {
		fmt.Println(refusal.ForPage(), refusal.Text)
		return
	}
	// Without a session, somebody has to log in.
	step := authorize.Next(request, authorize.Session{}, client, authorize.User{}, authorize.Facts{}, begin)
	fmt.Printf("%#v\n", step)

	// A minute later Mia has done so.
	mia := authorize.User{ID: "mia", Active: true}
	facts := authorize.Facts{User: "mia", Methods: []authorize.Method{{Name: authorize.MethodPassword, At: begin.Add(time.Minute)}}}
	switch step := authorize.Next(request, authorize.Session{}, client, mia, facts, begin.Add(time.Minute)).(type) {
	case authorize.Issue:
		fmt.Println(step.User, step.ACR, request.Code("the-code", authorize.AfterForm).URL)
	case authorize.Refuse:
		fmt.Println(request.Refuse(step.Code, step.Text, authorize.AfterForm).URL)
	}
	// Output:
	// authorize.Login{As:"", SignUp:false}
	// mia urn:postern:acr:pwd https://reader.example/cb?code=the-code&state=xyz&iss=https%3A%2F%2Flogin.example.com
}

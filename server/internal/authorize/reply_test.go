package authorize

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/postern-auth/postern/server/internal/redirect"
)

func TestAnswers(t *testing.T) {
	const (
		https   = "https://app.example/cb?a=b"
		private = "com.example.app:/cb"
		local   = "http://[::1]:4040/cb"
		query   = "code=c&state=s%20t&iss=https%3A%2F%2Flogin.example.com"
	)
	fields := []redirect.Field{{Name: "code", Value: "c"}, {Name: "state", Value: "s t"}, {Name: "iss", Value: issuer}}
	for name, row := range map[string]struct {
		uri   string
		mode  Mode
		after After
		want  Answer
	}{
		"after a GET: a redirect":                               {https, Query, AfterGet, Answer{Location, 302, https + "&" + query, "", nil}},
		"after a POST to the endpoint: a redirect to GET":       {https, Query, AfterPost, Answer{Location, 303, https + "&" + query, "", nil}},
		"after a form: a page that goes on by itself":           {https, Query, AfterForm, Answer{Refresh, 200, https + "&" + query, "", nil}},
		"after a form, to the loopback: the same":               {local, Query, AfterForm, Answer{Refresh, 200, local + "?" + query, "", nil}},
		"after a form, to a private scheme: a redirect":         {private, Query, AfterForm, Answer{Location, 303, private + "?" + query, "", nil}},
		"after a GET, to a private scheme: a redirect":          {private, Query, AfterGet, Answer{Location, 302, private + "?" + query, "", nil}},
		"form_post: a page that posts to the URI as it is":      {https, FormPost, AfterGet, Answer{Post, 200, https, "", fields}},
		"form_post after a form: the same":                      {https, FormPost, AfterForm, Answer{Post, 200, https, "", fields}},
		"web_message: a page that tells the URI's origin alone": {https, WebMessage, AfterGet, Answer{Message, 200, "", "https://app.example", fields}},
		"web_message after a form in a popup: the same":         {https, WebMessage, AfterForm, Answer{Message, 200, "", "https://app.example", fields}},
	} {
		t.Run(name, func(t *testing.T) {
			r := Reply{Issuer: issuer, RedirectURI: row.uri, Mode: row.mode, State: "s t"}
			if diff := cmp.Diff(row.want, r.Code("c", row.after)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestAnswersWithoutStateHaveNone(t *testing.T) {
	r := Reply{Issuer: issuer, RedirectURI: "https://app.example/cb", Mode: Query}
	const want = "https://app.example/cb?error=login_required&error_description=Login%20required&iss=https%3A%2F%2Flogin.example.com"
	if got := r.Refuse(LoginRequired, "Login required", AfterGet).URL; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	r.Mode = FormPost
	for _, field := range r.Refuse(LoginRequired, "Login required", AfterGet).Fields {
		if field.Name == "state" {
			t.Error("a state that was not sent comes back")
		}
	}
}

func TestFormActionNamesPrivateSchemesAlone(t *testing.T) {
	for uri, want := range map[string]string{"https://app.example/cb": "", "http://127.0.0.1:1/cb": "", "com.example.app:/cb": "com.example.app:"} {
		if got := (Reply{RedirectURI: uri}).FormAction(); got != want {
			t.Errorf("%s: %q", uri, got)
		}
	}
}

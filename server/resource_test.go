package server_test

import (
	"strings"
	"testing"
	"time"

	"github.com/postern-auth/postern/server/store"
)

// A token is for the targets that its request names of those that were asked for at the login, however they were
// named there, and never for others (RFC 8707 §2.2).
func TestATokenIsForTheTargetsThatItsRequestNames(t *testing.T) {
	w := newPeopleWorld(t)
	w.must(w.store.PutAssignment(t.Context(), store.Assignment{SubjectID: "alice", APIID: "a-reports", Rights: []string{"read"}}))
	for _, row := range []struct {
		name    string
		more    []string
		for_    string // the APIs that it is for, of messages, reports and samples
		refused bool
	}{
		{"none", nil, "messages reports samples", false},
		{"a resource", []string{"resource", messages}, "messages", false},
		{"an audience", []string{"audience", reports}, "reports", false},
		{"a resource twice", []string{"resource", messages, "resource", messages}, "messages", false},
		{"two resources", []string{"resource", messages, "resource", reports}, "messages reports", false},
		{"a resource and an audience", []string{"resource", messages, "audience", reports}, "messages reports", false},
		{"a project", []string{"audience", "P"}, "messages samples", false},
		{"an empty one", []string{"resource", ""}, "messages reports samples", false},
		{"one that was not asked for", []string{"resource", "Q"}, "", true},
		{"one that is not there", []string{"resource", "https://nowhere.example"}, "", true},
		{"a good one and one that is not there", []string{"resource", messages, "audience", "https://nowhere.example"}, "", true},
		{"one that differs by a slash", []string{"resource", strings.TrimSuffix(reports, "/")}, "", true},
		{"one with a quote", []string{"resource", `x"\é`}, "", true},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := w.at(t)
			check := func(got map[string]any) {
				t.Helper()
				for _, api := range []string{"messages", "reports", "samples"} {
					held := w.introspect(api, got["access_token"].(string))
					if held["active"] != strings.Contains(row.for_, api) {
						t.Errorf("%s says %v, want it for %q", api, held, row.for_)
					}
				}
			}
			code := redeem(spa, w.allowed(spa, offline+" read", []string{messages, reports, "P"}))
			narrow := code
			narrow.body = code.form.Encode() + "&" + values(row.more...).Encode()
			if row.refused {
				w.refused(w.do(narrow), 400, "invalid_target")
				narrow = code // which is not used up by that
			}
			got := w.issued(w.do(narrow))
			if !row.refused {
				check(got)
			}
			renew := refresh(spa, got["refresh_token"].(string))
			narrow = renew
			narrow.body = renew.form.Encode() + "&" + values(row.more...).Encode()
			if row.refused {
				w.refused(w.do(narrow), 400, "invalid_target")
				w.issued(w.do(renew))
				return
			}
			got = w.issued(w.do(narrow))
			check(got)
			// The next one may be for all again.
			all := w.issued(w.do(refresh(spa, got["refresh_token"].(string))))
			if w.introspect("messages", all["access_token"].(string))["active"] != true || w.introspect("reports", all["access_token"].(string))["active"] != true {
				t.Error("a renewal has lost targets for good")
			}
		})
	}
}

// APIs of one login that want different forms are asked for one by one.
func TestTargetsOfDifferentFormsAreAskedForOneByOne(t *testing.T) {
	w := newPeopleWorld(t)
	w.issuesIn("a-messages", store.FormRFC9068)
	code := redeem(spa, w.allowed(spa, offline+" read", []string{messages, reports}))
	w.refused(w.do(code), 400, "invalid_target")
	code.form.Set("resource", messages)
	got := w.issued(w.do(code))
	if _, _, claims := w.claims(got["access_token"].(string)); claims["aud"] != messages {
		t.Errorf("claims %v", claims)
	}
	w.pass(time.Minute)
	got = w.issued(w.do(refresh(spa, got["refresh_token"].(string), "resource", reports)))
	if w.introspect("reports", got["access_token"].(string))["active"] != true {
		t.Error("the second API does not know the token")
	}
}

func TestADeviceNarrowsItsTargetsToo(t *testing.T) {
	w := newDeviceWorld(t)
	d := w.device("telly", "", "scope", "openid read", "resource", messages, "audience", "P")
	w.browser().letIn(d, "allow")
	w.refused(w.do(d.poll("resource", reports)), 400, "invalid_target")
	got := w.issued(w.do(d.poll("resource", messages)))
	w.inactive("samples", got["access_token"].(string))
	if w.introspect("messages", got["access_token"].(string))["active"] != true {
		t.Error("the API does not know the token")
	}
}

func TestAnUnknownAudienceIsToldAsTheDialectHasIt(t *testing.T) {
	w := newLoginWorld(t)
	for host, want := range map[string][2]string{
		"":        {"invalid_target", "there is no active API"},
		auth0Host: {"access_denied", "Service not found: https://nowhere.example.com"},
	} {
		b := w.browser()
		b.host = host
		told := b.open(asks("audience", messages, "resource", "https://nowhere.example.com")).told()
		if told.Get("error") != want[0] || !strings.HasPrefix(told.Get("error_description"), want[1]) || told.Get("state") != "s-1" {
			t.Errorf("%s: %v", host, told)
		}
		told = b.open(asks("audience", `https://nowhere.example.com/"\é'<x>`)).told()
		if strings.ContainsAny(told.Get("error_description"), `"\é`) {
			t.Errorf("%s: %v", host, told)
		}
	}
}

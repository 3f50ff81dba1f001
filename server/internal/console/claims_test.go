package console

import (
	"encoding/base64"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/postern-auth/postern/internal/jws"
	"github.com/postern-auth/postern/server/internal/page"
)

// The header comes first, then what is known in its order, then the rest; each has a value and one sentence.
func TestEachClaimIsExplained(t *testing.T) {
	part := func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }
	raw := part(`{"alg":"RS256","typ":"JWT","kid":"k1"}`) + "." + part(`{"zz":{"a":1},"exp":1772548327,"iat":"soon","aud":["a","b"],"iss":"https://x/",`+
		`"urn:zitadel:iam:org:project:P:roles":{},"urn:zitadel:iam:org:project:roles":{},"urn:zitadel:iam:user:resourceowner:id":"o"}`) + "." + part("signature")
	message, err := jws.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	want := []page.Fact{
		{Name: page.Say("claim.header"), Value: page.Cell{page.Code{Text: `{"alg":"RS256","typ":"JWT","kid":"k1"}`}, page.Words{Text: page.Say("claim.header.lead", "link", "/console/signing-keys")}}},
		{Name: page.Named("iss"), Value: page.Cell{page.Code{Text: `"https://x/"`}, page.Words{Text: page.Say("claim.iss")}}},
		{Name: page.Named("aud"), Value: page.Cell{page.Code{Text: `["a","b"]`}, page.Words{Text: page.Say("claim.aud")}}},
		{Name: page.Named("exp"), Value: page.Cell{page.Code{Text: "1772548327"}, page.Words{Text: page.Say("claim.exp")}, page.Moment{At: time.Unix(1772548327, 0)}}},
		{Name: page.Named("iat"), Value: page.Cell{page.Code{Text: `"soon"`}, page.Words{Text: page.Say("claim.iat")}}},
		{Name: page.Named("urn:zitadel:iam:org:project:roles"), Value: page.Cell{page.Code{Text: "{}"}, page.Words{Text: page.Say("claim.roles")}}},
		{Name: page.Named("urn:zitadel:iam:org:project:P:roles"), Value: page.Cell{page.Code{Text: "{}"}, page.Words{Text: page.Say("claim.project_roles")}}},
		{Name: page.Named("urn:zitadel:iam:user:resourceowner:id"), Value: page.Cell{page.Code{Text: `"o"`}, page.Words{Text: page.Say("claim.owner")}}},
		{Name: page.Named("zz"), Value: page.Cell{page.Code{Text: `{"a":1}`}, page.Words{Text: page.Say("claim.unexplained")}}},
	}
	got := claimFacts(raw, message)
	if len(got) != len(want) {
		t.Fatalf("%d facts: %+v", len(got), got)
	}
	for i := range want {
		if !slices.EqualFunc(got[i].Value, want[i].Value, func(a, b page.Inline) bool { return reflect.DeepEqual(a, b) }) || !reflect.DeepEqual(got[i].Name, want[i].Name) {
			t.Errorf("%d: %+v, want %+v", i, got[i], want[i])
		}
	}
}

package console

import (
	"encoding/base64"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/postern-auth/postern/internal/jws"
	"github.com/postern-auth/postern/server/internal/oauth"
	"github.com/postern-auth/postern/server/internal/page"
)

// claimTexts say what claims are for, in the order in which they are told.
var claimTexts = []struct {
	claim string
	text  page.Text
}{
	{"active", page.Say("claim.active")}, {"iss", page.Say("claim.iss")}, {"aud", page.Say("claim.aud")}, {"sub", page.Say("claim.sub")},
	{"exp", page.Say("claim.exp")}, {"iat", page.Say("claim.iat")}, {"nbf", page.Say("claim.nbf")},
	{"permissions", page.Say("claim.permissions")}, {"scope", page.Say("claim.scope")},
	{oauth.RolesClaim, page.Say("claim.roles")}, {"gty", page.Say("claim.gty")},
	{"username", page.Say("claim.username")}, {"token_type", page.Say("claim.token_type")},
	{"azp", page.Say("claim.client")}, {"client_id", page.Say("claim.client")}, {"jti", page.Say("claim.jti")},
	{"urn:postern:user_id", page.Say("claim.user_id")},
}

// claimFacts are the header and claims of a JWT as they are written in it, each with what it is for.
func claimFacts(raw string, message jws.Message) []page.Fact {
	first, _, _ := strings.Cut(raw, ".")
	header, _ := base64.RawURLEncoding.DecodeString(first) // what was parsed is decoded
	return append([]page.Fact{{Name: page.Say("claim.header"), Value: page.Cell{page.Code{Text: string(header)}, page.Words{Text: page.Say("claim.header.lead", "link", base+signingKeysPath)}}}}, memberFacts(message.Payload)...)
}

// memberFacts are the members of an object, each with what it is for: the claims of a token, or an answer about one.
func memberFacts(object string) (facts []page.Fact) {
	var claims map[string]json.RawMessage
	if json.Unmarshal([]byte(object), &claims) != nil {
		return nil
	}
	add := func(claim string, text page.Text) {
		value := page.Cell{page.Code{Text: string(claims[claim])}, page.Words{Text: text}}
		var seconds int64
		if slices.Contains([]string{"exp", "iat", "nbf"}, claim) && json.Unmarshal(claims[claim], &seconds) == nil {
			value = append(value, page.Moment{At: time.Unix(seconds, 0)})
		}
		facts = append(facts, page.Fact{Name: page.Named(claim), Value: value})
		delete(claims, claim)
	}
	for _, known := range claimTexts {
		if _, there := claims[known.claim]; there {
			add(known.claim, known.text)
		}
	}
	for _, claim := range slices.Sorted(maps.Keys(claims)) {
		switch {
		case strings.HasPrefix(claim, oauth.ResourceOwnerScope+":"):
			add(claim, page.Say("claim.owner"))
		case projectRoles(claim):
			add(claim, page.Say("claim.project_roles"))
		default:
			add(claim, page.Say("claim.unexplained"))
		}
	}
	return facts
}

// projectRoles reports whether a claim holds the roles in a project that it names.
func projectRoles(claim string) bool {
	before, after, _ := strings.Cut(oauth.ProjectRolesClaim("|"), "|")
	return strings.HasPrefix(claim, before) && strings.HasSuffix(claim, after)
}

package preset

import (
	"regexp"
	"strings"

	"github.com/postern-auth/postern"
	"github.com/postern-auth/postern/jwt"
)

// poolID is the form of a user pool's id: its region and a name.
var poolID = regexp.MustCompile(`^[a-z]{2,4}(-[a-z]+)+-[0-9]+_[0-9A-Za-z]+$`)

// Cognito returns the Config for access tokens of an Amazon Cognito user pool, by its id, such as
// "eu-central-1_Example00".
//
// Its access tokens have no aud: what they are for can only be told by the app client that got them. So the
// audiences are the ids of the app clients that may call this API, and Token.HasAudience speaks of them. An
// app client that serves two APIs has tokens that are good for both; let scopes of a resource server
// ("messages/read") tell the APIs apart.
//
// The claim token_use must be access: ID tokens are signed with the same key. The groups of a user count as
// roles (cognito:groups).
func Cognito(userPool string, clients ...string) jwt.Config {
	issuer := userPool
	if userPool != "" {
		issuer = "no pool id, such as eu-central-1_Example00: " + userPool // no URL, which the verifier's constructor says
	}
	if poolID.MatchString(userPool) {
		region, _, _ := strings.Cut(userPool, "_")
		host := "cognito-idp." + region + ".amazonaws.com"
		if strings.HasPrefix(region, "cn-") {
			host += ".cn"
		}
		issuer = "https://" + host + "/" + userPool
	}
	return jwt.Config{
		Issuer:     issuer,
		Audiences:  clients,
		Algorithms: []string{jwt.RS256},
		ClaimNames: postern.ClaimNames{
			Roles:    []string{"cognito:groups"},
			Audience: []string{"client_id"},
		},
		AccessTokenMark: jwt.Mark{Claim: "token_use", Values: []string{"access"}},
	}
}

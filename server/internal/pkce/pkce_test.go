package pkce_test

import (
	"strings"
	"testing"

	"github.com/postern-auth/postern/server/internal/pkce"
)

// The pair of RFC 7636, appendix B.
const (
	verifier  = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
	challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
)

func TestChallengeOfTheRFC(t *testing.T) {
	if got := pkce.Challenge(verifier); got != challenge {
		t.Errorf("got %s, want %s", got, challenge)
	}
}

func TestK8_ChallengesAreTheHashesOfS256Alone(t *testing.T) {
	for name, row := range map[string]struct {
		challenge string
		want      bool
	}{
		"a hash":                       {challenge, true},
		"nothing":                      {"", false},
		"42 characters":                {challenge[:42], false},
		"44 characters":                {challenge + "A", false},
		"129 characters":               {challenge + strings.Repeat("A", 86), false},
		"padded":                       {challenge + "=", false},
		"padding in the length":        {challenge[:42] + "=", false},
		"a plus of the other base64":   {"+" + challenge[1:], false},
		"a slash of the other base64":  {"/" + challenge[1:], false},
		"a line break within":          {challenge[:20] + "\n" + challenge[21:], false},
		"a line break before 31 bytes": {"\n" + challenge[:41] + "A", false},
		"a line break at the end":      {challenge[:42] + "\n", false},
		"bits that no hash has":        {challenge[:42] + "N", false},
		"a letter that is not ASCII":   {challenge[:41] + "é", false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := pkce.IsChallenge(row.challenge); got != row.want {
				t.Errorf("%q: %t", row.challenge, got)
			}
		})
	}
}

func TestK7_TheVerifierAnswersTheChallenge(t *testing.T) {
	short := strings.Repeat("a", 42)
	for name, row := range map[string]struct {
		challenge, verifier string
		want                bool
	}{
		"the verifier of the challenge":             {challenge, verifier, true},
		"neither":                                   {"", "", true},
		"a verifier where no challenge was sent":    {"", verifier, false},
		"no verifier where a challenge was sent":    {challenge, "", false},
		"the challenge as its own verifier (plain)": {challenge, challenge, false},
		"the verifier of another challenge":         {challenge, "x" + verifier[1:], false},
		"the verifier with a space behind it":       {challenge, verifier + " ", false},
		"the verifier in capitals":                  {challenge, strings.ToUpper(verifier), false},
		"a verifier that is too short":              {pkce.Challenge(short), short, false},
		"a verifier of 43 characters":               {pkce.Challenge(short + "a"), short + "a", true},
		"a verifier of 128 characters":              {pkce.Challenge(strings.Repeat("~", 128)), strings.Repeat("~", 128), true},
		"a verifier of 129 characters":              {pkce.Challenge(strings.Repeat("~", 129)), strings.Repeat("~", 129), false},
		"a verifier with a plus":                    {pkce.Challenge(short + "+"), short + "+", false},
		"a verifier with a letter beyond ASCII":     {pkce.Challenge(short + "é"), short + "é", false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := pkce.Verify(row.challenge, row.verifier); got != row.want {
				t.Errorf("got %t", got)
			}
		})
	}
}

func FuzzVerify(f *testing.F) {
	f.Add(challenge, verifier)
	f.Add("", verifier)
	f.Add(verifier, verifier)
	f.Fuzz(func(t *testing.T, challenge, verifier string) {
		if !pkce.Verify(challenge, verifier) || challenge == "" && verifier == "" {
			return
		}
		if !pkce.IsChallenge(challenge) || !pkce.IsVerifier(verifier) || pkce.Challenge(verifier) != challenge {
			t.Errorf("%q answers %q", verifier, challenge)
		}
	})
}

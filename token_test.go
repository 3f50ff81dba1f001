package postern_test

import (
	"encoding/base64"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/postern-auth/postern"
)

func TestTokenReturnsWhatItWasMadeOf(t *testing.T) {
	at := func(sec int64) time.Time { return time.Unix(sec, 500_000_000).UTC() }
	data := postern.TokenData{
		Issuer: "https://issuer.test", Subject: "sub", ClientID: "client", ID: "jti", Username: "name", ACR: "acr",
		IssuedAt: at(1), NotBefore: at(2), Expiry: at(3), AuthTime: at(4),
		Audience: []string{"a", "", "bc"}, Scopes: []string{"read", "write"}, Roles: []string{"editor"}, Permissions: []string{"p", "q", "r"},
	}
	token := postern.NewToken(data)
	for name, pair := range map[string][2]string{
		"iss": {token.Issuer(), data.Issuer}, "sub": {token.Subject(), data.Subject}, "client": {token.ClientID(), data.ClientID},
		"jti": {token.ID(), data.ID}, "username": {token.Username(), data.Username}, "acr": {token.ACR(), data.ACR},
	} {
		if pair[0] != pair[1] {
			t.Errorf("%s is %q, want %q", name, pair[0], pair[1])
		}
	}
	for name, pair := range map[string][2]time.Time{
		"iat": {token.IssuedAt(), data.IssuedAt}, "nbf": {token.NotBefore(), data.NotBefore}, "exp": {token.Expiry(), data.Expiry}, "auth_time": {token.AuthTime(), data.AuthTime},
	} {
		if pair[0] != pair[1] {
			t.Errorf("%s is %s, want %s", name, pair[0], pair[1])
		}
	}
	for name, pair := range map[string][2][]string{
		"aud": {slices.Collect(token.Audience()), data.Audience}, "scopes": {slices.Collect(token.Scopes()), data.Scopes},
		"roles": {slices.Collect(token.Roles()), data.Roles}, "permissions": {slices.Collect(token.Permissions()), data.Permissions},
	} {
		if !slices.Equal(pair[0], pair[1]) {
			t.Errorf("%s are %q, want %q", name, pair[0], pair[1])
		}
	}
	for what, has := range map[string]bool{
		"its audience": token.HasAudience("bc"), "an empty audience": token.HasAudience(""), "its scope": token.HasScope("write"),
		"its role": token.HasRole("editor"), "its permission": token.HasPermission("r"),
	} {
		if !has {
			t.Errorf("the token does not have %s", what)
		}
	}
	for what, has := range map[string]bool{
		"a scope as audience": token.HasAudience("read"), "an audience as scope": token.HasScope("a"), "a permission as role": token.HasRole("p"),
		"a role as permission": token.HasPermission("editor"), "two scopes as one": token.HasScope("readwrite"),
	} {
		if has {
			t.Errorf("the token has %s", what)
		}
	}
	for range token.Scopes() {
		break // a reader may stop
	}
}

func TestZeroTokenSaysNothing(t *testing.T) {
	for _, token := range []*postern.Token{{}, postern.NewToken(postern.TokenData{})} {
		if token.Issuer()+token.Subject()+token.ACR() != "" || token.HasScope("") || token.HasAudience("") || len(slices.Collect(token.Permissions())) > 0 {
			t.Error("it says something")
		}
		for _, at := range []time.Time{token.IssuedAt(), token.NotBefore(), token.Expiry(), token.AuthTime()} {
			if at != (time.Time{}) {
				t.Errorf("it has the time %s", at)
			}
		}
		var v any
		if err := token.Claim("sub", &v); !errors.Is(err, postern.ErrNoClaim) {
			t.Errorf("claim sub: %v", err)
		}
	}
}

func TestClaimsAreReadAsJSONAndInBase64URL(t *testing.T) {
	for _, text := range []string{`{"org":"a","deep":{"n":[1,2]}}`, " \n{\"org\":\"a\",\"deep\":{\"n\":[1,2]}}"} {
		for name, claims := range map[string]string{"JSON": text, "base64url": base64.RawURLEncoding.EncodeToString([]byte(text))} {
			token := postern.NewToken(postern.TokenData{Claims: claims})
			var org string
			var deep struct{ N []int }
			if err := errors.Join(token.Claim("org", &org), token.Claim("deep", &deep)); err != nil || org != "a" || len(deep.N) != 2 {
				t.Errorf("%s: %q, %v, %v", name, org, deep, err)
			}
			if err := token.Claim("other", &org); !errors.Is(err, postern.ErrNoClaim) {
				t.Errorf("%s: %v, want ErrNoClaim", name, err)
			}
		}
	}
	for name, claims := range map[string]string{
		"two of a name": `{"a":1,"a":2}`, "two of a name in base64url": base64.RawURLEncoding.EncodeToString([]byte(`{"a":1,"a":2}`)),
		"neither": "eyJ!", "padded": "e30=",
	} {
		var v any
		err := postern.NewToken(postern.TokenData{Claims: claims}).Claim("a", &v)
		if err == nil || errors.Is(err, postern.ErrNoClaim) || !strings.Contains(err.Error(), "claims of the token") {
			t.Errorf("%s: %v, want an error about the claims", name, err)
		}
	}
}

func TestADateBeyondAllThatFitStaysAhead(t *testing.T) {
	for _, row := range []struct {
		date, from, to time.Time
	}{
		{time.Unix(1<<53, 0), time.Date(200000, 1, 1, 0, 0, 0, 0, time.UTC), time.Unix(1<<53, 0)},
		{time.Unix(1<<62, 0), time.Date(200000, 1, 1, 0, 0, 0, 0, time.UTC), time.Unix(1<<62, 0)},
		{time.Unix(math.MaxInt64, 0), time.Date(200000, 1, 1, 0, 0, 0, 0, time.UTC), time.Unix(1<<62, 0)},
		{time.Date(9999, 12, 31, 23, 59, 59, 999999000, time.UTC), time.Date(9999, 12, 31, 23, 59, 59, 999999000, time.UTC), time.Date(9999, 12, 31, 23, 59, 59, 999999000, time.UTC)},
		{time.Unix(-1<<60, 0), time.Time{}, time.Time{}},
		{time.Time{}, time.Time{}, time.Time{}},
	} {
		token := postern.NewToken(postern.TokenData{IssuedAt: row.date, NotBefore: row.date, Expiry: row.date, AuthTime: row.date})
		for _, got := range []time.Time{token.IssuedAt(), token.NotBefore(), token.Expiry(), token.AuthTime()} {
			if got.Before(row.from) || got.After(row.to) {
				t.Errorf("date %v comes back as %v, want one from %v to %v", row.date, got, row.from, row.to)
			}
		}
	}
}

package facts_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/postern-auth/postern"
	"github.com/postern-auth/postern/internal/claims"
	"github.com/postern-auth/postern/internal/facts"
)

func read(t *testing.T, text string, n postern.ClaimNames) (postern.TokenData, error) {
	t.Helper()
	names, err := facts.Compile(n)
	if err != nil {
		t.Fatal(err)
	}
	var set claims.Object
	if err := set.Parse(text); err != nil {
		t.Fatal(err)
	}
	var reader facts.Reader
	return reader.Read(&set, names)
}

func TestReadEverything(t *testing.T) {
	text := `{"iss":"i","sub":"s","aud":["a","b"],"exp":30,"nbf":10,"iat":20.5,"jti":"j","client_id":"c","azp":"z",` +
		`"username":"u","preferred_username":"p","auth_time":5,"acr":"r","scope":"x  y ","roles":["ro"],"permissions":["pe"],` +
		`"cnf":{"jkt":"k","jwk":{"kty":"EC"}},"unknown":[1,{}]}`
	got, err := read(t, text, postern.ClaimNames{})
	if err != nil {
		t.Fatal(err)
	}
	at := func(seconds float64) time.Time { return time.UnixMilli(int64(seconds * 1000)).UTC() }
	want := postern.TokenData{
		Issuer: "i", Subject: "s", ClientID: "c", ID: "j", Username: "u", ACR: "r",
		IssuedAt: at(20.5), NotBefore: at(10), Expiry: at(30), AuthTime: at(5),
		Audience: []string{"a", "b"}, Scopes: []string{"x", "y"}, Roles: []string{"ro"}, Permissions: []string{"pe"},
		Confirmation: map[string]string{"jkt": "k", "jwk": `{"kty":"EC"}`}, Claims: text,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("data (-want +got):\n%s", diff)
	}
}

func TestFallbackNames(t *testing.T) {
	got, err := read(t, `{"preferred_username":"p","azp":"z"}`, postern.ClaimNames{})
	if err != nil || got.Username != "p" || got.ClientID != "z" {
		t.Errorf("username %q, client %q, %v; want p and z", got.Username, got.ClientID, err)
	}
}

func TestRegisteredClaimsOfTheWrongTypeAreErrors(t *testing.T) {
	for _, member := range []string{
		`"iss":1`, `"iss":null`, `"sub":["s"]`, `"jti":{}`, `"client_id":true`, `"username":1`, `"acr":["a"]`,
		`"exp":"1"`, `"exp":null`, `"exp":-1`, `"exp":1e400`, `"nbf":[]`, `"iat":{}`, `"auth_time":true`,
		`"aud":1`, `"aud":null`, `"aud":[1]`, `"aud":[["a"]]`, `"scope":1`, `"scope":null`, `"scope":{"a":1}`, `"scope":["a",1]`,
		`"cnf":null`, `"cnf":{}`, `"cnf":"x"`, `"cnf":[]`,
	} {
		if data, err := read(t, "{"+member+"}", postern.ClaimNames{}); err == nil {
			t.Errorf("%s is accepted: %+v", member, data)
		} else if name, _, _ := strings.Cut(member[1:], `"`); !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v does not name the claim", member, err)
		}
	}
}

func TestAudienceAndClientOfOtherNames(t *testing.T) {
	names := postern.ClaimNames{Audience: []string{"client_id", "/app/ids"}, ClientID: []string{"cid", "appid"}}
	for _, test := range []struct {
		text     string
		audience []string
		client   string
		good     bool
	}{
		{`{"client_id":"c","aud":"a","cid":"x"}`, []string{"c"}, "x", true},
		{`{"client_id":"c","app":{"ids":["d","e"]},"appid":"y"}`, []string{"c", "d", "e"}, "y", true},
		{`{"cid":1,"appid":"y"}`, nil, "y", true},
		{`{"aud":"a","azp":"z"}`, nil, "", true},
		{`{"app":{"ids":1}}`, nil, "", false},
		{`{"app":{"ids":null}}`, nil, "", false},
		{`{"aud":1}`, nil, "", false},
	} {
		data, err := read(t, test.text, names)
		if (err == nil) != test.good || !slices.Equal(data.Audience, test.audience) || data.ClientID != test.client {
			t.Errorf("%s: audience %q, client %q, %v", test.text, data.Audience, data.ClientID, err)
		}
	}
}

func TestRightsOfAnUnreadableShapeAreNone(t *testing.T) {
	for _, value := range []string{`1`, `true`, `null`, `["a",1]`, `[["a"]]`, `[]`, `{}`, `""`} {
		data, err := read(t, `{"roles":`+value+`,"permissions":`+value+`}`, postern.ClaimNames{})
		if err != nil || len(data.Roles)+len(data.Permissions) != 0 {
			t.Errorf("%s: roles %q, permissions %q, %v; want none", value, data.Roles, data.Permissions, err)
		}
	}
}

func TestCompile(t *testing.T) {
	for name, good := range map[string]bool{
		"roles": true, "https://a/b": true, "a~2": true, "/a": true, "/a/b": true, "/a~0b~1c": true, "//a": true, "/a/": true,
		"": false, "/": false, "/~": false, "/a~": false, "/a~2b": false, "/~~0": false,
	} {
		for _, names := range []postern.ClaimNames{
			{Scopes: []string{name}}, {Roles: []string{"x", name}}, {Permissions: []string{name}}, {Audience: []string{name}}, {ClientID: []string{name}},
		} {
			if _, err := facts.Compile(names); (err == nil) != good {
				t.Errorf("%+v: %v, want good %v", names, err, good)
			}
		}
	}
}

func TestAReaderKeepsNothingOfTheLastToken(t *testing.T) {
	names, err := facts.Compile(postern.ClaimNames{})
	if err != nil {
		t.Fatal(err)
	}
	var reader facts.Reader
	var first, second claims.Object
	if err := first.Parse(`{"scope":"a b c","roles":["admin"],"aud":["x","y"]}`); err != nil {
		t.Fatal(err)
	}
	if err := second.Parse(`{"scope":"d"}`); err != nil {
		t.Fatal(err)
	}
	data, err := reader.Read(&first, names)
	if err != nil {
		t.Fatal(err)
	}
	token := postern.NewToken(data)
	again, err := reader.Read(&second, names)
	if err != nil || !slices.Equal(again.Scopes, []string{"d"}) || len(again.Roles)+len(again.Audience) != 0 {
		t.Errorf("the second token has %+v, %v", again, err)
	}
	if !slices.Equal(slices.Collect(token.Scopes()), []string{"a", "b", "c"}) || !token.HasRole("admin") || !token.HasAudience("y") {
		t.Error("the first token has changed with the second")
	}
}

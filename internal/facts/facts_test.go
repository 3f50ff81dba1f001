package facts_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

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

func TestClaimsThatDecideAreErrorsWhenTheirTypeIsWrong(t *testing.T) {
	for _, member := range []string{
		`"iss":1`, `"sub":["s"]`, `"sub":1`, `"sub":{}`, `"sub":false`,
		`"exp":"1"`, `"exp":-1`, `"exp":1e400`, `"exp":false`, `"nbf":[]`, `"nbf":"1"`, `"nbf":-1`,
		`"aud":1`, `"aud":[1]`, `"aud":[["a"]]`, `"aud":["a",null]`, `"aud":{}`, `"scope":1`, `"scope":{"a":1}`, `"scope":{"a":true}`,
		`"scope":["a",1]`, `"scope":["a",null]`, `"scope":true`,
		`"cnf":null`, `"cnf":{}`, `"cnf":"x"`, `"cnf":[]`,
	} {
		if data, err := read(t, "{"+member+"}", postern.ClaimNames{}); err == nil {
			t.Errorf("%s is accepted: %+v", member, data)
		} else if name, _, _ := strings.Cut(member[1:], `"`); !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v does not name the claim", member, err)
		}
	}
}

func TestFindingT1_NullIsAbsent(t *testing.T) {
	text := `{"iss":null,"sub":null,"aud":null,"exp":null,"nbf":null,"iat":null,"jti":null,"client_id":null,"azp":null,"username":null,` +
		`"preferred_username":null,"auth_time":null,"acr":null,"scope":null,"roles":null,"permissions":null}`
	for _, names := range []postern.ClaimNames{{}, {Audience: []string{"aud"}, ClientID: []string{"client_id"}, Scopes: []string{"scope", "/scope/x"}}} {
		got, err := read(t, text, names)
		if diff := cmp.Diff(postern.TokenData{Claims: text}, got, cmpopts.EquateEmpty()); err != nil || diff != "" {
			t.Errorf("%v, data (-want +got):\n%s", err, diff)
		}
	}
	got, err := read(t, `{"client_id":null,"azp":"z","username":null,"preferred_username":"p"}`, postern.ClaimNames{})
	if err != nil || got.ClientID != "z" || got.Username != "p" {
		t.Errorf("client %q, username %q, %v; want z and p", got.ClientID, got.Username, err)
	}
}

func TestFindingT2_ClaimsThatNobodyAskedForAreEmptyWhenTheirTypeIsWrong(t *testing.T) {
	for _, value := range []string{`"2026-03-14T18:52:01.180Z"`, `42`, `1e400`, `-1`, `true`, `false`, `{}`, `{"a":"b"}`, `[]`, `["a"]`} {
		text := ""
		for _, name := range []string{"jti", "acr", "auth_time", "iat", "client_id", "azp", "username", "preferred_username"} {
			isText, isDate := strings.HasPrefix(value, `"`), value == `42`
			wantsDate := name == "auth_time" || name == "iat"
			if isText && !wantsDate || isDate && wantsDate {
				continue // that is its type
			}
			text += `,"` + name + `":` + value
		}
		text = "{" + text[1:] + "}"
		got, err := read(t, text, postern.ClaimNames{})
		if diff := cmp.Diff(postern.TokenData{Claims: text}, got, cmpopts.EquateEmpty()); err != nil || diff != "" {
			t.Errorf("%s: %v, data (-want +got):\n%s", text, err, diff)
		}
	}
}

func TestFindingT2_AClientOfTheWrongTypeIsNoGuess(t *testing.T) {
	for _, test := range []struct{ text, client, username string }{
		{`{"client_id":42,"azp":"z","username":{"a":1},"preferred_username":"p"}`, "", ""},
		{`{"client_id":["c"],"azp":"z","username":false,"preferred_username":"p"}`, "", ""},
		{`{"client_id":"","azp":"z","username":"","preferred_username":"p"}`, "z", "p"},
		{`{"azp":"z","preferred_username":"p"}`, "z", "p"},
		{`{"azp":1,"preferred_username":1}`, "", ""},
		{`{"client_id":"c","azp":1,"username":"u","preferred_username":1}`, "c", "u"},
	} {
		got, err := read(t, test.text, postern.ClaimNames{})
		if err != nil || got.ClientID != test.client || got.Username != test.username {
			t.Errorf("%s: client %q, username %q, %v; want %q and %q", test.text, got.ClientID, got.Username, err, test.client, test.username)
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
		{`{"app":{"ids":null}}`, nil, "", true},
		{`{"client_id":["c",1]}`, nil, "", false},
		{`{"aud":1}`, nil, "", false},
	} {
		data, err := read(t, test.text, names)
		if (err == nil) != test.good || !slices.Equal(data.Audience, test.audience) || data.ClientID != test.client {
			t.Errorf("%s: audience %q, client %q, %v", test.text, data.Audience, data.ClientID, err)
		}
	}
}

func TestFindingR1_NothingOddGivesARight(t *testing.T) {
	names := postern.ClaimNames{
		Roles:       []string{"roles", "/nested/deep/roles", "/list/roles", "/flags/admin"},
		Permissions: []string{"roles", "/nested/deep/roles", "/list/roles", "/flags/admin"},
	}
	for value, want := range map[string][]string{
		`"a b"`: {"a b"}, `""`: nil, `1`: nil, `true`: nil, `false`: nil, `null`: nil,
		`["a","b"]`: {"a", "b"}, `[]`: nil, `["",null]`: nil, `[["a"]]`: nil, `[true]`: nil, `[{"a":true}]`: nil, `[{"name":"a"}]`: nil,
		`["a",1,null,{"b":true},["c"],false,""]`: {"a"},
		`{"a":true,"b":{"1001":"acme.example"}}`: {"a", "b"},
		`{"a":false}`:                            nil, `{"a":null}`: nil, `{"a":0}`: nil, `{"a":1}`: nil, `{"a":""}`: nil, `{"a":"true"}`: nil, `{"a":"x"}`: nil, `{"a":[]}`: nil,
		`{"a":["x"]}`: nil, `{"a":[true]}`: nil, `{"a":{}}`: nil, `{"a":{ }}`: nil, `{"a":1e400}`: nil, `{"":true}`: nil, `{}`: nil,
		`{"a":false,"b":true,"c":null,"d":{},"e":{"x":false}}`: {"b", "e"},
	} {
		for _, shape := range []string{`{"roles":%}`, `{"nested":{"deep":{"roles":%}}}`} {
			text := strings.Replace(shape, "%", value, 1)
			data, err := read(t, text, names)
			if err != nil || !slices.Equal(data.Roles, want) || !slices.Equal(data.Permissions, want) {
				t.Errorf("%s: roles %q, permissions %q, %v; want %q", text, data.Roles, data.Permissions, err, want)
			}
		}
	}
	for _, text := range []string{
		`{"list":[{"roles":["a"]}]}`, `{"list":"roles"}`, `{"list":null}`, `{"flags":{"admin":true}}`, `{"flags":{"admin":false}}`, `{"flags":true}`,
		`{"nested":{"deep":[{"roles":["a"]}]}}`, `{"flags":{"admin":{"1001":"acme.example"}}}`,
	} {
		data, err := read(t, text, names)
		if err != nil || len(data.Roles)+len(data.Permissions) != 0 {
			t.Errorf("%s: roles %q, permissions %q, %v; want none", text, data.Roles, data.Permissions, err)
		}
	}
}

func TestCompile(t *testing.T) {
	for name, good := range map[string]bool{
		"roles": true, "https://a/b": true, "a~2": true, "/a": true, "/a/b": true, "/a~0b~1c": true, "//a": true, "/a/": true,
		"my roles": true, "": false, "/": false, "roles\n": false, " roles": false, "https://{ns}/roles": false, "/~": false, "/a~": false, "/a~2b": false, "/~~0": false,
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

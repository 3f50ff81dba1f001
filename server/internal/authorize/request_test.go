package authorize

import (
	"strings"
	"testing"
	"time"
)

func TestAStoredRequestOfADeviceHasNoAddress(t *testing.T) {
	a := arrival()
	a.Device = "d1"
	r, refusal := ParseDevice(map[string][]string{"scope": {"openid a"}, "resource": {"x", "y"}, "redirect_uri": {"https://evil.example"}, "prompt": {"none"}}, a)
	if refusal != nil || r.Scopes != "openid a" || r.Targets != "x y" || r.Prompt != PromptConsent || r.RedirectURI != "" {
		t.Fatalf("%+v, refusal %+v", r, refusal)
	}
	text, err := r.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	if again, err := Unmarshal(text); err != nil || again != r {
		t.Fatalf("%s is read as %+v: %v", text, again, err)
	}
	for name, change := range map[string][2]string{
		"an address":      {`"redirect_uri":""`, `"redirect_uri":"https://app.example/cb"`},
		"a mode":          {`"response_mode":""`, `"response_mode":"query"`},
		"a state":         {`"response_mode":""`, `"response_mode":"","state":"s"`},
		"nobody is asked": {`"prompt":"consent",`, ``},
		"asked of nobody": {`"prompt":"consent"`, `"prompt":"none"`},
		"no device":       {`"device":"d1",`, ``},
		"no issuer":       {`"https://login.example.com"`, `""`},
	} {
		changed := strings.Replace(string(text), change[0], change[1], 1)
		if got, err := Unmarshal([]byte(changed)); changed == string(text) || err == nil {
			t.Errorf("%s: %s is read as %+v", name, changed, got)
		}
	}
	if refusal := r.Recheck("https://other.example.com", a.Client); refusal == nil {
		t.Error("it goes on at another issuer")
	}
	if refusal := r.Recheck(r.Issuer, Client{ID: "other"}); refusal == nil {
		t.Error("it goes on for another client")
	}
	if refusal := r.Recheck(r.Issuer, a.Client); refusal != nil {
		t.Errorf("%+v", refusal)
	}
}

func TestAStoredRequestIsReadStrictly(t *testing.T) {
	r, refusal := Parse(plain("state=<&>", "nonce=n", "max_age=0"), arrival())
	if refusal != nil {
		t.Fatal(refusal)
	}
	text, err := r.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	if again, err := Unmarshal(text); err != nil || again != r {
		t.Fatalf("%s is read as %+v: %v", text, again, err)
	}
	for name, change := range map[string][2]string{
		"an unknown member":           {`"max_age"`, `"admin":true,"max_age"`},
		"a member twice":              {`"nonce":"n"`, `"nonce":"m","nonce":"n"`},
		"a member in another case":    {`"nonce"`, `"Nonce"`},
		"a space":                     {`,"nonce"`, `, "nonce"`},
		"another version":             {`"v":1`, `"v":2`},
		"no version":                  {`"v":1,`, ``},
		"a number of another type":    {`"max_age":0`, `"max_age":"0"`},
		"no max_age":                  {`"max_age":0,`, ``},
		"max_age below none":          {`"max_age":0`, `"max_age":-2`},
		"an unknown mode":             {`"query"`, `"fragment"`},
		"no issuer":                   {`"https://login.example.com"`, `""`},
		"no client":                   {`"client_id":"app"`, `"client_id":""`},
		"a redirect URI of no client": {`https://app.example/cb`, `javascript:alert(1)`},
		"text behind it":              {`}`, `}{}`},
		"scopes with two spaces":      {`"scope":"openid"`, `"scope":null`},
	} {
		t.Run(name, func(t *testing.T) {
			changed := strings.Replace(string(text), change[0], change[1], 1)
			if changed == string(text) {
				t.Fatalf("%s is not in %s", change[0], text)
			}
			if got, err := Unmarshal([]byte(changed)); err == nil || got != (Request{}) {
				t.Errorf("%s is read as %+v", changed, got)
			} else if name == "another version" && !strings.Contains(err.Error(), "expected version 1, got 2") {
				t.Errorf("got %v", err)
			}
		})
	}
	for _, text := range []string{"", "null", "[]", "{}", "1"} {
		if _, err := Unmarshal([]byte(text)); err == nil {
			t.Errorf("%q is a request", text)
		}
	}
	r.At = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)
	if _, err := r.Marshal(); err == nil {
		t.Error("a time that JSON cannot hold is stored")
	}
}

func TestNames(t *testing.T) {
	n := NamesOf("a", "", "b", "a")
	if n != "a b" || !n.Has("b") || n.Has("") || n.Has("a b") || Names("").Has("") {
		t.Errorf("got %q", n)
	}
	if got := n.Without("b c"); got != "a" {
		t.Errorf("without: %q", got)
	}
	n.List()[0] = "x"
	if n != "a b" {
		t.Error("a list of names is not the caller's own")
	}
}

package passkey_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/postern-auth/postern/server/internal/passkey"
	"github.com/postern-auth/postern/server/store"
)

func TestTheRelyingPartyIsTheHostOfTheIssuer(t *testing.T) {
	for issuer, want := range map[string]string{
		"https://login.example.com":      "login.example.com",
		"https://login.example.com/":     "login.example.com",
		"https://login.example.com:8443": "login.example.com",
		"https://LOGIN.example.com":      "login.example.com",
		"http://localhost:8080":          "localhost",
		"https://localhost:8443/":        "localhost",
		"http://a.localhost:8080":        "a.localhost",
		"http://login.example.com":       "",
		"https://127.0.0.1:8443":         "",
		"http://127.0.0.1:8080":          "",
		"https://[::1]:8443":             "",
		"https://203.0.113.7":            "",
		"http://localhost.example.com":   "",
		"http://notlocalhost":            "",
		"https://":                       "",
		"":                               "",
		"://":                            "",
		"urn:postern":                    "",
		"ftp://login.example.com":        "",
		"https://login.example.com:443":  "login.example.com",
		"https://xn--bcher-kva.example":  "xn--bcher-kva.example",
	} {
		rp, ok := passkey.For(issuer, "Example Company")
		if ok != (want != "") || ok && rp.ID != want {
			t.Errorf("%q: %v %v, want %q", issuer, rp, ok, want)
		}
	}
}

func relyingParty(t testing.TB) *passkey.RelyingParty {
	t.Helper()
	rp, ok := passkey.For("https://login.example.com", "Example Company")
	if !ok {
		t.Fatal("no relying party")
	}
	return rp
}

// What a ceremony waits with decides whether the person has to be verified: one that does not say so is refused.
func TestOnlyCeremoniesThatVerifyThePersonCount(t *testing.T) {
	rp := relyingParty(t)
	_, waiting, err := rp.BeginLogin()
	if err != nil {
		t.Fatal(err)
	}
	_, made, err := rp.BeginEnrolment(passkey.Owner{Handle: store.UserHandle{1}, Name: "mia", Called: "Mia"})
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{waiting, made} {
		for _, change := range []func(map[string]any){
			func(m map[string]any) { m["userVerification"] = "preferred" },
			func(m map[string]any) { delete(m, "userVerification") },
			func(m map[string]any) { m["rpId"] = "evil.example.com" },
			func(m map[string]any) { delete(m, "rpId") },
		} {
			var m map[string]any
			if err := json.Unmarshal([]byte(text), &m); err != nil {
				t.Fatal(err)
			}
			before := len(m)
			change(m)
			bad, err := json.Marshal(m)
			if err != nil || before < 4 {
				t.Fatal(err, before)
			}
			if _, err := rp.FinishLogin(string(bad), "{}", nobody); !errors.Is(err, passkey.ErrRefused) || !strings.Contains(err.Error(), "begun for another host") {
				t.Errorf("%s: %v", bad, err)
			}
			if _, err := rp.FinishEnrolment(passkey.Owner{}, string(bad), "{}"); !errors.Is(err, passkey.ErrRefused) || !strings.Contains(err.Error(), "begun for another host") {
				t.Errorf("%s: %v", bad, err)
			}
		}
	}
	if _, err := rp.FinishLogin("not JSON", "{}", nobody); err == nil || errors.Is(err, passkey.ErrRefused) {
		t.Errorf("what the store holds is not ours: %v", err)
	}
}

func nobody([]byte) (store.Passkey, store.UserHandle, error) {
	return store.Passkey{}, store.UserHandle{}, store.ErrNotFound
}

// answer is one of a credential, whatever is in it.
const answer = `{"id":"AQ","rawId":"AQ","type":"public-key","response":{"clientDataJSON":"e30","authenticatorData":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAFAAAAAA","signature":"AQ","userHandle":"AQ"},"clientExtensionResults":{}}`

func TestAnOutageIsNotTheAnswersFault(t *testing.T) {
	rp := relyingParty(t)
	_, waiting, err := rp.BeginLogin()
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		name   string
		find   passkey.Find
		refuse bool
	}{
		{"nobody has it", nobody, true},
		{"the store is down", func([]byte) (store.Passkey, store.UserHandle, error) {
			return store.Passkey{}, store.UserHandle{}, store.ErrUnavailable
		}, false},
		{"the record cannot be read", func([]byte) (store.Passkey, store.UserHandle, error) {
			return store.Passkey{RPID: "login.example.com", Record: "{"}, store.UserHandle{1}, nil
		}, false},
		{"it is for another host", func([]byte) (store.Passkey, store.UserHandle, error) {
			return store.Passkey{RPID: "other.example.com", Record: "{}"}, store.UserHandle{1}, nil
		}, true},
	} {
		use, err := rp.FinishLogin(waiting, answer, row.find)
		if err == nil || errors.Is(err, passkey.ErrRefused) != row.refuse || use.SignCount != 0 || use.ID != "" {
			t.Errorf("%s: %+v, %v", row.name, use, err)
		}
	}
	if _, err := rp.FinishLogin(waiting, strings.Repeat(" ", passkey.MaxAnswer+1), nobody); !errors.Is(err, passkey.ErrRefused) {
		t.Error(err)
	}
}

// FuzzAnswers holds for every answer: it proves nothing.
func FuzzAnswers(f *testing.F) {
	rp := relyingParty(f)
	_, waiting, err := rp.BeginLogin()
	if err != nil {
		f.Fatal(err)
	}
	owner := passkey.Owner{Handle: store.UserHandle{1}, Name: "mia", Called: "Mia"}
	_, made, err := rp.BeginEnrolment(owner)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(answer)
	f.Add(`{"id":"AQ","rawId":"AQ","type":"public-key","response":{"clientDataJSON":"e30","attestationObject":"o2NmbXRkbm9uZWdhdHRTdG10oGhhdXRoRGF0YVgA"},"clientExtensionResults":{}}`)
	f.Fuzz(func(t *testing.T, text string) {
		if _, err := rp.FinishLogin(waiting, text, nobody); !errors.Is(err, passkey.ErrRefused) {
			t.Errorf("login: %v", err)
		}
		if _, err := rp.FinishEnrolment(owner, made, text); !errors.Is(err, passkey.ErrRefused) {
			t.Errorf("enrolment: %v", err)
		}
	})
}

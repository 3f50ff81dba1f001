package facts_test

import (
	"encoding/json"
	"testing"

	"github.com/postern-auth/postern"
	"github.com/postern-auth/postern/internal/claims"
	"github.com/postern-auth/postern/internal/facts"
)

// FuzzRead holds the reading of claims to its promise, by encoding/json: a fact is what the claim says or
// nothing, and a right is given by its name in text, by true, or by an object that says where.
func FuzzRead(f *testing.F) {
	for _, seed := range []string{
		`{"iss":"i","sub":"s","aud":["a"],"exp":30,"client_id":"c","jti":"j","scope":"x y","roles":["r"],"permissions":{"p":true}}`,
		`{"roles":{"a":false,"b":null,"c":0,"d":"","e":[],"f":{},"g":true,"h":{"1":"x"}},"permissions":["p",1,null,{"q":true}]}`,
		`{"sub":null,"aud":null,"exp":null,"scope":null,"client_id":42,"azp":"z","username":{},"auth_time":"x","acr":1,"jti":1e400}`,
		`{"cnf":null}`, `{"cnf":{"jkt":null}}`, `{"scope":{"a":true}}`, `{"a":{"b":{"roles":["x"]}}}`, `{"a":{"b":true}}`, `{"roles":"super admin"}`,
	} {
		f.Add(seed)
	}
	names, err := facts.Compile(postern.ClaimNames{Roles: []string{"roles", "/a/b/roles", "/a/b"}})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var set claims.Object
		if set.Parse(text) != nil {
			return
		}
		var reader facts.Reader
		data, err := reader.Read(&set, names)
		if err != nil {
			return
		}
		var document map[string]any
		if json.Unmarshal([]byte(text), &document) != nil {
			return // a number that float64 does not hold
		}
		for name, got := range map[string]string{"iss": data.Issuer, "sub": data.Subject, "jti": data.ID, "acr": data.ACR} {
			if want, _ := document[name].(string); got != want {
				t.Errorf("%s is %q, the claim is %v", name, got, document[name])
			}
		}
		for _, name := range []string{"iss", "sub"} {
			if _, text := document[name].(string); document[name] != nil && !text {
				t.Errorf("%s %v passes", name, document[name])
			}
		}
		id, isText := document["client_id"].(string)
		if document["client_id"] == nil || isText && id == "" {
			id, _ = document["azp"].(string)
		}
		if data.ClientID != id {
			t.Errorf("client %q of client_id %v and azp %v", data.ClientID, document["client_id"], document["azp"])
		}
		if _, bound := document["cnf"]; bound && len(data.Confirmation) == 0 {
			t.Errorf("cnf %v makes a bearer token", document["cnf"])
		}
		a, _ := document["a"].(map[string]any)
		b, _ := a["b"].(map[string]any)
		for _, role := range data.Roles {
			if !given(document["roles"], role) && !given(b["roles"], role) && !given(a["b"], role) {
				t.Errorf("role %q is given by %s", role, text)
			}
		}
		for _, permission := range data.Permissions {
			if !given(document["permissions"], permission) {
				t.Errorf("permission %q is given by %v", permission, document["permissions"])
			}
		}
	})
}

// given reports whether a claim gives a right, by the rules of postern.ClaimNames.
func given(claim any, right string) bool {
	switch claim := claim.(type) {
	case string:
		return claim == right && right != ""
	case []any:
		for _, element := range claim {
			if element == any(right) && right != "" {
				return true
			}
		}
	case map[string]any:
		where, _ := claim[right].(map[string]any)
		return right != "" && (claim[right] == true || len(where) > 0)
	}
	return false
}

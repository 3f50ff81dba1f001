package postern_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/postern-auth/postern"
)

func TestRequirements(t *testing.T) {
	now := time.Now()
	token := postern.NewToken(postern.TokenData{
		Scopes: []string{"read", "write"}, Roles: []string{"editor"}, Permissions: []string{"messages:write"},
		AuthTime: now.Add(-time.Minute), ACR: "urn:mfa", Confirmation: map[string]string{"jkt": "x"},
	})
	bare := postern.NewToken(postern.TokenData{})
	unavailable := failing(postern.ErrUnavailable)
	for _, test := range []struct {
		name        string
		token       *postern.Token
		requirement postern.Requirement
		want        error
		scopes      []string // that the error names
	}{
		{"every scope is there", token, postern.Scope("read", "write"), nil, nil},
		{"one scope is missing, all that were asked for are named", token, postern.Scope("read", "admin"), postern.ErrInsufficient, []string{"read", "admin"}},
		{"a scope of another case is missing", token, postern.Scope("Read"), postern.ErrInsufficient, []string{"Read"}},
		{"a prefix of a scope is missing", token, postern.Scope("rea"), postern.ErrInsufficient, []string{"rea"}},
		{"one of the scopes suffices", token, postern.AnyScope("admin", "write"), nil, nil},
		{"none of the scopes is there", token, postern.AnyScope("admin", "root"), postern.ErrInsufficient, []string{"admin"}},
		{"the role is there", token, postern.Role("editor"), nil, nil},
		{"one role is missing", token, postern.Role("editor", "admin"), postern.ErrInsufficient, nil},
		{"a scope is not a role", token, postern.Role("read"), postern.ErrInsufficient, nil},
		{"a role is not a permission", token, postern.Permission("editor"), postern.ErrInsufficient, nil},
		{"the permission is there", token, postern.Permission("messages:write"), nil, nil},
		{"all are met", token, postern.All(postern.Scope("read"), postern.Role("editor")), nil, nil},
		{"All names the missing scopes of every part, each once", token, postern.All(postern.Scope("b"), postern.Scope("a"), postern.Scope("b")), postern.ErrInsufficient, []string{"a", "b"}},
		{"All names no scopes when more than scopes is missing", token, postern.All(postern.Scope("b"), postern.Role("admin")), postern.ErrInsufficient, nil},
		{"All within All", token, postern.All(postern.All(postern.Scope("b")), postern.Scope("a")), postern.ErrInsufficient, []string{"a", "b"}},
		{"All cannot decide", token, postern.All(postern.Scope("b"), unavailable), postern.ErrUnavailable, nil},
		{"any is met", token, postern.Any(postern.Role("admin"), postern.Scope("read")), nil, nil},
		{"any is met beside one that cannot be decided", token, postern.Any(unavailable, postern.Scope("read")), nil, nil},
		{"none is met, the first is told", token, postern.Any(postern.Scope("a"), postern.Role("b")), postern.ErrInsufficient, []string{"a"}},
		{"none is met and one cannot be decided", token, postern.Any(postern.Scope("a"), unavailable), postern.ErrUnavailable, nil},
		{"the login is fresh", token, postern.FreshLogin(2 * time.Minute), nil, nil},
		{"the login is too old", token, postern.FreshLogin(30 * time.Second), postern.ErrStepUp, nil},
		{"nobody knows when the login was", bare, postern.FreshLogin(time.Hour), postern.ErrStepUp, nil},
		{"the login is strong enough", token, postern.FreshLogin(0, "urn:phr", "urn:mfa"), nil, nil},
		{"the login is too weak", token, postern.FreshLogin(0, "urn:phr"), postern.ErrStepUp, nil},
		{"the login is fresh and too weak", token, postern.FreshLogin(time.Hour, "urn:phr"), postern.ErrStepUp, nil},
		{"nobody knows how the login was", bare, postern.FreshLogin(0, "urn:mfa"), postern.ErrStepUp, nil},
		{"the token is bound to its sender", token, postern.SenderConstrained(), nil, nil},
		{"the token is a bearer token", bare, postern.SenderConstrained(), postern.ErrUnbound, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			err := test.requirement.Check(t.Context(), test.token)
			if !errors.Is(err, test.want) {
				t.Fatalf("%v, want %v", err, test.want)
			}
			var missing *postern.ScopeError
			if errors.As(err, &missing) != (test.scopes != nil) || missing != nil && !slices.Equal(missing.Scopes, test.scopes) {
				t.Errorf("%v names %+v, want the scopes %q", err, missing, test.scopes)
			}
		})
	}
}

func TestFindingR4_ATokenThatIsNotBoundMeansAnotherTokenIsNeeded(t *testing.T) {
	bound := postern.SenderConstrained()
	for name, required := range map[string]postern.Requirement{
		"alone": bound, "beside a scope": postern.All(postern.Scope("write"), bound), "or a role": postern.Any(bound, postern.Role("admin")),
	} {
		_, err := refusalCase{}.guard(postern.Guard{}).Check(withHeader(bearer...), required)
		var e *postern.Error
		if !errors.As(err, &e) || e.Status != 401 || e.Code != "invalid_token" || e.Reason != "binding-missing" || len(e.Scopes) > 0 {
			t.Errorf("%s: %+v, want 401 invalid_token and no scope", name, e)
		}
	}
	for _, member := range []string{"jkt", "x5t#S256"} {
		c := refusalCase{cnf: map[string]string{member: "good"}}
		scheme := map[string]string{"jkt": "DPoP", "x5t#S256": "Bearer"}[member]
		if _, err := c.guard(postern.Guard{}).Check(withHeader(scheme+" raw-token"), bound); err != nil {
			t.Errorf("bound by %s: %v", member, err)
		}
	}
}

func TestRequirementsKeepWhatTheyWereGiven(t *testing.T) {
	names := []string{"needed"}
	bare := postern.NewToken(postern.TokenData{Scopes: []string{"owned"}, Roles: []string{"owned"}, Permissions: []string{"owned"}, ACR: "owned"})
	parts := []postern.Requirement{postern.Scope("needed")}
	requirements := map[string]postern.Requirement{
		"Scope": postern.Scope(names...), "AnyScope": postern.AnyScope(names...), "Role": postern.Role(names...),
		"Permission": postern.Permission(names...), "FreshLogin": postern.FreshLogin(0, names...),
		"All": postern.All(parts...), "Any": postern.Any(parts...),
	}
	guarded := []postern.Requirement{postern.Scope("needed")}
	middleware := (&postern.Guard{Verifier: &accepting{}}).Require(guarded...)
	names[0] = "owned"
	parts[0], guarded[0] = postern.Scope("owned"), failing(nil)
	for name, requirement := range requirements {
		if requirement.Check(t.Context(), bare) == nil {
			t.Errorf("%s changed with its arguments", name)
		}
	}
	if got := status(middleware, withHeader(bearer...)); got != 403 {
		t.Errorf("Require changed with its arguments: status %d, want 403", got)
	}
}

func TestFindingT2_NoFreshLoginIsMetByATokenWithoutAWay(t *testing.T) {
	for _, ways := range [][]string{{""}, {"urn:mfa", ""}} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("FreshLogin(0, %q) does not panic", ways)
				}
			}()
			postern.FreshLogin(0, ways...)
		}()
	}
}

func TestTokenIsImmutable(t *testing.T) {
	data := postern.TokenData{
		Issuer: "iss", Audience: []string{"aud"}, Scopes: []string{"scope"}, Roles: []string{"role"},
		Permissions: []string{"permission"}, Confirmation: map[string]string{"jkt": "x"}, Claims: `{"a":[1]}`,
	}
	token := postern.NewToken(data)
	data.Audience[0], data.Scopes[0], data.Roles[0], data.Permissions[0] = "evil", "evil", "evil", "evil"
	data.Confirmation["jkt"] = "evil"
	data.Confirmation["more"] = "evil"

	for _, values := range [][]string{slices.Collect(token.Audience()), slices.Collect(token.Scopes()), slices.Collect(token.Roles()), slices.Collect(token.Permissions())} {
		values[0] = "evil"
		_ = append(values, "evil")
	}
	var claim []int
	if err := token.Claim("a", &claim); err != nil {
		t.Fatal(err)
	}
	claim[0] = 2

	if !token.HasAudience("aud") || !token.HasScope("scope") || !token.HasRole("role") || !token.HasPermission("permission") {
		t.Error("a list of the token has changed")
	}
	got := make(map[string]string)
	for member, value := range token.Confirmation() {
		got[member] = value
	}
	if diff := cmp.Diff(map[string]string{"jkt": "x"}, got); diff != "" {
		t.Errorf("confirmation (-want +got):\n%s", diff)
	}
	if err := token.Claim("a", &claim); err != nil || claim[0] != 1 {
		t.Errorf("claim a is %v, %v; want 1", claim, err)
	}
}

func TestTokenSaysNothingByItself(t *testing.T) {
	token := postern.NewToken(postern.TokenData{})
	if token.HasScope("") || token.HasRole("") || token.HasPermission("") || token.HasAudience("") {
		t.Error("an empty token has something")
	}
	var v any
	if err := token.Claim("iss", &v); !errors.Is(err, postern.ErrNoClaim) {
		t.Errorf("claim of a token without claims: %v, want ErrNoClaim", err)
	}
	broken := postern.NewToken(postern.TokenData{Claims: `{"a":1,"a":2}`})
	if err := broken.Claim("a", &v); err == nil || errors.Is(err, postern.ErrNoClaim) {
		t.Errorf("claim of a token with two of a name: %v, want what is wrong", err)
	}
}

package preset_test

import (
	"errors"
	"net/url"
	"slices"
	"testing"

	"github.com/postern-auth/postern"
	"github.com/postern-auth/postern/clientauth"
	"github.com/postern-auth/postern/introspection"
	"github.com/postern-auth/postern/posterntest"
	"github.com/postern-auth/postern/preset"
)

// introspected returns what becomes of a token of which the provider says the claims.
func introspected(t *testing.T, config introspection.Config, set claims) (*postern.Token, error) {
	t.Helper()
	issuer := posterntest.NewIssuer(t)
	issuer.URL = config.Issuer
	config.Endpoint = "https://" + hostOf(config.Issuer) + string(posterntest.Introspection)
	config.HTTPClient, config.Now = issuer.Client(), issuer.Clock.Now
	verifier, err := introspection.NewVerifier(config)
	if err != nil {
		t.Fatal(err)
	}
	return verifier.Verify(t.Context(), issuer.Opaque(merge(claims{"aud": nil, "token_type": "Bearer"}, set)))
}

func TestZITADELIntrospection(t *testing.T) {
	config := preset.ZITADELIntrospection("x.zitadel.cloud", "2001", clientauth.SecretBasic("api", "posterntest-client-secret"))
	grant := func(role string) claims { return claims{role: claims{"1001": "acme.x.zitadel.cloud"}} }
	for _, test := range []struct {
		name  string
		set   claims
		want  error
		roles []string
	}{
		{"a personal access token, whose aud is the application that asks", claims{"aud": []string{"api"}, "urn:zitadel:iam:org:project:roles": grant("reader")}, nil, []string{"reader"}},
		{"the claim of this project", claims{"urn:zitadel:iam:org:project:2001:roles": grant("editor")}, nil, []string{"editor"}},
		{"the claim of another project", claims{"urn:zitadel:iam:org:project:9999:roles": grant("admin")}, nil, nil},
		{"a claim that a script of the instance made", claims{"roles": []string{"admin"}}, nil, nil},
		{"another instance", claims{"iss": "https://y.zitadel.cloud"}, postern.ErrIssuer, nil},
		{"not for the application that asks", claims{"active": false}, postern.ErrInactive, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			token, err := introspected(t, config, test.set)
			if !errors.Is(err, test.want) || (token == nil) == (err == nil) {
				t.Fatalf("%v, want %v", err, test.want)
			}
			if err == nil && !slices.Equal(slices.Collect(token.Roles()), test.roles) {
				t.Errorf("roles are %q, want %q", slices.Collect(token.Roles()), test.roles)
			}
		})
	}
}

func TestKeycloakIntrospection(t *testing.T) {
	config := preset.KeycloakIntrospection("https://login.test", "staff", "messages", clientauth.SecretBasic("messages", "posterntest-client-secret"))
	good := claims{
		"aud": []string{"messages", "account"}, "typ": "Bearer", "azp": "web", "client_id": "web", "username": "ann",
		"realm_access":    claims{"roles": []string{"staff"}},
		"resource_access": claims{"messages": claims{"roles": []string{"reader"}}, "payroll": claims{"roles": []string{"admin"}}},
	}
	for _, test := range []struct {
		name   string
		change claims
		want   error
	}{
		{"an access token", nil, nil},
		{"an ID token, which Keycloak also calls active", claims{"typ": "ID", "token_type": "ID"}, postern.ErrMalformed},
		{"a refresh token", claims{"typ": "Refresh", "token_type": "Refresh"}, postern.ErrMalformed},
		{"for Keycloak's account pages", claims{"aud": "account"}, postern.ErrAudience},
		{"another realm", claims{"iss": "https://login.test/realms/customers"}, postern.ErrIssuer},
	} {
		t.Run(test.name, func(t *testing.T) {
			token, err := introspected(t, config, merge(good, test.change))
			if !errors.Is(err, test.want) || (token == nil) == (err == nil) {
				t.Fatalf("%v, want %v", err, test.want)
			}
			if want := []string{"staff", "reader"}; err == nil && !slices.Equal(slices.Collect(token.Roles()), want) {
				t.Errorf("roles are %q, want %q", slices.Collect(token.Roles()), want)
			}
		})
	}
}

func hostOf(issuer string) string {
	u, err := url.Parse(issuer)
	if err != nil {
		return ""
	}
	return u.Host
}

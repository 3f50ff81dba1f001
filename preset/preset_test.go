package preset_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/postern-auth/postern/clientauth"
	"github.com/postern-auth/postern/introspection"
	"github.com/postern-auth/postern/jwt"
	"github.com/postern-auth/postern/posterntest"
	"github.com/postern-auth/postern/preset"
)

type claims = posterntest.Claims

// A provider is an issuer with the name that a preset gives it, and metadata and keys where that name says.
type provider struct {
	*posterntest.Issuer
	config   jwt.Config
	verifier *jwt.Verifier
}

func newProvider(t *testing.T, config jwt.Config, alg string) *provider {
	t.Helper()
	p := &provider{Issuer: posterntest.NewIssuer(t), config: config}
	p.URL = config.Issuer
	p.Withdraw(p.Key().ID())
	p.RotateTo(alg)
	config.HTTPClient, config.Now = &http.Client{Transport: p}, p.Clock.Now
	var err error
	if p.verifier, err = jwt.NewVerifier(config); err != nil {
		t.Fatal(err)
	}
	return p
}

// RoundTrip serves the metadata of an issuer that may have a path.
func (p *provider) RoundTrip(r *http.Request) (*http.Response, error) {
	base := strings.TrimSuffix(p.config.Issuer, "/")
	if r.URL.String() == base+"/.well-known/openid-configuration" {
		text, err := json.Marshal(map[string]string{"issuer": p.config.Issuer, "jwks_uri": base + "/jwks"})
		body := io.NopCloser(strings.NewReader(string(text)))
		return &http.Response{StatusCode: http.StatusOK, Body: body, Header: http.Header{}}, err
	}
	r = r.Clone(r.Context())
	r.URL.Path, r.URL.RawPath = string(posterntest.KeySet), ""
	return p.Client().Transport.RoundTrip(r)
}

// token returns a token of which nothing is given but what its claims say, iss, iat and exp.
func (p *provider) token(set claims, options ...posterntest.Option) string {
	all := claims{"sub": nil, "aud": nil, "client_id": nil}
	for name, value := range set {
		all[name] = value
	}
	return p.Token(all, append([]posterntest.Option{posterntest.Type("JWT")}, options...)...)
}

// verdict is a token, what must become of it, and what it must then say.
type verdict struct {
	name   string
	raw    string
	want   error
	client string
	scopes []string
	roles  []string
}

func (p *provider) judge(t *testing.T, verdicts []verdict) {
	t.Helper()
	for _, v := range verdicts {
		t.Run(v.name, func(t *testing.T) {
			token, err := p.verifier.Verify(t.Context(), v.raw)
			if !errors.Is(err, v.want) || (token == nil) == (err == nil) {
				t.Fatalf("%v, want %v", err, v.want)
			}
			if err != nil {
				return
			}
			if token.ClientID() != v.client {
				t.Errorf("client is %q, want %q", token.ClientID(), v.client)
			}
			if got := slices.Collect(token.Scopes()); !slices.Equal(got, v.scopes) {
				t.Errorf("scopes are %q, want %q", got, v.scopes)
			}
			if got := slices.Collect(token.Roles()); !slices.Equal(got, v.roles) {
				t.Errorf("roles are %q, want %q", got, v.roles)
			}
		})
	}
}

func TestAMissingArgumentIsNamedAtStart(t *testing.T) {
	for _, test := range []struct {
		name   string
		config jwt.Config
		want   string
	}{
		{"Auth0 without a domain", preset.Auth0("", "a"), "Config.Issuer"},
		{"Auth0 without an audience", preset.Auth0("tenant.eu.auth0.com", ""), "Config.Audience"},
		{"Auth0 over http", preset.Auth0("http://tenant.eu.auth0.com", "a"), "Config.Issuer"},
		{"ZITADEL without a domain", preset.ZITADEL("", "1"), "Config.Issuer"},
		{"ZITADEL without a project", preset.ZITADEL("x.zitadel.cloud", ""), "Config.Audience"},
		{"Keycloak without a base", preset.Keycloak("", "staff", "api"), "Config.Issuer"},
		{"Keycloak without a realm", preset.Keycloak("https://login.test", "", "api"), "Config.Issuer"},
		{"Keycloak without a client", preset.Keycloak("https://login.test", "staff", ""), "Config.Audience"},
		{"Entra ID without a tenant", preset.EntraID("", "a"), "Config.Issuer"},
		{"Entra ID without an audience", preset.EntraID("t"), "Config.Audience"},
		{"Entra ID with an empty audience", preset.EntraID("t", ""), "Config.Audience"},
		{"Okta without a domain", preset.Okta("", "default", "a"), "Config.Issuer"},
		{"Okta without a server", preset.Okta("o.okta.com", "", "a"), "Config.Issuer"},
		{"Okta without an audience", preset.Okta("o.okta.com", "default", ""), "Config.Audience"},
		{"Cognito without a pool", preset.Cognito("", "c"), "Config.Issuer"},
		{"Cognito with a pool that names no region", preset.Cognito("Example00", "c"), "Config.Issuer"},
		{"Cognito without a client", preset.Cognito("eu-central-1_Example00"), "Config.Audience"},
		{"Google without an audience", preset.Google(""), "Config.Audience"},
		{"SPIFFE without a discovery provider", preset.SPIFFE("", "a"), "Config.Issuer"},
		{"SPIFFE without an audience", preset.SPIFFE("oidc.example.org", ""), "Config.Audience"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if _, err := jwt.NewVerifier(test.config); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error is %v, want one that names %s", err, test.want)
			}
		})
	}
}

func TestFindingD8_AnArgumentThatNoTokenHasIsNamedAtStart(t *testing.T) {
	const tenant = "9C3F1A52-6A0B-4B1E-9F55-0D2C6F9F0001"
	method := clientauth.SecretBasic("id", "secret")
	for _, test := range []struct {
		name   string
		config jwt.Config
		want   string // in the error, beside the field
	}{
		{"a tenant in upper case", preset.EntraID(tenant, "a"), "not in lower case: " + tenant},
		{"a tenant for everybody", preset.EntraID("common", "a"), "not one tenant: common"},
		{"a tenant of all organizations", preset.EntraID("organizations", "a"), "not one tenant"},
		{"a tenant by its domain", preset.EntraID("contoso.onmicrosoft.com", "a"), "GUID"},
		{"a tenant in braces", preset.EntraID("{9c3f}", "a"), "GUID"},
		{"a tenant with a line end", preset.EntraID("9c3f\n", "a"), `\n`},
		{"a pool id without a region", preset.Cognito("_Example00", "c"), "eu-central-1_Example00"},
		{"a pool id with half a region", preset.Cognito("eu_Example00", "c"), "eu-central-1_Example00"},
		{"a pool id whose region is upper case", preset.Cognito("EU-CENTRAL-1_Example00", "c"), "eu-central-1_Example00"},
		{"a pool's ARN", preset.Cognito("arn:aws:cognito-idp:eu-central-1:1:userpool/eu-central-1_Example00", "c"), "eu-central-1_Example00"},
		{"a pool id and a path", preset.Cognito("eu-central-1_Example00/x", "c"), "eu-central-1_Example00"},
		{"Auth0's URL with a path", preset.Auth0("https://tenant.eu.auth0.com/api/v2/", "a"), "a path behind the domain"},
		{"Auth0's metadata", preset.Auth0("https://tenant.eu.auth0.com/.well-known/openid-configuration", "a"), "Config.Issuer"},
		{"Okta's issuer in place of its domain", preset.Okta("https://o.okta.com/oauth2/default", "default", "a"), "a path behind the domain"},
		{"ZITADEL's URL with a path", preset.ZITADEL("x.zitadel.cloud/ui/console", "1"), "a path behind the domain"},
		{"a project with a line end", preset.ZITADEL("x.zitadel.cloud", "1\n"), "Config.Audience"},
		{"Keycloak's realm twice", preset.Keycloak("https://login.test/realms/staff", "staff", "api"), "a realm in the base already"},
		{"a domain with a space", preset.Auth0("tenant.eu.auth0.com ", "a"), "Config.Issuer"},
	} {
		_, err := jwt.NewVerifier(test.config)
		if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), "Config.") {
			t.Errorf("%s: %v, want an error that says %s", test.name, err, test.want)
		}
	}
	for name, config := range map[string]introspection.Config{
		"ZITADEL's URL with a path": preset.ZITADELIntrospection("x.zitadel.cloud/ui", "1", method),
		"a project with a line end": preset.ZITADELIntrospection("x.zitadel.cloud", "1\n", method),
		"Keycloak's realm twice":    preset.KeycloakIntrospection("login.test/realms/staff", "staff", "api", method),
	} {
		if _, err := introspection.NewVerifier(config); err == nil || !strings.Contains(err.Error(), "Config.") {
			t.Errorf("%s, introspection: %v, want an error that names the field", name, err)
		}
	}
}

func TestIssuersHaveTheProvidersForm(t *testing.T) {
	method := clientauth.SecretBasic("id", "secret")
	for _, test := range []struct{ name, got, want string }{
		{"Auth0", preset.Auth0("tenant.eu.auth0.com", "a").Issuer, "https://tenant.eu.auth0.com/"},
		{"Auth0 by URL", preset.Auth0("https://login.example.com/", "a").Issuer, "https://login.example.com/"},
		{"ZITADEL", preset.ZITADEL("x.zitadel.cloud", "1").Issuer, "https://x.zitadel.cloud"},
		{"ZITADEL by URL", preset.ZITADEL("https://x.zitadel.cloud/", "1").Issuer, "https://x.zitadel.cloud"},
		{"ZITADEL, introspection", preset.ZITADELIntrospection("x.zitadel.cloud", "1", method).Issuer, "https://x.zitadel.cloud"},
		{"Keycloak", preset.Keycloak("https://login.test", "staff", "api").Issuer, "https://login.test/realms/staff"},
		{"Keycloak of old", preset.Keycloak("https://login.test/auth/", "staff", "api").Issuer, "https://login.test/auth/realms/staff"},
		{"Keycloak, a realm with a space", preset.Keycloak("login.test", "my staff", "api").Issuer, "https://login.test/realms/my%20staff"},
		{"Keycloak, introspection", preset.KeycloakIntrospection("login.test", "staff", "api", method).Issuer, "https://login.test/realms/staff"},
		{"Entra ID", preset.EntraID("9c3f", "a").Issuer, "https://login.microsoftonline.com/9c3f/v2.0"},
		{"Okta", preset.Okta("o.okta.com", "default", "a").Issuer, "https://o.okta.com/oauth2/default"},
		{"Cognito", preset.Cognito("eu-central-1_Example00", "c").Issuer, "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_Example00"},
		{"Cognito in China", preset.Cognito("cn-north-1_Example00", "c").Issuer, "https://cognito-idp.cn-north-1.amazonaws.com.cn/cn-north-1_Example00"},
		{"Cognito in GovCloud", preset.Cognito("us-gov-west-1_Example00", "c").Issuer, "https://cognito-idp.us-gov-west-1.amazonaws.com/us-gov-west-1_Example00"},
		{"Google", preset.Google("a").Issuer, "https://accounts.google.com"},
		{"SPIFFE", preset.SPIFFE("oidc.example.org", "a").Issuer, "https://oidc.example.org"},
		{"SPIFFE by URL", preset.SPIFFE("https://example.org/oidc/", "a").Issuer, "https://example.org/oidc"},
	} {
		if test.got != test.want {
			t.Errorf("%s: issuer is %q, want %q", test.name, test.got, test.want)
		}
	}
}

func TestPresetsWeakenNothing(t *testing.T) {
	for name, config := range map[string]jwt.Config{
		"Auth0":    preset.Auth0("d.test", "a"),
		"ZITADEL":  preset.ZITADEL("d.test", "1"),
		"Keycloak": preset.Keycloak("d.test", "r", "c"),
		"Entra ID": preset.EntraID("t", "a"),
		"Okta":     preset.Okta("d.test", "default", "a"),
		"Cognito":  preset.Cognito("eu-central-1_E", "c"),
		"Google":   preset.Google("a"),
		"SPIFFE":   preset.SPIFFE("d.test", "a"),
	} {
		fields := reflect.ValueOf(config)
		for i := range fields.NumField() {
			if field := fields.Type().Field(i).Name; strings.HasPrefix(field, "Insecure") && !fields.Field(i).IsZero() {
				t.Errorf("%s sets %s", name, field)
			}
		}
		if config.Leeway != 0 {
			t.Errorf("%s: leeway is %s, want the default", name, config.Leeway)
		}
	}
}

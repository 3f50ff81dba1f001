package server_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/postern-auth/postern/server"
	"github.com/postern-auth/postern/server/store"
)

const forP, forQ = "urn:zitadel:iam:org:project:id:P:aud", "urn:zitadel:iam:org:project:id:Q:aud"

// jwtForms are the shapes of JWTs.
var jwtForms = []store.TokenForm{
	store.FormZITADEL, store.FormAuth0, store.FormAuth0Permissions, store.FormRFC9068, store.FormRFC9068Permissions,
}

// newRightsWorld adds to project P an API "door" that has permissions called as a role of P, as a role of
// Q and as nothing else, and a service user "guest" that holds all of them and no role.
func newRightsWorld(t *testing.T) *world {
	w := newWorld(t)
	ctx := t.Context()
	w.must(w.store.PutAPI(ctx, store.API{ID: "a-door", ProjectID: "P", Name: "door", ClientID: "door@P", Identifier: "https://door",
		Permissions: []store.Permission{{Key: "admin"}, {Key: "audit"}, {Key: "open"}}, Active: true, CreatedAt: start}))
	w.secret(store.APIClient, "a-door", "door-secret")
	w.must(w.store.PutServiceUser(ctx, store.ServiceUser{ID: "u-guest", OrganizationID: "org", Username: "guest", Active: true, CreatedAt: start}))
	w.secret(store.ServiceUserClient, "u-guest", "guest-secret")
	for _, g := range []store.Assignment{
		{SubjectID: "u-guest", ProjectID: "P"},
		{SubjectID: "u-guest", ProjectID: "Q"},
		{SubjectID: "u-guest", APIID: "a-door", Rights: []string{"admin", "audit", "open"}},
	} {
		w.must(w.store.PutAssignment(ctx, g))
	}
	return w
}

func TestFindingR2_APermissionNeverBecomesARoleOrAnotherAPIsPermission(t *testing.T) {
	w := newRightsWorld(t)
	for _, form := range jwtForms {
		w.form("guest", "a-door", form)
		for name, params := range map[string][]string{
			"the project by scope":                        {"scope", forP + " admin audit open"},
			"the project by audience":                     {"audience", "P", "scope", "admin audit open"},
			"the project by audience, nothing asked":      {"audience", "P"},
			"two projects":                                {"scope", forP + " " + forQ + " admin audit open"},
			"the project by audience and by scope":        {"audience", "P", "scope", forP + " admin audit open"},
			"the API and its project, nothing asked":      {"audience", "https://door", "audience", "P"},
			"the API by resource and its project":         {"resource", "https://door", "scope", forP + " admin audit open"},
			"the API by resource and another project":     {"resource", "https://door", "scope", forQ + " admin audit open"},
			"roles by the scopes that name them":          {"scope", forP + " urn:zitadel:iam:org:project:role:admin urn:zitadel:iam:org:projects:roles"},
			"the API by audience and the project's roles": {"audience", "https://door", "scope", forP + " urn:zitadel:iam:org:project:role:admin"},
		} {
			t.Run(fmt.Sprintf("%s as %s", name, form), func(t *testing.T) {
				w := w.at(t)
				_, _, claims := w.claims(w.token("guest", params...))
				scope, _ := claims["scope"].(string)
				permissions, _ := claims["permissions"].([]any)
				if scope != "" || len(permissions) > 0 {
					t.Errorf("aud %v says scope %q and permissions %v to APIs where the user has none of them", claims["aud"], scope, permissions)
				}
				for claim, value := range claims {
					if roles, ok := value.(map[string]any); ok && len(roles) > 0 {
						t.Errorf("%s is %v, want no role", claim, roles)
					}
				}
			})
		}
	}
}

func TestFindingR2_APermissionHoldsAtItsOwnAPI(t *testing.T) {
	w := newRightsWorld(t)
	for _, form := range jwtForms {
		w.form("guest", "a-door", form)
		_, _, claims := w.claims(w.token("guest", "audience", "https://door", "scope", "open admin read"))
		if claims["aud"] != "https://door" && !slices.Equal(claims["aud"].([]any), []any{"https://door"}) || claims["scope"] != "open admin" {
			t.Errorf("%s: aud %v, scope %v, want the API alone and what the user holds there", form, claims["aud"], claims["scope"])
		}
	}
}

func TestFindingR2_AnOpaqueProjectTokenSaysAPermissionAtItsAPIAlone(t *testing.T) {
	w := newRightsWorld(t)
	raw := w.token("guest", "scope", forP+" "+forQ+" openid admin audit open")
	one := w.token("guest", "scope", forP+" openid admin audit open")
	ask := func(client, raw string) any {
		a := w.do(call{path: "/oauth/v2/introspect", user: client + ":" + strings.Split(client, "@")[0] + "-secret", form: values("token", raw)})
		return w.object(a.body)["scope"]
	}
	for _, row := range []struct {
		client, raw, want string
	}{
		{"samples@P", one, "openid"},
		{"messages@P", one, "openid"},
		{"door@P", one, "openid audit open"}, // admin is a role of P, and the user lacks it
		{"other@Q", raw, "openid"},
		{"samples@P", raw, "openid"},
	} {
		if got := ask(row.client, row.raw); got != row.want {
			t.Errorf("%s: scope %v, want %q", row.client, got, row.want)
		}
	}
}

func TestFindingR2_ARoleIsGrantedToWhoHasIt(t *testing.T) {
	w := newRightsWorld(t)
	w.must(w.store.PutAssignment(t.Context(), store.Assignment{SubjectID: "u-guest", ProjectID: "P", Rights: []string{"admin"}}))
	for _, form := range append(jwtForms, store.FormOpaque) {
		w.form("guest", "a-door", form)
		answer := w.issued(w.do(tokenCall("guest", "audience", "P", "scope", "admin audit")))
		want := "admin"
		if form == store.FormOpaque {
			want = "admin audit" // which each API is told of by its own permissions
		}
		if answer["scope"] != want {
			t.Errorf("%s: scope %v, want %s", form, answer["scope"], want)
		}
	}
}

// A deactivated API goes on verifying JWTs by itself, so its permissions count as withheld.
func TestFindingR2_ADeactivatedAPIWithholdsItsPermissionsFromAJWT(t *testing.T) {
	w := newWorld(t)
	w.must(w.store.PutAPI(t.Context(), store.API{ID: "a-off", ProjectID: "P", Name: "off", ClientID: "off@P",
		Permissions: []store.Permission{{Key: "read"}}, CreatedAt: start}))
	w.form("robot", "a-messages", store.FormRFC9068)
	_, _, claims := w.claims(w.token("robot", "scope", forP+" read read:messages"))
	if claims["scope"] != "read:messages" {
		t.Errorf("scope is %v, want the role alone", claims["scope"])
	}
}

func TestFindingR2_AJWTCarriesAPermissionThatIsHeldOnEveryAPIOfTheProject(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	w.must(w.store.DeleteAPI(ctx, "a-samples"))
	w.form("robot", "a-messages", store.FormRFC9068Permissions)
	_, _, claims := w.claims(w.token("robot", "scope", forP+" read"))
	if claims["scope"] != "read" {
		t.Errorf("scope is %v, want read: the project has one API, and the user holds it there", claims["scope"])
	}
	if got := fmt.Sprint(claims["permissions"]); got != "[read read:messages]" {
		t.Errorf("permissions are %s, want both", got)
	}
}

// rowCounting is a store that counts the permissions that it hands out.
type rowCounting struct {
	store.Store
	permissions int
}

func (c *rowCounting) APIsOf(ctx context.Context, projectID string) ([]store.API, error) {
	apis, err := c.Store.APIsOf(ctx, projectID)
	for _, api := range apis {
		c.permissions += len(api.Permissions)
	}
	return apis, err
}

func (c *rowCounting) AssignmentsOf(ctx context.Context, userID string) ([]store.Assignment, error) {
	return c.count(c.Store.AssignmentsOf(ctx, userID))
}

func (c *rowCounting) AssignmentsAmong(ctx context.Context, userID string, keys []string) ([]store.Assignment, error) {
	return c.count(c.Store.AssignmentsAmong(ctx, userID, keys))
}

func (c *rowCounting) count(grants []store.Assignment, err error) ([]store.Assignment, error) {
	for _, g := range grants {
		if g.APIID != "" {
			c.permissions += len(g.Rights)
		}
	}
	return grants, err
}

func TestFindingS7_AProjectTokenReadsNoPermissionThatNobodyAskedFor(t *testing.T) {
	var counted *rowCounting
	w := newWorld(t, func(c *server.Config) {
		counted = &rowCounting{Store: c.Store}
		c.Store = counted
	})
	var permissions []store.Permission
	var keys []string
	for n := range 300 {
		keys = append(keys, fmt.Sprintf("permission:%03d", n))
		permissions = append(permissions, store.Permission{Key: keys[n]})
	}
	w.must(w.store.InTx(t.Context(), func(tx store.Tx) error {
		for n := range 150 {
			id := fmt.Sprint("a-many-", n)
			err := tx.PutAPI(t.Context(), store.API{ID: id, ProjectID: "P", Name: id, Permissions: permissions, Active: true, CreatedAt: start})
			if err == nil && n%50 == 0 {
				err = tx.PutAssignment(t.Context(), store.Assignment{SubjectID: "u-robot", APIID: id, Rights: keys})
			}
			if err != nil {
				return err
			}
		}
		return nil
	}))
	answer := w.issued(w.do(tokenCall("robot", "scope", sampleScope+" read permission:007")))
	if answer["scope"] != nil {
		t.Errorf("scope is %v, want all that was asked for", answer["scope"])
	}
	// read:messages and read on one API, permission:007 on three.
	if counted.permissions != 5 {
		t.Errorf("%d of 45,000 permissions were read, want the 5 that were asked for and are held", counted.permissions)
	}
}

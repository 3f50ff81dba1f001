package registry

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/postern-auth/postern/server/internal/oauth"
	"github.com/postern-auth/postern/server/store"
)

// deactivated is why the families of tokens end of an application that is no longer active.
const deactivated = "application deactivated"

// PutApplication creates the application or replaces the one with its ID. One that is no longer active loses
// what it was given: its families of tokens end, and are not there again when it is active again.
func (r *Registry) PutApplication(ctx context.Context, a store.Application) error {
	if err := about("application", a.Name, CheckID(a.ClientID)); err != nil {
		return err
	}
	return r.putApplication(ctx, a)
}

// putApplication is PutApplication for a client id that has been checked.
func (r *Registry) putApplication(ctx context.Context, a store.Application) error {
	if a.IDTokenClaims == "" {
		a.IDTokenClaims = store.FullClaims
	}
	if err := about("application", a.Name, checkApplication(a)...); err != nil {
		return err
	}
	before, found, err := look(r.tx.Application(ctx, a.ID))
	if err != nil {
		return err
	}
	label, owner := fmt.Sprintf("application %q", a.Name), store.Owner{Kind: store.ApplicationClient, ID: a.ID}
	if err := r.freeClient(ctx, a.ClientID, owner, label); err != nil {
		return err
	}
	// The client id is the audience of its ID tokens.
	if err := r.free(ctx, a.ClientID, a.ID, label, "client id"); err != nil {
		return err
	}
	if found {
		if err := r.hasNoCredentials(ctx, owner, a); err != nil {
			return err
		}
	}
	err = r.put(ctx, object{"application", a.ID, a.Name}, found, ApplicationFields(before, a), func() error {
		return r.tx.PutApplication(ctx, a)
	})
	if errors.Is(err, store.ErrExists) {
		return fmt.Errorf("registry: %s: its project has another application of this name: %w", label, err)
	}
	if err != nil || !before.Active || a.Active {
		return err
	}
	return r.endIssued(ctx, owner, a.ClientID, deactivated, r.now)
}

// hasNoCredentials refuses an application that has what those of its type, or those that keep its profile, have not.
func (r *Registry) hasNoCredentials(ctx context.Context, owner store.Owner, a store.Application) error {
	if Confidential(a.Type) && a.Profile != oauth.ProfileFAPI2 {
		return nil
	}
	secrets, err := r.tx.SecretsOf(ctx, owner)
	if err != nil {
		return err
	}
	if Confidential(a.Type) {
		if len(secrets) == 0 {
			return nil
		}
		return about("application", a.Name, fmt.Errorf("expected no secret of an application with the profile %s, in which a key or a certificate proves who it is; "+
			"it has %d, delete them first", a.Profile, len(secrets)))
	}
	keys, err := r.tx.ClientKeysOf(ctx, owner)
	if err != nil {
		return err
	}
	certificates, err := r.tx.ClientCertificatesOf(ctx, owner)
	n := len(secrets) + len(keys) + len(certificates)
	if err != nil || n == 0 {
		return err
	}
	return about("application", a.Name, fmt.Errorf("expected no secret, key or certificate of an application of type %s, which keeps none; "+
		"it has %d, delete them first", a.Type, n))
}

// DeleteApplication removes the application with its secrets, keys, consents and tokens.
func (r *Registry) DeleteApplication(ctx context.Context, a store.Application) error {
	return r.remove(ctx, object{"application", a.ID, a.Name}, func() error { return r.tx.DeleteApplication(ctx, a.ID) })
}

// keepsCredentials refuses a secret or key of an application that runs where others could read it.
func (r *Registry) keepsCredentials(ctx context.Context, owner store.Owner) error {
	if owner.Kind != store.ApplicationClient {
		return nil
	}
	a, err := r.tx.Application(ctx, owner.ID)
	if err != nil || Confidential(a.Type) {
		return err
	}
	return about("application", a.Name, fmt.Errorf("expected an application of type %s, which keeps its secret, got %s", store.WebApplication, a.Type))
}

// mayHaveSecret is keepsCredentials for a secret, which proves nothing in the FAPI profile.
func (r *Registry) mayHaveSecret(ctx context.Context, owner store.Owner) error {
	if err := r.keepsCredentials(ctx, owner); err != nil || owner.Kind != store.ApplicationClient {
		return err
	}
	a, err := r.tx.Application(ctx, owner.ID)
	if err != nil || a.Profile != oauth.ProfileFAPI2 {
		return err
	}
	return about("application", a.Name, fmt.Errorf("expected a key or a certificate of an application with the profile %s, in which no secret proves anything", a.Profile))
}

// Confidential reports whether applications of a type keep a secret (RFC 6749 §2.1).
func Confidential(t store.ApplicationType) bool { return t == store.WebApplication }

func checkApplication(a store.Application) []error {
	errs := []error{
		CheckName(a.Name), CheckApplicationType(string(a.Type)),
		checkList("redirect URI", a.RedirectURIs, CheckRedirectURI), checkList("log-out URI", a.LogoutURIs, CheckRedirectURI),
		checkList("origin", a.AllowedOrigins, CheckOrigin), checkList("grant", a.Grants, CheckGrant),
		CheckGrants(a.Grants, len(a.RedirectURIs)), CheckExchange(a.Type, a.Grants), CheckIDTokenClaims(string(a.IDTokenClaims)),
	}
	for _, uri := range slices.Concat(a.RedirectURIs, a.LogoutURIs) {
		errs = append(errs, CheckURIOfType(a.Type, uri))
	}
	if a.InitiateLoginURI != "" {
		errs = append(errs, CheckInitiateURI(a.InitiateLoginURI))
	}
	if a.BackchannelLogoutURI != "" {
		errs = append(errs, CheckBackchannelURI(a.BackchannelLogoutURI))
	}
	if a.IDTokenAlgorithm != "" {
		errs = append(errs, CheckSigningAlgorithm(a.IDTokenAlgorithm))
	}
	if a.UserinfoAlgorithm != "" {
		errs = append(errs, CheckSigningAlgorithm(a.UserinfoAlgorithm))
	}
	if a.IDTokenLifetime != 0 {
		errs = append(errs, CheckLifetime(a.IDTokenLifetime))
	}
	if a.RefreshIdle != 0 {
		errs = append(errs, CheckRefreshLifetime(a.RefreshIdle))
	}
	if a.Profile != "" {
		errs = append(errs, CheckProfile(a.Profile))
	}
	errs = append(errs, CheckSenderConstraint(string(a.SenderConstraint)))
	if a.RefreshLifetime != 0 {
		errs = append(errs, CheckRefreshLifetime(a.RefreshLifetime))
	}
	return append(errs, CheckRefreshLifetimes(a.RefreshIdle, a.RefreshLifetime), CheckNoPKCE(a.Type, a.InsecureNoPKCE), CheckFAPI(a))
}

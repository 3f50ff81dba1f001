package postern

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/postern-auth/postern/internal/scope"
)

// Requirement is what a verified Token must satisfy to pass. Check returns nil when it does.
//
// An error that wraps ErrInsufficient is answered 403, one that wraps ErrStepUp 401, one that wraps
// ErrUnavailable 503, and one that wraps another reason as that reason is: ErrInactive, of a token that was
// revoked, 401. An error of any other kind is answered 403 with no detail. Check must be safe for
// concurrent use, and it is called again for every request: no decision is cached.
type Requirement interface {
	Check(context.Context, *Token) error
}

// RequirementFunc is a Requirement made of a function.
type RequirementFunc func(context.Context, *Token) error

// Check calls f.
func (f RequirementFunc) Check(ctx context.Context, t *Token) error { return f(ctx, t) }

// Scope requires every one of the scopes. It panics when given none or one that is not a scope-token of
// RFC 6749 §3.3.
//
// A client that comes without a token is told the scopes that its route requires by Scope, AnyScope, and by
// All and Any of them, so that it can ask for them at once (RFC 6750 §3).
func Scope(scopes ...string) Requirement {
	checkScopes("Scope", scopes)
	scopes = slices.Clone(scopes)
	missing := &ScopeError{Scopes: scopes}
	return scopeRequirement{missing, func(_ context.Context, t *Token) error {
		for _, scope := range scopes {
			if !t.HasScope(scope) {
				return missing
			}
		}
		return nil
	}}
}

// AnyScope requires at least one of the scopes. Clients that have none of them are told the first. It
// panics as Scope does.
func AnyScope(scopes ...string) Requirement {
	checkScopes("AnyScope", scopes)
	scopes = slices.Clone(scopes)
	missing := &ScopeError{Scopes: scopes[:1:1]}
	return scopeRequirement{missing, func(_ context.Context, t *Token) error {
		if slices.ContainsFunc(scopes, t.HasScope) {
			return nil
		}
		return missing
	}}
}

// scoped is a Requirement that knows which scopes satisfy it.
type scoped interface{ scopes() []string }

type scopeRequirement struct {
	missing *ScopeError
	RequirementFunc
}

func (s scopeRequirement) scopes() []string { return s.missing.Scopes }

// Role requires every one of the roles. It panics when given none or an empty one.
func Role(roles ...string) Requirement {
	checkNames("Role", roles)
	roles = slices.Clone(roles)
	return RequirementFunc(func(_ context.Context, t *Token) error {
		for _, role := range roles {
			if !t.HasRole(role) {
				return &missing{"role", role}
			}
		}
		return nil
	})
}

// Permission requires every one of the permissions. It panics when given none or an empty one.
func Permission(permissions ...string) Requirement {
	checkNames("Permission", permissions)
	permissions = slices.Clone(permissions)
	return RequirementFunc(func(_ context.Context, t *Token) error {
		for _, permission := range permissions {
			if !t.HasPermission(permission) {
				return &missing{"permission", permission}
			}
		}
		return nil
	})
}

// All requires every one of the requirements. When scopes are missing in several, the error names all of
// them, so that a client can ask for everything at once.
func All(requirements ...Requirement) Requirement {
	checkRequirements("All", requirements)
	return all(slices.Clone(requirements))
}

type all []Requirement

func (a all) Check(ctx context.Context, t *Token) error {
	var first error
	var scopes []string
	for _, requirement := range a {
		err := requirement.Check(ctx, t)
		if err == nil {
			continue
		}
		var missing *ScopeError
		if !errors.As(err, &missing) {
			return err
		}
		scopes = append(scopes, missing.Scopes...)
		if first == nil {
			first = err
		}
	}
	if first == nil || len(scopes) == 0 {
		return first
	}
	slices.Sort(scopes)
	return &ScopeError{Scopes: slices.Compact(scopes)}
}

func (a all) scopes() []string {
	var scopes []string
	for _, requirement := range a {
		if s, ok := requirement.(scoped); ok {
			scopes = append(scopes, s.scopes()...)
		}
	}
	slices.Sort(scopes)
	return slices.Compact(scopes)
}

// Any requires at least one of the requirements. When none is met, the error is that of the first, unless
// one could not be decided: then it is that one's.
func Any(requirements ...Requirement) Requirement {
	checkRequirements("Any", requirements)
	return anyOf(slices.Clone(requirements))
}

type anyOf []Requirement

func (a anyOf) Check(ctx context.Context, t *Token) error {
	var first error
	for _, requirement := range a {
		err := requirement.Check(ctx, t)
		if err == nil {
			return nil
		}
		if first == nil || errors.Is(err, ErrUnavailable) {
			first = err
		}
	}
	return first
}

func (a anyOf) scopes() []string { return all(a[:1]).scopes() }

// FreshLogin requires that the person logged in at most maxAge ago, by the token's auth_time, and in one
// of the ways named, by its acr (RFC 9470). With a maxAge of zero any age will do, and without an acr
// any way; FreshLogin panics when given neither, or an empty acr.
func FreshLogin(maxAge time.Duration, acr ...string) Requirement {
	if maxAge < 0 || maxAge == 0 && len(acr) == 0 || slices.Contains(acr, "") {
		panic("postern: FreshLogin needs a positive age or an acr, and no empty one, which is that of a token without")
	}
	acr = slices.Clone(acr)
	stepUp := &StepUpError{MaxAge: maxAge, ACR: acr}
	return RequirementFunc(func(_ context.Context, t *Token) error {
		if maxAge > 0 && (t.AuthTime().IsZero() || time.Since(t.AuthTime()) > maxAge) {
			return stepUp
		}
		if len(acr) > 0 && !slices.Contains(acr, t.ACR()) {
			return stepUp
		}
		return nil
	})
}

// SenderConstrained requires a token that is bound to its sender, by DPoP or mutual TLS. The binding
// itself has been proved by then; this refuses tokens without one, with 401: the client needs another
// token, not more rights.
func SenderConstrained() Requirement {
	return RequirementFunc(func(_ context.Context, t *Token) error {
		for range t.Confirmation() {
			return nil
		}
		return errUnbound
	})
}

var errUnbound = fmt.Errorf("postern: token has no confirmation (cnf), want one that is bound by DPoP or mutual TLS: %w", ErrUnbound)

func checkNames(function string, names []string) {
	if len(names) == 0 || slices.Contains(names, "") {
		panic("postern: " + function + " needs names, none of them empty")
	}
}

func checkScopes(function string, scopes []string) {
	checkNames(function, scopes)
	for _, name := range scopes {
		if !scope.IsToken(name) {
			panic(fmt.Sprintf("postern: %s: %q is not a scope: it must be printable ASCII without space, quote and backslash", function, name))
		}
	}
}

func checkRequirements(function string, requirements []Requirement) {
	if len(requirements) == 0 || slices.Contains(requirements, nil) {
		panic("postern: " + function + " needs requirements, none of them nil")
	}
}

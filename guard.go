package postern

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
)

// Guard decides about requests: it takes the access token out, verifies it, checks that it is bound to
// nobody else, and checks what the route requires. The zero value with a Verifier is ready for use. It is
// safe for concurrent use; its fields must not change once it is used.
type Guard struct {
	// Verifier verifies the tokens. Required.
	Verifier Verifier
	// Bindings prove that bound tokens come from their senders. A token bound in a way that none of them
	// proves is refused.
	Bindings []Binding
	// Resource is the identifier of the protected resource (RFC 9728 §1.2), a URL. When set, challenges
	// point to its metadata, which Metadata serves.
	Resource string
	// AuthorizationServers and ScopesSupported go into the metadata.
	AuthorizationServers []string
	ScopesSupported      []string
	// Responder writes the answer to a refused request in place of the Guard. The headers that RFC 6750
	// wants are set by then; it writes Content-Type, status and body.
	Responder func(http.ResponseWriter, *http.Request, *Error)
	// OnDecision is called once for every decision, for metrics: with the token of a request that passes
	// (nil when it had none and needed none), or with the refusal. It must not block.
	OnDecision func(*http.Request, *Token, *Error)
	// Logger gets one line for every refusal. Nil: none is written.
	Logger *slog.Logger
	// InsecureExplain tells clients why they were refused, in words meant for the operator: reason and
	// cause, in the body and in the headers Postern-Reason and Postern-Explanation. Those words name what
	// is expected here, so it is for development only.
	InsecureExplain bool
}

// Decision is the outcome for a request that passes.
type Decision struct {
	Token *Token
	// Header holds what Bindings add to the answer, such as DPoP-Nonce. Nil when they add nothing.
	Header http.Header
}

// Require returns middleware that lets a request through when it has a good access token that satisfies
// every one of the requirements. It panics when the Guard has no Verifier, for that is a mistake in the
// program and not in a request.
func (g *Guard) Require(requirements ...Requirement) func(http.Handler) http.Handler {
	return g.middleware(false, requirements)
}

// Optional is Require for routes that also serve strangers: a request without a token passes, without a
// Token in its context. A request with a token that is not good is refused all the same.
func (g *Guard) Optional(requirements ...Requirement) func(http.Handler) http.Handler {
	return g.middleware(true, requirements)
}

func (g *Guard) middleware(optional bool, requirements []Requirement) func(http.Handler) http.Handler {
	if g.Verifier == nil {
		panic("postern: Guard has no Verifier")
	}
	if slices.Contains(requirements, nil) {
		panic("postern: Guard requires a nil Requirement")
	}
	if g.Resource != "" {
		g.resource() // panics now rather than at the first refusal
	}
	required := all(slices.Clone(requirements))
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			decision, err := g.check(r, required)
			for name, values := range decision.Header {
				w.Header()[name] = values
			}
			if optional && absent(err) {
				g.decided(r, nil, nil)
				next.ServeHTTP(w, r)
				return
			}
			if err != nil {
				g.Refuse(w, r, err)
				return
			}
			g.decided(r, decision.Token, nil)
			next.ServeHTTP(w, r.WithContext(&tokenContext{r.Context(), decision.Token}))
		})
	}
}

// absent reports whether a refusal is for want of a token. That a Verifier wraps ErrNoToken does not make
// it so: there was a token, and it was not good.
func absent(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.absent
}

type tokenKey struct{}

// tokenContext is context.WithValue for the one key and type that every request pays for.
type tokenContext struct {
	context.Context
	token *Token
}

func (c *tokenContext) Value(key any) any {
	if key == (tokenKey{}) {
		return c.token
	}
	return c.Context.Value(key)
}

// TokenFrom returns the Token of the request whose context this is. It is false when no Guard let the
// request through, or when Optional did for want of a token.
func TokenFrom(ctx context.Context) (*Token, bool) {
	token, ok := ctx.Value(tokenKey{}).(*Token)
	return token, ok
}

// Check decides about a request without answering it. The error is an *Error, for Refuse or Refusal. The
// Decision's Header goes with the answer also then. OnDecision and Logger are not called: whoever answers
// through Refuse has them called there.
func (g *Guard) Check(r *http.Request, requirements ...Requirement) (Decision, error) {
	if g.Verifier == nil {
		panic("postern: Guard has no Verifier")
	}
	return g.check(r, all(requirements))
}

func (g *Guard) check(r *http.Request, required all) (Decision, error) {
	scheme, raw, err := extract(r)
	if err != nil {
		e := refuse(err, ErrRequest)
		e.absent = errors.Is(err, ErrNoToken)
		return Decision{}, e
	}
	ctx := r.Context()
	token, err := g.Verifier.Verify(ctx, raw)
	if err == nil && token == nil {
		err = errors.New("postern: verifier returned neither a token nor an error")
	}
	if err != nil {
		if len(raw) > maxOpaque && !isToken68(raw) {
			err = errNoToken68
		}
		return Decision{}, refuse(err, ErrUnavailable)
	}
	header, err := g.bind(r, scheme, raw, token)
	if err != nil {
		return Decision{Header: header}, refuse(err, ErrUnavailable).about(token)
	}
	if err := required.Check(ctx, token); err != nil {
		return Decision{Header: header}, refuse(err, ErrInsufficient).about(token)
	}
	return Decision{Token: token, Header: header}, nil
}

// bind checks every confirmation that the token has. A member that nobody here can prove is a reason to
// refuse: the token says that it is no bearer token.
func (g *Guard) bind(r *http.Request, scheme, raw string, token *Token) (http.Header, error) {
	_, jkt := token.data.Confirmation[memberJKT]
	if scheme == schemeDPoP && !jkt {
		return nil, fmt.Errorf("postern: scheme DPoP with a token that is not bound to a key (cnf.jkt): %w", ErrBinding)
	}
	if scheme == schemeBearer && jkt {
		return nil, fmt.Errorf("postern: token is bound to a key (cnf.jkt) and came under scheme Bearer: %w", ErrBinding)
	}
	if len(token.data.Confirmation) == 0 {
		return nil, nil
	}
	presentation := Presentation{Request: r, Scheme: scheme, Raw: raw, Answer: make(http.Header)}
	for member := range token.data.Confirmation {
		binding := g.binding(member)
		if binding == nil {
			return nil, fmt.Errorf("postern: token is bound by cnf member %.64q and the guard has no binding for it: %w", member, ErrBinding)
		}
		if err := binding.Check(r.Context(), presentation, token); err != nil {
			return presentation.Answer, err
		}
	}
	return presentation.Answer, nil
}

func (g *Guard) binding(member string) Binding {
	for _, binding := range g.Bindings {
		if binding.Member() == member {
			return binding
		}
	}
	return nil
}

// Refuse answers a request that Check has refused, logs the refusal and calls OnDecision. An error that
// is no refusal is answered 503.
func (g *Guard) Refuse(w http.ResponseWriter, r *http.Request, err error) {
	e := asError(err)
	g.decided(r, nil, e)
	g.log(r, e)
	g.setHeaders(w.Header(), e)
	if g.Responder != nil {
		g.Responder(w, r, e)
		return
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(e.Status)
	w.Write(g.problem(e))
}

func (g *Guard) decided(r *http.Request, token *Token, e *Error) {
	if g.OnDecision != nil {
		g.OnDecision(r, token, e)
	}
}

func (g *Guard) log(r *http.Request, e *Error) {
	level := slog.LevelInfo
	if e.Status == http.StatusServiceUnavailable {
		level = slog.LevelWarn
	}
	if g.Logger == nil || !g.Logger.Enabled(r.Context(), level) {
		return
	}
	attrs := []slog.Attr{
		slog.Int("status", e.Status),
		slog.String("code", e.Code),
		slog.String("reason", e.Reason),
		slog.String("decision", e.ID),
		slog.String("method", r.Method),
		slog.String("pattern", r.Pattern),
		slog.Any("err", e.Err),
	}
	if e.token != nil {
		attrs = append(attrs, slog.Attr{Value: e.token.LogValue()}) // a group without a name is inlined
	}
	g.Logger.LogAttrs(r.Context(), level, "request refused", attrs...)
}

package postern

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
)

// Guard decides about requests: it takes the access token out of the Authorization header, the only place
// that counts (RFC 6750 §2.1), verifies it, checks that it is not bound to somebody else, and checks what the
// route requires. It never reads a body. The zero value with a Verifier is ready for use. It is safe for
// concurrent use; its fields must not change once it is used.
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
	// requires have been set by then; it writes Content-Type, status and body.
	Responder func(http.ResponseWriter, *http.Request, *Error)
	// RefuseQueryToken refuses a request that carries an access_token in its query beside the one in the
	// Authorization header (RFC 6750 §2: not more than one): for a Guard in front of programs that may take
	// theirs from there. Otherwise the parameter is ignored, as one in a form always is.
	RefuseQueryToken bool
	// OnDecision is called once for every decision, the middleware's or Check's, for metrics: with the
	// token of a request that passes (nil when it had none and needed none), or with the refusal. It must
	// not block.
	OnDecision func(*http.Request, *Token, *Error)
	// Logger gets one line for every refusal. Nil: nothing is logged.
	Logger *slog.Logger
	// InsecureExplain tells clients why they were refused, in words meant for the operator: reason and
	// cause, in the body and in the headers Postern-Reason and Postern-Explanation. Those words name what
	// is expected here, so it is for development only.
	InsecureExplain bool
}

// Decision is the outcome for a request.
type Decision struct {
	// Token is that of a request that passes. Nil under CheckOptional when the request has none.
	Token *Token
	// Header holds what Bindings add to the answer, also to a refusal, such as DPoP-Nonce. Nil when they
	// add nothing.
	Header http.Header
}

// Require returns middleware that lets a request through when it has a good access token that satisfies
// every one of the requirements. It panics when the Guard has no Verifier, for that is a mistake in the
// program and not in a request.
//
// Every request needs its token, whatever its method. A browser asks without one before it calls from
// another origin (the preflight, an OPTIONS request), so a handler that answers for CORS stands in front of
// the Guard: cors(guard.Require()(api)). There it also lets pages read refusals.
func (g *Guard) Require(requirements ...Requirement) func(http.Handler) http.Handler {
	return g.middleware(false, requirements)
}

// Optional is Require for routes that also serve strangers: a request without a token passes, without a
// Token in its context. So does one whose Authorization header is empty, or a scheme with nothing behind
// it. A request with a token that is not good is refused all the same.
func (g *Guard) Optional(requirements ...Requirement) func(http.Handler) http.Handler {
	return g.middleware(true, requirements)
}

func (g *Guard) middleware(optional bool, requirements []Requirement) func(http.Handler) http.Handler {
	g.checkWiring(requirements)
	if g.Resource != "" {
		g.resource() // panics now rather than at the first refusal
	}
	required := all(slices.Clone(requirements))
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			decision, err := g.decide(r, required, optional)
			for name, values := range decision.Header {
				w.Header()[name] = values
			}
			if err != nil {
				g.Refuse(w, r, err)
				return
			}
			if decision.Token != nil {
				r = r.WithContext(WithToken(r.Context(), decision.Token))
			}
			next.ServeHTTP(w, r)
		})
	}
}

// Check decides about a request without answering it: for gateways, other protocols, and handlers that ask
// for more than their route does. It is the same decision as Require's, down to OnDecision and the log,
// which tell of it once. The error is an *Error, for Refuse or Refusal. The Decision's Header goes with the
// answer also then. It panics as Require does.
func (g *Guard) Check(r *http.Request, requirements ...Requirement) (Decision, error) {
	g.checkWiring(requirements)
	return g.decide(r, requirements, false)
}

// CheckOptional is Check as Optional decides: a request without a token passes with a nil Token.
func (g *Guard) CheckOptional(r *http.Request, requirements ...Requirement) (Decision, error) {
	g.checkWiring(requirements)
	return g.decide(r, requirements, true)
}

func (g *Guard) checkWiring(requirements []Requirement) {
	if g.Verifier == nil {
		panic("postern: Guard has no Verifier")
	}
	if slices.Contains(requirements, nil) {
		panic("postern: Guard requires a nil Requirement")
	}
}

// decide judges a request and tells OnDecision and the log, once.
func (g *Guard) decide(r *http.Request, required all, optional bool) (Decision, error) {
	if r == nil {
		r = new(http.Request) // is refused, having no URL
	}
	decision, refused := g.judge(r, required, optional)
	if g.OnDecision != nil {
		g.OnDecision(r, decision.Token, refused)
	}
	if refused != nil {
		g.log(r, refused)
		return decision, refused
	}
	return decision, nil
}

func (g *Guard) judge(r *http.Request, required all, optional bool) (Decision, *Error) {
	scheme, raw, err := extract(r)
	if err == nil && g.RefuseQueryToken && inQuery(r.URL) {
		err = errSecondToken
	}
	switch {
	case err == nil:
	case optional && isAbsent(err):
		return Decision{}, nil
	case errors.Is(err, ErrNoToken):
		return Decision{}, refuse(elsewhere(r, err), ErrNoToken).wanting(required.scopes())
	default:
		return Decision{}, refuse(err, ErrRequest)
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
// refuse: the token says that it is not a bearer token.
func (g *Guard) bind(r *http.Request, scheme, raw string, token *Token) (http.Header, error) {
	_, jkt := token.confirmation[memberJKT]
	if scheme == schemeDPoP && !jkt {
		return nil, fmt.Errorf("postern: scheme DPoP with a token that is not bound to a key (cnf.jkt): %w", ErrBinding)
	}
	if scheme == schemeBearer && jkt {
		return nil, fmt.Errorf("postern: token is bound to a key (cnf.jkt) and came under scheme Bearer: %w", ErrBinding)
	}
	if len(token.confirmation) == 0 {
		return nil, nil
	}
	presentation := Presentation{Request: r, Scheme: scheme, Raw: raw, Answer: make(http.Header)}
	for member := range token.confirmation {
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

// Refuse answers a request that Check has refused. It writes, and no more: Check has told the log and
// OnDecision. An error that is not a refusal is answered 503.
func (g *Guard) Refuse(w http.ResponseWriter, r *http.Request, err error) {
	e := asError(err)
	g.setHeaders(w.Header(), e)
	if g.Responder != nil {
		g.Responder(w, r, e)
		return
	}
	body := g.problem(e)
	w.Header()["Content-Type"] = []string{"application/problem+json"}
	w.WriteHeader(e.Status)
	w.Write(body)
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
		route(r),
		slog.Any("err", e.Err),
	}
	if e.token != nil {
		attrs = append(attrs, slog.Attr{Value: e.token.LogValue()}) // a group without a name is inlined
	}
	g.Logger.LogAttrs(r.Context(), level, "request refused", attrs...)
}

// maxPath is how much of a path is logged, in bytes before it is escaped.
const maxPath = 256

// route says where a request went: the pattern that it fits, or the path where a router names none. The
// path is a stranger's: it is escaped and cut, and its query, which may hold secrets, is left out.
func route(r *http.Request) slog.Attr {
	if r.Pattern != "" || r.URL == nil {
		return slog.String("pattern", r.Pattern)
	}
	if len(r.URL.Path) > maxPath {
		cut := url.URL{Path: r.URL.Path[:maxPath]}
		return slog.String("path", cut.EscapedPath()+"...")
	}
	return slog.String("path", r.URL.EscapedPath())
}

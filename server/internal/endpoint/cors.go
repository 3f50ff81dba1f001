package endpoint

import (
	"net/http"
	"strings"

	"github.com/postern-auth/postern/server/internal/oauth"
)

// Origins says whether pages of an origin may call an endpoint and read its answers. Calls carry no cookies in any
// case.
type Origins func(*http.Request, string) bool

// AnyOrigin is for what everybody may know.
func AnyOrigin(*http.Request, string) bool { return true }

// crossOrigin is a Handler that pages of other origins may call.
type crossOrigin struct {
	Handler
	allowed Origins
	methods string
}

// Serve answers one request to the issuer. That an origin is not allowed is for its browser to enforce; programs
// send none.
func (c *crossOrigin) Serve(w http.ResponseWriter, r *http.Request, issuer oauth.Issuer) {
	if c.allow(w, r) {
		w.Header().Set("Access-Control-Expose-Headers", "DPoP-Nonce, WWW-Authenticate")
	}
	if r.Method != http.MethodOptions {
		c.Handler.Serve(w, r, issuer)
		return
	}
	w.Header().Set("Access-Control-Allow-Methods", c.methods)
	w.Header().Set("Access-Control-Allow-Headers", "Authorization, Content-Type, DPoP, Auth0-Client, MCP-Protocol-Version")
	w.Header().Set("Access-Control-Max-Age", "600")
	w.WriteHeader(http.StatusNoContent)
}

func (c *crossOrigin) allow(w http.ResponseWriter, r *http.Request) bool {
	w.Header().Add("Vary", "Origin")
	origin := r.Header.Get("Origin")
	if origin == "" || !c.allowed(r, origin) {
		return false
	}
	w.Header().Set("Access-Control-Allow-Origin", origin)
	return true
}

// across returns the handlers of a route that pages of other origins may call, and its methods.
func (r Route) across() (handler, auth0 Handler, methods string) {
	methods = strings.Join(strings.Fields(r.Methods), ", ")
	wrap := func(h Handler) Handler { return &crossOrigin{h, r.Origins, methods} }
	return wrap(r.Handler), wrap(r.Auth0), r.Methods + " " + http.MethodOptions
}

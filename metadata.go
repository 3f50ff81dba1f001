package postern

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
)

const wellKnown = "/.well-known/oauth-protected-resource"

// Metadata returns a handler that serves the protected resource's metadata (RFC 9728 §3), to any origin: it
// answers preflights too, which clients in browsers cause by headers such as MCP-Protocol-Version.
// Mount it at MetadataPath for every method. It panics when Resource is not an absolute http(s) URL without fragment.
func (g *Guard) Metadata() http.Handler {
	g.resource()
	doc, err := json.Marshal(struct {
		Resource             string   `json:"resource"`
		AuthorizationServers []string `json:"authorization_servers,omitempty"`
		ScopesSupported      []string `json:"scopes_supported,omitempty"`
		BearerMethods        []string `json:"bearer_methods_supported"`
	}{g.Resource, g.AuthorizationServers, g.ScopesSupported, []string{"header"}})
	if err != nil {
		panic("postern: metadata: " + err.Error())
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("Access-Control-Allow-Origin", "*")
		switch r.Method {
		case http.MethodGet, http.MethodHead:
			header.Set("Content-Type", "application/json")
			header.Set("Cache-Control", "max-age=3600")
			w.Write(doc)
		case http.MethodOptions:
			header.Set("Access-Control-Allow-Methods", "GET, HEAD, OPTIONS")
			header.Set("Access-Control-Allow-Headers", "*")
			w.WriteHeader(http.StatusNoContent)
		default:
			header.Set("Allow", "GET, HEAD, OPTIONS")
			http.Error(w, "the metadata is read with GET", http.StatusMethodNotAllowed)
		}
	})
}

// MetadataPath returns the path at which Metadata must be served: the well-known prefix, followed by the
// path of Resource (RFC 9728 §3.1).
func (g *Guard) MetadataPath() string {
	return wellKnown + strings.TrimSuffix(g.resource().EscapedPath(), "/")
}

func (g *Guard) metadataURL() string {
	u := g.resource()
	metadata := u.Scheme + "://" + u.Host + g.MetadataPath()
	if u.RawQuery != "" {
		metadata += "?" + u.RawQuery
	}
	return metadata
}

func (g *Guard) resource() *url.URL {
	u, err := url.Parse(g.Resource)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || strings.Contains(g.Resource, "#") {
		panic("postern: Guard.Resource is not an absolute http(s) URL without fragment")
	}
	return u
}

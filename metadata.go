package postern

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
)

const wellKnown = "/.well-known/oauth-protected-resource"

// Metadata returns a handler that serves the protected resource's metadata (RFC 9728 §3), to any origin.
// Mount it at MetadataPath. It panics when Resource is not an absolute http(s) URL without fragment.
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
		w.Header().Set("Access-Control-Allow-Origin", "*")
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "max-age=3600")
		w.Write(doc)
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
